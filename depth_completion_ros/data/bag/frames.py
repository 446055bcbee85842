"""One pass over the messages of a bag, which makes frames of them."""

from __future__ import annotations

import warnings
from collections import Counter, deque
from collections.abc import Iterator
from functools import partial
from math import inf
from typing import Any

import numpy as np

from depth_completion_ros.core import Box, Camera, Frame, TransformError, TransformTree, invert
from depth_completion_ros.core.pairing import Pairing
from depth_completion_ros.core.transform_tree import OTHER_CLOCK_NS

from ..calibration.extrinsics_file import not_that_lidar
from ..deskew import NotDeskewed
from ..messages import (
    decode_camera_info,
    decode_compressed_image,
    decode_depth_image,
    decode_image,
    decode_points,
    decode_sparse_depth,
    decode_times,
    doubt_of_rectified,
    image_size,
    rings_from_top,
    stamp_ns,
)
from .stream import BagError
from .topics import COMPRESSED, is_static, transforms_of

LOOK_AHEAD_NS = 500_000_000
"""A pair waits so long, in time of recording, for what was recorded after it: TF, CameraInfo, truth."""
LOOK_AHEAD_PAIRS = 50


class _Drop(Exception):
    """A pair that makes no frame: the cause it is counted under, and a sentence."""


