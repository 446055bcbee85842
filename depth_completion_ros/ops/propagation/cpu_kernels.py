"""Builds the kernels in cpu/ with the machine's C++ compiler on first use, and finds it again afterwards."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

_SOURCES = Path(__file__).with_name("cpu")
_FLAGS = ("-O3", "-march=native", "-std=c++17", "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC")
_state = "not needed yet."


def cpu_kernels_state() -> str:
    """In words: whether the CPU kernels of the propagation are built, and else why they are not."""
    load_cpu_kernels()
    return _state


@functools.cache
def load_cpu_kernels() -> ctypes.CDLL | None:
    """The compiled kernels; None, with a warning that says why, where they cannot be built.

    They are kept in `$XDG_CACHE_HOME/depth_completion_ros`, one file for each source, compiler and
    processor.
    """
    global _state
    try:
        library = _build()
        _state = f"compiled, {library}."
        return ctypes.CDLL(str(library))
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        _state = f"the CPU kernels are not compiled: {error} The slower PyTorch form is used."
        logging.getLogger(__name__).warning(_state[0].upper() + _state[1:])
        return None


def _build() -> Path:
    compiler = next(filter(None, map(shutil.which, (os.environ.get("CXX", ""), "g++", "clang++"))), None)
    if compiler is None:
        raise RuntimeError("no C++ compiler was found (apt install g++).")
    command = [compiler, *_FLAGS, "-pthread", str(_SOURCES / "kernels.cpp")]
    library = _folder() / f"propagation-{_fingerprint(compiler)}.so"
    if library.is_file():
        return library
    # Built beside its place and moved there, so that no other process ever loads half a file.
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        made = Path(folder) / library.name
        run = subprocess.run([*command, "-o", str(made)], capture_output=True, text=True, timeout=300)
        if run.returncode:
            lines = run.stderr.strip().splitlines() or ["it says nothing"]
            complaint = next((line for line in lines if "error" in line), lines[0])
            raise RuntimeError(f"{compiler} failed: {complaint}.")
        made.replace(library)
    return library


def _folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "depth_completion_ros"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _fingerprint(compiler: str) -> str:
    """Changes with the source, the compiler and the processor."""
    version = subprocess.run([compiler, "--version"], capture_output=True, timeout=60).stdout
    described = Path("/proc/cpuinfo")
    lines = described.read_text().splitlines() if described.is_file() else []
    features = next((line for line in lines if line.lower().startswith(("flags", "features"))), "")
    processor = f"{platform.machine()} {platform.processor()} {features}"
    sources = [file.read_bytes() for file in sorted(_SOURCES.iterdir())]
    parts = *sources, version, processor.encode(), " ".join(_FLAGS).encode()
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
