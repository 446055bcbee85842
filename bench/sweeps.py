"""Whether the sweeps before help: completion of one, of three put together, and of three with rejection.

    python bench/sweeps.py [--drive DRIVE] [--lines 16] [--sweeps 3] [-c linear] [--kitti FRAMES]

A drive of the simulator, with exact poses and truth, is made where none is named; of FRAMES the KITTI frames
with poses are taken, with N lines fed and scored on the others. Points of earlier sweeps are moved by the
poses. With rejection, one is left out where it is farther than the farthest or nearer than the nearest point
of now in a window around it by more than 5 %, or where there is none; never is one taken at a measured pixel.
Errors are of all depth, of pixels that no way measures, mean over frames.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from temporal import kitti, make_drive

from depth_completion_ros import create_completer
from depth_completion_ros.core import Frame, SparseDepth, invert
from depth_completion_ros.core.filters import see_through
from depth_completion_ros.core.sparse import project_to_pixels, z_buffer
from depth_completion_ros.data import open_reader
from depth_completion_ros.evaluation.report import table

WINDOW = np.ones((61, 15), np.uint8)
"""Rows and columns: a little more than the gap between 16 lines at KITTI's focal length."""
RATIO = 1.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--drive", type=Path)
    parser.add_argument("--lines", type=int, default=16)
    parser.add_argument("--sweeps", type=int, default=3)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("-c", "--completer", action="append")
    parser.add_argument("--kitti", type=Path)
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        drive = a.drive or make_drive(Path(folder), a.frames, a.lines)
        sources = {"drive": [(f, SparseDepth.from_points(f), f.ground_truth) for f in open_reader(drive)]}
        if a.kitti:
            sources["KITTI"] = [m for m in kitti(a.kitti, a.lines) if m[0].T_world_cam is not None]
        rows = []
        for name in a.completer or ("linear",):
            completer = create_completer(name)
            for source, moments in sources.items():
                errors: dict[str, list] = {}
                for frame, truth, feeds in with_earlier(moments, a.sweeps):
                    for way, feed in feeds.items():
                        depth = completer.complete(frame.image, feed, frame.camera).depth
                        scored = (truth > 0) & (feeds["all"].depth == 0) & np.isfinite(depth)
                        off = np.abs(depth - truth)[scored]
                        wrong = 100 * np.mean(off > 0.05 * truth[scored])
                        errors.setdefault(way, []).append(
                            (feed.count, off.mean(), np.sqrt(np.mean(off**2)), wrong)
                        )
                for way, each in errors.items():
                    values = np.mean(each, axis=0)
                    rows.append([source, name, way, f"{values[0]:.0f}", *(f"{v:.3f}" for v in values[1:])])
        print(table(["data", "completer", "sweeps", "points", "MAE m", "RMSE m", "off > 5 %"], rows))


def with_earlier(moments, sweeps: int) -> Iterator[tuple[Frame, np.ndarray, dict[str, SparseDepth]]]:
    """Frames that have enough before them, their truth, and what is fed by the way it is put together."""
    earlier: deque[tuple[np.ndarray, np.ndarray]] = deque(maxlen=sweeps - 1)
    for frame, feed, truth in moments:
        if len(earlier) == sweeps - 1:
            past = np.zeros_like(feed.depth)
            for T_world_cam, points in earlier:
                moved = at(frame, invert(frame.T_world_cam) @ T_world_cam, points)
                past = np.where((moved > 0) & ((past == 0) | (moved < past)), moved, past)
            past[feed.depth > 0] = 0
            fine = believed(past, feed.depth)
            focal = float(frame.camera.K[0, 0])
            yield (
                frame,
                truth,
                {
                    "one": feed,
                    "all": together(feed.depth, past, focal),
                    "rejecting": together(feed.depth, np.where(fine, past, np.float32(0)), focal),
                },
            )
        v, u = np.nonzero(feed.depth)
        z = feed.depth[v, u]
        x, y = (rays[v, u] * z for rays in frame.camera.rays)
        earlier.append((frame.T_world_cam, np.stack([x, y, z], axis=1)))


def at(frame: Frame, T_now_past: np.ndarray, points: np.ndarray) -> np.ndarray:
    u, v, z, _ = project_to_pixels(points, T_now_past, frame.camera, 0.1, 1000.0)
    return z_buffer(u, v, z, *frame.size)[0]


def together(now: np.ndarray, past: np.ndarray, focal: float) -> SparseDepth:
    both = np.where(now > 0, now, past)
    both[see_through(both, focal) & (now == 0)] = 0
    return SparseDepth(both)


def believed(past: np.ndarray, now: np.ndarray) -> np.ndarray:
    nearness = np.divide(1, now, out=np.zeros_like(now), where=now > 0)
    nearest = cv2.dilate(nearness, WINDOW)
    farthest = cv2.erode(np.where(now > 0, nearness, np.float32(1e9)), WINDOW)
    with np.errstate(divide="ignore"):
        each = 1 / past
    return (past > 0) & (nearest > 0) & (each <= RATIO * nearest) & (each * RATIO >= farthest)


if __name__ == "__main__":
    main()