class BagFrames:
    """State of one pass over a bag.

    Args:
        first, last: numbers of pairs of which frames are made, `last` being exclusive; those before are not
            decoded, and nothing is read after them.

    Attributes:
        count: number of frames given.
        dropped: number of messages that were taken but ended in no frame, by cause. Those that came into no
            pair count in the pass that reads to the end alone.
        first_failure: what was wrong first, as a sentence.
    """

    def __init__(self, bag, first: int = 0, last: float = inf):
        self._bag, self._first, self._last = bag, first, last
        self._pairing = Pairing(bag.slack_ns, bag.image_offset_ns)
        self._of_pairs: Counter[str] = Counter()
        self._of_messages: Counter[str] = Counter()
        self.count = self._pairs = 0
        self.first_failure: str | None = None
        self._lidar_frame = ""
        self._tree = TransformTree()
        self._cameras: list[tuple[int, Camera | str, object]] = []
        self._truths: dict[int, object] = {}
        self._waiting: deque[tuple[int, Any, Any]] = deque()
        self._kinds = bag.stream.topics
        topics = (bag.image_topic, bag.measured_topic, bag.camera_info_topic, bag.ground_truth_topic)
        self._topics = {topic for topic in (*topics, *bag.tf_topics) if topic in self._kinds}
        self._preview()

    def _preview(self) -> None:
        """Take static transforms and the first CameraInfo, however late they were recorded."""
        stream = self._bag.stream
        try:
            for topic, _, raw in stream.messages(set(filter(is_static, self._bag.tf_topics))):
                for parent, child, T, _ in self._transforms(topic, raw):
                    if child not in self._tree.frames:
                        self._tree.set(parent, child, T)
            for topic, _, raw in stream.messages({self._bag.camera_info_topic} & self._topics):
                self._add_camera(self._decode(topic, raw))
                break
        except BagError:
            pass  # is met again, and told, where the frames are read

    @property
    def dropped(self) -> Counter[str]:
        to_the_end = self._of_messages + self._pairing.dropped if self._last >= len(self._bag) else Counter()
        return self._of_pairs + to_the_end

    def frames(self) -> Iterator[Frame]:
        """Frames in order of stamps; BagError where the bag breaks off, then `rest` has more."""
        for topic, time_ns, raw in self._bag.stream.messages(self._topics):
            while self._waiting and (
                self._waiting[0][0] + LOOK_AHEAD_NS < time_ns or len(self._waiting) > LOOK_AHEAD_PAIRS
            ):
                yield from self._release()
            jumps = self._pairing.time_jumps
            pairs = self._take(topic, raw)
            if self._pairing.time_jumps > jumps:
                yield from self._release_all()
                self._tree.clear()
                del self._cameras[:-1]
                self._truths.clear()
            self._waiting.extend((time_ns, image, points) for image, points in pairs)
            if self._pairs >= self._last and self._last < len(self._bag):
                return
        yield from self.rest()

    def rest(self) -> Iterator[Frame]:
        """Frames that are still to come when there are no more messages."""
        self._waiting.extend((0, image, points) for image, points in self._pairing.flush())
        yield from self._release_all()

    def _take(self, topic: str, raw: bytes) -> list[tuple[object, object]]:
        bag = self._bag
        if topic in bag.tf_topics:
            for parent, child, T, stamp in self._transforms(topic, raw):
                self._tree.set(parent, child, T, None if is_static(topic) else stamp)
            return []
        message = self._decode(topic, raw)
        if message is None:
            return []
        stamp = stamp_ns(message.header)
        if topic == bag.image_topic:
            return self._pairing.add_image(stamp, message)
        if topic == bag.measured_topic:
            return self._pairing.add_points(stamp, message)
        if topic == bag.camera_info_topic:
            self._add_camera(message)
        else:
            self._truths[stamp] = message
        return []

    def _decode(self, topic: str, raw: bytes):
        try:
            return self._bag.stream.decode(topic, raw)
        except ValueError as error:
            return self._fail("message not readable", str(error), self._of_messages)

    def _transforms(self, topic: str, raw: bytes) -> Iterator[tuple[str, str, np.ndarray, int]]:
        message = self._decode(topic, raw)
        for parent, child, T, stamp in () if message is None else transforms_of(message):
            if isinstance(T, str):
                self._fail("transform not readable", T, self._of_messages)
            else:
                yield parent, child, T, stamp

    def _add_camera(self, info) -> None:
        if info is None:
            return
        try:
            camera = decode_camera_info(info, self._bag.rectified)
        except ValueError as error:
            camera = str(error)
        if not self._cameras or self._cameras[-1][1] != camera:
            doubt = doubt_of_rectified(info, self._bag.image_topic, self._bag.rectified)
            if doubt and not self._cameras:
                warnings.warn(f"Bag '{self._bag.path}': {doubt}", stacklevel=2)
            self._cameras.append((stamp_ns(info.header), camera, info))

    def _camera_at(self, stamp: int) -> tuple[Camera | str | None, object]:
        """The latest camera that is not newer than an image, or the first one, and its CameraInfo."""
        older = [entry for entry in self._cameras if entry[0] <= stamp]
        _, camera, info = (older[-1:] or self._cameras[:1] or [(0, None, None)])[0]
        return camera, info

    def _release_all(self) -> Iterator[Frame]:
        while self._waiting:
            yield from self._release()

    def _release(self) -> Iterator[Frame]:
        _, image, points = self._waiting.popleft()
        number, self._pairs = self._pairs, self._pairs + 1
        self._lidar_frame = self._lidar_frame or points.header.frame_id
        if not self._first <= number < self._last:
            self._take_truth(stamp_ns(image.header))
            return
        frame = self._frame(image, points, number)
        if frame is not None:
            self.count += 1
            yield frame

    def _fail(self, cause: str, sentence: str, counter: Counter[str] | None = None) -> None:
        counter = self._of_pairs if counter is None else counter
        counter[cause] += 1
        self.first_failure = self.first_failure or sentence

    def _frame(self, image, measured, number: int) -> Frame | None:
        truth = self._truth(stamp_ns(image.header))
        try:
            return self._complete_frame(image, measured, truth, number)
        except _Drop as drop:
            return self._fail(*drop.args)

    def _complete_frame(self, image, measured, truth: np.ndarray | None, number: int) -> Frame:
        recorded, info = (None, None) if self._bag.camera_file else self._recorded_camera(image)
        try:
            sparse = self._bag.sparse_depth_topic
            placed, shift = (
                (self._check_registered(image, measured), 0) if sparse else self._placed(image, measured)
            )
        except TransformError as error:
            raise _Drop("no transform", str(error)) from None
        camera = self._fitting(recorded, *self._size(image))
        pixels = self._pixels(image)
        return Frame(
            name=f"{self._bag.name}_{number:06d}",
            camera=camera,
            image=pixels,
            **placed,
            **(self._depth(measured, pixels) if sparse else self._points(measured, shift)),
            stamp_image=stamp_ns(image.header),
            stamp_points=stamp_ns(measured.header),
            frame_id=image.header.frame_id,
            ground_truth=self._of_size(truth, pixels),
            camera_info=info,
        )

    def _recorded_camera(self, image) -> tuple[Camera, object]:
        """The camera of an image, and the CameraInfo that tells it."""
        camera, info = self._camera_at(stamp_ns(image.header))
        if not isinstance(camera, Camera):
            cause = "no camera_info" if camera is None else "camera not calibrated"
            raise _Drop(cause, camera or "No CameraInfo was recorded.")
        return camera, info

    def _size(self, image) -> tuple[int, int]:
        """Width and height that an image says it has, before memory is taken for it."""
        try:
            return image_size(image)
        except ValueError as error:
            raise _Drop("image not readable", str(error)) from None

    def _fitting(self, camera: Camera | None, width: int, height: int) -> Camera:
        """The camera that was recorded or, without one, that of the file, if it is of the image's size."""
        if camera is None:
            try:
                return self._bag.camera_file.camera(width, height, self._bag.rectified)
            except ValueError as error:
                raise _Drop("camera file of another size", str(error)) from None
        if (height, width) != (camera.height, camera.width):
            raise _Drop(
                "camera_info of another size",
                f"The image is {width} x {height} but its CameraInfo is {camera.width} x {camera.height}; "
                "both must be the same.",
            )
        return camera

    def _pixels(self, image) -> np.ndarray:
        compressed = self._kinds[self._bag.image_topic] == COMPRESSED
        try:
            return decode_compressed_image(image) if compressed else decode_image(image)
        except ValueError as error:
            raise _Drop("image not readable", str(error)) from None

    def _points(self, message, shift_ns: int) -> dict[str, np.ndarray | None]:
        """Points of a cloud, without the motion of the LiDAR where that can be.

        Args:
            shift_ns: from the clock of the cloud to that of TF.
        """
        try:
            cloud = decode_points(message)
        except ValueError as error:
            raise _Drop("points not readable", str(error)) from None
        stamp, fixed = stamp_ns(message.header) + shift_ns, self._bag.fixed_frame

        def pose_at(seconds: float) -> np.ndarray:
            return self._tree.lookup(fixed, message.header.frame_id, stamp + round(seconds * 1e9))

        try:
            points, times = self._bag.deskew.apply(
                cloud.points, partial(decode_times, message, cloud.points), pose_at if fixed else None
            )
        except NotDeskewed as error:
            raise _Drop(f"not deskewed, {error.cause}", str(error)) from None
        rings = None if cloud.rings is None else rings_from_top(cloud.rings, cloud.points)
        return {"points": points, "point_times": times, "rings": rings}

    def _depth(self, message, pixels: np.ndarray) -> dict[str, np.ndarray]:
        height, width = pixels.shape[:2]
        try:
            return {"sparse_depth": decode_sparse_depth(message, width, height)}
        except ValueError as error:
            raise _Drop("sparse depth not readable", str(error)) from None

    def _check_registered(self, image, depth) -> dict[str, np.ndarray]:
        """Nothing to add to a frame where depth is seen from the camera itself; else it is dropped."""
        camera_frame, depth_frame = image.header.frame_id, depth.header.frame_id
        if camera_frame != depth_frame:
            T = self._tree.lookup(camera_frame, depth_frame, stamp_ns(depth.header))
            if not np.allclose(T, np.eye(4), atol=1e-3):
                raise _Drop(
                    "sparse depth of another camera",
                    f"Sparse depth is seen from '{depth_frame}', but the image from '{camera_frame}'; it "
                    "must be registered to the image first (depth_image_proc/register, or aligned depth).",
                )
        return {}

    def _of_size(self, truth: np.ndarray | None, pixels: np.ndarray) -> np.ndarray | None:
        if truth is None or truth.shape == pixels.shape[:2]:
            return truth
        return self._fail(
            "ground truth of another size",
            f"Ground truth is {truth.shape[1]} x {truth.shape[0]} but the image is {pixels.shape[1]} x "
            f"{pixels.shape[0]}; both must be the same.",
        )

    def _take_truth(self, stamp: int):
        """The message with the truth of an image; older ones are forgotten."""
        message = self._truths.pop(stamp, None)
        for old in [s for s in self._truths if s < stamp]:
            del self._truths[old]
        return message

    def _truth(self, stamp: int) -> np.ndarray | None:
        message = self._take_truth(stamp)
        try:
            return None if message is None else decode_depth_image(message)
        except ValueError as error:
            return self._fail("ground truth not readable", str(error))

    def _placed(self, image, points) -> tuple[dict[str, np.ndarray | Box], int]:
        """Where the LiDAR is, how it moved, and what the robot fills, and what is added to stamps for TF.

        At the stamp of the cloud, by the clock of the LiDAR or, where the two differ, by that of the camera.
        """
        try:
            return self._placed_at(image, points, 0), 0
        except TransformError:
            shift = -self._bag.image_offset_ns
            if abs(shift) < OTHER_CLOCK_NS:
                raise
            return self._placed_at(image, points, shift), shift

    def _placed_at(self, image, points, shift_ns: int) -> dict[str, np.ndarray | Box]:
        camera_frame, lidar_frame = image.header.frame_id, points.header.frame_id
        stamp = stamp_ns(points.header) + shift_ns
        T_cam_lidar = self._told(camera_frame, lidar_frame)
        if T_cam_lidar is None:
            T_cam_lidar = self._tree.lookup(camera_frame, lidar_frame, stamp)
        placed: dict[str, np.ndarray | Box] = {"T_cam_lidar": T_cam_lidar}
        if self._bag.robot_box is not None:
            placed["robot"] = self._robot(lidar_frame, stamp)
        fixed = self._bag.fixed_frame
        if not fixed:
            return placed
        at_image = stamp_ns(image.header) + self._bag.image_offset_ns + shift_ns
        T_world_image = self._tree.lookup(fixed, lidar_frame, at_image)
        T_world_lidar = self._tree.lookup(fixed, lidar_frame, stamp)
        return placed | {
            "T_image_points": invert(T_world_image) @ T_world_lidar,
            "T_world_lidar": T_world_lidar,
        }

    def _told(self, camera_frame: str, lidar_frame: str) -> np.ndarray | None:
        """T_cam_lidar of the bag's options; None where TF tells it."""
        name = self._bag.extrinsics_of_one
        if name and lidar_frame != self._lidar_frame:
            sentence = not_that_lidar(name, self._lidar_frame, lidar_frame)
            raise _Drop("extrinsics cannot be used", sentence)
        try:
            return self._bag.told_extrinsics(camera_frame, lidar_frame)
        except ValueError as error:
            raise _Drop("extrinsics cannot be used", str(error)) from None

    def _robot(self, lidar_frame: str, stamp: int) -> Box:
        box, frame = self._bag.robot_box, self._bag.robot_frame or lidar_frame
        return Box(box.lower, box.upper, self._tree.lookup(frame, lidar_frame, stamp))
