"""20 starts of the completion node, each ended by a signal at a random moment: no traceback, nothing left."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from mutation import times

pytest.importorskip("rclpy", reason="rclpy is not installed")

STARTS, AT_ONCE = 20, 4
LATEST = 3.0
"""Moment of the last signals, in units of how long one start alone takes on this machine."""
COMMAND = [sys.executable, "-m", "depth_completion_ros.ros.process.start", "completion_node"]
PARAMETERS = ["--ros-args", "-p", "completer:=nearest"]


def test_nodes_end_quietly_by_a_signal_at_any_moment(ros):
    """`ros` gives a domain of their own."""
    random = np.random.default_rng(9)
    own: set[Path] = set()
    latest = LATEST * seconds_until_up()
    for _ in range(-(-times(STARTS) // AT_ONCE)):
        moments = [
            (random.uniform(0, latest), signal.Signals(random.choice([signal.SIGINT, signal.SIGTERM])))
            for _ in range(AT_ONCE)
        ]
        begin = time.monotonic()
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "preexec_fn": _as_launch_does}
        nodes = [subprocess.Popen([*COMMAND, *PARAMETERS], text=True, **pipes) for _ in moments]
        try:
            for node, (moment, kind) in sorted(zip(nodes, moments, strict=True), key=lambda pair: pair[1][0]):
                time.sleep(max(0.0, begin + moment - time.monotonic()))
                own |= segments(node)
                node.send_signal(kind)
            for node, (moment, kind) in zip(nodes, moments, strict=True):
                said = ended(node)
                assert node.returncode in (0, -signal.SIGTERM), (node.returncode, kind, moment, said)
                assert "Traceback" not in said and "terminate called" not in said, (kind, moment, said)
        finally:
            for node in nodes:
                node.kill()
    left = [path.name for path in own if path.exists()]
    assert not left and own


def seconds_until_up() -> float:
    """How long a node takes until it is active."""
    begin = time.monotonic()
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with subprocess.Popen([*COMMAND, *PARAMETERS], text=True, **pipes) as node:
        try:
            assert any("Completing with" in line for line in node.stderr), node.wait()
            return time.monotonic() - begin
        finally:
            node.terminate()
            node.communicate(timeout=60)


def _as_launch_does() -> None:
    """In the child: SIGINT is held off until the node takes it, as Python itself answers with a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def ended(node: subprocess.Popen) -> str:
    """What a node said until its end; one that was not up yet gets SIGTERM after a while, as from launch."""
    try:
        return node.communicate(timeout=5)[1]
    except subprocess.TimeoutExpired:
        node.terminate()
        return node.communicate(timeout=60)[1]


def segments(node: subprocess.Popen) -> set[Path]:
    """Segments of shared memory that are a node's own; ports are shared by all."""
    with suppress(OSError):
        lines = Path(f"/proc/{node.pid}/maps").read_text().splitlines()
        names = {line.split()[-1] for line in lines if "/dev/shm/fast" in line}
        return {Path(name) for name in names if "_port" not in name}
    return set()
