"""Finds out what is missing on this machine, and what is wrong with a bag or a live graph."""

from __future__ import annotations

from pathlib import Path

from .finding import Finding

__all__ = ["Finding", "diagnose"]


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
    from .checks import examine
    from .finding import error, warning
    from .installation import look_at_installation
    from .options import Options

    wanted = Options(**options)
    findings = list(look_at_installation()) if installation else []
    if bag is not None:
        from .bag import record_bag

        try:
            recording = record_bag(Path(bag), wanted)
        except (OSError, ValueError, ImportError) as problem:
            findings.append(error("bag", str(problem)))
        else:
            findings += recording.findings + examine(recording, wanted)
    if graph:
        try:
            from .graph import record_graph
        except ImportError as problem:
            findings.append(warning("graph", f"The live graph cannot be heard without rclpy: {problem}."))
            return findings
        recording = record_graph(seconds, wanted)
        findings += recording.findings
        if recording.streams:
            findings += examine(recording, wanted)
        else:
            findings.append(warning("graph", "Nobody publishes images or points."))
    return findings
