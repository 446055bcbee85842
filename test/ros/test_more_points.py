"""Several LiDARs, whose clouds become one sparse depth."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from rig import Rig, depth_of, needs_tf, transform  # noqa: E402
from robot import (  # noqa: E402
    CAMERA,
    SECOND,
    START,
    STEP,
    T_CAM_LIDAR,
    completion_node,
    frame,
    points_message,
    wall,
)
from sensor_msgs.msg import PointCloud2  # noqa: E402

from depth_completion_ros.core import SparseDepth, invert, rigid  # noqa: E402
from depth_completion_ros.core.geometry import merge_points, transform_points  # noqa: E402
from depth_completion_ros.ros import qos  # noqa: E402
from depth_completion_ros.ros.wheels import packages  # noqa: E402

LEFT = wall()[:, 1] > 0
TURN = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
T_LIDAR_SIDE = rigid(TURN, (0.5, -0.7, 0.2))  # the second LiDAR, turned and aside
WHOLE = SparseDepth.from_points(frame()).depth


def of_side(points: np.ndarray) -> np.ndarray:
    """Points of the first LiDAR's frame as the second one measures them, and a beam without return."""
    seen = transform_points(invert(T_LIDAR_SIDE), points)
    return np.vstack([seen, np.zeros((1, 3), np.float32)]).astype(np.float32)


def side_message(stamp: int, points: np.ndarray) -> PointCloud2:
    message = points_message(stamp, of_side(points))
    message.header.frame_id = "side"
    return message


class TwoLidars(Rig):
    """The first LiDAR sees the right half of the wall, the second the left one."""

    def __init__(self, ros, send_tf: bool = True, **parameters):
        super().__init__(ros, extrinsics_source="tf", more_points="points_side", **parameters)
        self.side = self.robot.node.create_publisher(
            PointCloud2, "points_side", qos.profile("best_effort", 20)
        )
        self.robot.listen("sparse_depth/image")
        self.sparse = self.robot.received["sparse_depth/image"]
        self._static = packages.tf2.StaticTransformBroadcaster(self.robot.node)
        self._static.sendTransform(transform(invert(T_CAM_LIDAR), "lidar", "camera"))
        if send_tf:
            self._static.sendTransform(transform(T_LIDAR_SIDE, "lidar", "side"))
        assert ros.spin_until(lambda: self.side.get_subscription_count() > 0)
        assert ros.spin_until(lambda: self.node._outputs.wanted("sparse_depth/image"))

    def send(self, stamp: int, side_stamp: int | None) -> None:
        if side_stamp is not None:
            before = self.node._inputs.streams["points_side"].count
            self.side.publish(side_message(side_stamp, wall()[LEFT]))
            assert self.ros.spin_until(lambda: self.node._inputs.streams["points_side"].count > before)
        self.robot.send(stamp, points=points_message(stamp, wall()[~LEFT]))

    def sparse_depth(self, number: int = 0) -> np.ndarray:
        self.robot.wait_for_outputs(number + 1, "sparse_depth/image")
        return np.nan_to_num(depth_of(self.sparse[number]))


def halves(depth: np.ndarray) -> tuple[float, float]:
    """Of the pixels that both LiDARs together measure, the share that is right, in each half."""
    right = np.isclose(depth, WHOLE, rtol=1e-4) & (WHOLE > 0)
    middle = CAMERA.width // 2
    return tuple(
        float(right[:, part].sum() / (WHOLE[:, part] > 0).sum())
        for part in (np.s_[: middle - 2], np.s_[middle + 2 :])
    )


@needs_tf
def test_two_clouds_become_one_sparse_depth_each_by_its_own_extrinsics(ros):
    rig = TwoLidars(ros)
    rig.send(START, START - 30_000_000)
    assert min(halves(rig.sparse_depth())) > 0.98
    message = rig.robot.wait_for_status("completion: more points", "OK", "points of points_side")
    assert message.startswith(f"{LEFT.sum() + 1} points")
    assert rig.robot.statuses["completion: more points"][2] == {"points_side: used": "1"}


@needs_tf
def test_a_frame_without_the_second_cloud_is_completed_told_and_counted(ros, capfd):
    rig = TwoLidars(ros)
    rig.send(START, START - 150_000_000)  # older than more_points_slack
    left, right = halves(rig.sparse_depth())
    assert left < 0.02 and right > 0.98
    words = "A frame is completed without points_side: none of its clouds is within 0.1 s."
    rig.robot.wait_for_status("completion: more points", "WARN", words)
    assert words in capfd.readouterr().err
    rig.send(START + STEP, START + STEP)
    assert min(halves(rig.sparse_depth(1))) > 0.98
    rig.robot.wait_for_status("completion: more points", "OK")
    counts = rig.robot.statuses["completion: more points"][2]
    assert counts == {"points_side: missing": "1", "points_side: used": "1"}


