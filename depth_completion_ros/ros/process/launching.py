"""What the launch files share: what they refuse before anything is started, and how processes end."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from .stopping import PARENT

QUIET_START = ("sh", "-c", 'trap "" INT; exec "$0" "$@"')
"""Goes before a command: Python itself, until a node takes signals, answers SIGINT with a traceback."""


def process_options() -> dict[str, object]:
    """Arguments of a launch action: it ends with the launch, also where that is killed, and in time."""
    return {
        "additional_env": {PARENT: str(os.getpid())},
        # Of one SIGINT to the launch alone the processes are not told; this is when they are.
        "sigterm_timeout": "3.0",
        "sigkill_timeout": "5.0",
    }


def is_on_command_line(launch_file: str, given: Sequence[str] | None = None) -> bool:
    """Whether a launch file is the one that was started, rather than included by another one."""
    words = sys.argv if given is None else given
    return Path(launch_file).name in [Path(word).name for word in words]


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
