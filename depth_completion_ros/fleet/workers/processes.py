"""Workers as processes of this machine."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.process import BaseProcess
from typing import Any

from .engine import ONE_THREAD, MakeTask, Task, WorkerLost, begun

_task: Task | None = None


class ProcessWorker:
    """A process that is started afresh, so that it shares nothing with this one.

    A pool of one process each, as in a larger one the loss of a process would cost the work of all.
    """

    def __init__(self, make: MakeTask):
        self._make = make
        self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
        self._process: BaseProcess | None = None

    def begin(self) -> Future[None]:
        # A process takes these from the one that starts it, before it imports what reads them.
        before = {name: os.environ.get(name) for name in ONE_THREAD}
        os.environ.update(ONE_THREAD)
        try:
            others = active_children()
            future = self._pool.submit(_begin, self._make)
            (self._process,) = (child for child in active_children() if child not in others)
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)
        return _told(future)

    def do(self, item: Any) -> Future[Any]:
        try:
            return _told(self._pool.submit(_do, item))
        except BrokenProcessPool as error:  # it was killed since it did the last item
            broken: Future = Future()
            broken.set_exception(error)
            return _told(broken)

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
        self._pool.shutdown(wait=True, cancel_futures=True)


def _told(future: Future) -> Future:
    """A future that ends with `WorkerLost` where the pool is broken."""
    told: Future = Future()

    def tell(of: Future) -> None:
        if of.cancelled():
            told.cancel()
            told.set_running_or_notify_cancel()
        elif isinstance(of.exception(), BrokenProcessPool):
            told.set_exception(WorkerLost("its process was killed, or ended by itself."))
        elif of.exception() is not None:
            told.set_exception(of.exception())
        else:
            told.set_result(of.result())

    future.add_done_callback(tell)
    return told


# In the process of the worker ------------------------------------------------------------------------


def _begin(make: MakeTask) -> None:
    global _task
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who started it, which ends this one
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _task = begun(make)


def _end_with_parent() -> None:
    """Leave nothing behind when the one that started this process is killed."""
    parent_process().join()
    os._exit(1)


def _do(item: Any) -> Any:
    return _task(item)
