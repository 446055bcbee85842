"""Two threads for frames that follow each other: the next one is prepared while one is finished."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

from .worker import Worker

Item = TypeVar("Item")
Prepared = TypeVar("Prepared")

SMOOTHING = 0.2
"""Share of the last time in the usual one."""
LONG_S = 3600.0


class Pipeline(Generic[Item, Prepared]):
    """Prepares items in one thread and finishes them in another; when that is slow, the newest win.

    An item is prepared no sooner than it must be to be ready when the one before is finished: it is as new
    as can be then, and nothing is prepared for nothing.

    Args:
        prepare: called with one item at a time.
        finish: called with an item and what was prepared of it, one at a time, in order.
        on_error: called with an item and the exception that either of them raised on it.
        size: items that may wait to be prepared; one more replaces the oldest.
    """

    def __init__(
        self,
        prepare: Callable[[Item], Prepared],
        finish: Callable[[Item, Prepared], None],
        on_error: Callable[[Item, Exception], None],
        size: int = 1,
    ):
        self._prepare, self._finish = prepare, finish
        self._first = Worker(self._prepare_one, on_error, size, self._too_early_s)
        self._second = Worker(self._finish_one, lambda both, error: on_error(both[0], error))
        self._begun: float | None = None  # when the item at hand began to be finished
        self._prepare_s = self._finish_s = 0.0  # what they usually take

    def start(self) -> None:
        """Begin to work."""
        self._second.start()
        self._first.start()

    def stop(self, limit_s: float | None = None) -> list[Item]:
        """Finish the items at hand, end the threads, and give back the items that still waited.

        Args:
            limit_s: how long that may take; it is not waited for any longer.
        """
        end = None if limit_s is None else time.monotonic() + limit_s
        left = self._first.stop(limit_s)
        rest = None if end is None else max(end - time.monotonic(), 0)
        return [item for item, _ in self._second.stop(rest)] + left

    def put(self, item: Item) -> Item | None:
        """Add the newest item; the one it replaced, if any, comes back."""
        return self._first.put(item)

    @property
    def pending(self) -> int:
        """Items that wait or are worked on."""
        return self._first.pending + self._second.pending

    def _prepare_one(self, item: Item) -> None:
        begin = time.monotonic()
        prepared = self._prepare(item)
        self._prepare_s += SMOOTHING * (time.monotonic() - begin - self._prepare_s)
        self._second.put((item, prepared))

    def _finish_one(self, both: tuple[Item, Prepared]) -> None:
        self._begun = begin = time.monotonic()
        try:
            self._finish(*both)
        finally:
            self._finish_s += SMOOTHING * (time.monotonic() - begin - self._finish_s)
            self._begun = None
            self._first.wake()

    def _too_early_s(self) -> float:
        """Seconds until the next item should be prepared."""
        begun, waiting = self._begun, self._second.waiting
        if waiting:
            return LONG_S
        if begun is None:
            return 0.0
        return self._finish_s - self._prepare_s - (time.monotonic() - begun)
