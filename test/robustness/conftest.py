"""The ROS graph of the tests of the nodes, and their robot."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "ros"))

import importlib.util  # noqa: E402

_SPEC = importlib.util.spec_from_file_location("ros_graph", Path(__file__).parents[1] / "ros" / "conftest.py")
ros_graph = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(ros_graph)
ros = ros_graph.ros
