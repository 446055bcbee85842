"""Detection rate and false alarms of the calibration monitor against known errors.

    python bench/calibration_monitor.py                       # demo drives, made on the spot
    python bench/calibration_monitor.py --data FOLDER         # and frame folders, such as real frames

Prints the tables of docs/calibration_monitor.md. The calibrations of the data are taken for right; each
error is put on top of them, to both sides in turn.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from depth_completion_ros.core import Frame, invert, rigid
from depth_completion_ros.core.alignment.check import KEEP, score
from depth_completion_ros.core.alignment.verdict import Scores, judge
from depth_completion_ros.core.geometry import interpolate
from depth_completion_ros.data import open_reader
from depth_completion_ros.demo.drive import make_demo_drive

ANGLES_DEG = (0.5, 1.0, 2.0, 4.0)
OFFSETS_MS = (20, 50, 100)
CASES = [("none", 0.0), *((axis, a) for axis in ("yaw", "pitch", "roll") for a in ANGLES_DEG)]
LATE = [("time", ms) for ms in OFFSETS_MS]


def turned(frame: Frame, axis: str, degrees: float) -> Frame:
    """The frame with its camera-from-LiDAR transform turned about an axis of the camera."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    rotation = {
        "yaw": [[c, 0, s], [0, 1, 0], [-s, 0, c]],
        "pitch": [[1, 0, 0], [0, c, -s], [0, s, c]],
        "roll": [[c, -s, 0], [s, c, 0], [0, 0, 1]],
    }[axis]
    return replace(frame, T_cam_lidar=rigid(rotation, np.zeros(3)) @ frame.T_cam_lidar)


def late(frames: list[Frame], at: int, milliseconds: float) -> Frame:
    """The frame as if its cloud had been taken so much later, while all but the car stands still."""
    other = min(at + 1, len(frames) - 1)
    first, second = frames[other - 1], frames[other]
    step = invert(second.T_world_lidar) @ first.T_world_lidar
    seconds = (second.stamp_points - first.stamp_points) / 1e9
    moved = interpolate(np.eye(4), step, abs(milliseconds) / 1e3 / seconds)
    moved = moved if milliseconds > 0 else invert(moved)
    known = frames[at].T_image_points
    return replace(frames[at], T_image_points=moved if known is None else known @ moved)


def with_error(frames: list[Frame], kind: str, size: float) -> list[Frame]:
    if kind == "none":
        return frames
    if kind == "time":
        return [late(frames, at, size) for at in range(len(frames))]
    return [turned(frame, kind, size) for frame in frames]


class Tally:
    """Verdicts by error and number of frames."""

    def __init__(self):
        self.states: dict[tuple, Counter] = {}
        self.pixels: dict[tuple, list[float]] = {}
        self.milliseconds: list[float] = []

    def measure(self, frames: list[Frame], kind: str, size: float, windows: tuple[int, ...]) -> None:
        """Judge each window of so many frames of a sequence; the error changes side from one to the next."""
        sides = {sign: with_error(frames, kind, sign * size) for sign in (1, -1)}
        scored = cache(lambda sign, at: self._score(sides[sign][at]))
        for window in windows:
            for number in range(len(frames) // window):
                total = Scores()
                for at in range(number * window, (number + 1) * window):
                    total.add(scored(-1 if size and number % 2 else 1, at), KEEP)
                result = judge(total)
                key = (kind, size, window)
                self.states.setdefault(key, Counter())[result.state] += 1
                if result.state == "apart":
                    self.pixels.setdefault(key, []).append(result.pixels)

    def _score(self, frame: Frame) -> Scores:
        start = time.process_time()
        scores = score(frame)
        self.milliseconds.append(1e3 * (time.process_time() - start))
        return scores

    def table(self, windows: tuple[int, ...]) -> str:
        """Markdown: share of windows called apart / aligned / unclear, and the median of pixels told."""
        heads = " | ".join(f"{window} frame{'s' * (window > 1)}" for window in windows)
        lines = [f"| error | {heads} | pixels told |", "|---" * (len(windows) + 2) + "|"]
        for kind, size in dict.fromkeys((kind, size) for kind, size, _ in self.states):
            unit = "ms" if kind == "time" else "degrees"
            cells = []
            for window in windows:
                cells.append(_shares(self.states.get((kind, size, window), Counter())))
            told = [p for window in windows for p in self.pixels.get((kind, size, window), ())]
            name = "none" if kind == "none" else f"{kind} {size:g} {unit}"
            lines.append(f"| {name} | {' | '.join(cells)} | {f'{np.median(told):.1f}' if told else ''} |")
        return "\n".join(lines)


def _shares(states: Counter) -> str:
    number = states.total()
    shares = (f"{100 * states[state] / number:.0f}" for state in ("apart", "aligned", "unclear") if number)
    return f"{' / '.join(shares)} % of {number}" if number else ""


def measure(sequences: list[list[Frame]], windows: tuple[int, ...], title: str) -> None:
    """Print the table of some sequences."""
    tally = Tally()
    for frames in sequences:
        for kind, size in CASES:
            tally.measure(frames, kind, size, windows)
        posed = [frame for frame in frames if frame.T_world_lidar is not None]
        for kind, size in LATE if len(posed) > 1 else ():
            tally.measure(posed, kind, size, windows)
    print(f"\n### {title}\n\nShare called apart / aligned / unclear.\n\n{tally.table(windows)}\n")
    print(f"A frame takes {np.median(tally.milliseconds):.0f} ms of one CPU core in the median.", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seeds", type=int, nargs="*", default=[1, 2, 3, 4], help="streets of the demo drive"
    )
    parser.add_argument("--frames", type=int, default=20, help="frames of a drive")
    parser.add_argument("--drives", type=Path, help="folder to keep drives in")
    parser.add_argument("--data", type=Path, help="frame folders to measure on too")
    parser.add_argument("--sequence", default="kitti_seq_*", help="those of them that are one sequence")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.drives or Path(temporary)
        drives = [
            make_demo_drive(folder / f"s{seed}", frames=arguments.frames, seed=seed)
            for seed in arguments.seeds
        ]
        sequences = [list(open_reader(drive)) for drive in drives]
    if sequences:
        measure(sequences, (1, 5, arguments.frames), f"Demo drives, {len(sequences)} streets")
    if arguments.data:
        sequence = list(open_reader(arguments.data, select=arguments.sequence))
        names = {frame.name for frame in sequence}
        single = [[f] for f in open_reader(arguments.data) if f.points is not None and f.name not in names]
        measure([sequence], (1, 5, len(sequence)), f"A real sequence of {len(sequence)} frames")
        measure(single, (1,), f"{len(single)} other real frames, each alone")


if __name__ == "__main__":
    main()
