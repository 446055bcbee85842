"""The compiled kernels in cpu/."""

from __future__ import annotations

from pathlib import Path

from ..cpu_library import CpuLibrary

LIBRARY = CpuLibrary("propagation", Path(__file__).with_name("cpu"))


def cpu_kernels_state() -> str:
    """In words: whether the CPU kernels of the propagation are built, and else why they are not."""
    return LIBRARY.state()
