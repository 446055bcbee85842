"""Completions blended over time by the node, with the motion that TF tells."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from rig import Rig, needs_tf, transform  # noqa: E402
from robot import SECOND, START, STEP, T_CAM_LIDAR, completion_node, frame, points_message, wall  # noqa: E402

from depth_completion_ros import create_completer  # noqa: E402
from depth_completion_ros.completion.temporal.blend import TemporalBlend  # noqa: E402
from depth_completion_ros.core import SparseDepth, invert, rigid  # noqa: E402
from depth_completion_ros.ros.wheels import packages  # noqa: E402

SPEED = 5.0
TOPIC = "completion: temporal"


def pose_at(seconds: float) -> np.ndarray:
    """Of the LiDAR in odom."""
    return rigid(np.eye(3), (SPEED * seconds, 0, 0))


def points_at(number: int) -> np.ndarray:
    """The wall as the robot sees it after so many steps, never twice at the same pixels."""
    rng = np.random.default_rng(number)
    points = wall(12.0 - SPEED * 0.1 * number)
    return points[rng.random(len(points)) < 0.3]


@pytest.fixture
def driving(ros):
    """Starts a node, and a robot whose odom tells a second of motion from START on."""

    def start(**parameters) -> Rig:
        given = {"extrinsics_source": "tf", "fixed_frame": "odom", "calibration_timeout": 5.0, **parameters}
        rig = Rig(ros, **given)
        static = packages.tf2.StaticTransformBroadcaster(rig.robot.node)
        static.sendTransform(transform(invert(T_CAM_LIDAR), "lidar", "camera"))
        moving = packages.tf2.TransformBroadcaster(rig.robot.node)
        assert ros.spin_until(lambda: moving.pub_tf.get_subscription_count() > 0)
        rig.tell_motion = lambda since, until: [
            moving.sendTransform(transform(pose_at(at), "odom", "lidar", START + round(at * SECOND)))
            for at in np.arange(since, until, 0.02)
        ]
        rig.tell_motion(-0.1, 1.0)
        return rig

    return start


def completed(rig: Rig, numbers, stamp_of=lambda number: START + number * STEP) -> list[np.ndarray]:
    depths = []
    for number in numbers:
        stamp = stamp_of(number)
        rig.robot.send(stamp, points=points_message(stamp, points_at(number)))
        depths.append(rig.depth(len(depths)))
    return depths


def alone(number: int) -> np.ndarray:
    return create_completer("linear")(frame(points_at(number))).depth


@needs_tf
def test_the_node_blends_as_the_function_does(driving):
    rig = driving(temporal="blend", completer="linear")
    depths = completed(rig, range(4))
    blend, shares = TemporalBlend(), []
    for number, depth in enumerate(depths):
        given = frame(points_at(number), T_image_points=np.eye(4))
        given.stamp_image = START + number * STEP
        sparse = SparseDepth.from_points(given)
        T_world_cam = pose_at(0.1 * number) @ invert(T_CAM_LIDAR)
        expected = blend.apply(given, sparse, create_completer("linear")(given, sparse), T_world_cam).depth
        # By way of TF, rotations and depths are not the same to the last digit.
        assert np.mean(~np.isclose(depth, expected, rtol=1e-4, equal_nan=True)) < 0.01
        measured = sparse.depth > 0
        np.testing.assert_array_equal(depth[measured], sparse.depth[measured])
        shares.append(blend.share)
    assert min(shares[1:]) > 0.3
    assert np.nanmax(np.abs(depths[3] - alone(3))) > 0.01
    wanted = {"not blended, first frame": "1", "blended": "3"}
    assert rig.ros.spin_until(lambda: rig.robot.statuses.get(TOPIC, [{}])[-1] == wanted)
    assert "% of the last image are blended" in rig.robot.statuses[TOPIC][1]
    counts = rig.node.counters.snapshot()
    assert (counts.begun, counts.completed, counts.lost) == (4, 4, 0)


@needs_tf
def test_off_leaves_each_frame_as_it_is(driving):
    rig = driving(completer="linear")
    for number, depth in enumerate(completed(rig, range(3))):
        np.testing.assert_allclose(depth, alone(number), rtol=1e-4)
    rig.robot.wait_for_status(TOPIC, "OK", "as 'temporal' is off")


@needs_tf
def test_a_jump_back_of_stamps_begins_anew(driving, ros):
    rig = driving(temporal="blend", completer="linear")
    completed(rig, range(2))
    stamp = START - SECOND
    rig.robot.send(stamp, points=points_message(stamp, points_at(2)))
    # Transforms that came before the jump are forgotten, so that they must be told again.
    assert ros.spin_until(lambda: rig.node.counters.snapshot().begun == 3)
    rig.tell_motion(-1.1, -0.8)
    np.testing.assert_allclose(rig.depth(2), alone(2), rtol=1e-4)
    rig.robot.wait_for_status(TOPIC, "WARN", "The last image is not blended, time went back.")


def test_blend_without_a_fixed_frame_is_refused(ros, capfd):
    node = completion_node(ros, temporal="blend")
    assert not node._active
    assert "Parameter 'temporal' is blend, which needs the motion of the camera" in capfd.readouterr().err
