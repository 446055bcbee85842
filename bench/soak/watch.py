"""Processes of a soak, and what they hold over time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from depth_completion_ros.ros.process.stopping import PARENT

MIB = 1 << 20
NODE = Path(__file__).with_name("told_node.py")


class Process:
    """A node in a process of its own.

    Args:
        name: of the node, for the report.
        executable: `completion_node`, or another of `ros.process.start`.
        parameters: of the node.
        folder: for its log.
    """

    def __init__(
        self, name: str, executable: str, parameters: dict, folder: Path, remaps: tuple[str, ...] = ()
    ):
        self.name, self._log = name, folder / f"{name}.log"
        values = [f"{key}:={_text(value)}" for key, value in parameters.items()]
        given = [word for value in values for word in ("-p", value)]
        given += [word for remap in remaps for word in ("-r", remap)]
        self._told = folder / f"{name}.malloc"
        command = [sys.executable, str(NODE), str(self._told), executable]
        with self._log.open("w") as log:
            self._popen = subprocess.Popen(
                [*command, "--ros-args", *given],
                stdout=log,
                stderr=log,
                env={**os.environ, PARENT: str(os.getpid())},  # it ends with the soak
                start_new_session=True,  # but by the soak, not by the Ctrl-C of its terminal
            )

    @property
    def is_alive(self) -> bool:
        return self._popen.poll() is None

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def held(self) -> dict[str, float]:
        """Memory, own and shared (MiB), file descriptors and threads; empty where it has ended.

        Own memory is what no file or segment is behind. Part of it is in use by malloc (not that of Python's
        small objects), part is kept by glibc for later. Of shared memory all that is mapped counts.
        """
        folder = Path("/proc") / str(self._popen.pid)
        try:
            status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
            in_use = self._told.read_text().split() if self._told.exists() else []
            return {
                **dict(zip(("in use", "kept"), map(float, in_use), strict=False)),
                "memory": int(status["RssAnon"].split()[0]) / 1024,
                "shared memory": shared_memory((folder / "maps").read_text()),
                "descriptors": len(list((folder / "fd").iterdir())),
                "threads": int(status["Threads"]),
            }
        except (OSError, KeyError):
            return {}

    def stop(self) -> int:
        """End it as Ctrl-C does; its exit code."""
        with suppress(ProcessLookupError):
            self._popen.send_signal(signal.SIGINT)
        try:
            return self._popen.wait(60)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            return self._popen.wait()


class Watch:
    """Samples what processes hold.

    Attributes:
        samples: by process and quantity, pairs of seconds since the beginning and value.
    """

    def __init__(self, processes: list[Process]):
        self._processes, self._begin = processes, time.monotonic()
        self.samples: dict[str, dict[str, list[tuple[float, float]]]] = {p.name: {} for p in processes}

    def sample(self) -> None:
        """Take one sample of all."""
        now = time.monotonic() - self._begin
        for process in self._processes:
            for quantity, value in process.held().items():
                self.samples[process.name].setdefault(quantity, []).append((now, value))


def shared_memory(maps: str) -> float:
    """MiB of the segments of Fast DDS in the `maps` of a process, each once."""
    total = 0
    for line in maps.splitlines():
        if "/dev/shm/fast" in line:
            first, last = (int(address, 16) for address in line.split()[0].split("-"))
            total += last - first
    return total / MIB


def _text(value: object) -> str:
    """A parameter as YAML."""
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
