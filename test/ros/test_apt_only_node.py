"""The completion node with packages of apt alone, in a process of its own, over DDS."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from rig import depth_of
from robot import START, STEP, Robot, frame
from test_apt_only import ROOT, pip_only
from test_processes import EXTRINSICS, process

from depth_completion_ros.completion import create_completer
from depth_completion_ros.completion.registry import STANDS_IN
from depth_completion_ros.core import SparseDepth

NODE = f"""
import sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "test")!r}]
from without_packages import hide; hide({sorted(pip_only())!r})
from depth_completion_ros.ros.process.start import start
sys.exit(start("completion_node"))
"""


def node(*parameters: str) -> list[str]:
    given = ("extrinsics_source:=parameter", EXTRINSICS, *parameters)
    return ["-c", NODE, "--ros-args", *(word for each in given for word in ("-p", each))]


def test_default_is_completed_by_linear_and_the_diagnostics_warn(ros):
    robot = Robot(ros)
    with process(*node("completer:=default")):
        robot.connect()
        # The first frames may be lost: when a node of another process is matched cannot be told from here.
        stamps = itertools.count(START, STEP)
        robot.node.create_timer(0.2, lambda: robot.send(next(stamps)))
        robot.wait_for_outputs(1, timeout_s=30)
        told = robot.wait_for_status("completion: completer", "WARN", "works")
    assert STANDS_IN in told
    usual = create_completer("linear")
    expected = (
        usual.complete(None, SparseDepth.from_points(frame()), None).above(usual.least_confidence).depth
    )
    np.testing.assert_allclose(depth_of(robot.received["depth/image"][0]), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        (["completer:=efficient_spn"], "'onnxruntime', which is not installed: pip install onnxruntime"),
        (["completer:=default", "weights:=my_robot"], "pip install onnxruntime.*takes no weights"),
    ],
)
def test_what_only_a_network_can_do_does_not_configure_and_says_why(ros, parameters, sentence):
    robot = Robot(ros)
    with process(*node(*parameters)) as child:
        told = robot.wait_for_status("completion: life cycle", "ERROR", "cannot be configured", timeout_s=30)
        child.terminate()
        text = child.communicate(timeout=30)[0]
    assert re.search(sentence, told), told
    assert "Traceback" not in text
