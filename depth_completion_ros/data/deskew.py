"""Whether a scan can be deskewed, and what is told where it cannot."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable

import numpy as np

from depth_completion_ros.core import TransformError
from depth_completion_ros.core.deskew import deskew

MODES = ("auto", "on", "off")
NO_TIMES, NO_MOTION = "no times of points", "no ego motion given"
"""Causes that are a matter of the data, not of something that fails."""


class NotDeskewed(LookupError):
    """A scan that is left as it is; the message says why.

    Args:
        cause: short name under which it is counted.
        sentence: what is missing or wrong.
    """

    def __init__(self, cause: str, sentence: str):
        super().__init__(sentence)
        self.cause = cause


class Deskew:
    """Deskews scans, counts them, and knows what becomes of those that cannot be.

    Args:
        mode: `auto`, scans whose points have times and whose motion is known, while others are taken as of
            one moment; `on`, the same but a scan that cannot be deskewed is an error; `off`, none.

        warn: called with a sentence for a scan that should have been deskewed but was not.

    Attributes:
        done: number of scans that were deskewed.
        missed: number of scans that were not, by cause.
        last: why the last scan was not; None where it was.

    Raises:
        ValueError: another mode.
    """

    def __init__(self, mode: str, warn: Callable[[str], None] | None = None):
        if mode not in MODES:
            raise ValueError(f"Option deskew is {mode!r}; it must be one of {', '.join(MODES)}.")
        self.mode, self._warn = mode, warn or (lambda sentence: warnings.warn(sentence, stacklevel=3))
        self.done, self.missed = 0, Counter[str]()
        self.last: NotDeskewed | None = None

    def apply(
        self,
        points: np.ndarray,
        times: Callable[[], np.ndarray | None],
        pose_at: Callable[[float], np.ndarray] | None,
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Points of a scan, deskewed where that can be, and their times where it was not.

        Args:
            times: gives seconds since the stamp, None where there are none; ValueError where they are wrong.
            pose_at: as of `deskew`, TransformError where the pose is not known; None where no motion is.

        Raises:
            NotDeskewed: the mode is `on` and the scan cannot be deskewed.
        """
        if self.mode == "off":
            return points, _ask_quietly(times)
        seconds = None
        try:
            if pose_at is None:
                raise NotDeskewed(NO_MOTION, "How the LiDAR moves is not given.")
            seconds = _ask(times)
            if seconds is None:
                raise NotDeskewed(NO_TIMES, "The points have no times, so scans are taken as of one moment.")
            moved = _move(points, seconds, pose_at)
        except NotDeskewed as error:
            self._miss(error)
            return points, _ask_quietly(times) if pose_at is None else seconds
        self.done, self.last = self.done + 1, None
        return moved, None

    def _miss(self, error: NotDeskewed) -> None:
        self.last = error
        self.missed[error.cause] += 1
        if self.mode == "on":
            raise error
        if error.cause not in (NO_TIMES, NO_MOTION):
            self._warn(f"A scan is not deskewed: {error}")


def _ask(times: Callable[[], np.ndarray | None]) -> np.ndarray | None:
    try:
        return times()
    except ValueError as error:
        raise NotDeskewed("times not plausible", str(error)) from None


def _ask_quietly(times: Callable[[], np.ndarray | None]) -> np.ndarray | None:
    try:
        return times()
    except ValueError:
        return None


def _move(points, seconds, pose_at) -> np.ndarray:
    try:
        return deskew(points, seconds, pose_at)
    except TransformError as error:
        raise NotDeskewed("no motion", f"The motion during the scan is not known: {error}") from None
    except ValueError as error:
        raise NotDeskewed("motion not plausible", str(error)) from None
