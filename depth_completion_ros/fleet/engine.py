"""Hands stretches out to workers until all are done, whatever becomes of the workers."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Protocol

from .drives import Stretch
from .job import Outcome

ATTEMPTS = 3
"""A stretch whose worker was lost so often is given up: it may be what kills them."""


class WorkerLost(RuntimeError):
    """A worker that is no more, by whatever has killed it; what it was doing is not done."""


class Worker(Protocol):
    """One worker; it does one thing after the other.

    Futures end with `WorkerLost` where it was killed, and with its error where it could not begin.
    """

    def begin(self) -> Future[None]:
        """Starts it: the future ends when it can take work."""

    def do(self, stretch: Stretch, name: str) -> Future[Outcome]:
        """Hands it a stretch and the name of the folder for its files."""

    def end(self) -> None:
        """Ends it at once, also in the middle of a stretch."""


def run(
    stretches: Iterable[Stretch],
    start: Callable[[], Worker],
    workers: int,
    name: Callable[[Stretch], str],
    done: Callable[[Stretch, Outcome], None],
) -> int:
    """Do all stretches, each by one worker; number of workers that were lost.

    A stretch whose worker is lost goes back to the front of the queue, and another worker takes the place.

    Args:
        start: makes a worker.
        workers: how many there are at a time.
        name: of the folder of a stretch.
        done: called with every outcome, in the order in which they come.

    Raises:
        WorkerLost: workers are lost before they can begin, again and again.
        ValueError, OSError, ImportError: workers cannot begin, as a completer cannot be made.
    """
    crew = _Crew(deque(stretches), start, name, done)
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


class _Crew:
    """Workers, what each of them does (None before it has begun), and what waits to be done."""

    def __init__(self, waiting: deque[Stretch], start, name, done):
        self.waiting = waiting
        self.busy: dict[Future, tuple[Worker, Stretch | None]] = {}
        self.lost = 0
        self._start, self._name, self._done = start, name, done
        self._lost_by: Counter[Stretch] = Counter()
        self._lost_at_start = 0

    def add(self) -> None:
        worker = self._start()
        self.busy[worker.begin()] = worker, None

    def take(self, future: Future) -> None:
        """Take what a worker has done, and give it more to do or end it."""
        worker, stretch = self.busy.pop(future)
        try:
            outcome = future.result()
        except WorkerLost as error:
            worker.end()
            self._replace(stretch, error)
            return
        except BaseException:
            worker.end()
            raise
        self._lost_at_start = 0
        if stretch is not None:
            self._done(stretch, outcome)
        if self.waiting:
            following = self.waiting.popleft()
            self.busy[worker.do(following, self._name(following))] = worker, following
        else:
            worker.end()

    def _replace(self, stretch: Stretch | None, error: WorkerLost) -> None:
        self.lost += 1
        if stretch is None:
            self._lost_at_start += 1
            if self._lost_at_start == ATTEMPTS:
                raise error
        else:
            self._lost_by[stretch] += 1
            if self._lost_by[stretch] < ATTEMPTS:
                self.waiting.appendleft(stretch)
            else:
                self._done(stretch, Outcome(failure=("worker lost", f"{ATTEMPTS} times: {error}")))
        if self.waiting:
            self.add()
