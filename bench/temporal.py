"""Steadiness and errors of completions with and without `temporal: blend`, and what blending costs.

    python bench/temporal.py [--frames 8] [--lines 16] [-c linear -c default] [--drive DRIVE]
                             [--kitti FRAMES] [--film film.webp]

Data: a rig that stands in a street of the simulator (the image with new noise and a scan with new shots,
noise and lost returns each time); a drive with exact truth and poses, made where none is named; and, where
FRAMES holds them, the ten KITTI frames, with poses of LiDAR odometry, N lines fed and scored on the others.
In per cent, mean over the second half of the frames:

- change: pixels known in this frame and the one before whose depth changes by more than 5 % (standing rig);
- above: of the pixels above the topmost return; flips: pixels that become known or unknown;
- MAE, RMSE in metres and off > 5 %: of pixels that both ways know;
- known: pixels of the truth with a depth.

`all` is all depth, `told` that of at least the completer's own least confidence, which robots get. Time is
that of the processor, so that what else runs on the machine counts little: blending over completing.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from min_confidence import above_the_scan

from depth_completion_ros import create_completer
from depth_completion_ros.completion import Completer, Completion
from depth_completion_ros.completion.temporal.blend import TemporalBlend
from depth_completion_ros.core import Frame, SparseDepth
from depth_completion_ros.core.visual import colourise_depth, label
from depth_completion_ros.data import open_reader
from depth_completion_ros.evaluation.protocols import CannotServe, parse_protocol
from depth_completion_ros.evaluation.report import table

CHANGE = np.log(1.05)
COLUMNS = ("change", "above", "flips", "MAE", "RMSE", "off > 5 %", "known")
Moment = tuple[Frame, SparseDepth, np.ndarray]
"""A frame, what is fed, and the truth, 0 where not scored."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--lines", type=int, default=16)
    parser.add_argument("-c", "--completer", action="append")
    parser.add_argument("--drive", type=Path)
    parser.add_argument("--kitti", type=Path)
    parser.add_argument("--film", type=Path, help="WebP of the standing rig, by the last completer")
    a = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        sources = {"standing": list(standing(a.frames, a.lines))}
        drive = a.drive or make_drive(Path(folder), a.frames, a.lines)
        sources["drive"] = [(f, SparseDepth.from_points(f), f.ground_truth) for f in open_reader(drive)]
        if a.kitti:
            try:
                sources["KITTI"] = list(kitti(a.kitti, a.lines))
            except CannotServe as error:
                parser.error(f"--lines {a.lines} on '{a.kitti}': {error}.")
        for name in a.completer or ("linear", "default"):
            completer, rows = create_completer(name), []
            for source, moments in sources.items():
                frames, ratio = run(moments, completer)
                rows += rows_of(source, frames, completer.least_confidence, moves=source != "standing")
                print(f"{source}, {name}: blending takes {ratio:.2f} of the completer's time", flush=True)
                if a.film and source == "standing":
                    write_film(a.film, frames, completer.least_confidence)
            print(f"\n{name}, {a.lines} lines\n\n{table(['data', 'depth', 'temporal', *COLUMNS], rows)}\n")


def standing(frames: int, lines: int) -> Iterator[Moment]:
    """A rig that stands in the street."""
    from depth_completion_ros.demo.drive.camera_image import render
    from depth_completion_ros.demo.drive.lidar import MODELS, scan
    from depth_completion_ros.demo.drive.motion import StreetMotion
    from depth_completion_ros.demo.drive.rig import FULL_SIZE, Rig
    from depth_completion_ros.demo.scene.caster import World

    motion = StreetMotion()
    rig, snapshot = Rig(*FULL_SIZE, motion), World(motion.scene(3, 2.0)).at(1.0)
    T_world_lidar = rig.T_world_lidar(1.0)
    image, truth = render(snapshot, rig.camera, rig.T_world_cam(1.0), np.random.default_rng(0))
    for number in range(frames):
        rng = np.random.default_rng([1, number])
        noisy = np.clip(image + rng.normal(0, 1.3, image.shape), 0, 255).astype(np.uint8)
        frame = Frame(
            camera=rig.camera,
            image=noisy,
            points=scan(snapshot, T_world_lidar, rng, MODELS[lines]),
            T_cam_lidar=rig.T_cam_lidar,
            T_world_lidar=T_world_lidar,
            stamp_image=(10 + number) * 100_000_000,
        )
        yield frame, SparseDepth.from_points(frame), truth


