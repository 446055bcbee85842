"""A ROS graph for each test, alone on this machine.

The environment is set when this file is imported, which is before any test imports rclpy.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


def _claim_domain() -> int:
    """A ROS domain that nobody else uses; a file stays locked that keeps other runs of tests from it."""
    first = os.getpid() % 100
    for i in range(100):
        domain = 1 + (first + i) % 100
        try:
            lock = os.open(Path(tempfile.gettempdir(), f"ros_domain_{domain}.lock"), os.O_CREAT | os.O_RDWR)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind(("", 7400 + 250 * domain))  # where each participant of a domain listens for others
        except OSError:
            continue
        return domain
    return 1 + first


os.environ["ROS_DOMAIN_ID"] = str(_claim_domain())
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
os.environ["ROS_LOG_DIR"] = tempfile.mkdtemp(prefix="ros_log_")
atexit.register(shutil.rmtree, os.environ["ROS_LOG_DIR"], ignore_errors=True)
# Where a distribution is sourced its own folders stay in front.
os.environ["AMENT_PREFIX_PATH"] = os.pathsep.join(
    filter(None, [os.environ.get("AMENT_PREFIX_PATH"), sys.prefix])
)


class Ros:
    """One rclpy context whose nodes are spun by the test itself, in its own thread."""

    def __init__(self):
        import rclpy
        from rclpy.executors import SingleThreadedExecutor

        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self._nodes = []

    def node(self, name: str, **arguments):
        """A new node, added to the executor."""
        import rclpy

        return self.add(rclpy.create_node(name, context=self.context, **arguments))

    def add(self, node):
        """Spin a node made elsewhere too, and destroy it in the end."""
        self._nodes.append(node)
        self.executor.add_node(node)
        return node

    def spin_until(self, condition: Callable[[], bool], timeout_s: float = 10.0) -> bool:
        """Spin until a condition holds; False when it does not in time."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                return False
            self.executor.spin_once(timeout_sec=0.01)
        return True

    def close(self) -> None:
        self.executor.shutdown()
        for node in self._nodes:
            node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def ros() -> Iterator[Ros]:
    """A context of rclpy with an executor; skips where rclpy is not installed."""
    pytest.importorskip("rclpy", reason="rclpy is not installed")
    graph = Ros()
    yield graph
    graph.close()


@pytest.fixture
def rig(ros):
    """A robot connected to a node, and a check that the node still completes good frames."""
    from rig import Rig

    return Rig(ros)
