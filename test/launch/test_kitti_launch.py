"""kitti.launch.py plays a bag through real nodes, scores it, and ends by itself."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest

launch_pytest = pytest.importorskip(
    "launch_pytest", reason="launch_pytest is not installed; it comes with a ROS 2 distribution"
)
pytest.importorskip("launch_ros", reason="launch_ros is not installed; it comes with a ROS 2 distribution")
pytest.importorskip("rosbags", reason="rosbags is not installed")

from ament_index_python.packages import get_package_share_directory  # noqa: E402
from launch import LaunchDescription  # noqa: E402
from launch.actions import IncludeLaunchDescription  # noqa: E402
from launch.launch_description_sources import PythonLaunchDescriptionSource  # noqa: E402

from depth_completion_ros.core import Camera, Frame, depth_to_points, invert, rigid  # noqa: E402
from depth_completion_ros.core.geometry import transform_points  # noqa: E402
from depth_completion_ros.data.bag.writer import write_bag  # noqa: E402

FRAMES = 25
BEGIN, PERIOD = 1_700_000_000_000_000_000, 100_000_000
T_CAM_LIDAR = rigid([[0, -1, 0], [0, 0, -1], [1, 0, 0]], [0.0, -0.08, -0.3])
CAMERA = Camera(160, 120, [[100, 0, 79.5], [0, 100, 59.5], [0, 0, 1]])

try:
    SHARE = Path(get_package_share_directory("depth_completion_ros"))
except LookupError:
    pytest.skip("depth_completion_ros is not built by colcon and sourced", allow_module_level=True)


def frames():
    """A slanted wall whose true depth is known everywhere."""
    truth = np.linspace(5, 15, 160, dtype=np.float32)[None].repeat(120, axis=0)
    sparse = np.zeros_like(truth)
    sparse[4::8, ::2] = truth[4::8, ::2]
    points = transform_points(invert(T_CAM_LIDAR), depth_to_points(sparse, CAMERA)).astype(np.float32)
    for at in range(FRAMES):
        yield Frame(
            camera=CAMERA,
            image=np.full((120, 160, 3), at, np.uint8),
            points=points,
            T_cam_lidar=T_CAM_LIDAR,
            stamp_image=BEGIN + at * PERIOD,
            stamp_points=BEGIN + at * PERIOD + 5_000_000,
            ground_truth=truth,
        )


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with the bag to play and room for the report; nodes keep to themselves."""
    folder = tmp_path_factory.mktemp("kitti_launch")
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
    os.environ["ROS_LOG_DIR"] = str(folder / "log")
    write_bag(frames(), folder / "bag")
    return folder


@launch_pytest.fixture(scope="module")
def description(folder):
    """The launch file as a user starts it, with a bag and evaluation."""
    arguments = {
        "bag": folder / "bag",
        "completer": "linear",
        "evaluate": "true",
        "report": folder / "report.json",
    }
    source = PythonLaunchDescriptionSource(str(SHARE / "launch" / "kitti.launch.py"))
    include = IncludeLaunchDescription(
        source, launch_arguments=[(name, str(value)) for name, value in arguments.items()]
    )
    return LaunchDescription([include, launch_pytest.actions.ReadyToTest()])


@pytest.mark.launch(fixture=description)
def test_depth_arrives_with_the_stamps_of_the_images(folder):
    import rclpy
    from rclpy.context import Context
    from rclpy.executors import SingleThreadedExecutor
    from sensor_msgs.msg import Image

    from depth_completion_ros.data.messages import decode_depth_image, stamp_ns

    context = Context()
    rclpy.init(args=[], context=context)
    node = rclpy.create_node("listener", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    received = []
    node.create_subscription(Image, "/depth/image", received.append, 50)
    try:
        deadline = time.monotonic() + 40
        while len(received) < 5 and time.monotonic() < deadline:
            executor.spin_once(timeout_sec=0.1)
    finally:
        executor.shutdown()
        node.destroy_node()
        rclpy.try_shutdown(context=context)
    assert len(received) >= 5
    assert {(stamp_ns(message.header) - BEGIN) % PERIOD for message in received} == {0}
    depth = decode_depth_image(received[-1])
    assert depth.shape == (120, 160) and np.isclose(np.median(depth[depth > 0]), 10, atol=1)


@pytest.mark.launch(fixture=description)
def test_every_frame_is_scored_in_the_report(folder):
    deadline = time.monotonic() + 40
    while not (folder / "report.json").is_file() and time.monotonic() < deadline:
        time.sleep(0.1)
    report = json.loads((folder / "report.json").read_text())
    assert report["frames"] == FRAMES
    assert report["mean"]["mae_mm"] < 200
