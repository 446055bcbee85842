"""The nodes around the completion node: what plays messages from memory at a rate, and what rectifies."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace

import cv2
import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_msgs.msg import Float64MultiArray, Header

from depth_completion_ros.core import Camera, invert
from depth_completion_ros.data.messages import decode_camera_info, decode_image
from depth_completion_ros.data.reader import open_reader
from depth_completion_ros.ros import conversions, qos
from depth_completion_ros.ros.player_node import _cloud, _transform
from depth_completion_ros.ros.wheels import packages
from depth_completion_ros.slam.recording import rectifying_maps

DISTORTION = (-0.37, 0.2, 0.001, 0.0005, -0.07)
"""Of the camera of KITTI's raw images; where a graph rectifies, images are said to have it."""
PLAY, PLAYED = "bench/play", "bench/played"


def read_frames(drive: str, count: int) -> list:
    """The first frames of a drive."""
    reader = open_reader(drive)
    return [frame for _, frame in zip(range(count), reader, strict=False)]


def hash_of(frames: list) -> str:
    """SHA-256 of all that is played."""
    digest = hashlib.sha256()
    for frame in frames:
        for array in (frame.image, frame.points, frame.camera.K, frame.T_cam_lidar):
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


class Handover:
    """Publishers and subscribers of one process that pass the message itself."""

    def __init__(self):
        self._callbacks: dict[str, list] = {}

    def subscriber(self, node, kind, topic, **options):
        """In place of `message_filters.Subscriber`; it has what is used of that."""
        callbacks = self._callbacks.setdefault(node.resolve_topic_name(topic), [])
        # No subscription of DDS, but something that can be destroyed like one, on a topic of nobody.
        sub = node.create_subscription(kind, f"nobody{topic}", lambda message: None, 1)
        return SimpleSubscriber(callbacks, sub)

    def subscribe(self, node, topic, callback) -> None:
        self._callbacks.setdefault(node.resolve_topic_name(topic), []).append(callback)

    def publish(self, topic: str, message) -> None:
        for callback in self._callbacks.get(topic, ()):
            callback(message)


class SimpleSubscriber:
    def __init__(self, callbacks: list, sub):
        self._callbacks, self.sub = callbacks, sub

    def registerCallback(self, callback, *arguments):  # noqa: N802
        self._callbacks.append(lambda message: callback(message, *arguments))


class Outlet:
    """One topic that goes out, by DDS or handed over."""

    def __init__(self, node: Node, kind, topic: str, handover: Handover | None):
        self._topic, self._handover = node.resolve_topic_name(topic), handover
        self._publisher = None if handover else node.create_publisher(kind, topic, 10)

    def publish(self, message) -> None:
        if self._handover is None:
            self._publisher.publish(message)
        else:
            self._handover.publish(self._topic, message)


class Playback(Node):
    """Plays messages from memory, again and again, at the rate and as often as `bench/play` says.

    Stamps are the time at which a message goes out. `bench/played` tells how many went out, and when the
    first and the last one did.
    """

    def __init__(self, frames: list, handover: Handover | None):
        super().__init__("playback")
        self.declare_parameter("distorted", False)
        distorted = self.get_parameter("distorted").value
        self._messages = [self._of(frame, distorted) for frame in frames]
        topics = {"image_raw": Image, "camera_info": CameraInfo, "points": PointCloud2}
        self._out = [Outlet(self, kind, topic, handover) for topic, kind in topics.items()]
        self._tf = packages.tf2.StaticTransformBroadcaster(self)
        first, header = frames[0], Header(frame_id="lidar")
        self._tf.sendTransform(_transform(invert(first.T_cam_lidar), header, "camera"))
        self._played = self.create_publisher(Float64MultiArray, PLAYED, 10)
        self.create_subscription(Float64MultiArray, PLAY, self._play, 10)
        self._timer, self._left, self._sent = None, 0, []

    @staticmethod
    def _of(frame, distorted: bool) -> tuple:
        camera = frame.camera
        if distorted:
            camera = replace(camera, distortion_model="plumb_bob", D=DISTORTION)
        return (
            conversions.rgb_message(frame.image, Header(frame_id="camera")),
            conversions.camera_info_message(camera, Header(frame_id="camera")),
            conversions.cloud_message(_cloud(frame), Header(frame_id="lidar")),
        )

    def _play(self, order: Float64MultiArray) -> None:
        rate, count = order.data
        self._left, self._sent = int(count), []
        self._timer = self.create_timer(1 / rate, self._tick, clock=qos.steady_clock())

    def _tick(self) -> None:
        messages = self._messages[len(self._sent) % len(self._messages)]
        now = time.time_ns()
        for message, outlet in zip(messages, self._out, strict=True):
            message.header.stamp.sec, message.header.stamp.nanosec = divmod(now, 10**9)
            outlet.publish(message)
        self._sent.append(now)
        self._left -= 1
        if not self._left:
            self.destroy_timer(self._timer)
            told = [len(self._sent), self._sent[0] / 1e9, self._sent[-1] / 1e9]
            self._played.publish(Float64MultiArray(data=told))


class Rectify(Node):
    """As image_proc: an image without the distortion of the lens, and its CameraInfo."""

    def __init__(self, handover: Handover | None):
        super().__init__("rectify")
        self._maps, self._camera = None, None
        self._image = Outlet(self, Image, "image_rect", handover)
        self._info = Outlet(self, CameraInfo, "rect/camera_info", handover)
        profile = qos.profile("best_effort", 10)
        for topic, kind, callback in (
            ("image_raw", Image, self._on_image),
            ("camera_info", CameraInfo, self._on_info),
        ):
            if handover is None:
                self.create_subscription(kind, topic, callback, profile)
            else:
                handover.subscribe(self, topic, callback)

    def _on_info(self, info: CameraInfo) -> None:
        if self._maps is None:
            camera = decode_camera_info(info)
            self._camera = Camera(camera.width, camera.height, camera.K)
            self._maps = cv2.convertMaps(*rectifying_maps(camera), cv2.CV_16SC2)

    def _on_image(self, message: Image) -> None:
        if self._maps is None:
            return
        image = cv2.remap(decode_image(message), *self._maps, cv2.INTER_LINEAR)
        self._info.publish(conversions.camera_info_message(self._camera, message.header))
        self._image.publish(conversions.rgb_message(image, message.header))
