"""A robot connected to a completion node, with what tests of faults ask of the two."""

from __future__ import annotations

import numpy as np
from robot import (
    START,
    STEP,
    Robot,
    completion_node,
    frame,
)

from depth_completion_ros.completion import create_completer
from depth_completion_ros.data.messages import stamp_ns


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
