"""Finds out what is missing on this machine, and what is wrong with a bag or a live graph."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .finding import Finding

if TYPE_CHECKING:
    from .options import Options
    from .recording import Recording

__all__ = ["Finding", "diagnose", "observe"]


def diagnose(
    bag: str | Path | None = None,
    *,
    graph: bool = False,
    seconds: float = 4.0,
    installation: bool = True,
    **options,
) -> list[Finding]:
    """Look at the installation, and at a bag or the live graph where one is asked for.

    Never raises for what is wrong with its patient: that comes as a finding.

    Args:
        bag: rosbag2 folder, `.mcap` or `.db3` file.
        graph: whether to listen to the nodes that run now; needs rclpy.
        seconds: how long to listen, from the first message on.
        installation: whether to report what is installed.
        options: how to judge; the fields of `doctor.options.Options`.
    """
    from .installation import look_at_installation
    from .options import Options

    findings = list(look_at_installation()) if installation else []
    if bag is not None:
        findings += observe(bag, seconds, Options(**options))[1]
    if graph:
        findings += observe(None, seconds, Options(**options))[1]
    return findings


def observe(
    bag: str | Path | None, seconds: float, options: Options
) -> tuple[Recording | None, list[Finding]]:
    """What a bag or the live graph brings, and what is wrong with it.

    Args:
        bag: rosbag2 folder, `.mcap` or `.db3` file; None for the live graph, which needs rclpy.
        seconds: how long to listen to the graph, from the first message on.

    Returns:
        the recording, None where there is none; and the findings, which then say why.
    """
    from .checks import examine
    from .finding import error, warning

    if bag is not None:
        from .bag import record_bag

        try:
            recording = record_bag(Path(bag), options)
        except (OSError, ValueError, ImportError) as problem:
            return None, [error("bag", str(problem))]
        return recording, recording.findings + examine(recording, options)
    try:
        from .graph import record_graph
    except ImportError as problem:
        return None, [warning("graph", f"The live graph cannot be heard without rclpy: {problem}.")]
    recording = record_graph(seconds, options)
    if not recording.streams:
        nothing = warning("graph", "Nobody publishes images or points.")
        return None, [*recording.findings, nothing]
    return recording, recording.findings + examine(recording, options)
