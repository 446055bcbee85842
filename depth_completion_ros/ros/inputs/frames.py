"""A pair of live messages as a frame, and what the operator should know of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...core import Frame, SparseDepth
from ...data.calibration_file import check_direction
from ...data.messages import decode_compressed_image, decode_image, decode_points, stamp_ns
from ..diagnostics import OK, WARN, Status
from .calibration import Cameras, Drop, Extrinsics

FUTURE_NS = 1_000_000_000
"""Stamps so far ahead of the node's clock mean that the clocks of two machines differ."""
OLD_NS = 60_000_000_000
"""Stamps so far behind it are those of a recording."""


@dataclass(frozen=True)
class Pair:
    """An image and a cloud that belong together, and when (monotonic seconds) that was known."""

    image: object
    points: object
    taken: float


class LiveFrames:
    """Makes frames of pairs of messages, in the thread of the worker.

    Args:
        settings: values of the node's parameters.
        now_ns: the node's clock, nanoseconds.
        warn: `warning` of the node's logger.

    Attributes:
        statuses: what diagnostics say of extrinsics, points in view and stamps.
    """

    def __init__(
        self,
        settings,
        cameras: Cameras,
        extrinsics: Extrinsics,
        now_ns: Callable[[], int],
        warn: Callable[..., None] = lambda sentence, **throttle: None,
    ):
        self._settings, self._cameras, self._extrinsics = settings, cameras, extrinsics
        self._now_ns, self._warn = now_ns, warn
        self._checked: tuple[np.ndarray, float] | None = None
        self.statuses = {
            "extrinsics": Status("extrinsics", OK, "Not needed yet."),
            "points in view": Status("points in view", OK, "No frame yet."),
            "stamps": Status("stamps", OK, "No frame yet."),
        }

    def frame_of(self, pair: Pair) -> Frame:
        """Decode a pair, and find its camera and extrinsics.

        Raises:
            Drop: the pair cannot be completed.
        """
        s, header, points_header = self._settings, pair.image.header, pair.points.header
        stamp_image, stamp_points = stamp_ns(header), stamp_ns(points_header)
        decode = decode_image if s.image_transport == "raw" else decode_compressed_image
        image = _decoded("image", decode, pair.image)
        points = _decoded("cloud", decode_points, pair.points).points
        height, width = image.shape[:2]
        info, camera = self._cameras.of_image(stamp_image, width, height, s.calibration_timeout)
        at_image = stamp_image + round(s.image_time_offset * 1e9)
        try:
            T_cam_lidar, T_image_points = self._extrinsics.of_frame(
                header.frame_id, points_header.frame_id, at_image, stamp_points
            )
        except Drop as drop:
            self.statuses["extrinsics"] = Status("extrinsics", WARN, str(drop))
            raise
        return Frame(
            camera=camera,
            camera_info=info,
            image=image,
            points=points,
            T_cam_lidar=T_cam_lidar,
            T_image_points=T_image_points,
            stamp_image=stamp_image,
            stamp_points=stamp_points,
            frame_id=header.frame_id,
            name=str(stamp_image),
        )

    def judge(self, frame: Frame, sparse: SparseDepth) -> None:
        """Note what the operator should know of a frame that is completed all the same."""
        self._judge_points(frame, sparse)
        self._judge_direction(frame, sparse.count)
        self._judge_stamp(frame.stamp_image)

    def _judge_points(self, frame: Frame, sparse: SparseDepth) -> None:
        count = sparse.count
        causes = {cause: n for cause, n in sparse.dropped.items() if n}
        message = f"{count} of {len(frame.points)} points in the image."
        if not count:
            why = ", ".join(f"{cause} ({n})" for cause, n in causes.items()) or "the cloud is empty"
            message = f"No point is in the image: {why}."
        self.statuses["points in view"] = Status("points in view", OK if count else WARN, message, causes)

    def _judge_direction(self, frame: Frame, count: int) -> None:
        """Check the direction of new extrinsics, and once a second while nothing is in view."""
        T = frame.T_cam_lidar
        if self._checked is not None and np.array_equal(self._checked[0], T):
            doubtful = not count or self.statuses["extrinsics"].level != OK
            if not doubtful or time.monotonic() - self._checked[1] < 1.0:
                return
        self._checked = T, time.monotonic()
        wrong = check_direction(T, frame.camera, frame.points)
        if wrong:
            self._warn(wrong, throttle_duration_sec=10.0)
            self.statuses["extrinsics"] = Status("extrinsics", WARN, wrong)
        else:
            self.statuses["extrinsics"] = Status("extrinsics", OK, "Known, and they look right.")

    def _judge_stamp(self, stamp: int) -> None:
        ahead, now = stamp - self._now_ns(), self._now_ns()
        status = Status("stamps", OK, "Near this node's clock.")
        if now and ahead > FUTURE_NS:
            message = (
                f"Images are stamped {ahead / 1e9:.1f} s ahead of this node's clock; "
                "the clocks of the machines differ, or use_sim_time is missing."
            )
            status = Status("stamps", WARN, message)
        elif now and -ahead > OLD_NS:
            message = (
                f"Images are stamped {_age(-ahead / 1e9)} before this node's clock; "
                "a recording needs use_sim_time and its /clock, else TF and time limits go wrong."
            )
            self._warn(message, throttle_duration_sec=60.0)
            status = Status("stamps", WARN, message)
        self.statuses["stamps"] = status


def _decoded(what: str, decode: Callable, message):
    try:
        return decode(message)
    except ValueError as error:
        raise Drop(f"{what} cannot be decoded", str(error)) from None


def _age(seconds: float) -> str:
    """A time span in words: 3 minutes, 2.5 hours, 15.2 years."""
    for unit, size in (("years", 365.25 * 86400), ("days", 86400.0), ("hours", 3600.0)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds / 60:.0f} minutes"
