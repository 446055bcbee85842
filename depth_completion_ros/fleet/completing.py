"""`complete`, on one drive or on many: frames to files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..completion import Completer
from ..core import Frame, SparseDepth, depth_to_cloud
from ..core.safe.files import whole_file, write_bytes
from ..core.visual import colourise_depth, label, overlay_sparse
from ..data.files import write_depth, write_image
from ..evaluation.runner import FramesUntilError
from .job import Completers
from .run import FleetRun


@dataclass(frozen=True)
class Files:
    """What is completed and which files are written of it.

    Args:
        npy, cloud, preview: which are written beside the PNG of the depth.
        min_confidence: depth below it is made unknown; the completer's own limit when None.
        max_step: share of depth from which on a step is an edge, which is made unknown; 0 keeps edges.
        max_range: metres; what was measured farther away is not fed.
        see_through, isolated: filters on the points.
        stride: of the cloud, in pixels.
    """

    npy: bool = False
    cloud: bool = False
    preview: bool = True
    min_confidence: float | None = None
    max_step: float = 0.0
    max_range: float = float("inf")
    see_through: bool = True
    isolated: bool = False
    stride: int = 1


@dataclass
class Completed:
    """What was written.

    Args:
        names: of the frames, as they are part of the names of files, each once.
        wanted: the same before they were made to differ.
        empty: frames without a point in view.
        too_far: pixels that are too far for a 16-bit PNG.
    """

    names: list[str] = field(default_factory=list)
    wanted: list[str] = field(default_factory=list)
    empty: int = 0
    too_far: int = 0


def complete_frames(
    frames: Iterable[Frame], completer: Completer, out: Path, files: Files, first: int = 0, blend=None
) -> Completed:
    """Complete frames and write their files into a folder, which is there.

    Args:
        first: number of the first frame, for names of those that have none.
        blend: a `TemporalBlend`; None for frames of their own.

    Raises:
        ValueError: a cloud of a frame without camera matrix; OSError: a file cannot be written.
    """
    done, taken = Completed(), set[str]()
    least = completer.least_confidence if files.min_confidence is None else files.min_confidence
    filters = {"see_through": files.see_through, "isolated": files.isolated}
    for number, frame in enumerate(frames, start=first):
        wanted = re.sub(r"[^\w.-]+", "_", frame.name or f"{number:06d}").strip("_") or "frame"
        name = unique(wanted, taken)
        measured = SparseDepth.from_points(frame, max_depth=files.max_range, **filters)
        completion = completer.complete(frame.image, measured, frame.camera, frame.name)
        if blend is not None:
            completion = blend.apply(frame, measured, completion, frame.T_world_cam)
        completion = completion.without_edges(files.max_step).above(least)
        done.empty += not measured.count
        done.too_far += write_depth(out / f"depth_{name}.png", completion.depth)
        if files.npy:
            _write_npy(out / f"depth_{name}.npy", completion.depth)
        if files.cloud:
            _write_ply(out / f"cloud_{name}.ply", completion.depth, frame, files.stride)
        if files.preview:
            _write_preview(out / f"preview_{name}.png", frame, measured.depth, completion.depth)
        done.names.append(name)
        done.wanted.append(wanted)
    return done


def unique(name: str, taken: set[str]) -> str:
    """The name, or one with a number, that was not taken before; it is then."""
    base, number = name, 1
    while name in taken:
        number += 1
        name = f"{base}_{number}"
    taken.add(name)
    return name


@dataclass(frozen=True)
class CompleteJob:
    """Completes the frames of a stretch to files."""

    completers: Completers
    files: Files
    reader_options: Mapping[str, object] = field(default_factory=dict)

    def run(self, stretch, reader, made, folder):
        (completer,) = made.values()
        frames = FramesUntilError(reader.stretch(stretch.first, stretch.last), needs_some=False)
        done = complete_frames(frames, completer, folder, self.files, stretch.first)
        content = {
            "frames": len(done.names),
            "names": done.names,
            "wanted": done.wanted,
            "empty": int(done.empty),
            "too_far": int(done.too_far),
        }
        return content, frames.damage


def place(run: FleetRun, out: Path) -> Completed:
    """Move the files of all stretches to their places: `out`, or a folder in it for each drive.

    Where frames of different stretches have one name, the later gets a number, as without workers. What
    an earlier run has placed stays.
    """
    everything = Completed()
    taken: dict[str, set[str]] = {}
    for stretch, outcome in run.outcomes:
        if outcome.content is None:
            continue
        folder = run.journal.files(stretch)
        target = out / stretch.drive
        target.mkdir(parents=True, exist_ok=True)
        for name, wanted in zip(outcome.content["names"], outcome.content["wanted"], strict=True):
            final = unique(wanted, taken.setdefault(stretch.drive, set()))
            for kind, suffix in (("depth", "png"), ("depth", "npy"), ("cloud", "ply"), ("preview", "png")):
                made = folder / f"{kind}_{name}.{suffix}"
                if made.exists():
                    made.replace(target / f"{kind}_{final}.{suffix}")
            everything.names.append(final)
        everything.empty += outcome.content["empty"]
        everything.too_far += outcome.content["too_far"]
    return everything


# Files -------------------------------------------------------------------------------------------


def _write_npy(path: Path, depth: np.ndarray) -> None:
    with whole_file(path) as unfinished:
        np.save(unfinished, depth)


def _write_ply(path: Path, depth: np.ndarray, frame: Frame, stride: int) -> None:
    """Binary PLY of x, y, z in metres, optical frame, and the colours of the image."""
    if frame.camera is None:
        raise ValueError(f"Frame {frame.name} has no camera matrix, which a cloud needs.")
    cloud = depth_to_cloud(depth, frame.camera, frame.image, stride)
    layout = [(axis, "<f4") for axis in "xyz"]
    if frame.image is not None:
        layout += [(colour, "u1") for colour in ("red", "green", "blue")]
    points = np.empty(len(cloud), layout)
    for axis in "xyz":
        points[axis] = cloud[axis]
    if frame.image is not None:
        for colour, shift in (("red", 16), ("green", 8), ("blue", 0)):
            points[colour] = cloud["rgb"] >> shift & 255
    kinds = {"<f4": "float", "u1": "uchar"}
    properties = "".join(f"property {kinds[kind]} {name}\n" for name, kind in layout)
    header = f"ply\nformat binary_little_endian 1.0\nelement vertex {len(points)}\n{properties}end_header\n"
    write_bytes(path, header.encode() + points.tobytes())


def _write_preview(path: Path, frame: Frame, measured: np.ndarray, dense: np.ndarray) -> None:
    """Image with the measured points, and the dense depth, one above the other."""
    image = frame.image if frame.image is not None else np.zeros((*dense.shape, 3), np.uint8)
    known = dense[np.isfinite(dense)]
    near, far = np.percentile(known, (1, 99)) if known.size else (None, None)
    panels = [
        label(overlay_sparse(image, measured, near, far), "measured"),
        label(colourise_depth(dense, near, far), "completed"),
    ]
    write_image(path, np.concatenate(panels, axis=0 if dense.shape[1] > 1.2 * dense.shape[0] else 1))
