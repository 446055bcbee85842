"""50 rounds of configure, activate, work, deactivate and clean up: nothing is left over."""

from __future__ import annotations

import gc
import threading
from pathlib import Path

import numpy as np
from memory import MIB, resident
from mutation import times
from robot import START, STEP, Robot, completion_node

from depth_completion_ros.ros.completion_node import SUCCESS

ROUNDS, WARM = 50, 10
GROWTH_MIB = 30


def test_rounds_of_the_life_cycle_leave_nothing_behind(ros):
    random = np.random.default_rng(50)
    robot = Robot(ros)
    node = completion_node(ros, autostart=False)
    held, stamp = [], START
    for _ in range(WARM + times(ROUNDS)):
        assert node.trigger_configure() == SUCCESS
        if random.random() < 0.9:
            assert node.trigger_activate() == SUCCESS
            if random.random() < 0.5:
                stamp = work(ros, robot, stamp)
            ros.spin_until(lambda: False, random.uniform(0, 0.05))
            assert node.trigger_deactivate() == SUCCESS
        assert node.trigger_cleanup() == SUCCESS
        gc.collect()
        held.append((resident(), len(list(Path("/proc/self/fd").iterdir())), threading.active_count()))
    memory, descriptors, threads = np.array(held[WARM:]).T
    assert threads.max() == threads.min()
    assert descriptors[-1] <= descriptors[0] + 2
    assert (memory[-1] - memory[0]) / MIB < GROWTH_MIB
    counts = node.counters.snapshot()
    assert counts.completed and counts.begun == counts.completed + counts.lost


def work(ros, robot, stamp: int) -> int:
    """A frame goes in and comes out; the stamp of it."""
    robot.connect()
    before = len(robot.received["depth/image"])
    robot.send(stamp + STEP)
    robot.wait_for_outputs(before + 1, timeout_s=20)
    return stamp + STEP
