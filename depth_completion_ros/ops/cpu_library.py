"""Kernels in C++, built with the machine's compiler on first use and found again afterwards."""

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
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

_SHARED = Path(__file__).with_name("cpu")
_FLAGS = ("-O3", "-march=native", "-std=c++17", "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC")


class CpuLibrary:
    """The kernels of one operator, compiled from `kernels.cpp` in a folder of sources.

    They are kept in `$XDG_CACHE_HOME/depth_completion_ros`, one file for each source, compiler and
    processor, or for the life of the process alone where that folder cannot be used.

    Args:
        name: of the operator, which begins the name of the compiled file.
        sources: the folder; what it includes beside lies in ops/cpu/.
    """

    def __init__(self, name: str, sources: Path):
        self._name, self._sources = name, sources

    def state(self) -> str:
        """In words: whether the kernels are built, and else why they are not."""
        return self._loaded[1]

    def load(self) -> ctypes.CDLL | None:
        """The compiled kernels; None, with a warning that says why, where they cannot be built."""
        return self._loaded[0]

    def call(self, function: str, *arguments: int | torch.Tensor | np.ndarray) -> None:
        """Call a kernel with numbers, contiguous tensors or arrays, and last the number of threads.

        Raises:
            MemoryError: it returned anything but 0.
        """
        values = (ctypes.c_int(x) if isinstance(x, int) else ctypes.c_void_p(_address(x)) for x in arguments)
        if getattr(self.load(), function)(*values, ctypes.c_int(_threads())):
            raise MemoryError(f"There is not enough memory for {self._name.replace('_', ' ')}.")

    @functools.cached_property
    def _loaded(self) -> tuple[ctypes.CDLL | None, str]:
        try:
            library = self._build()
            try:
                return ctypes.CDLL(str(library)), f"compiled, {library}."
            except OSError:  # damaged, as by a full disk, or in a place where nothing may be executed
                library.unlink()
                library = self._build(_folder_of_this_process())
                return ctypes.CDLL(str(library)), f"compiled, {library}."
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            reason = f"the CPU kernels cannot be built: {str(error).rstrip('.')}."
            subject = self._name.replace("_", " ").capitalize()
            logging.getLogger(__name__).warning(f"{subject} is slow: {reason}")
            return None, reason

    def _build(self, folder: Path | None = None) -> Path:
        compiler = next(filter(None, map(shutil.which, (os.environ.get("CXX", ""), "g++", "clang++"))), None)
        if compiler is None:
            raise RuntimeError("no C++ compiler was found (apt install g++).")
        command = [compiler, *_FLAGS, f"-I{_SHARED}", "-pthread", str(self._sources / "kernels.cpp")]
        library = self.file(compiler, folder)
        if library.is_file():
            return library
        # Built beside its place and moved there, so that no other process ever loads half a file.
        with tempfile.TemporaryDirectory(dir=library.parent) as temporary:
            made = Path(temporary) / library.name
            command += ["-o", str(made)]
            run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
            if run.returncode:
                lines = run.stderr.strip().splitlines() or ["it says nothing"]
                complaint = next((line for line in lines if "error" in line), lines[0])
                raise RuntimeError(f"{compiler} failed: {complaint}.")
            made.replace(library)
        return library

    def file(self, compiler: str, folder: Path | None = None) -> Path:
        """Where the kernels are kept that a compiler makes of these sources, for this processor."""
        return (folder or _usual_folder()) / f"{self._name}-{self._fingerprint(compiler)}.so"

    def _fingerprint(self, compiler: str) -> str:
        """Changes with the sources, the compiler and the processor."""
        version = subprocess.run([compiler, "--version"], capture_output=True, timeout=60, check=False).stdout
        described = Path("/proc/cpuinfo")
        lines = described.read_text().splitlines() if described.is_file() else []
        features = next((line for line in lines if line.lower().startswith(("flags", "features"))), "")
        processor = f"{platform.machine()} {platform.processor()} {features}"
        files = [*sorted(self._sources.iterdir()), *sorted(_SHARED.iterdir())]
        parts = *(file.read_bytes() for file in files), version, processor.encode(), " ".join(_FLAGS).encode()
        return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _address(x: torch.Tensor | np.ndarray) -> int:
    return x.ctypes.data if isinstance(x, np.ndarray) else x.data_ptr()


def _threads() -> int:
    """As many as PyTorch takes; without it what OMP_NUM_THREADS says, or else one a core that may be used."""
    if torch := sys.modules.get("torch"):
        return torch.get_num_threads()
    text = os.environ.get("OMP_NUM_THREADS", "")
    return int(text) if text.isdecimal() and int(text) else len(os.sched_getaffinity(0))


def _usual_folder() -> Path:
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
