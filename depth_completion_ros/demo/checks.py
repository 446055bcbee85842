"""What a launch file refuses before it starts anything."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from .plan import did_you_mean


def refuse_unknown_arguments(declared: Sequence[str], launch_file: str, given: Sequence[str] | None = None) -> None:
    """Refuse `name:=value` on the command line that a launch file does not declare, as ros2 launch does not.

    Only where the launch file is the one on the command line: where another one includes it, that one may
    have arguments of its own.

    Args:
        given: the command line; that of this process when None.

    Raises:
        ValueError: one sentence.
    """
    words = sys.argv if given is None else given
    if Path(launch_file).name not in [Path(word).name for word in words]:
        return
    for word in words:
        name, is_argument, _ = word.partition(":=")
        if is_argument and name not in declared:
            raise ValueError(f"Argument '{name}' is unknown{did_you_mean(name, list(declared))}")


def require_package(package: str, wanted_by: str) -> None:
    """Refuse to start without a ROS package.

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
            f"ros-{distribution}-{package.replace('_', '-')}"
        ) from None
