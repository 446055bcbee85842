"""A small robot for the tests of the nodes: it publishes, listens, and reads diagnostics."""

from __future__ import annotations

import array
from functools import cache

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from diagnostic_msgs.msg import DiagnosticArray  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2  # noqa: E402
from std_msgs.msg import Header  # noqa: E402

from depth_completion_ros.core import Camera, Frame  # noqa: E402
from depth_completion_ros.ros import conversions, qos  # noqa: E402
from depth_completion_ros.ros.transport import use_large_message_profile  # noqa: E402

use_large_message_profile()

LEVEL_NAMES = ("OK", "WARN", "ERROR", "STALE")

CAMERA = Camera(160, 96, [[100, 0, 79.5], [0, 100, 47.5], [0, 0, 1]])
# The LiDAR looks along x with z up and sits 20 cm above the camera.
T_CAM_LIDAR = np.array([[0, -1, 0, 0], [0, 0, -1, -0.2], [1, 0, 0, 0], [0, 0, 0, 1]], float)
SECOND = 1_000_000_000
START = 1000 * SECOND
STEP = SECOND // 10

OUTPUTS = {
    "depth/image": Image,
    "depth/image_mm": Image,
    "depth/camera_info": CameraInfo,
    "depth/points": PointCloud2,
    "depth/confidence": Image,
    "depth/source": Image,
    "sparse_depth/image": Image,
    "overlay": Image,
}


def overrides(**parameters) -> list[Parameter]:
    """Parameters as a node takes them at start."""
    return [Parameter(name, value=value) for name, value in parameters.items()]


def header(stamp: int, frame_id: str) -> Header:
    message = Header(frame_id=frame_id)
    message.stamp.sec, message.stamp.nanosec = divmod(stamp, SECOND)
    return message


def camera_image(camera: Camera = CAMERA) -> np.ndarray:
    """uint8 H x W x 3, other at every pixel nearby."""
    return _camera_image(camera.width, camera.height).copy()


@cache
def _camera_image(width: int, height: int) -> np.ndarray:
    v, u = np.mgrid[:height, :width]
    return np.stack([u, v, u + v], axis=-1).astype(np.uint8)


def wall(distance: float = 10.0) -> np.ndarray:
    """Points on a slanted wall across the view, float32 N x 3, LiDAR frame."""
    return _wall(distance).copy()


@cache
def _wall(distance: float) -> np.ndarray:
    y, z = np.meshgrid(np.linspace(-9, 9, 90), np.linspace(-4, 4, 24))
    x = distance + 0.3 * y - 0.1 * z
    return np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1).astype(np.float32)


def image_message(stamp: int, camera: Camera = CAMERA) -> Image:
    return conversions.rgb_message(camera_image(camera), header(stamp, "camera"))


def info_message(stamp: int, camera: Camera = CAMERA) -> CameraInfo:
    return conversions.camera_info_message(camera, header(stamp, "camera"))


def points_message(stamp: int, points: np.ndarray | None = None) -> PointCloud2:
    points = wall() if points is None else points
    cloud = np.zeros(len(points), [("x", "<f4"), ("y", "<f4"), ("z", "<f4")])
    for column, name in enumerate("xyz"):
        cloud[name] = points[:, column]
    return conversions.cloud_message(cloud, header(stamp, "lidar"))


def as_bytes(values: np.ndarray) -> array.array:
    """Data of a message."""
    data = array.array("B")
    data.frombytes(np.ascontiguousarray(values).tobytes())
    return data


def frame(points: np.ndarray | None = None, camera: Camera = CAMERA, T_image_points=None) -> Frame:
    """What the node should make of the robot's messages."""
    return Frame(
        camera=camera,
        image=camera_image(camera),
        points=wall() if points is None else points,
        T_cam_lidar=T_CAM_LIDAR,
        T_image_points=T_image_points,
    )


class Robot:
    """Publishes images, CameraInfo and clouds, and collects what comes back.

    Attributes:
        received: messages by topic, in order.
        statuses: (level, message, values) of /diagnostics by name.
    """

    def __init__(self, ros, outputs=("depth/image",), reliability: str = "best_effort", compressed=False):
        self._ros = ros
        self.node = node = ros.node("robot")
        profile = qos.profile(reliability, 20)
        image = (CompressedImage, "image/compressed") if compressed else (Image, "image")
        self.publishers = {
            "image": node.create_publisher(*image, profile),
            "camera_info": node.create_publisher(CameraInfo, "camera_info", profile),
            "points": node.create_publisher(PointCloud2, "points", profile),
        }
        self.received: dict[str, list] = {}
        self._subscriptions = [self.listen(topic) for topic in outputs]
        self.statuses: dict[str, tuple[str, str, dict]] = {}
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)

    def listen(self, topic: str):
        self.received[topic] = []
        return self.node.create_subscription(
            OUTPUTS[topic], topic, self.received[topic].append, qos.profile("reliable", 20)
        )

    def _on_diagnostics(self, message) -> None:
        for status in message.status:
            values = {value.key: value.value for value in status.values}
            self.statuses[status.name] = LEVEL_NAMES[status.level[0]], status.message, values

    def connect(self, *names: str) -> None:
        """Wait until the node listens to the robot and the robot to the node."""
        publishers = [self.publishers[name] for name in names or self.publishers]
        assert self._ros.spin_until(
            lambda: (
                all(p.get_subscription_count() for p in publishers)
                and all(self.node.count_publishers(topic) for topic in self.received)
                and all(node._outputs.wanted(topic) for node in _nodes(self._ros) for topic in self.received)
            )
        ), "the node did not subscribe"

    def send(self, stamp: int, image=None, info=None, points=None) -> None:
        """Publish CameraInfo, image and cloud of one moment; given ones instead of the usual."""
        self.publishers["camera_info"].publish(info or info_message(stamp))
        self.publishers["image"].publish(image or image_message(stamp))
        self.publishers["points"].publish(points or points_message(stamp))

    def wait_for_outputs(self, number: int, topic: str = "depth/image", timeout_s: float = 10.0) -> None:
        got = self.received[topic]
        assert self._ros.spin_until(lambda: len(got) >= number, timeout_s), (
            f"{len(got)} of {number} messages came on {topic}"
        )

    def wait_for_status(self, name: str, level: str, words: str = "", timeout_s: float = 8.0) -> str:
        """The message of a status once it has this level and these words in it."""

        def there():
            status = self.statuses.get(name)
            return status is not None and status[0] == level and words in status[1]

        assert self._ros.spin_until(there, timeout_s), f"{name} is {self.statuses.get(name)}"
        return self.statuses[name][1]


def _nodes(ros) -> list:
    """Completion nodes in the test's own executor, which can tell that they are matched."""
    return [node for node in ros.executor.get_nodes() if hasattr(node, "_outputs")]


def completion_node(ros, **parameters):
    """A completion node in the test's executor, active, with the robot's extrinsics; it tells every guess."""
    from depth_completion_ros.ros.completion_node import CompletionNode

    usual = {"extrinsics_source": "parameter", "extrinsics": T_CAM_LIDAR.ravel().tolist()}
    given = overrides(
        **{**usual, "completer": "nearest", "frame_queue": 50, "min_confidence": 0.0, **parameters}
    )
    return ros.add(CompletionNode(context=ros.context, parameter_overrides=given))
