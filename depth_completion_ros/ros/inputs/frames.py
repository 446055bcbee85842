"""A pair of live messages as a frame, and what the operator should know of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from std_msgs.msg import Header

from ...core import Box, Frame, SparseDepth
from ...core.geometry import merge_points
from ...core.transform_tree import OTHER_CLOCK_NS
from ...data.calibration.extrinsics import check_direction
from ...data.messages import (
    decode_compressed_image,
    decode_image,
    decode_points,
    decode_sparse_depth,
    image_size,
    stamp_ns,
)
from ..diagnostics import OK, WARN, Status
from ..diagnostics.stages import DECODE, TRANSFORM, Stages
from ..extrinsics import Extrinsics
from .camera import Cameras
from .deskew import LiveDeskew
from .drop import Drop
from .more_points import MoreCloud, MorePoints, further_topics

FUTURE_NS = 1_000_000_000
"""Stamps so far ahead of the node's clock mean that the clocks of two machines differ."""
OLD_NS = 60_000_000_000
"""Stamps so far behind it are those of a recording."""


@dataclass(frozen=True)
class Pair:
    """An image, a cloud or image of depth that belongs to it, and when (monotonic seconds) that was known.

    Further LiDARs may add their clouds.
    One of the two is None where its input has failed and `without_partner` is complete.
    """

    image: Any
    points: Any
    taken: float
    more: tuple[MoreCloud, ...] = ()

    @property
    def lacks(self) -> str:
        """What is missing: "image", "points", or nothing."""
        return "image" if self.image is None else "points" if self.points is None else ""

    def header(self, frame: Frame) -> Header:
        """That of the image; where there is none, the stamp of the cloud and the frame of the camera."""
        if self.image is not None:
            return self.image.header
        return Header(stamp=self.points.header.stamp, frame_id=frame.frame_id)


