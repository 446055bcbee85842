"""What the launch files share: what they refuse before anything is started, and how processes end."""

from __future__ import annotations

import difflib
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from .stopping import PARENT

QUIET_START = ("env", "--block-signal=INT") if sys.platform.startswith("linux") else ()
"""Goes before the command of a node: a SIGINT waits until the node takes signals; Python alone would answer
it with a traceback."""


def process_options() -> dict[str, object]:
    """Arguments of a launch action: it ends with the launch, also a killed one, in time and quietly."""
    return {
        "prefix": shlex.join(QUIET_START),
        "additional_env": {PARENT: str(os.getpid())},
        "sigterm_timeout": "3.0",
        "sigkill_timeout": "5.0",
    }


def is_on_command_line(launch_file: str, given: Sequence[str] | None = None) -> bool:
    """Whether a launch file is the one that was started, rather than included by another one."""
    words = sys.argv if given is None else given
    return Path(launch_file).name in [Path(word).name for word in words]


def hear_every_interrupt(launch_file: str) -> None:
    """Let no SIGINT to `ros2 launch` be lost, nor break off what the launch file does.

    Launch reads signals from a pipe, but leaves Python's own handler in place: where that raises its
    KeyboardInterrupt while the pipe is read, the signal is gone (launch 3.7.1).
    """
    if is_on_command_line(launch_file) and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: None)


def ask_to_end(*processes) -> list:
    """Actions that tell processes of a SIGINT to `ros2 launch` alone, as a terminal tells all of its group.

    Launch takes a SIGINT for one from a terminal, and only waits until `sigterm_timeout`.
    """
    from launch.actions import EmitEvent, RegisterEventHandler
    from launch.event_handlers import OnProcessStart, OnShutdown
    from launch.events import matches_action
    from launch.events.process import SignalProcess

    started = []

    def ask(process) -> EmitEvent:
        event = SignalProcess(signal_number=signal.SIGINT, process_matcher=matches_action(process))
        return EmitEvent(event=event)

    def on_start(event, context):
        started.append(event.action)
        return ask(event.action) if context.is_shutdown else None

    def on_shutdown(event, context):
        return [ask(process) for process in started] if event.due_to_sigint else None

    starts = [OnProcessStart(target_action=process, on_start=on_start) for process in processes]
    return [RegisterEventHandler(handler) for handler in (*starts, OnShutdown(on_shutdown=on_shutdown))]


def refuse_unknown_arguments(
    declared: Sequence[str], launch_file: str, given: Sequence[str] | None = None
) -> None:
    """Refuse `name:=value` on the command line that a launch file does not declare, as ros2 launch does not.

    Only where the launch file is the one on the command line: where another one includes it, that one may
    have arguments of its own.

    Args:
        given: the command line; that of this process when None.

    Raises:
        ValueError: one sentence.
    """
    if not is_on_command_line(launch_file, given):
        return
    words = sys.argv if given is None else given
    for word in words:
        name, is_argument, _ = word.partition(":=")
        if is_argument and name not in declared:
            raise ValueError(f"Argument '{name}' is unknown{did_you_mean(name, list(declared))}")


def require_package(package: str, wanted_by: str, brought_by: str = "") -> None:
    """Refuse to start without a ROS package.

    Args:
        brought_by: what is installed for it, where that has another name.

    Raises:
        FileNotFoundError: one sentence.
    """
    from ament_index_python.packages import PackageNotFoundError, get_package_prefix

    try:
        get_package_prefix(package)
    except PackageNotFoundError:
        distribution = os.environ.get("ROS_DISTRO", "<distribution>")
        raise FileNotFoundError(
            f"{wanted_by} needs the package {package}, which is not installed: apt install "
            f"ros-{distribution}-{brought_by or package.replace('_', '-')}"
        ) from None


def require_parameter_file(path: str, node: str) -> None:
    """Refuse a parameter file that is not there or that a node would refuse, in place of its defaults.

    Raises:
        FileNotFoundError, ValueError: one sentence.
    """
    from ..parameters.node import check_yaml

    file = Path(path).expanduser()
    if not file.is_file():
        raise FileNotFoundError(f"There is no parameter file at '{path}'.")
    problems = check_yaml(file, node)
    if problems:
        raise ValueError(" ".join(problems))


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """The end of a sentence on a word that is not known."""
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean '{close[0]}'?" if close else f"; known are {', '.join(known)}."
