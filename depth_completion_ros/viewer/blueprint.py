"""Where Rerun shows what at the first look."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .stream import FRAME, STAMP, import_rerun

BEHIND, AHEAD = (0.0, -3.0, -7.0), (0.0, 1.0, 15.0)
"""Metres in the optical frame: where the eye is, and where it looks."""
PLANES = ("depth", "error", "confidence", "source")


def make_blueprint(
    completers: Sequence[str], *, scored: bool, live: bool = False, T_world_cam: np.ndarray | None = None
):
    """A blueprint of Rerun: image and space above, completers side by side, numbers over time below.

    Args:
        completers: names, the left one first.
        scored: whether there are errors.
        live: whether frames have stamps only, and the newest is to be shown.
        T_world_cam: pose of the first frame, from behind which space is seen; None where it is not known.
    """
    import_rerun()
    import rerun.blueprint as rrb

    eye = None if T_world_cam is None else _eye(rrb, T_world_cam)
    planes = [plane for plane in PLANES if scored or plane != "error"]
    image = rrb.Spatial2DView(origin="world/camera/image", name="image and what was fed")
    space = [_space(rrb, f"clouds/{_part(name)}", f"space: {name}", eye) for name in completers]
    space.append(_space(rrb, "measured", "space: what was fed", eye))
    above = rrb.Horizontal(image, rrb.Tabs(*space, active_tab=0))
    if len(completers) == 1:
        middle = rrb.Horizontal(*(_plane(rrb, completers[0], plane) for plane in planes))
    else:
        middle = rrb.Horizontal(*(_column(rrb, name, planes) for name in completers))
    plots = {"rmse_mm": "RMSE, mm", "mae_mm": "MAE, mm"} if scored else {"known": "share of known pixels"}
    if not live:
        plots["time_ms"] = "time, ms"
    numbers = (rrb.TimeSeriesView(origin=f"plots/{what}", name=title) for what, title in plots.items())
    return rrb.Blueprint(
        rrb.Vertical(
            above, middle, rrb.Horizontal(*numbers), row_shares=[4, 3 if len(completers) == 1 else 4, 2]
        ),
        rrb.TimePanel(
            timeline=STAMP if live else FRAME, state="collapsed", play_state="following" if live else None
        ),
        rrb.SelectionPanel(state="hidden"),
        rrb.BlueprintPanel(state="hidden"),
    )


def _space(rrb, cloud: str, name: str, eye):
    """The world with one cloud."""
    contents = ["+ world/camera", "+ world/camera/image", "+ world/trajectory", f"+ world/camera/{cloud}"]
    return rrb.Spatial3DView(origin="world", contents=contents, name=name, eye_controls=eye)


def _eye(rrb, T_world_cam: np.ndarray):
    """From behind and above the camera to what is before it; moves along with it."""
    behind, ahead = (T_world_cam @ np.array([*point, 1.0]) for point in (BEHIND, AHEAD))
    up = T_world_cam[:3, :3] @ np.array([0.0, -1.0, 0.0])
    return rrb.EyeControls3D(
        position=behind[:3], look_target=ahead[:3], eye_up=up, tracking_entity="world/camera"
    )


def _column(rrb, name: str, planes: Sequence[str]):
    """Depth and error (or confidence) of one completer above each other; the others are tabs."""
    first, *others = (_plane(rrb, name, plane) for plane in planes)
    return rrb.Vertical(first, rrb.Tabs(*others, active_tab=0))


def _plane(rrb, name: str, plane: str):
    return rrb.Spatial2DView(origin=f"completers/{_part(name)}/{plane}", name=f"{name}: {plane}")


def _part(name: str) -> str:
    """A name as part of an entity path."""
    return import_rerun().escape_entity_path_part(name)
