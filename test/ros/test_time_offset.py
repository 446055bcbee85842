"""Cameras and LiDARs whose clocks differ by any amount are paired once the node is told the offset."""

from __future__ import annotations

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from robot import SECOND, START, STEP, Robot, completion_node, points_message  # noqa: E402

from depth_completion_ros.data.messages import stamp_ns  # noqa: E402


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
