"""Frames of a recording in memory, and which of them teach, which tune and which judge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ..core import Frame
from ..core.safe.pixels import ImageError
from ..data.reader import IndexedReader, NoFrame, Reader

FEWEST = 6
"""Frames that can be parted into three."""
STRETCH = 30
"""Frames of a recording from which on it is parted more than once, so that no part is of one place."""
MOST_ROUNDS = 4
GAP = 0.02
"""Share of all frames that is left out between two parts, as neighbours look alike."""


@dataclass(frozen=True, eq=False)
class Parts:
    """Frames by what they are for; the parts are stretches of the recording that do not touch.

    Args:
        fit: what is learned from.
        tune: what tells when to stop, and what confidence is calibrated on.
        judge: what nothing was chosen by.
    """

    fit: list[Frame]
    tune: list[Frame]
    judge: list[Frame]

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Number of frames of each."""
        return len(self.fit), len(self.tune), len(self.judge)


def load_frames(reader: Reader, most: int, with_truth: bool = False) -> Iterator[Frame]:
    """At most so many frames with an image and points, evenly spaced.

    Args:
        with_truth: give their ground truth too, as of simulated frames.

    Raises:
        ValueError: no frame has both; the sentence says what the first one lacks.
    """
    lacking, some = "", False
    for frame in _evenly_spaced(reader, most):
        what = _lacks(frame)
        if what:
            lacking = lacking or f"'{frame.name}' has {what}"
            continue
        some = True
        points = None if frame.points is None else np.ascontiguousarray(frame.points[:, :3])
        truth = frame.ground_truth if with_truth else None
        yield replace(frame, points=points, ground_truth=truth, camera_info=None)
    if not some:
        why = f": {lacking}" if lacking else ""
        raise ValueError(f"No frame of {reader.name} has an image and points to learn from{why}.")


def _evenly_spaced(reader: Reader, most: int) -> Iterator[Frame]:
    number = len(reader)
    wanted = sorted({at * number // most for at in range(most)}) if number > most else list(range(number))
    if isinstance(reader, IndexedReader):
        for index in wanted:
            try:
                yield reader.read(index)
            except (NoFrame, ImageError) as error:
                reader.skipped[getattr(error, "cause", "image not readable")] += 1
        return
    chosen = set(wanted)
    yield from (frame for index, frame in enumerate(reader) if index in chosen)


def _lacks(frame: Frame) -> str:
    """What a frame has not that it must have, in words that follow 'has'; empty where it has all."""
    if frame.image is None:
        return "no image"
    if frame.points is None and frame.sparse_depth is None:
        return "no points"
    if frame.points is not None and (frame.camera is None or frame.T_cam_lidar is None):
        return "no calibration between camera and LiDAR"
    return "" if frame.points is None or len(frame.points) else "a scan without points"


def part_frames(frames: list[Frame]) -> Parts:
    """Part a recording: three fifths to fit, a fifth to tune, a fifth to judge, in stretches.

    Raises:
        ValueError: fewer than `FEWEST` frames.
    """
    number = len(frames)
    if number < FEWEST:
        raise ValueError(
            f"There are {number} frames with an image and points; it takes {FEWEST} to fit to some and judge "
            "by others."
        )
    rounds = min(max(number // STRETCH, 1), MOST_ROUNDS)
    gap = round(GAP * number / rounds)
    parts: tuple[list[Frame], ...] = ([], [], [])
    for turn in range(rounds):
        first, end = turn * number // rounds, (turn + 1) * number // rounds
        tune, judge = first + round(0.6 * (end - first)), first + round(0.8 * (end - first))
        last = end if turn == rounds - 1 else end - gap
        for part, (a, b) in zip(
            parts, ((first, tune - gap), (tune, judge - gap), (judge, last)), strict=True
        ):
            part.extend(frames[a:b])
    return Parts(*parts)
