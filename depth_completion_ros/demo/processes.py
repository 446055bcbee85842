"""What the launch starts, without `ros2 launch`: the making of the drive, completion node, session."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ..ros.process.launching import QUIET_START
from ..ros.process.stopping import PARENT
from .plan import Prepared, demo_drive, drive_command

END_LIMIT_S = 4.5
"""How long a process may take to end after SIGINT, and again after SIGTERM; nodes end themselves before."""


def make_drive(folder: Path, frames: int, seed: int) -> Path:
    """Make the demo drive, or take the one that is there; returns its folder.

    Raises:
        RuntimeError: it cannot be made; the process has said why.
    """
    with process(drive_command(folder, frames, seed)) as making:
        if making.wait():
            raise RuntimeError("The demo drive could not be made; the reason stands above.")
    return demo_drive(folder)


def play(prepared: Prepared, namespace: str = "/", log_level: str = "warn") -> int:
    """Play a plan to its end; the exit code of the session, 0 only where every frame was completed.

    Raises:
        RuntimeError: the completion node ended before the session did.
    """
    common = ("-r", f"__ns:={namespace}", "--log-level", log_level)
    completion_parameters = prepared.completion_parameters() | {"use_sim_time": True}
    files = ("--params-file", prepared.plan.params) if prepared.plan.params else ()
    with (
        process(command("completion_node", completion_parameters, *files, *common)) as completion,
        process(command("session_node", prepared.session_parameters(), *common)) as session,
    ):
        try:
            while session.poll() is None:
                if completion.poll() is not None:
                    code = completion.returncode
                    raise RuntimeError(f"The completion node ended with code {code} before all was played.")
                time.sleep(0.05)
        finally:
            completion.send_signal(signal.SIGINT)  # while the session ends
    return session.returncode


def command(executable: str, parameters: Mapping[str, object], *ros_arguments: str) -> list[str]:
    """The command line of a node; parameters go before those of a file among the other arguments."""
    line = [sys.executable, "-m", "depth_completion_ros.ros.process.start", executable, "--ros-args"]
    line += ros_arguments
    for name, value in parameters.items():
        line += ["-p", f"{name}:={json.dumps(value)}"]
    return line


@contextmanager
def process(line: Sequence[str]) -> Iterator[subprocess.Popen]:
    """A process that ends with this block, or with this process where that is killed."""
    child = subprocess.Popen([*QUIET_START, *line], env=os.environ | {PARENT: str(os.getpid())})
    try:
        yield child
    finally:
        # A second Ctrl-C must not leave the child behind.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        _end(child)
        signal.signal(signal.SIGINT, before)


def _end(child: subprocess.Popen) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if child.poll() is not None:
            break
        child.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            child.wait(END_LIMIT_S)