def make_drive(folder: Path, frames: int, lines: int) -> Path:
    from depth_completion_ros.demo.drive import make_demo_drive

    return make_demo_drive(folder, frames=frames, lines=lines, seed=3)


def kitti(folder: Path, lines: int) -> Iterator[Moment]:
    protocol = parse_protocol(f"lines:{lines}")
    for frame in open_reader(folder, select="kitti_seq_*"):
        trial = protocol.trial(frame)
        yield frame, trial.feed, trial.truth


def run(moments: list[Moment], completer: Completer) -> tuple[list[tuple], float]:
    """(feed, truth, completion, blended completion) of each frame, and time of blending over completing."""
    blend, done, seconds = TemporalBlend(), [], []
    completer.complete(moments[0][0].image, moments[0][1], moments[0][0].camera)
    for frame, feed, truth in moments:
        begin = time.process_time()
        alone = completer.complete(frame.image, feed, frame.camera, frame.name)
        middle = time.process_time()
        blended = blend.apply(frame, feed, alone, frame.T_world_cam)
        if not blend.skipped:
            seconds.append((middle - begin, time.process_time() - middle))
        elif blend.skipped != "first frame":
            print(f"{frame.name}: not blended, {blend.skipped}")
        done.append((feed, truth, alone, blended))
    completing, blending = np.median(seconds, axis=0)
    return done, blending / completing


def rows_of(source: str, frames: list[tuple], least: float, moves: bool) -> list[list[str]]:
    rows = []
    for depth, confidence in (("all", 0.0), ("told", least)):
        for at, way in ((2, "off"), (3, "blend")):
            later = range(max(1, len(frames) // 2), len(frames))
            values = np.nanmean([row(frames, number, at, confidence) for number in later], axis=0)
            shown = [f"{value:.2f}" for value in values]
            rows.append([source, depth, way, *(["", "", ""] if moves else shown[:3]), *shown[3:]])
    return rows


def row(frames: list[tuple], number: int, at: int, least: float) -> list[float]:
    feed, truth, *both = frames[number]
    depth, before = told(frames[number][at], least), told(frames[number - 1][at], least)
    known, knew = np.isfinite(depth), np.isfinite(before)
    changes = changed(depth, before)
    top = above_the_scan(feed) & known & knew
    scored = truth > 0
    compared = scored & np.isfinite(told(both[0], least)) & np.isfinite(told(both[1], least))
    error = np.abs(depth - truth)[compared]
    return [
        100 * changes[known & knew].mean(),
        100 * changes[top].mean() if top.any() else np.nan,
        100 * (known != knew).mean(),
        error.mean(),
        np.sqrt((error**2).mean()),
        100 * (error > 0.05 * truth[compared]).mean(),
        100 * known[scored].mean(),
    ]


def told(completion: Completion, least: float) -> np.ndarray:
    return completion.above(least).depth


def changed(depth: np.ndarray, before: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.abs(np.log(depth / before)) > CHANGE


def write_film(path: Path, frames: list[tuple], least: float) -> None:
    """Told depth, off beside blend; below, what changed (red) or became known or unknown (blue)."""
    from PIL import Image

    shown = []
    for number in range(1, len(frames)):
        columns = []
        for at, way in ((2, "off"), (3, "blend")):
            depth, before = told(frames[number][at], least), told(frames[number - 1][at], least)
            colours = colourise_depth(depth, 4, 80)
            changes = colours // 4
            changes[changed(depth, before)] = 255, 60, 40
            changes[np.isfinite(depth) != np.isfinite(before)] = 60, 120, 255
            columns.append(
                np.vstack([label(colours, f"temporal: {way}"), label(changes, "changed by > 5 %")])
            )
        both = np.hstack(columns)
        shown.append(Image.fromarray(both).resize((both.shape[1] * 2 // 5, both.shape[0] * 2 // 5)))
    shown[0].save(path, save_all=True, append_images=shown[1:], duration=400, loop=0, quality=60, method=6)


if __name__ == "__main__":
    main()
