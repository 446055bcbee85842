"""Builds the kernels in cpu/ with the machine's C++ compiler on first use, and finds it again afterwards."""

from __future__ import annotations

import atexit
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


def cpu_kernels_state() -> str:
    """In words: whether the CPU kernels of the propagation are built, and else why they are not."""
    return _load()[1]


def load_cpu_kernels() -> ctypes.CDLL | None:
    """The compiled kernels; None, with a warning that says why, where they cannot be built.

    They are kept in `$XDG_CACHE_HOME/depth_completion_ros`, one file for each source, compiler and
    processor, or for the life of the process alone where that folder cannot be used.
    """
    return _load()[0]


@functools.cache
def _load() -> tuple[ctypes.CDLL | None, str]:
    try:
        library = _build()
        try:
            return ctypes.CDLL(str(library)), f"compiled, {library}."
        except OSError:  # damaged, as by a full disk, or in a place where nothing may be executed
            library.unlink()
            library = _build(_folder_of_this_process())
            return ctypes.CDLL(str(library)), f"compiled, {library}."
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        reason = f"the CPU kernels cannot be built: {str(error).rstrip('.')}."
        logging.getLogger(__name__).warning(f"Propagation is slow: {reason}")
        return None, reason


def _build(folder: Path | None = None) -> Path:
    compiler = next(filter(None, map(shutil.which, (os.environ.get("CXX", ""), "g++", "clang++"))), None)
    if compiler is None:
        raise RuntimeError("no C++ compiler was found (apt install g++).")
    command = [compiler, *_FLAGS, "-pthread", str(_SOURCES / "kernels.cpp")]
    library = (folder or _folder()) / f"propagation-{_fingerprint(compiler)}.so"
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
    try:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        folder = Path(base) / "depth_completion_ros"
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
        return folder
    except (OSError, RuntimeError):  # no home, or one that cannot be written to
        return _folder_of_this_process()


def _folder_of_this_process() -> Path:
    folder = tempfile.mkdtemp(prefix="depth_completion_ros-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


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
