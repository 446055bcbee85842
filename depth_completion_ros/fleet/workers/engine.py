"""Hands items to workers until all are done, whatever becomes of the workers."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import partial
from typing import Any, Protocol

import cv2

ATTEMPTS = 3
"""An item whose worker was lost so often is given up: it may be what kills them."""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
"""Environment of a worker: N workers fill N cores, and sums have one order whatever N is."""

Task = Callable[[Any], Any]
"""What a worker does with an item: its result."""
MakeTask = Callable[[], Task]
"""Makes the task in the worker, once; it is sent there, so it holds values alone."""


class WorkerLost(OSError):
    """A worker that is no more, by whatever has killed it; what it was doing is not done."""


class Worker(Protocol):
    """One worker; it does one thing after the other.

    Futures end with `WorkerLost` where it was killed, and with its error where it could not begin.
    """

    def begin(self) -> Future[None]:
        """Starts it and makes its task: the future ends when it can take items."""

    def do(self, item: Any) -> Future[Any]:
        """Hands it an item: the future ends with its result."""

    def end(self) -> None:
        """Ends it at once, also in the middle of an item."""


def ready(task: Task) -> MakeTask:
    """Makes a task of which nothing has to be made in the worker, such as a function of a module."""
    return partial(_itself, task)


def _itself(task: Task) -> Task:
    return task


def begun(make: MakeTask) -> Task:
    """A task as its worker makes it, for which the environment is `ONE_THREAD`."""
    cv2.setNumThreads(1)
    return make()


def run(
    items: Iterable[Hashable],
    start: Callable[[], Worker],
    workers: int,
    done: Callable[[Any, Any], None],
    given_up: Callable[[Any, str], Any],
) -> int:
    """Do all items, each by one worker; number of workers that were lost.

    An item whose worker is lost goes back to the front of the queue, and another worker takes the place.

    Args:
        start: makes a worker.
        workers: how many there are at a time.
        done: called with every item and its result, in the order in which they come.
        given_up: the result of an item whose workers were lost too often, with a sentence that says so.

    Raises:
        WorkerLost: workers are lost before they can begin, again and again.
        Exception: what a task raises, such as a ValueError as it cannot be made; the others are ended.
    """
    crew = _Crew(deque(items), start, done, given_up)
    try:
        for _ in range(min(workers, len(crew.waiting))):
            crew.add()
        while crew.busy:
            for future in wait(crew.busy, return_when=FIRST_COMPLETED).done:
                crew.take(future)
    finally:
        for worker, _ in crew.busy.values():
            worker.end()
    return crew.lost


NOTHING = object()
"""What a worker does that has not begun."""


class _Crew:
    """Workers, what each of them does, and what waits to be done."""

    def __init__(self, waiting: deque, start, done, given_up):
        self.waiting = waiting
        self.busy: dict[Future, tuple[Worker, Any]] = {}
        self.lost = 0
        self._start, self._done, self._given_up = start, done, given_up
        self._lost_by: Counter = Counter()
        self._lost_at_start = 0

    def add(self) -> None:
        worker = self._start()
        self.busy[worker.begin()] = worker, NOTHING

    def take(self, future: Future) -> None:
        """Take what a worker has done, and give it more to do or end it."""
        worker, item = self.busy.pop(future)
        try:
            result = future.result()
        except WorkerLost as error:
            worker.end()
            self._replace(item, error)
            return
        except BaseException:
            worker.end()
            raise
        self._lost_at_start = 0
        if item is not NOTHING:
            self._done(item, result)
        if self.waiting:
            following = self.waiting.popleft()
            self.busy[worker.do(following)] = worker, following
        else:
            worker.end()

    def _replace(self, item: Any, error: WorkerLost) -> None:
        self.lost += 1
        if item is NOTHING:
            self._lost_at_start += 1
            if self._lost_at_start == ATTEMPTS:
                raise WorkerLost(f"A worker cannot be started, tried {ATTEMPTS} times: {error}")
        else:
            self._lost_by[item] += 1
            if self._lost_by[item] < ATTEMPTS:
                self.waiting.appendleft(item)
            else:
                self._done(item, self._given_up(item, f"{ATTEMPTS} times: {error}"))
        if self.waiting:
            self.add()
