"""The doctor finds what is wrong on a live graph."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy", reason="rclpy is not installed")

from rclpy.context import Context  # noqa: E402
from rclpy.node import Node  # noqa: E402
from sensor_msgs.msg import CameraInfo, Image, PointCloud2  # noqa: E402
from std_msgs.msg import Header  # noqa: E402

from depth_completion_ros.core import Camera  # noqa: E402
from depth_completion_ros.doctor import diagnose  # noqa: E402
from depth_completion_ros.ros import conversions, qos  # noqa: E402
from depth_completion_ros.ros.wheels import packages  # noqa: E402

CAMERA = Camera(160, 120, [[100, 0, 79.5], [0, 100, 59.5], [0, 0, 1]])
IMAGE, INFO, POINTS = "/camera/image_raw", "/camera/camera_info", "/lidar/points"


@pytest.fixture
def robot():
    """A node without an executor, as publishing needs none."""
    context = Context()
    rclpy.init(args=[], context=context)
    node = Node("robot", context=context)
    yield node
    node.destroy_node()
    rclpy.try_shutdown(context=context)


@pytest.fixture
def sensors(robot):
    """Camera and LiDAR of the robot, which publish until the test ends."""
    profile = qos.profile("best_effort", 5)
    image = robot.create_publisher(Image, IMAGE, profile)
    info = robot.create_publisher(CameraInfo, INFO, profile)
    points = robot.create_publisher(PointCloud2, POINTS, profile)
    cloud = np.zeros(500, [("x", "<f4"), ("y", "<f4"), ("z", "<f4")])
    cloud["x"], cloud["y"] = 10, np.linspace(-5, 5, 500)
    stop = threading.Event()

    def publish():
        while not stop.wait(0.1):
            header = Header(frame_id="camera", stamp=robot.get_clock().now().to_msg())
            image.publish(conversions.rgb_message(np.zeros((120, 160, 3), np.uint8), header))
            info.publish(conversions.camera_info_message(CAMERA, header))
            header = Header(frame_id="lidar", stamp=header.stamp)
            points.publish(conversions.cloud_message(cloud, header))

    thread = threading.Thread(target=publish)
    thread.start()
    yield robot
    stop.set()
    thread.join()


@contextmanager
def completion_node(*parameters: str, remap: tuple[str, ...] = ()):
    """A completion node in a process of its own, on its own topics or remapped ones."""
    options = [word for parameter in parameters for word in ("-p", parameter)]
    options += [word for rule in remap for word in ("-r", rule)]
    command = [sys.executable, "-m", "depth_completion_ros.ros.completion_node", "--ros-args", *options]
    process = subprocess.Popen(command)
    try:
        yield process
    finally:
        process.terminate()
        assert process.wait(10) == 0


def wait_until(condition) -> None:
    deadline = time.monotonic() + 15
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert condition()


def said(findings, level, subject, words):
    return any(f.level == level and subject in f.subject and words in f.sentence for f in findings)


def test_an_empty_graph_is_told_but_no_error(robot):
    findings = diagnose(graph=True, seconds=0.5, installation=False)
    assert said(findings, "warning", "graph", "Nobody publishes images or points")
    assert said(findings, "warning", "graph", "No completion node is active")
    assert [f for f in findings if f.level == "error"] == []


def test_sensors_without_transform_are_heard_and_the_transform_is_missed(sensors):
    findings = diagnose(graph=True, seconds=3, installation=False)
    assert said(findings, "ok", IMAGE, "Hz")
    assert said(findings, "ok", f"{IMAGE} and {POINTS}", "clouds have an image within 0.05 s")
    assert said(findings, "error", "lidar to camera", "No transform")


@pytest.mark.skipif(packages.tf2 is None, reason=f"no TF here: {packages.reason('tf2')}")
def test_with_a_transform_nothing_is_wrong(sensors):
    from geometry_msgs.msg import Quaternion, Transform, TransformStamped

    broadcaster = packages.tf2.StaticTransformBroadcaster(sensors)
    # From the LiDAR's axes (x forward, z up) to the optical ones (z forward, y down).
    turn = Quaternion(x=-0.5, y=0.5, z=-0.5, w=0.5)
    message = TransformStamped(child_frame_id="camera", transform=Transform(rotation=turn))
    message.header.frame_id = "lidar"
    broadcaster.sendTransform(message)
    findings = diagnose(graph=True, seconds=3, installation=False)
    assert [f for f in findings if f.level == "error"] == []
    assert said(findings, "ok", "lidar to camera", "points in view")


@pytest.fixture
def namespaced_tf(sensors):
    """The LiDAR's transform on /robot/tf_static, beside one that is broken."""
    from geometry_msgs.msg import Quaternion, Transform, TransformStamped
    from tf2_msgs.msg import TFMessage

    publisher = sensors.create_publisher(TFMessage, "/robot/tf_static", qos.latched())
    turn = Quaternion(x=-0.5, y=0.5, z=-0.5, w=0.5)
    message = TransformStamped(child_frame_id="camera", transform=Transform(rotation=turn))
    message.header.frame_id = "lidar"
    broken = TransformStamped(child_frame_id="wheel", transform=Transform(rotation=Quaternion(w=0.0)))
    publisher.publish(TFMessage(transforms=[broken, message]))


