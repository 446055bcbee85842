"""The command `depth-completion`."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Entry point of the installed command; Ctrl-C ends it without a traceback also while it imports."""
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:  # else it is ignored, as in the background of a script
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    from .app import app

    signal.signal(signal.SIGINT, usual)
    # Ends like Ctrl-C does, so that a bag that is being written is closed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    app()
