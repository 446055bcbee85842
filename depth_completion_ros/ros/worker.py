"""One thread that works on the newest items and never keeps the others waiting."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Worker(Generic[Item]):
    """Hands items to a function in a thread of its own; when it is slow, the newest win.

    The thread is no daemon: an interpreter that ends under a daemon thread holding ROS objects
    aborts. `stop` must be called.

    Args:
        handle: called with one item at a time.
        on_error: called with an item and the exception that `handle` raised on it.
        size: items that may wait; one more replaces the oldest.
    """

    def __init__(
        self,
        handle: Callable[[Item], None],
        on_error: Callable[[Item, Exception], None],
        size: int = 1,
    ):
        self._handle = handle
        self._on_error = on_error
        self._size = size
        self._items: deque[Item] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._working = False
        self._stopping = False

    def start(self) -> None:
        """Begin to work; items put before are worked on first."""
        if self._thread is None:
            self._stopping = False
            self._thread = threading.Thread(target=self._run, name="completion worker", daemon=False)
            self._thread.start()

    def stop(self, limit_s: float | None = None) -> list[Item]:
        """Finish the item at hand, end the thread, and give back the items that still waited.

        Args:
            limit_s: how long the item at hand may take; it is not waited for any longer.
        """
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(limit_s)
            self._thread = None
        left = list(self._items)
        self._items.clear()
        return left

    def put(self, item: Item) -> Item | None:
        """Add the newest item; the one it replaced, if any, comes back."""
        with self._changed:
            replaced = self._items.popleft() if len(self._items) >= self._size else None
            self._items.append(item)
            self._changed.notify_all()
        return replaced

    @property
    def pending(self) -> int:
        """Items that wait or are worked on."""
        with self._changed:
            return len(self._items) + self._working

    def _run(self) -> None:
        while True:
            with self._changed:
                self._working = False
                while not self._items and not self._stopping:
                    self._changed.wait()
                if self._stopping:
                    return
                item = self._items.popleft()
                self._working = True
            try:
                self._handle(item)
            except Exception as error:
                self._on_error(item, error)
