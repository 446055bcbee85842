"""The command `depth-completion`."""

from __future__ import annotations

import os
import signal
import sys
from importlib import metadata

OLDEST_TYPER = 0, 9
"""Which Ubuntu 24.04 has; Debian 12 has an older one."""


def main() -> None:
    """Entry point of the installed command; Ctrl-C ends it without a traceback also while it imports."""
    _check_typer()
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:  # else it is ignored, as in the background of a script
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    from .app import app

    signal.signal(signal.SIGINT, usual)
    # Ends like Ctrl-C does, so that a bag that is being written is closed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    app()


def _check_typer() -> None:
    """Ends with a sentence where typer is too old to be imported by the commands."""
    try:
        found = metadata.version("typer")
    except metadata.PackageNotFoundError:
        found = "none"
    numbers = tuple(int(part) for part in found.split(".")[:2] if part.isdecimal())
    if numbers < OLDEST_TYPER:
        needed = ".".join(map(str, OLDEST_TYPER))
        print(
            f"Error: depth-completion needs the Python package 'typer' {needed} or newer, but here is "
            f"{found}: pip install 'typer>={needed}'. Nodes and launch files do without.",
            file=sys.stderr,
        )
        sys.exit(2)
