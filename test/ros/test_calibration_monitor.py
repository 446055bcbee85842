"""The node tells by its diagnostics whether the edges of the points lie on those of the images."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

import boxes  # noqa: E402
from robot import START, STEP, Robot, completion_node, header, info_message, points_message  # noqa: E402

from depth_completion_ros.core import rigid  # noqa: E402
from depth_completion_ros.ros import conversions  # noqa: E402


def drive(ros, number: int, yaw: float = 0.0, **parameters) -> Robot:
    """A node with extrinsics that are wrong by a yaw in degrees, and so many frames for it."""
    rotation, _ = cv2.Rodrigues(np.deg2rad([0, yaw, 0]))
    extrinsics = (rigid(rotation, np.zeros(3)) @ boxes.T_CAM_LIDAR).ravel().tolist()
    robot = Robot(ros)
    completion_node(ros, extrinsics=extrinsics, **parameters)
    robot.connect()
    for at in range(number):
        stamp, frame = START + at * STEP, boxes.frame(at % 4)
        robot.send(
            stamp,
            conversions.rgb_message(frame.image, header(stamp, "camera")),
            info_message(stamp, boxes.CAMERA),
            points_message(stamp, frame.points),
        )
        robot.wait_for_outputs(at + 1)
    return robot


def test_a_right_calibration_is_told_with_its_numbers(ros):
    robot = drive(ros, 6, calibration_check_period=0.001)
    robot.wait_for_status("completion: calibration", "OK", "Edges of depth lie on image edges")
    values = robot.statuses["completion: calibration"][2]
    assert values["state"] == "aligned"
    assert float(values["pixels"]) < 1.5


def test_a_wrong_yaw_is_a_warning_after_some_frames(ros):
    robot = drive(ros, 6, yaw=2.0, calibration_check_period=0.001)
    message = robot.wait_for_status("completion: calibration", "WARN", "points moved by yaw -")
    assert "degrees would fit" in message


def test_a_few_frames_give_no_warning_yet(ros):
    robot = drive(ros, 2, yaw=2.0, calibration_check_period=0.001)
    robot.wait_for_status("completion: calibration", "OK", "So far only 2 of 5 frames")


def test_no_more_than_one_frame_a_period_is_looked_at(ros):
    robot = drive(ros, 6, calibration_check_period=3600.0)
    robot.wait_for_status("completion: calibration", "OK", "Edges of depth")
    assert robot.statuses["completion: calibration"][2]["frames"] == "1"


def test_it_can_be_switched_off(ros):
    robot = drive(ros, 2, calibration_check_period=0.0)
    robot.wait_for_status("completion: calibration", "OK", "calibration_check_period is 0")
