"""Live scans that took time while the robot drove."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from rig import USUAL, Rig, needs_tf, transform  # noqa: E402
from robot import SECOND, START, STEP, T_CAM_LIDAR, header, wall  # noqa: E402

from depth_completion_ros.core import invert, rigid  # noqa: E402
from depth_completion_ros.ros import conversions  # noqa: E402
from depth_completion_ros.ros.wheels import packages  # noqa: E402

SPEED = 20.0
TIMES = np.linspace(0, 0.1, len(wall()))


def skewed_cloud(stamp: int = START, times=TIMES):
    """The wall as it comes in while the robot drives towards it, with Ouster's column of times."""
    points = wall()
    points[:, 0] -= SPEED * TIMES
    cloud = np.zeros(len(points), [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("t", "<u4")])
    for column, name in enumerate("xyz"):
        cloud[name] = points[:, column]
    cloud["t"] = np.round(times * 1e9)
    return conversions.cloud_message(cloud, header(stamp, "lidar"))


@pytest.fixture
def driving(ros):
    """Starts a node, and a robot whose odom tells 0.5 s of motion around START."""

    def start(until: float = 0.5, **parameters) -> Rig:
        rig = Rig(
            ros, extrinsics_source="tf", fixed_frame="odom", **{"calibration_timeout": 5.0, **parameters}
        )
        static = packages.tf2.StaticTransformBroadcaster(rig.robot.node)
        static.sendTransform(transform(invert(T_CAM_LIDAR), "lidar", "camera"))
        moving = packages.tf2.TransformBroadcaster(rig.robot.node)
        assert ros.spin_until(lambda: moving.pub_tf.get_subscription_count() > 0)
        for at in np.arange(-0.1, until, 0.02):
            pose = rigid(np.eye(3), (SPEED * at, 0, 0))
            moving.sendTransform(transform(pose, "odom", "lidar", START + round(at * SECOND)))
        return rig

    return start


@needs_tf
@pytest.mark.parametrize("mode", ["auto", "on"])
def test_a_scan_is_deskewed_by_the_motion_that_odom_tells(driving, mode):
    rig = driving(deskew=mode)
    rig.robot.send(START, points=skewed_cloud())
    np.testing.assert_allclose(rig.depth(), USUAL, rtol=1e-4)
    rig.robot.wait_for_status("completion: deskew", "OK", "is taken out")
    assert rig.robot.statuses["completion: deskew"][2] == {"deskewed": "1"}


@needs_tf
def test_off_takes_the_scan_as_it_is(driving):
    rig = driving(deskew="off")
    rig.robot.send(START, points=skewed_cloud())
    assert np.nanmax(np.abs(rig.depth() - USUAL)) > 1.5
    rig.robot.wait_for_status("completion: deskew", "OK", "as 'deskew' is off")


@needs_tf
@pytest.mark.parametrize(
    ("until", "times", "cause", "words"),
    [
        (0.05, TIMES, "no motion", "The motion during the scan is not known"),
        (0.5, TIMES * 1e-3, "times not plausible", "Field 't' (uint32) of a cloud puts all points within"),
    ],
)
def test_a_scan_that_cannot_be_deskewed_is_told_and_counted(driving, capfd, until, times, cause, words):
    rig = driving(until, calibration_timeout=0.2)
    rig.robot.send(START, points=skewed_cloud(times=times))
    assert np.nanmax(np.abs(rig.depth() - USUAL)) > 1.5
    rig.robot.wait_for_status("completion: deskew", "WARN", words)
    assert rig.robot.statuses["completion: deskew"][2] == {"deskewed": "0", cause: "1"}
    assert f"A scan is not deskewed: {words}" in capfd.readouterr().err


@needs_tf
def test_where_it_must_be_deskewed_such_a_scan_is_dropped(driving):
    rig = driving(deskew="on")
    rig.robot.send(START)  # a cloud without times
    rig.wait_for_drop("not deskewed, no times of points")
    rig.robot.send(START + STEP, points=skewed_cloud(START + STEP))
    moved = rig.depth()
    assert np.isfinite(moved).any()


def test_on_without_a_fixed_frame_is_refused(ros, capfd):
    from robot import completion_node

    node = completion_node(ros, deskew="on")
    assert not node._active
    assert "Parameter 'deskew' is on, which needs the motion of the LiDAR" in capfd.readouterr().err
