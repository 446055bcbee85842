"""A robot connected to a completion node, with what tests of faults ask of the two."""

from __future__ import annotations

import numpy as np
import pytest
from robot import START, STEP, Robot, completion_node, frame, header

from depth_completion_ros.completion import create_completer
from depth_completion_ros.data.messages import stamp_ns
from depth_completion_ros.ros.wheels import packages


def depth_of(message) -> np.ndarray:
    return np.frombuffer(message.data, np.float32).reshape(message.height, message.width)


class Rig:
    """A robot connected to a node, and a check that the node still completes good frames."""

    def __init__(self, ros, **parameters):
        self.ros = ros
        self.robot = Robot(ros)
        self.node = completion_node(ros, **parameters)
        self.robot.connect()

    def depth(self, number: int = 0) -> np.ndarray:
        self.robot.wait_for_outputs(number + 1)
        return depth_of(self.robot.received["depth/image"][number])

    def wait_for_drop(self, cause: str, number: int = 1) -> None:
        counts = self.node.counters
        assert self.ros.spin_until(lambda: counts.snapshot().dropped.get(cause) == number), counts.snapshot()
        assert not self.robot.received["depth/image"]

    def wait_for_words(self, words: str, capfd) -> None:
        """Until the log has them, which follow the count of a drop."""
        said: list[str] = []

        def have_come() -> bool:
            said.append(capfd.readouterr().err)
            return words in "".join(said)

        assert self.ros.spin_until(have_come), "".join(said)

    def recovers(self, stamp: int = START + STEP) -> None:
        before = len(self.robot.received["depth/image"])
        self.robot.send(stamp)
        self.robot.wait_for_outputs(before + 1)
        message = self.robot.received["depth/image"][-1]
        assert stamp_ns(message.header) == stamp
        np.testing.assert_array_equal(depth_of(message), USUAL)
        counts = self.node.counters.snapshot()
        assert counts.begun == counts.completed + counts.lost


USUAL = create_completer("nearest")(frame()).depth


needs_tf = pytest.mark.skipif(packages.tf2 is None, reason=f"tf2 is {packages.reason('tf2')}")


def transform(T: np.ndarray, parent="camera", child="lidar", stamp=0):
    from geometry_msgs.msg import TransformStamped

    from depth_completion_ros.core.geometry import matrix_to_quaternion

    message = TransformStamped(header=header(stamp, parent), child_frame_id=child)
    t, q = message.transform.translation, message.transform.rotation
    t.x, t.y, t.z = map(float, T[:3, 3])
    q.x, q.y, q.z, q.w = map(float, matrix_to_quaternion(T[:3, :3]))
    return message
