"""Which completion nodes `depth-completion view --live` finds; this needs no Rerun."""

from __future__ import annotations

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")
from robot import Robot, completion_node

from depth_completion_ros.viewer.live import find_nodes, viewer_node


def test_without_a_completion_node_a_sentence_says_so(monkeypatch):
    monkeypatch.setattr("depth_completion_ros.viewer.live.DISCOVERY_S", 0.3)
    with (
        viewer_node() as (node, executor),
        pytest.raises(ValueError, match="No completion node is active on this graph; start one"),
    ):
        find_nodes(node, executor)


def test_a_namespace_without_a_node_is_told_with_those_that_have_one(ros):
    robot = Robot(ros)
    completion_node(ros)
    robot.connect()
    with pytest.raises(ValueError, match="no completion node in namespace '/front'; there is one in /"):
        find_nodes(ros.node("view"), ros.executor, ["front"])
