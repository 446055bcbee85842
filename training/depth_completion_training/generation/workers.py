"""Worker processes that make files, one task after the other."""

from __future__ import annotations

import multiprocessing
import os
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_DIED = "its worker process died (out of memory?)"


@dataclass(frozen=True)
class Report:
    """What became of a task.

    Args:
        item: what the task was given: a scene's seed, or the name of an image.
        frames, size: frames and bytes that were written.
        error: why it failed, in words without a full stop; empty where it did not.
    """

    item: int | str
    frames: int
    size: int
    error: str = ""


def sentence_of(error: Exception) -> str:
    """What an error says, in one line, with the place where it was raised."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    text = " ".join(str(error).split()).rstrip(".")
    return f"{type(error).__name__}: {text} ({Path(place.filename).name}, line {place.lineno})"


def run_tasks(
    task: Callable[[int | str], Report],
    items: Iterable[int | str],
    workers: int,
    done: Callable[[Report], None],
) -> None:
    """Call `task` with each item in worker processes, and `done` here with each report, as they end.

    A worker that dies (out of memory, say) costs only the item that it had.

    Args:
        task: can be pickled, and reports what goes wrong instead of raising it.
    """
    waiting = deque(items)
    with _single_threads():
        while waiting:
            for item in _run_pool(task, waiting, workers, done):
                # One of these killed its worker; alone, each shows whether it was the one.
                if _run_pool(task, deque([item]), 1, done):
                    done(Report(item, 0, 0, _DIED))


def _run_pool(task, waiting: deque, workers: int, done) -> list:
    """Take items from `waiting` until it is empty or a worker dies; the items that were lost then."""
    lost = []
    running = {}
    # Open3D's threads do not survive a fork.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=_begin) as pool:
        try:
            while (waiting or running) and not lost:
                # One more than there are workers, so that none has to wait.
                while waiting and len(running) <= workers:
                    running[pool.submit(task, waiting[0])] = waiting[0]
                    waiting.popleft()
                for ended in wait(running, return_when=FIRST_COMPLETED).done:
                    item = running.pop(ended)
                    try:
                        report = ended.result()
                    except BrokenProcessPool:
                        lost.append(item)
                    else:
                        done(report)
        except BrokenProcessPool:  # of `submit`
            pass
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return lost + list(running.values())


def _begin() -> None:
    """Start of a worker process."""
    import signal

    import cv2

    cv2.setNumThreads(1)
    # Files appear whole or not at all, so that a worker may end at once at Ctrl-C.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def _single_threads():
    """Workers inherit one thread each for array arithmetic: there are as many workers as cores."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
