"""The ROS graph of the tests of the nodes, and their robot."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "ros"))

import importlib.util  # noqa: E402

import pytest  # noqa: E402

_SPEC = importlib.util.spec_from_file_location("ros_graph", Path(__file__).parents[1] / "ros" / "conftest.py")
ros_graph = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(ros_graph)
ros = ros_graph.ros


@pytest.fixture(autouse=True)
def level_of_the_log():
    """The level that `account.FedNode` sets is of the whole process; what runs after it wants its own."""
    yield
    if importlib.util.find_spec("rclpy"):
        from rclpy.logging import LoggingSeverity, get_logger

        get_logger("completion").set_level(LoggingSeverity.UNSET)
