"""The robot of a soak: camera and LiDAR at a rate, TF, a clock, and listeners; all can be disturbed."""

from __future__ import annotations

import time
from array import array

import cv2
import numpy as np
from account import Account
from geometry_msgs.msg import TransformStamped
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, PointCloud2
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

from depth_completion_ros.core import Camera
from depth_completion_ros.core.geometry import matrix_to_quaternion
from depth_completion_ros.data.messages import stamp_ns
from depth_completion_ros.ros import conversions, qos

SECOND = 1_000_000_000
T_CAM_LIDAR = np.array([[0, -1, 0, 0], [0, 0, -1, -0.2], [1, 0, 0, 0.1], [0, 0, 0, 1]], float)
OUTPUTS = {"depth/image": Image, "depth/points": PointCloud2, "depth/confidence": Image, "overlay": Image}


class Robot(Node):
    """Publishes a set of messages each period, as it is told to be.

    Attributes:
        account: what became of each image.
        clouds, images: what the sensors send: `usual`, or a fault; see `_points` and `_image`.
        tf_delay_s: how late TF is; None where it is lost.
        focal: of the CameraInfo, pixels.
        shift_ns: of the clock, which jumps.
    """

    def __init__(self, rate: float, width: int, height: int, seed: int):
        super().__init__("robot")
        self.account = Account()
        self.clouds = self.images = "usual"
        self.tf_delay_s: float | None = 0.0
        self.camera = Camera(
            width, height, [[0.6 * width, 0, width / 2], [0, 0.6 * width, height / 2], [0, 0, 1]]
        )
        self.focal = self.camera.K[0, 0]
        v, u = np.mgrid[:height, : width + 2]
        self._ramp = np.stack([u, v, u + v], axis=-1).astype(np.uint8)
        self._truth = np.full((height, width), 10, np.float32)
        self.shift_ns = 1000 * SECOND
        self._random = np.random.default_rng(seed)
        self._rate, self._count = rate, 0
        self._late: list[tuple[float, TFMessage]] = []
        self._listeners = {}
        self._publishers_ = {}
        self._clock = self.create_publisher(Clock, "/clock", 10)
        self._tf = self.create_publisher(TFMessage, "/tf", 100)
        self.connect()
        self.listen("depth/image", self._on_depth)
        self.create_subscription(Image, "/played/depth/image", self._on_played, qos.profile("reliable", 5))
        self.played = 0
        steady = qos.steady_clock()
        self._sensors = self.create_timer(1 / rate, self._publish, clock=steady)
        self.create_timer(0.02, self._tick, clock=steady)

    @property
    def now_ns(self) -> int:
        return time.monotonic_ns() + self.shift_ns

    # What disturbances do ------------------------------------------------------------------------

    def connect(self) -> None:
        """New publishers, as after a restart of the drivers."""
        for publisher in self._publishers_.values():
            self.destroy_publisher(publisher)
        profile = qos.profile("best_effort", 10)
        kinds = {
            "image": Image,
            "camera_info": conversions.CameraInfo,
            "points": PointCloud2,
            "ground_truth": Image,
        }
        self._publishers_ = {name: self.create_publisher(kind, name, profile) for name, kind in kinds.items()}

    @property
    def is_connected(self) -> bool:
        return all(
            self._publishers_[name].get_subscription_count() for name in ("image", "camera_info", "points")
        )

    def listen(self, topic: str, callback=lambda message: None) -> None:
        """Subscribe to an output."""
        self._listeners[topic] = self.create_subscription(
            OUTPUTS[topic], topic, callback, qos.profile("reliable", 5)
        )

    def leave(self, topic: str) -> None:
        """Subscribe no more."""
        listener = self._listeners.pop(topic, None)
        if listener is not None:
            self.destroy_subscription(listener)

    def rest(self) -> None:
        """Publish no more images; what is under way still comes back."""
        self._sensors.cancel()

    # Messages ------------------------------------------------------------------------------------

    def _tick(self) -> None:
        clock = Clock()
        clock.clock.sec, clock.clock.nanosec = divmod(self.now_ns, SECOND)
        self._clock.publish(clock)
        now = time.monotonic()
        while self._late and self._late[0][0] <= now:
            self._tf.publish(self._late.pop(0)[1])

    def _publish(self) -> None:
        if not self.is_connected:
            return
        stamp, now = self.now_ns, time.monotonic()
        self._count += 1
        self._send_tf(stamp, now)
        camera_header, lidar_header = _header(stamp, "camera"), _header(stamp, "lidar")
        K = self.camera.K.copy()
        K[0, 0] = K[1, 1] = self.focal
        info = Camera(self.camera.width, self.camera.height, K)
        self._publishers_["camera_info"].publish(conversions.camera_info_message(info, camera_header))
        self._publishers_["points"].publish(self._points(lidar_header))
        self.account.publish(stamp, now)
        self._publishers_["image"].publish(self._image(camera_header))
        self._publishers_["ground_truth"].publish(conversions.depth_message(self._truth, camera_header))

    def _send_tf(self, stamp: int, now: float) -> None:
        if self.tf_delay_s is None:
            return
        message = TransformStamped(header=_header(stamp, "camera"), child_frame_id="lidar")
        move, turn = message.transform.translation, message.transform.rotation
        move.x, move.y, move.z = map(float, T_CAM_LIDAR[:3, 3])
        turn.x, turn.y, turn.z, turn.w = map(float, matrix_to_quaternion(T_CAM_LIDAR[:3, :3]))
        self._late.append((now + self.tf_delay_s, TFMessage(transforms=[message])))
        self._late.sort(key=lambda entry: entry[0])

    def _points(self, header: Header) -> PointCloud2:
        """A cloud: usual, empty, all NaN, dense, few, or with fields that do not fit its data."""
        count = {"empty": 0, "dense": 100_000, "few": 20}.get(self.clouds, 5000)
        y, z = self._random.uniform(-8, 8, count), self._random.uniform(-2, 2, count)
        cloud = np.zeros(count, [(axis, "<f4") for axis in "xyz"])
        cloud["x"], cloud["y"], cloud["z"] = 10 + 0.3 * y + 0.2 * np.sin(self._count / 20), y, z
        if self.clouds == "all NaN":
            cloud["x"] = np.nan
        message = conversions.cloud_message(cloud, header)
        if self.clouds == "malformed":
            message.point_step = 5
        return message

    def _image(self, header: Header) -> Image:
        """An image: usual, grey, noise, of another size, or with too little data."""
        width, height = self.camera.width, self.camera.height
        if self.images == "of another size":
            width += 2
        pixels = self._ramp[:height, :width] + np.array([self._count % 256, 0, 0], np.uint8)
        if self.images == "noise":
            pixels = self._random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        if self.images == "grey":
            return conversions.image_message(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), "mono8", header)
        message = conversions.rgb_message(pixels, header)
        if self.images == "malformed":
            message.data = array("B", bytes(100))
        return message

    # What comes back -------------------------------------------------------------------------------

    def _on_depth(self, message: Image) -> None:
        self.account.depths += 1

    def _on_played(self, message: Image) -> None:
        self.played += 1


def _header(stamp: int, frame_id: str) -> Header:
    header = Header(frame_id=frame_id)
    header.stamp.sec, header.stamp.nanosec = divmod(stamp, SECOND)
    assert stamp_ns(header) == stamp
    return header
