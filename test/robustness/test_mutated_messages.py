"""20,000 mutated messages in process, and 500 sets over DDS."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from account import FedNode, usual_depth
from memory import MIB, forget_peak, resident
from mutation import Messages, times
from robot import START, STEP, Robot, completion_node

from depth_completion_ros.data.messages import stamp_ns

IN_PROCESS, BATCH = 20_000, 500
OVER_DDS, ROUND = 500, 50
BOUND_MIB = 400
"""More than at the start the process may never hold, whatever comes."""


@pytest.mark.parametrize("compressed", [False, True], ids=["raw", "compressed"])
def test_mutated_messages_are_completed_or_dropped_in_words(ros, compressed):
    node = FedNode(ros, image_transport="compressed" if compressed else "raw")
    messages = Messages(seed=20 + compressed, compressed=compressed)
    node.completes(messages.good(node.next_stamp()))
    forget_peak()
    start = resident()
    for _ in range(times(IN_PROCESS // 2 // BATCH)):
        for number in range(BATCH):
            node.feed(messages.mutated(node.next_stamp()))
            if not number % 40:  # the node remembers 50 CameraInfos
                node.settle()
        node.completes(messages.good(node.next_stamp()))
        assert (resident("VmHWM") - start) / MIB < BOUND_MIB
    node.check_account()
    counts = node.counts
    assert counts.lost > 0.2 * counts.begun and counts.completed > 0.1 * counts.begun, counts.dropped


def test_mutated_messages_over_dds_leave_a_node_that_completes(ros):
    robot = Robot(ros, reliability="reliable")
    node = completion_node(ros, qos_input_reliability="reliable", qos_input_depth=100, sync_queue=100)
    robot.connect()
    messages, stamp, expected = Messages(seed=22), START, usual_depth()
    forget_peak()
    start = resident()
    for _ in range(times(OVER_DDS // ROUND)):
        for _ in range(ROUND):
            stamp += STEP
            image, info, points = messages.mutated(stamp)
            robot.send(stamp, image, info, points)
            ros.executor.spin_once(timeout_sec=0)
        settled = partial(_settled, node, _sent(stamp))
        assert ros.spin_until(settled, 20)
        stamp += STEP
        robot.send(stamp)
        assert ros.spin_until(partial(_has_come, robot, stamp), 20)
        received = np.frombuffer(robot.received["depth/image"][-1].data, np.float32)
        np.testing.assert_array_equal(received.reshape(expected.shape), expected)
        assert (resident("VmHWM") - start) / MIB < BOUND_MIB
    counts = node.counters.snapshot()
    assert counts.begun == counts.completed + counts.lost
    assert "unexpected failure" not in counts.dropped


def _sent(stamp: int) -> int:
    return (stamp - START) // STEP - 1


def _has_come(robot, stamp: int) -> bool:
    received = robot.received["depth/image"]
    return bool(received) and stamp_ns(received[-1].header) == stamp


def _settled(node, sent: int) -> bool:
    """Whether all sets that were sent are paired or dropped, and nothing waits."""
    return not node._worker.pending and node.counters.snapshot().begun >= sent
