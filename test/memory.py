"""How much memory a piece of work takes at most, beyond what the process had before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MIB = 1 << 20


@contextmanager
def at_most(mib: float) -> Iterator[None]:
    """Fails where the work within takes more memory than so many MiB; skips where Linux does not tell."""
    forget_peak()
    before = resident("VmRSS")
    yield
    grown = (resident("VmHWM") - before) / MIB
    assert grown <= mib, f"{grown:.0f} MiB were taken"


def forget_peak() -> None:
    """Let the peak (VmHWM) begin anew, whatever ran in this process before; skips where that cannot be."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError as error:
        pytest.skip(f"the peak of memory cannot be reset: {error}")


def resident(field: str = "VmRSS") -> int:
    """Bytes of memory that this process holds (VmRSS), or has held at most (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(f"{field}:"))
