"""Programs on a disk that has room for 64 KiB a file."""

from __future__ import annotations

import resource
import signal
import subprocess


def on_a_full_disk(*command: str) -> subprocess.CompletedProcess:
    """Run a command; writing more than 64 KiB to a file fails, as where a disk has no more."""
    return subprocess.run(command, capture_output=True, text=True, preexec_fn=_fill, check=False)


def _fill() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
