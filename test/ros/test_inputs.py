"""Other inputs of the node: depth images in place of clouds, a camera from a file, points on the robot."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from rig import needs_tf
from robot import (
    CAMERA,
    START,
    STEP,
    Robot,
    as_bytes,
    camera_image,
    completion_node,
    frame,
    header,
    image_message,
    info_message,
    points_message,
    wall,
)
from sensor_msgs.msg import CompressedImage, Image

from depth_completion_ros.completion import create_completer
from depth_completion_ros.core import Box, Frame, SparseDepth
from depth_completion_ros.data.calibration.camera_file import read_camera_file
from depth_completion_ros.data.messages import decode_camera_info, stamp_ns
from depth_completion_ros.ros import qos
from depth_completion_ros.ros.inputs.camera import Cameras

MILLIMETRES = np.zeros((CAMERA.height, CAMERA.width), np.uint16)
MILLIMETRES[8::16, 8::16] = np.linspace(2000, 9000, 60).reshape(6, 10)
OF_DEPTH = create_completer("nearest")(
    Frame(camera=CAMERA, image=camera_image(), sparse_depth=MILLIMETRES * np.float32(1e-3))
).depth


def depth_of(message) -> np.ndarray:
    return np.frombuffer(message.data, np.float32).reshape(message.height, message.width)


def depth_message(stamp: int, depth: np.ndarray = MILLIMETRES, frame_id: str = "camera") -> Image:
    return Image(
        header=header(stamp, frame_id),
        height=depth.shape[0],
        width=depth.shape[1],
        encoding="16UC1",
        step=2 * depth.shape[1],
        data=as_bytes(depth),
    )


def compressed_message(stamp: int) -> CompressedImage:
    data = np.frombuffer(bytes(12) + cv2.imencode(".png", MILLIMETRES)[1].tobytes(), np.uint8)
    return CompressedImage(
        header=header(stamp, "camera"), format="16UC1; compressedDepth png", data=as_bytes(data)
    )


class DepthRobot(Robot):
    """A robot with a depth camera and no LiDAR."""

    def __init__(self, ros, compressed: bool = False):
        super().__init__(ros, outputs=("depth/image", "sparse_depth/image"))
        self.node.destroy_publisher(self.publishers.pop("points"))
        kind, topic = (Image, "measured_depth")
        if compressed:
            kind, topic = CompressedImage, "measured_depth/compressedDepth"
        profile = qos.profile("best_effort", 20)
        self.publishers["measured_depth"] = self.node.create_publisher(kind, topic, profile)

    def send_depth(self, stamp: int, message) -> None:
        self.publishers["camera_info"].publish(info_message(stamp))
        self.publishers["image"].publish(image_message(stamp))
        self.publishers["measured_depth"].publish(message)


@pytest.mark.parametrize("compressed", [False, True])
def test_images_of_depth_take_the_place_of_clouds(ros, compressed):
    robot = DepthRobot(ros, compressed)
    completion_node(ros, measured_input="compressed_depth" if compressed else "depth")
    robot.connect()
    robot.send_depth(START, (compressed_message if compressed else depth_message)(START))
    robot.wait_for_outputs(1), robot.wait_for_outputs(1, "sparse_depth/image")
    np.testing.assert_array_equal(depth_of(robot.received["depth/image"][0]), OF_DEPTH)
    sparse = np.nan_to_num(depth_of(robot.received["sparse_depth/image"][0]))
    np.testing.assert_allclose(sparse, MILLIMETRES / 1000, rtol=1e-6)
    robot.wait_for_status("completion: points in view", "OK", "60 of 60 points in the image.")
    robot.wait_for_status("completion: extrinsics", "OK", "Not needed: depth is seen from the camera")


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (depth_message(START, frame_id="depth_camera"), "measured depth of another camera"),
        (depth_message(START, MILLIMETRES.repeat(2, 1)), "measured depth cannot be decoded"),
    ],
)
def test_depth_of_another_view_is_dropped_and_counted(ros, message, cause):
    robot = DepthRobot(ros)
    node = completion_node(ros, measured_input="depth")
    robot.connect()
    robot.send_depth(START, message)
    assert ros.spin_until(lambda: node.counters.snapshot().dropped == {cause: 1}), node.counters.snapshot()
    robot.send_depth(START + STEP, depth_message(START + STEP))
    robot.wait_for_outputs(1)
    assert stamp_ns(robot.received["depth/image"][0].header) == START + STEP


@needs_tf
def test_where_nobody_tells_the_motion_nothing_is_blended_and_diagnostics_say_so(ros):
    """Depth of the camera itself needs no TF, so that it is completed all the same."""
    robot = DepthRobot(ros)
    completion_node(
        ros, measured_input="depth", temporal="blend", fixed_frame="odom", extrinsics_source="tf"
    )  # fmt: skip
    robot.connect()
    for number in (0, 1):
        robot.send_depth(START + number * STEP, depth_message(START + number * STEP))
        robot.wait_for_outputs(number + 1)
        np.testing.assert_array_equal(depth_of(robot.received["depth/image"][number]), OF_DEPTH)
    said = robot.wait_for_status("completion: temporal", "WARN", "is not blended, motion not known.")
    assert "No transform from 'camera' to 'odom'" in said
    wanted = {"not blended, motion not known": "2"}
    assert ros.spin_until(lambda: robot.statuses["completion: temporal"][2] == wanted)


YAML = """image_width: WIDTH
image_height: 96
camera_matrix: {rows: 3, cols: 3, data: [100, 0, 79.5, 0, 100, 47.5, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [0, 0, 0, 0, 0]}
"""


def camera_file(tmp_path, width: int = CAMERA.width) -> str:
    (tmp_path / "camera.yaml").write_text(YAML.replace("WIDTH", str(width)))
    return str(tmp_path / "camera.yaml")


def test_a_robot_without_camera_info_has_its_camera_from_a_file(ros, tmp_path):
    robot = Robot(ros, outputs=("depth/image", "depth/camera_info"))
    node = completion_node(ros, camera_info_file=camera_file(tmp_path))
    robot.connect("image", "points")
    robot.publishers["image"].publish(image_message(START))
    robot.publishers["points"].publish(points_message(START))
    robot.wait_for_outputs(1), robot.wait_for_outputs(1, "depth/camera_info")
    expected = create_completer("nearest")(frame()).depth
    np.testing.assert_array_equal(depth_of(robot.received["depth/image"][0]), expected)
    info = robot.received["depth/camera_info"][0]
    assert decode_camera_info(info) == CAMERA and stamp_ns(info.header) == START
    assert "camera_info" not in node._inputs.streams, "it would be reported as silent"


def test_a_camera_file_for_images_of_another_kind_is_told(tmp_path):
    path = tmp_path / "camera.yaml"
    path.write_text(YAML.replace("WIDTH", "160").replace("[0, 0, 0, 0, 0]", "[0.1, 0, 0, 0, 0]"))
    said: list[str] = []
    Cameras(False, file=read_camera_file(path), image_topic="/camera/image_rect", warn=said.append)
    assert len(said) == 1 and "The name of /camera/image_rect says rectified" in said[0]


def test_a_camera_file_that_does_not_fit_is_said(ros, tmp_path):
    robot = Robot(ros)
    node = completion_node(ros, camera_info_file=camera_file(tmp_path, width=320))
    robot.connect("image", "points")
    robot.send(START)
    cause = "camera file of another size"
    assert ros.spin_until(lambda: node.counters.snapshot().dropped == {cause: 1})


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"camera_info_file": "gone.yaml"}, "There is no camera file 'gone.yaml'"),
        ({"robot_box": [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]}, "each of the first below that of the second"),
        ({"robot_frame": "base_link"}, "Parameter 'robot_frame' is 'base_link', which needs TF"),
    ],
)
def test_what_cannot_be_used_is_refused_when_the_node_is_configured(ros, capfd, parameters, sentence):
    node = completion_node(ros, **parameters)
    assert node.trigger_configure() == TransitionCallbackReturn.FAILURE
    assert sentence in capfd.readouterr().err


def test_points_at_the_lidar_and_on_the_robot_are_left_out_and_told(ros):
    robot = Robot(ros, outputs=("sparse_depth/image",))
    completion_node(ros, robot_box=[5.0, -2.0, -2.0, 8.1, 2.0, 2.0], lidar_min_range=0.5)
    robot.connect()
    points = np.concatenate([wall(), np.zeros((7, 3)), [[8, 0, 0.1]], [[0.4, 0, 0.1]]]).astype(np.float32)
    robot.send(START, points=points_message(START, points))
    robot.wait_for_outputs(1, "sparse_depth/image")
    made = frame(points)
    made.robot = Box([5, -2, -2], [8.1, 2, 2])
    expected = SparseDepth.from_points(made, lidar_min_range=0.5)
    assert expected.dropped["too near the LiDAR"] == 8 and expected.dropped["on the robot"] == 1
    sparse = np.nan_to_num(depth_of(robot.received["sparse_depth/image"][0]))
    np.testing.assert_array_equal(sparse, expected.depth)
    robot.wait_for_status("completion: points in view", "OK")
    values = robot.statuses["completion: points in view"][2]
    assert (values["too near the LiDAR"], values["on the robot"]) == ("8", "1")