@needs_tf
def test_a_second_lidar_that_tf_does_not_know_is_never_taken_for_the_first(ros):
    rig = TwoLidars(ros, send_tf=False, calibration_timeout=0.1)
    rig.send(START, START)
    left, right = halves(rig.sparse_depth())
    assert left < 0.02 and right > 0.98
    rig.robot.wait_for_status("completion: more points", "WARN", "'side'")


@needs_tf
def test_a_time_offset_brings_another_clock_to_that_of_the_first(ros):
    rig = TwoLidars(ros, more_points_time_offsets=[-37.0])
    rig.send(START, START + 37 * SECOND)
    assert min(halves(rig.sparse_depth())) > 0.98


@needs_tf
@needs_tf
def test_a_cloud_from_before_a_jump_of_time_is_never_added(ros):
    """A simulation that begins again has the same stamps, and another world."""
    rig = TwoLidars(ros)
    for number in range(2):
        rig.send(START + number * SECOND, START + number * SECOND)
        assert min(halves(rig.sparse_depth(number))) > 0.95
    rig.send(START, None)
    left, right = halves(rig.sparse_depth(2))
    assert left < 0.05 and right > 0.95
    rig.robot.wait_for_status("completion: more points", "WARN", "none of its clouds is within")


@needs_tf
def test_motion_between_the_two_clouds_is_undone_through_the_fixed_frame(ros):
    rig = TwoLidars(ros, fixed_frame="odom", calibration_timeout=5.0)
    moving = packages.tf2.TransformBroadcaster(rig.robot.node)
    assert ros.spin_until(lambda: moving.pub_tf.get_subscription_count() > 0)
    for i in range(-2, 3):  # 10 m/s towards the wall
        pose = rigid(np.eye(3), (1.0 * i, 0, 0))
        moving.sendTransform(transform(pose, "odom", "lidar", START + i * STEP))
    before = wall()[LEFT]
    before[:, 0] += 0.5  # 50 ms ago the robot was half a metre further away
    rig.side.publish(side_message(START - 50_000_000, before))
    assert ros.spin_until(lambda: rig.node._inputs.streams["points_side"].count > 0)
    rig.robot.send(START, points=points_message(START, wall()[~LEFT]))
    assert min(halves(rig.sparse_depth())) > 0.95


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (
            {"more_points": "points_side"},
            "'extrinsics_source' is parameter, which has the place of one LiDAR",
        ),
        (
            {"more_points": "points left!", "extrinsics_source": "tf"},
            "Parameter 'more_points' has 'points left!', which cannot be a topic",
        ),
        ({"more_points": "a,b,a", "extrinsics_source": "tf"}, "has the topic 'a' twice"),
        (
            {"more_points": "points_side", "extrinsics_source": "file", "extrinsics_file": "NAMELESS"},
            "has no names of frames, so it has the place of one LiDAR",
        ),
        (
            {"more_points": "a,b,c", "more_points_time_offsets": [0.0, 1.0], "extrinsics_source": "tf"},
            "Parameter 'more_points_time_offsets' has 2 entries; it must have one for each of 3 topics",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(ros, capfd, tmp_path, parameters, words):
    if parameters.get("extrinsics_file"):
        (tmp_path / "calib.json").write_text(json.dumps({"T_cam_lidar": T_CAM_LIDAR.tolist()}))
        parameters = parameters | {"extrinsics_file": str(tmp_path / "calib.json")}
    node = completion_node(ros, **parameters)
    assert not node._active and words in capfd.readouterr().err


def test_several_lidars_may_stand_in_one_calibration_file(ros, tmp_path):
    from depth_completion_ros.ros.extrinsics import Extrinsics

    T_cam_side = T_CAM_LIDAR @ T_LIDAR_SIDE
    transforms = [
        {"parent": "camera", "child": child, "matrix": T.tolist()}
        for child, T in (("lidar", T_CAM_LIDAR), ("side", T_cam_side))
    ]
    (tmp_path / "rig.json").write_text(json.dumps({"transforms": transforms}))
    node = completion_node(ros, extrinsics_source="file", extrinsics_file=str(tmp_path / "rig.json"))
    extrinsics = Extrinsics(node, node.settings)
    for _ in range(2):
        for child, T in (("lidar", T_CAM_LIDAR), ("side", T_cam_side)):
            found, _ = extrinsics.of_frame("camera", child, START, START)
            np.testing.assert_allclose(found, T, atol=1e-9)


def test_merged_points_keep_the_columns_of_the_first_and_leave_out_what_is_no_return():
    first = np.array([[10, 0, 0, 0.5]], np.float32)
    second = np.array([[5, 1, 0], [0, 0, 0], [0.1, 0, 0], [np.nan, 0, 0]], np.float32)
    merged = merge_points(first, T_CAM_LIDAR, [(second, T_CAM_LIDAR @ T_LIDAR_SIDE)], 0.3)
    np.testing.assert_allclose(merged, [[10, 0, 0, 0.5], [-0.5, 4.3, 0.2, 0]], atol=1e-6)
