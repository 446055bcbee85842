"""A sensor at random, as robots carry them."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.core.camera import Camera

from .pattern import FULL_CIRCLE, Pattern, view_sector
from .rosette import ROSETTES, mid_360, rosette
from .solid_state import grid, random_points, raster
from .spinning import SPINNERS, generic_spinner, spinning

_KINDS = ("spinning", "generic", "rosette", "mid_360", "raster", "grid", "random")
_OUTDOOR = (0.56, 0.16, 0.08, 0.03, 0.08, 0.03, 0.06)
_INDOOR = (0.30, 0.12, 0.08, 0.09, 0.06, 0.25, 0.10)
_GRIDS = ((8, 8), (16, 16), (24, 24), (24, 32), (30, 40), (60, 80), (72, 96), (120, 160), (180, 240))
_COMMON = ("VLP-16", "VLP-32C", "HDL-32E", "HDL-64E", "Alpha Prime", "Pandar64", "Pandar40P")
"""Drawn three times as often as the others: each stands for its kind, while Ouster's come in twelve."""
_FIELD_DEG = (70.0, 50.0)
"""Of a camera, where none is known."""


def random_pattern(
    rng: np.random.Generator,
    indoor: bool,
    camera: Camera | None = None,
    T_cam_lidar: np.ndarray | None = None,
    sensor: str | None = None,
) -> Pattern:
    """One scan of a sensor such as robots carry indoors or outdoors.

    Args:
        camera, T_cam_lidar: leave out what cannot end in this camera's image, for speed; grids and
            points at random then cover about its view.
        sensor: one of `SPINNERS`, which it always is; any when None.
    """
    seen = camera is not None and T_cam_lidar is not None
    sector = view_sector(camera, T_cam_lidar) if seen else FULL_CIRCLE
    field = _field(camera) if camera is not None else _FIELD_DEG
    if sensor is None:
        kind = rng.choice(_KINDS, p=_INDOOR if indoor else _OUTDOOR)
        pattern = _MAKERS[kind](rng, sector, field)
    else:
        pattern = spinning(SPINNERS[sensor], rng, sector)
    return pattern.towards(camera, T_cam_lidar) if seen else pattern


def _field(camera: Camera) -> tuple[float, float]:
    """Width and height, degrees, of what lies about a camera's axis and holds its view."""
    size, centre = np.array([camera.width, camera.height]), camera.K[:2, 2]
    half = np.maximum(centre, size - centre)
    width, height = np.rad2deg(2 * np.arctan(half / [camera.K[0, 0], camera.K[1, 1]]))
    return float(width), float(height)


def _spinning(rng, sector, field) -> Pattern:
    share = np.array([3.0 if name in _COMMON else 1.0 for name in SPINNERS])
    return spinning(SPINNERS[rng.choice(list(SPINNERS), p=share / share.sum())], rng, sector)


def _generic(rng, sector, field) -> Pattern:
    return spinning(generic_spinner(rng), rng, sector)


def _rosette(rng, sector, field) -> Pattern:
    seconds = float(np.exp(rng.uniform(np.log(0.05), np.log(0.3))))
    return rosette(ROSETTES[rng.choice(list(ROSETTES))], rng, seconds)


def _mid_360(rng, sector, field) -> Pattern:
    return mid_360(rng, float(np.exp(rng.uniform(np.log(0.1), np.log(0.5)))), sector)


def _raster(rng, sector, field) -> Pattern:
    rows = round(np.exp(rng.uniform(np.log(16), np.log(200))))
    step = float(np.exp(rng.uniform(np.log(0.07), np.log(0.4))))
    covered = float(rng.uniform(60, 120)), float(rng.uniform(15, 40))
    return raster(rng, rows, step, covered, f"raster {rows}", float(rng.uniform(80, 300)))


def _grid(rng, sector, field) -> Pattern:
    rows, columns = _GRIDS[rng.integers(len(_GRIDS))]
    covered = tuple(float(np.clip(side * rng.uniform(0.75, 1.1), 5, 150)) for side in field)
    return grid(rows, columns, covered, "", float(rng.uniform(4, 12)), float(rng.uniform(0.003, 0.02)))


def _random(rng, sector, field) -> Pattern:
    count = round(np.exp(rng.uniform(np.log(100), np.log(8000))))
    return random_points(rng, count, tuple(min(1.05 * side, 170.0) for side in field))


_MAKERS = dict(zip(_KINDS, (_spinning, _generic, _rosette, _mid_360, _raster, _grid, _random), strict=True))