class LiveFrames:
    """Makes frames of pairs of messages, in the thread of the worker.

    Args:
        settings: values of the node's parameters.
        now_ns: the node's clock, nanoseconds.
        warn: `warning` of the node's logger.
        stages: takes the times of decoding and of what is waited for.

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
        stages: Stages | None = None,
    ):
        self._settings, self._cameras, self._extrinsics = settings, cameras, extrinsics
        self._now_ns, self._warn = now_ns, warn
        self._stages = stages or Stages()
        self._checked: tuple[np.ndarray, float] | None = None
        self._clock_of_tf = 0
        self.deskew = LiveDeskew(settings, extrinsics, warn)
        self.more = MorePoints(further_topics(settings), warn)
        self._last_image: tuple[str, tuple[int, int]] | None = None
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
        if pair.image is None:
            return self._frame_without_image(pair.points)
        s, header = self._settings, pair.image.header
        stamp_image, stamp_points = stamp_ns(header), None
        # The size first: an image of another size than its camera costs no memory.
        width, height = _decoded("image", partial(image_size, max_pixels=s.max_image_pixels), pair.image)
        with self._stages.measure(TRANSFORM):
            info, camera = self._cameras.of_image(stamp_image, width, height, s.calibration_timeout)
        decode = decode_image if s.image_transport == "raw" else decode_compressed_image
        with self._stages.measure(DECODE):
            image = _decoded("image", partial(decode, max_pixels=s.max_image_pixels), pair.image)
            self._last_image = header.frame_id, (width, height)
            if pair.points is None:
                measured: dict[str, Any] = {"sparse_depth": np.zeros((height, width), np.float32)}
            else:
                measured = self._measured(pair.points, width, height)
        if pair.points is not None:
            stamp_points, lidar_frame = stamp_ns(pair.points.header), pair.points.header.frame_id
            with self._stages.measure(TRANSFORM):
                measured |= self._placed_by_either_clock(
                    header.frame_id, lidar_frame, stamp_image, stamp_points
                )
                self._deskew(measured, pair.points)
                self._merge(measured, pair, header.frame_id, stamp_image)
        return Frame(
            camera=camera,
            camera_info=info,
            image=image,
            **measured,
            stamp_image=stamp_image,
            stamp_points=stamp_points,
            frame_id=header.frame_id,
            name=str(stamp_image),
        )

    def _frame_without_image(self, message) -> Frame:
        """What the camera would see of a cloud at the cloud's own stamp."""
        camera_frame, size = self._last_image or ("", None)
        info, camera = self._cameras.latest(size, self._settings.max_image_pixels)
        camera_frame = camera_frame or info.header.frame_id
        stamp = stamp_ns(message.header)
        at_image = stamp - round(self._settings.image_time_offset * 1e9)  # as the camera's clock would say
        measured: dict[str, Any] = self._measured(message, camera.width, camera.height)
        measured |= self._placed_by_either_clock(camera_frame, message.header.frame_id, at_image, stamp)
        self._deskew(measured, message)
        return Frame(
            camera=camera,
            camera_info=info,
            **measured,
            stamp_image=stamp,
            stamp_points=stamp,
            frame_id=camera_frame,
            name=str(stamp),
        )

    def _measured(self, message, width: int, height: int) -> dict[str, np.ndarray]:
        """What the range sensor measured, as the fields of a frame."""
        if self._settings.measured_input == "points":
            return {"points": _decoded("cloud", decode_points, message).points}
        decode = partial(decode_sparse_depth, width=width, height=height)
        return {"sparse_depth": _decoded("measured depth", decode, message)}

    def _deskew(self, measured: dict[str, Any], message) -> None:
        if "points" in measured:
            measured["points"] = self.deskew.apply(measured["points"], message, self._clock_of_tf)

    def _merge(self, measured: dict[str, Any], pair: Pair, camera_frame: str, stamp_image: int) -> None:
        """Add the clouds of further LiDARs to that of the first; one that cannot be added is counted."""
        if not pair.more or "points" not in measured:
            return
        at_image = stamp_image + round(self._settings.image_time_offset * 1e9) + self._clock_of_tf
        used, missing, others = {}, {}, []
        for cloud in pair.more:
            try:
                points, T = self._further(cloud, camera_frame, at_image)
            except Drop as drop:
                missing[cloud.topic] = str(drop)
            else:
                used[cloud.topic] = len(points)
                others.append((points, T))
        T_first = _to_camera(measured["T_cam_lidar"], measured["T_image_points"])
        measured["points"] = merge_points(measured["points"], T_first, others, self._settings.lidar_min_range)
        self.more.judge(used, missing)

    def _further(self, cloud: MoreCloud, camera_frame: str, at_image: int) -> tuple[np.ndarray, np.ndarray]:
        """Points of a further LiDAR, and 4 x 4 from its frame to the camera at the image; Drop without."""
        if cloud.message is None:
            raise Drop("no cloud", f"none of its clouds is within {self._settings.more_points_slack:g} s.")
        header, clock = cloud.message.header, cloud.offset_ns + self._clock_of_tf
        points = _decoded("cloud", decode_points, cloud.message).points
        placed = self._extrinsics.of_frame(camera_frame, header.frame_id, at_image, stamp_ns(header) + clock)
        return self.deskew.apply(points, cloud.message, clock), _to_camera(*placed)

    def _placed_by_either_clock(
        self, camera_frame: str, lidar_frame: str, stamp_image: int, stamp_points: int
    ) -> dict[str, object]:
        """`_placed` by the clock of the LiDAR or, where the two differ, by that of the camera."""
        offset = round(self._settings.image_time_offset * 1e9)
        clocks = (0,) if abs(offset) < OTHER_CLOCK_NS else (self._clock_of_tf, 0, -offset)
        failure = None
        for clock in dict.fromkeys(clocks):
            moments = stamp_image + offset + clock, stamp_points + clock
            try:
                placed = self._placed(camera_frame, lidar_frame, *moments)
            except Drop as drop:
                failure = failure or drop
            else:
                self._clock_of_tf = clock
                return placed
        self.statuses["extrinsics"] = Status("extrinsics", WARN, str(failure))
        try:
            raise failure
        finally:
            del failure  # it knows this call, which would know it: image and cloud would stay for long

    def _placed(self, camera_frame: str, lidar_frame: str, at_image: int, stamp: int) -> dict[str, object]:
        """Where the LiDAR is, how it moved, what the robot fills; nothing for depth of the camera itself."""
        if self._settings.measured_input == "points":
            T_cam_lidar, T_image_points = self._extrinsics.of_frame(
                camera_frame, lidar_frame, at_image, stamp
            )
            placed = {"T_cam_lidar": T_cam_lidar, "T_image_points": T_image_points}
            return placed | {"robot": self._robot(lidar_frame, stamp)}
        if camera_frame != lidar_frame:
            T, _ = self._extrinsics.of_frame(camera_frame, lidar_frame, at_image, stamp)
            if not np.allclose(T, np.eye(4), atol=1e-3):
                raise Drop(
                    "measured depth of another camera",
                    f"Measured depth is seen from '{lidar_frame}', but the image from '{camera_frame}'; it "
                    "must be registered to the image first (depth_image_proc/register, or aligned depth).",
                )
        return {}

    def _robot(self, lidar_frame: str, stamp: int) -> Box | None:
        corners = self._settings.robot_box
        if len(corners) == 1:  # not given
            return None
        return Box(corners[:3], corners[3:], self._extrinsics.T_robot_lidar(lidar_frame, stamp))

    def camera_pose(self, frame: Frame) -> np.ndarray:
        """4 x 4 pose of the camera in the fixed frame when the image was taken; TransformError without it."""
        clock = round(self._settings.image_time_offset * 1e9) + self._clock_of_tf
        return self._extrinsics.pose(frame.frame_id, frame.stamp_image + clock)

    def judge(self, frame: Frame, sparse: SparseDepth, lacks: str = "") -> None:
        """Note what the operator should know of a frame that is completed all the same.

        Args:
            lacks: as of `Pair`.
        """
        if lacks:
            timeout = self._settings.partner_timeout
            sentence = f"For {timeout:g} s and more no {lacks} came; frames are completed without {lacks}."
            self._warn(sentence, throttle_duration_sec=10.0)
        if lacks == "points":
            self.statuses["points in view"] = Status("points in view", WARN, sentence)
        else:
            self._judge_points(frame, sparse)
            self._judge_direction(frame, sparse.count)
        self._judge_stamp(frame.stamp_image)

    def _judge_points(self, frame: Frame, sparse: SparseDepth) -> None:
        count = sparse.count
        causes = {cause: n for cause, n in sparse.dropped.items() if n}
        total = count + sum(causes.values()) if frame.points is None else len(frame.points)
        message = f"{count} of {total} points in the image."
        if not count:
            why = ", ".join(f"{cause} ({n})" for cause, n in causes.items()) or "the cloud is empty"
            message = f"No point is in the image: {why}."
        self.statuses["points in view"] = Status("points in view", OK if count else WARN, message, causes)

    def _judge_direction(self, frame: Frame, count: int) -> None:
        """Check the direction of new extrinsics, and once a second while nothing is in view."""
        T = frame.T_cam_lidar
        if frame.points is None:
            self.statuses["extrinsics"] = Status(
                "extrinsics", OK, "Not needed: depth is seen from the camera."
            )
            return
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
            self.statuses["extrinsics"] = Status(  # of which nothing tells, where no point is in view
                "extrinsics", OK, "Known, and they look right." if count else "Known."
            )

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


def _to_camera(T_cam_lidar: np.ndarray, T_image_points: np.ndarray | None) -> np.ndarray:
    return T_cam_lidar if T_image_points is None else T_cam_lidar @ T_image_points


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
