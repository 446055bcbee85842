"""Cameras and LiDARs whose clocks differ by any amount are paired once the node is told the offset."""

from __future__ import annotations

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from robot import SECOND, START, STEP, T_CAM_LIDAR, Robot, completion_node, points_message  # noqa: E402

from depth_completion_ros.core.geometry import matrix_to_quaternion  # noqa: E402
from depth_completion_ros.data.messages import stamp_ns  # noqa: E402
from depth_completion_ros.ros.wheels import packages  # noqa: E402


@pytest.mark.parametrize(
    "offset_s", [37.0, -18.0, 1_700_000_000.25, -990.5], ids=["TAI", "GPS", "epoch", "since boot"]
)
def test_a_known_offset_of_the_clocks_gives_every_frame_with_the_stamp_of_its_image(ros, offset_s):
    robot = Robot(ros)
    completion_node(ros, image_time_offset=offset_s)
    robot.connect()
    stamps = [START + at * STEP for at in range(5)]
    for stamp in stamps:
        robot.send(stamp, points=points_message(stamp + round(offset_s * SECOND)))
    robot.wait_for_outputs(5)
    assert [stamp_ns(depth.header) for depth in robot.received["depth/image"]] == stamps


@pytest.mark.skipif(packages.tf2 is None, reason=f"no TF here: {packages.reason('tf2')}")
@pytest.mark.parametrize("clock_s", [0, 37], ids=["of the camera", "of the LiDAR"])
def test_moving_tf_may_be_of_either_clock(ros, clock_s):
    from geometry_msgs.msg import TransformStamped

    robot = Robot(ros)
    completion_node(ros, image_time_offset=37.0, extrinsics_source="tf")
    robot.connect()
    broadcaster = packages.tf2.TransformBroadcaster(robot.node)
    assert ros.spin_until(broadcaster.pub_tf.get_subscription_count)
    stamps = [START + at * STEP for at in range(3)]
    for stamp in (*stamps, stamps[-1] + STEP):
        message = TransformStamped(child_frame_id="lidar")
        message.header.frame_id = "camera"
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp + clock_s * SECOND, SECOND)
        for name, value in zip("xyz", T_CAM_LIDAR[:3, 3], strict=True):
            setattr(message.transform.translation, name, float(value))
        for name, value in zip("xyzw", matrix_to_quaternion(T_CAM_LIDAR), strict=True):
            setattr(message.transform.rotation, name, float(value))
        broadcaster.sendTransform(message)
    for stamp in stamps:
        robot.send(stamp, points=points_message(stamp + 37 * SECOND))
    robot.wait_for_outputs(3)