REMAP = "/tf_static:=/robot/tf_static"
needs_tf = pytest.mark.skipif(packages.tf2 is None, reason=f"no TF here: {packages.reason('tf2')}")


@needs_tf
def test_transforms_in_a_namespace_are_used_and_the_remapping_is_told(namespaced_tf):
    findings = diagnose(graph=True, seconds=3, installation=False)
    assert said(findings, "ok", "lidar to camera", "points in view")
    assert said(findings, "warning", "/tf", f"start nodes with -r {REMAP}")
    assert said(findings, "warning", "/robot/tf_static", "1 x Transform of 'wheel' in '': Quaternion")


@needs_tf
@pytest.mark.parametrize("remapped", [False, True])
def test_a_node_that_does_not_hear_tf_is_an_error_until_it_is_remapped(namespaced_tf, sensors, remapped):
    inputs = (f"image:={IMAGE}", f"points:={POINTS}", f"camera_info:={INFO}")
    with completion_node("completer:=nearest", remap=(*inputs, REMAP) if remapped else inputs):
        wait_until(lambda: sensors.count_subscribers(POINTS) > 0)
        wait_until(lambda: not remapped or sensors.count_subscribers("/robot/tf_static") > 0)
        findings = diagnose(graph=True, seconds=3, installation=False)
    assert said(findings, "ok", "lidar to camera", "points in view")
    assert said(findings, "error", "/tf", f"start nodes with -r {REMAP}") != remapped


def test_a_reliable_subscription_to_a_best_effort_sensor_is_an_error(sensors):
    sensors.create_subscription(PointCloud2, POINTS, print, qos.profile("reliable", 5))
    findings = diagnose(graph=True, seconds=2, installation=False)
    assert said(findings, "error", POINTS, "robot offers what robot does not accept, so nothing flows")


def test_a_node_on_the_wrong_topics_is_told_what_to_remap(sensors):
    extrinsics = "extrinsics:=[0.0, 0.0, 0.0, 0.5, -0.5, 0.5, 0.5]"
    with completion_node("extrinsics_source:=parameter", extrinsics):
        wait_until(lambda: sensors.count_subscribers("/points") > 0)
        findings = diagnose(graph=True, seconds=3, installation=False)
    assert said(findings, "error", "/completion", f"Nobody publishes /image; there is {IMAGE}: remap it")
    assert said(findings, "error", "/completion", f"Nobody publishes /points; there is {POINTS}")


def test_a_node_that_cannot_be_configured_is_quoted(robot):
    with completion_node("completer:=magic", "extrinsics_source:=parameter"):
        wait_until(lambda: robot.count_publishers("/diagnostics") > 0)
        findings = diagnose(graph=True, seconds=3, installation=False)
    assert said(findings, "error", "completion: life cycle", "Completer 'magic' is unknown")
