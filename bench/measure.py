"""Time and peak memory as the benches measure them."""

from __future__ import annotations

import argparse
import os
import resource
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path


def options(doc: str) -> argparse.ArgumentParser:
    """A parser with what all benches of networks and operators take; `doc` is that of the bench."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    return parser


def height_width(size: str) -> tuple[int, int]:
    """Of `HEIGHTxWIDTH`."""
    height, width = map(int, size.split("x"))
    return height, width


def seconds_of(work: Callable[[], object], device: str = "cpu") -> float:
    """How long a call takes, until the device is done."""
    start = time.perf_counter()
    work()
    synchronise(device)
    return time.perf_counter() - start


def best(work: Callable[[], object], device: str = "cpu", repeats: int = 3) -> float:
    """Least seconds of some calls."""
    return min(seconds_of(work, device) for _ in range(repeats))


def in_turn(works: dict[str, Callable], rounds: int, device: str = "cpu") -> dict[str, list[float]]:
    """Seconds of each call, taken in turn so that a drift of the machine meets all alike.

    A first round, in which there is something to load and to compile, does not count.
    """
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds + 1):
        for name, work in works.items():
            taken[name].append(seconds_of(work, device))
    return {name: each[1:] for name, each in taken.items()}


def apart(function: Callable, *arguments):
    """What a function of a module gives in a process of its own, so that peak memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(function, *arguments).result()


def synchronise(device: str) -> None:
    """Wait until a GPU has done what it was told."""
    if device.startswith("cuda"):
        import torch

        torch.cuda.synchronize()


class PeakMemory:
    """Most bytes taken beyond what was taken at the beginning, in `bytes` at the end."""

    def __init__(self, device: str):
        self._device = device
        self.bytes = 0

    def __enter__(self) -> PeakMemory:
        if self._device.startswith("cuda"):
            import torch

            synchronise(self._device)
            torch.cuda.reset_peak_memory_stats()
            self._before = torch.cuda.memory_allocated()
        else:
            self._before = self._peak = _resident()
            self._done = threading.Event()
            self._thread = threading.Thread(target=self._watch)
            self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._done.wait(0.002):
            self._peak = max(self._peak, _resident())

    def __exit__(self, *_) -> None:
        if self._device.startswith("cuda"):
            import torch

            synchronise(self._device)
            self.bytes = torch.cuda.max_memory_allocated() - self._before
        else:
            self._done.set()
            self._thread.join()
            self.bytes = max(self._peak, _resident()) - self._before


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
