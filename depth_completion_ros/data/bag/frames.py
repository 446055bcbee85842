"""One pass over the messages of a bag, which makes frames of them."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator

import numpy as np

from depth_completion_ros.core import Camera, Frame, TransformError, TransformTree, invert
from depth_completion_ros.core.geometry import quaternion_to_matrix, rigid
from depth_completion_ros.core.pairing import Pairing

from ..messages import (
    decode_camera_info,
    decode_compressed_image,
    decode_depth_image,
    decode_image,
    decode_points,
    rings_from_top,
    stamp_ns,
)
from .messages import typestore
from .stream import BagError

COMPRESSED = "sensor_msgs/msg/CompressedImage"
TF, TF_STATIC = "/tf", "/tf_static"

LOOK_AHEAD_NS = 500_000_000
"""A pair waits so long, in time of recording, for what was recorded after it: TF, CameraInfo, truth."""
LOOK_AHEAD_PAIRS = 50


class BagFrames:
    """State of one pass over a bag.

    Attributes:
        count: number of frames given.
        dropped: number of messages that were taken but ended in no frame, by cause.
        first_failure: what was wrong first, as a sentence.
    """

    def __init__(self, bag):
        self._bag = bag
        self._pairing = Pairing(bag.slack_ns, bag.image_offset_ns)
        self._dropped: Counter[str] = Counter()
        self.count = 0
        self.first_failure: str | None = None
        self._tree = TransformTree()
        self._cameras: list[tuple[int, Camera | str, object]] = []
        self._truths: dict[int, object] = {}
        self._waiting: deque[tuple[int, object, object]] = deque()
        self._kinds = bag.stream.topics
        topics = (bag.image_topic, bag.points_topic, bag.camera_info_topic, bag.ground_truth_topic)
        self._topics = {topic for topic in (*topics, TF, TF_STATIC) if topic in self._kinds}
        self._preview()

    def _preview(self) -> None:
        """Take static transforms and the first CameraInfo, however late they were recorded."""
        stream = self._bag.stream
        try:
            for topic, _, raw in stream.messages({TF_STATIC} & self._topics):
                for parent, child, T, _ in self._transforms(topic, raw):
                    if child not in self._tree.frames:
                        self._tree.set(parent, child, T)
            for topic, _, raw in stream.messages({self._bag.camera_info_topic}):
                self._add_camera(self._decode(topic, raw))
                break
        except BagError:
            pass  # is met again, and told, where the frames are read

    @property
    def dropped(self) -> Counter[str]:
        return self._dropped + self._pairing.dropped

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
        yield from self.rest()

    def rest(self) -> Iterator[Frame]:
        """Frames that are still to come when there are no more messages."""
        self._waiting.extend((0, image, points) for image, points in self._pairing.flush())
        yield from self._release_all()

    def _take(self, topic: str, raw: bytes) -> list[tuple[object, object]]:
        bag = self._bag
        if topic in (TF, TF_STATIC):
            for parent, child, T, stamp in self._transforms(topic, raw):
                self._tree.set(parent, child, T, None if topic == TF_STATIC else stamp)
            return []
        message = self._decode(topic, raw)
        if message is None:
            return []
        stamp = stamp_ns(message.header)
        if topic == bag.image_topic:
            return self._pairing.add_image(stamp, message)
        if topic == bag.points_topic:
            return self._pairing.add_points(stamp, message)
        if topic == bag.camera_info_topic:
            self._add_camera(message)
        else:
            self._truths[stamp] = message
        return []

    def _decode(self, topic: str, raw: bytes):
        try:
            return typestore().deserialize_cdr(raw, self._kinds[topic])
        except Exception as error:  # broken bytes surface as errors of any kind
            self._fail("message not readable", f"A message of {topic} cannot be read: {error}")
            return None

    def _transforms(self, topic: str, raw: bytes) -> Iterator[tuple[str, str, np.ndarray, int]]:
        message = self._decode(topic, raw)
        for t in message.transforms if message is not None else ():
            r, v = t.transform.rotation, t.transform.translation
            try:
                rotation = quaternion_to_matrix((r.x, r.y, r.z, r.w))
            except ValueError as error:
                self._fail("transform not readable", f"Transform of '{t.child_frame_id}': {error}")
                continue
            T = rigid(rotation, np.array([v.x, v.y, v.z]))
            yield t.header.frame_id, t.child_frame_id, T, stamp_ns(t.header)

    def _add_camera(self, info) -> None:
        if info is None:
            return
        try:
            camera = decode_camera_info(info, self._bag.rectified)
        except ValueError as error:
            camera = str(error)
        if not self._cameras or self._cameras[-1][1] != camera:
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
        frame = self._frame(image, points)
        if frame is not None:
            self.count += 1
            yield frame

    def _fail(self, cause: str, sentence: str) -> None:
        self._dropped[cause] += 1
        self.first_failure = self.first_failure or sentence

    def _frame(self, image, points) -> Frame | None:
        stamp_image, stamp_points = stamp_ns(image.header), stamp_ns(points.header)
        truth = self._truth(stamp_image)
        camera, info = self._camera_at(stamp_image)
        if not isinstance(camera, Camera):
            cause = "no camera_info" if camera is None else "camera not calibrated"
            return self._fail(cause, camera or "No CameraInfo was recorded.")
        try:
            transforms = self._extrinsics(image, points)
        except TransformError as error:
            return self._fail("no transform", str(error))
        try:
            compressed = self._kinds[self._bag.image_topic] == COMPRESSED
            pixels = decode_compressed_image(image) if compressed else decode_image(image)
        except ValueError as error:
            return self._fail("image not readable", str(error))
        if pixels.shape[:2] != (camera.height, camera.width):
            return self._fail(
                "camera_info of another size",
                f"The image is {pixels.shape[1]} x {pixels.shape[0]} but its CameraInfo is "
                f"{camera.width} x {camera.height}; both must be the same.",
            )
        try:
            cloud = decode_points(points)
        except ValueError as error:
            return self._fail("points not readable", str(error))
        rings = cloud.rings
        return Frame(
            name=f"{self._bag.name}_{self.count:06d}",
            camera=camera,
            image=pixels,
            points=cloud.points,
            rings=rings_from_top(rings, cloud.points) if rings is not None else None,
            **transforms,
            stamp_image=stamp_image,
            stamp_points=stamp_points,
            frame_id=image.header.frame_id,
            ground_truth=truth,
            camera_info=info,
        )

    def _truth(self, stamp: int) -> np.ndarray | None:
        message = self._truths.pop(stamp, None)
        for old in [s for s in self._truths if s < stamp]:
            del self._truths[old]
        try:
            return None if message is None else decode_depth_image(message)
        except ValueError as error:
            return self._fail("ground truth not readable", str(error))

    def _extrinsics(self, image, points) -> dict[str, np.ndarray]:
        camera_frame, lidar_frame = image.header.frame_id, points.header.frame_id
        stamp = stamp_ns(points.header)
        T_cam_lidar = self._bag.T_cam_lidar
        if T_cam_lidar is None:
            T_cam_lidar = self._tree.lookup(camera_frame, lidar_frame, stamp)
        fixed = self._bag.fixed_frame
        if not fixed:
            return {"T_cam_lidar": T_cam_lidar}
        at_image = stamp_ns(image.header) + self._bag.image_offset_ns
        T_world_image = self._tree.lookup(fixed, lidar_frame, at_image)
        T_world_lidar = self._tree.lookup(fixed, lidar_frame, stamp)
        return {
            "T_cam_lidar": T_cam_lidar,
            "T_image_points": invert(T_world_image) @ T_world_lidar,
            "T_world_lidar": T_world_lidar,
        }
