"""camera_lidar.launch.py completes the depth of a robot's own topics, in its namespace."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

launch_pytest = pytest.importorskip(
    "launch_pytest", reason="launch_pytest is not installed; it comes with a ROS 2 distribution"
)
pytest.importorskip("launch_ros", reason="launch_ros is not installed; it comes with a ROS 2 distribution")

import rclpy  # noqa: E402
from ament_index_python.packages import get_package_share_directory  # noqa: E402
from launch import LaunchDescription  # noqa: E402
from launch.actions import IncludeLaunchDescription  # noqa: E402
from launch.launch_description_sources import PythonLaunchDescriptionSource  # noqa: E402
from lifecycle_msgs.srv import GetState  # noqa: E402
from rclpy.context import Context  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.node import Node  # noqa: E402
from sensor_msgs.msg import CameraInfo, Image, PointCloud2  # noqa: E402
from std_msgs.msg import Header  # noqa: E402

from depth_completion_ros.core import Camera, rigid  # noqa: E402
from depth_completion_ros.data.messages import decode_depth_image  # noqa: E402
from depth_completion_ros.ros import conversions, qos  # noqa: E402

try:
    SHARE = Path(get_package_share_directory("depth_completion_ros"))
except LookupError:
    pytest.skip("depth_completion_ros is not built by colcon and sourced", allow_module_level=True)

CAMERA = Camera(160, 120, [[100, 0, 79.5], [0, 100, 59.5], [0, 0, 1]])
T_CAM_LIDAR = rigid([[0, -1, 0], [0, 0, -1], [1, 0, 0]], [0.0, 0.0, 0.0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with the calibration file; nodes keep to themselves."""
    folder = tmp_path_factory.mktemp("camera_lidar_launch")
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
    os.environ["ROS_LOG_DIR"] = str(folder / "log")
    calibration = {"parent": "front_camera", "child": "top_lidar", "matrix": T_CAM_LIDAR.tolist()}
    (folder / "extrinsics.json").write_text(json.dumps(calibration))
    return folder


@pytest.fixture(scope="module")
def robot(folder):
    """A node with a camera and a LiDAR that publish a wall 10 m ahead until the tests end."""
    context = Context()
    rclpy.init(args=[], context=context)
    node = Node("robot", context=context)
    profile = qos.profile("best_effort", 5)
    image = node.create_publisher(Image, "/front/image_raw", profile)
    info = node.create_publisher(CameraInfo, "/front/camera_info", profile)
    points = node.create_publisher(PointCloud2, "/top/points", profile)
    side, up = np.meshgrid(np.linspace(-8, 8, 80), np.linspace(-6, 6, 40))
    cloud = np.zeros(side.size, [("x", "<f4"), ("y", "<f4"), ("z", "<f4")])
    cloud["x"], cloud["y"], cloud["z"] = 10, side.ravel(), up.ravel()
    stop = threading.Event()

    def publish():
        while not stop.wait(0.1):
            header = Header(frame_id="front_camera", stamp=node.get_clock().now().to_msg())
            image.publish(conversions.rgb_message(np.zeros((120, 160, 3), np.uint8), header))
            info.publish(conversions.camera_info_message(CAMERA, header))
            header = Header(frame_id="top_lidar", stamp=header.stamp)
            points.publish(conversions.cloud_message(cloud, header))

    thread = threading.Thread(target=publish)
    thread.start()
    yield node
    stop.set()
    thread.join()
    node.destroy_node()
    rclpy.try_shutdown(context=context)


@launch_pytest.fixture(scope="module")
def description(folder):
    """The launch file with a robot's topics, namespace and calibration file."""
    arguments = {
        "image": "/front/image_raw",
        "points": "/top/points",
        "completer": "nearest",
        "extrinsics": str(folder / "extrinsics.json"),
        "namespace": "robot",
    }
    source = PythonLaunchDescriptionSource(str(SHARE / "launch" / "camera_lidar.launch.py"))
    include = IncludeLaunchDescription(source, launch_arguments=arguments.items())
    return LaunchDescription([include, launch_pytest.actions.ReadyToTest()])


def spin_until(node: Node, condition) -> None:
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    deadline = time.monotonic() + 30
    try:
        while not condition() and time.monotonic() < deadline:
            executor.spin_once(timeout_sec=0.1)
    finally:
        executor.remove_node(node)
        executor.shutdown()


@pytest.mark.launch(fixture=description)
def test_depth_of_the_robots_topics_comes_out_in_its_namespace(robot):
    received = []
    robot.create_subscription(Image, "/robot/depth/image", received.append, 5)
    spin_until(robot, lambda: len(received) >= 3)
    assert len(received) >= 3
    depth = decode_depth_image(received[-1])
    assert received[-1].header.frame_id == "front_camera"
    assert np.isclose(np.median(depth[depth > 0]), 10.0, atol=0.01)


@pytest.mark.launch(fixture=description)
def test_the_node_makes_itself_active(robot):
    client = robot.create_client(GetState, "/robot/completion/get_state")
    spin_until(robot, client.service_is_ready)
    answer = client.call_async(GetState.Request())
    spin_until(robot, answer.done)
    assert answer.result().current_state.label == "active"
