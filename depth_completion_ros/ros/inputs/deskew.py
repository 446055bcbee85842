"""Motion of the LiDAR taken out of live scans, and what the operator should know of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from ...data.deskew import NO_TIMES, Deskew, NotDeskewed
from ...data.messages import decode_times, stamp_ns
from ..diagnostics import OK, WARN, Status
from ..extrinsics import Extrinsics
from .drop import Drop

NAME = "deskew"


class LiveDeskew:
    """Deskews clouds by the motion of the LiDAR in the fixed frame.

    Args:
        settings: parameters `deskew` and `fixed_frame`.
        warn: `warning` of the node's logger.

    Attributes:
        status: what diagnostics say of it.
    """

    def __init__(self, settings, extrinsics: Extrinsics, warn: Callable[..., None]):
        self._fixed_frame, self._extrinsics = settings.fixed_frame, extrinsics
        self._deskew = Deskew(settings.deskew, partial(warn, throttle_duration_sec=10.0))
        self._wanted = settings.deskew != "off" and bool(self._fixed_frame)
        why = "'deskew' is off" if settings.deskew == "off" else "'fixed_frame' is not given"
        message = "No cloud yet." if self._wanted else f"Scans are taken as of one moment, as {why}."
        self.status = Status(NAME, OK, message)

    def apply(self, points: np.ndarray, message, clock_ns: int) -> np.ndarray:
        """The points of a cloud, deskewed where that can be.

        Args:
            clock_ns: from the clock of the cloud to that of TF.

        Raises:
            Drop: the cloud must be deskewed but cannot be.
        """
        if not self._wanted:
            return points
        stamp = stamp_ns(message.header) + clock_ns

        def pose_at(seconds: float) -> np.ndarray:
            return self._extrinsics.pose(message.header.frame_id, stamp + round(seconds * 1e9))

        try:
            times = partial(decode_times, message, points)
            points, _ = self._deskew.apply(points, times, pose_at)
        except NotDeskewed as error:
            raise Drop(f"not deskewed, {error.cause}", str(error)) from None
        finally:
            self.status = self._status()
        return points

    def _status(self) -> Status:
        deskew = self._deskew
        level, message = OK, "The motion during each scan is taken out."
        if deskew.last is not None:
            quiet = deskew.mode == "auto" and deskew.last.cause == NO_TIMES
            level, message = OK if quiet else WARN, str(deskew.last)
        return Status(NAME, level, message, {"deskewed": deskew.done, **deskew.missed})
