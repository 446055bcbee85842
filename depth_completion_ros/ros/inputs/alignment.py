"""Whether points and image still fit together, looked at now and then while the node runs."""

from __future__ import annotations

import time

from ...core import Frame
from ...core.alignment import Alignment, AlignmentCheck
from ..diagnostics import OK, WARN, Status

NAME = "calibration"
BUSY = 5
"""While frames wait, the node looks so many times less often."""


class CalibrationMonitor:
    """Checks a frame about once a second, in the thread of the worker and after its outputs are out.

    Args:
        settings: values of the node's parameters, of which `calibration_check_period` (s, 0 for never).

    Attributes:
        status: what diagnostics say of it.
    """

    def __init__(self, settings):
        self._settings = settings
        self._check = AlignmentCheck()
        self._last = float("-inf")
        self.status = Status(NAME, OK, "No frame was looked at yet.")

    def look(self, frame: Frame, others_wait: bool) -> None:
        """Take the frame into account if it is time for one.

        Args:
            others_wait: whether the worker has more to do.
        """
        period = self._settings.calibration_check_period
        if not period:
            self.status = Status(NAME, OK, "Not looked at, as calibration_check_period is 0.")
            return
        begin = time.monotonic()
        if frame.points is None or begin - self._last < period * (BUSY if others_wait else 1):
            return
        self._last = begin
        try:
            self._check.add(frame)
            self.status = status_of(self._check.result(), time.monotonic() - begin)
        except Exception as error:  # depth goes on without it
            self.status = Status(NAME, WARN, f"The check failed: {type(error).__name__}: {error}")


def status_of(result: Alignment, seconds: float) -> Status:
    """A verdict as a line of diagnostics; a warning where the two are apart."""
    values = {
        "state": result.state,
        "pixels": round(result.pixels, 1),
        "standard error (pixels)": round(result.error, 1),
        "yaw, pitch, roll (degrees)": ", ".join(
            f"{angle:+.2f}" for angle in (result.yaw, result.pitch, result.roll)
        ),
        "along the view (m)": result.shift,
        "frames": result.frames,
        "edges": result.edges,
        "last check (ms)": round(1e3 * seconds, 1),
    }
    return Status(NAME, WARN if result.is_alarming else OK, result.sentence, values)
