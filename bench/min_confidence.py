"""What a least confidence costs and what it saves: the curve behind the default of `min_confidence`.

    python bench/min_confidence.py FRAMES [--drive DRIVE] [-c default]

FRAMES is a folder of frame folders; 32 and 16 lines of a scan are fed where it has more than so many (500
points where it has no rings), and the rest is scored. DRIVE is a demo drive, whose true depth says of each
pixel whether it is free space or sky; one is made where none is named. By threshold, each frame counting
alike:

- kept: scored pixels that keep a depth;
- off: of these, those off by more than 10 %;
- removed: of the pixels off by more than 10 %, those that lose their depth;
- above: pixels above the topmost return that keep a depth, and of those the ones nearer than 15 m;
- walls: pixels of sky, or of something more than a tenth farther, that are told as depth (free space turned
  into obstacle), of all pixels of the drive; missed: pixels nearer than 30 m that have no depth.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np

from depth_completion_ros import create_completer
from depth_completion_ros.completion import Completer, Completion
from depth_completion_ros.core import Frame, SparseDepth
from depth_completion_ros.data import open_reader
from depth_completion_ros.evaluation.protocols import CannotServe, parse_protocol
from depth_completion_ros.evaluation.report import table

THRESHOLDS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
WRONG = 0.1
NEAR_M, OBSTACLE_M = 15.0, 30.0
REAL = ("kept", "off", "removed", "above", "above < 15 m")
SIMULATED = ("walls", "missed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("frames", type=Path)
    parser.add_argument("--drive", type=Path, help="a demo drive; else one of 6 frames is made")
    parser.add_argument("-c", "--completer", action="append", help="repeat for more; default")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        drive = arguments.drive or make_drive(Path(folder))
        for name in arguments.completer or ("default",):
            completer = create_completer(name)
            curve = real_curve(open_reader(arguments.frames), completer)
            curve |= simulated_curve(open_reader(drive), completer)
            rows = [[f"{t:g}", *(f"{100 * curve[c][i]:.1f}" for c in (*REAL, *SIMULATED))]
                    for i, t in enumerate(THRESHOLDS)]  # fmt: skip
            print(f"\n{name}, per cent\n\n{table(['min_confidence', *REAL, *SIMULATED], rows)}")


def make_drive(folder: Path) -> Path:
    from depth_completion_ros.demo.drive import make_demo_drive

    return make_demo_drive(folder, frames=6)


def real_curve(frames, completer: Completer) -> dict[str, np.ndarray]:
    """Shares by threshold, `REAL` by name, mean over frames and feeds."""
    found = defaultdict(list)
    for frame in frames:
        for text in ("lines:32", "lines:16", "points:500"):
            if (frame.rings is None) != text.startswith("points"):
                continue
            try:
                trial = parse_protocol(text).trial(frame)
            except CannotServe:
                continue
            completion = completer.complete(frame.image, trial.feed, frame.camera, frame.name)
            for name, values in scored(completion, trial.truth).items():
                found[name].append(values)
            if text.startswith("lines"):
                for name, values in above(completion, trial.feed).items():
                    found[name].append(values)
    return {name: np.nanmean(values, axis=0) for name, values in found.items()}


def scored(completion: Completion, truth: np.ndarray) -> dict[str, list[float]]:
    mask = (truth > 0) & np.isfinite(completion.depth)
    wrong = np.abs(completion.depth[mask] / truth[mask] - 1) > WRONG
    confidence = completion.confidence[mask]
    kept = [confidence >= t for t in THRESHOLDS]
    return {
        "kept": [k.mean() for k in kept],
        "off": [wrong[k].mean() if k.any() else np.nan for k in kept],
        "removed": [(wrong & ~k).sum() / max(1, wrong.sum()) for k in kept],
    }


def above_the_scan(feed: SparseDepth) -> np.ndarray:
    """Mask of the pixels above the topmost measurement of their column, or of the nearest column with one."""
    measured = feed.depth > 0
    columns = np.flatnonzero(measured.any(axis=0))
    top = np.interp(np.arange(measured.shape[1]), columns, measured[:, columns].argmax(axis=0))
    return np.arange(measured.shape[0])[:, None] < top


def above(completion: Completion, feed: SparseDepth) -> dict[str, list[float]]:
    """Of the pixels above the scan."""
    mask = above_the_scan(feed)
    depth, confidence = completion.depth[mask], completion.confidence[mask]
    kept = [np.isfinite(depth) & (confidence >= t) for t in THRESHOLDS]
    return {
        "above": [k.mean() for k in kept],
        "above < 15 m": [(depth[k] < NEAR_M).mean() if k.any() else 0.0 for k in kept],
    }


def simulated_curve(frames, completer: Completer) -> dict[str, np.ndarray]:
    """Shares by threshold, `SIMULATED` by name, mean over the frames of a drive whose depth is known."""
    found = defaultdict(list)
    for frame in frames:
        completion = completer(frame)
        for name, values in obstacles(completion, frame).items():
            found[name].append(values)
    return {name: np.mean(values, axis=0) for name, values in found.items()}


def obstacles(completion: Completion, frame: Frame) -> dict[str, list[float]]:
    truth = np.where(frame.ground_truth > 0, frame.ground_truth, np.inf)  # 0 is sky
    depth = completion.depth
    told = [np.isfinite(depth) & (completion.confidence >= t) for t in THRESHOLDS]
    near = truth < OBSTACLE_M
    return {
        "walls": [(t & (depth < (1 - WRONG) * truth)).mean() for t in told],
        "missed": [(near & ~t).sum() / near.sum() for t in told],
    }


if __name__ == "__main__":
    main()
