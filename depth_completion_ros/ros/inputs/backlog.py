"""Messages that wait for their partners, of so many bytes and for so long at most."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


def message_bytes(message) -> int:
    """About how much memory a message takes: its data, which are nearly all of an image or cloud."""
    return 1000 + len(getattr(message, "data", ()))


class Backlog(Generic[Item]):
    """What waits, by stamp, oldest first; may be used by several threads.

    Args:
        max_bytes: of all that waits; the newest item is kept however large it is.
        max_age_s: seconds that anything may wait.
        clock: seconds.
    """

    def __init__(self, max_bytes: int, max_age_s: float, clock: Callable[[], float] = time.monotonic):
        self.max_bytes, self.max_age_s, self._clock = max_bytes, max_age_s, clock
        self._items: OrderedDict[int, tuple[Item, int, float]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def put(self, stamp: int, item: Item, size: int) -> list[Item]:
        """Add an item of so many bytes; those that are too old, or for which there is no room, come back."""
        with self._lock:
            left = self._pop(stamp)
            self._items[stamp] = item, size, self._clock()
            self._bytes += size
            dropped = [] if left is None else [left]
            while len(self._items) > 1 and (self._bytes > self.max_bytes or self._oldest_is_too_old()):
                dropped.append(self._pop(next(iter(self._items))))
            return dropped

    def pop(self, stamp: int) -> Item | None:
        """Take an item out; None where none has this stamp."""
        with self._lock:
            return self._pop(stamp)

    def nearest(self, stamp: int) -> tuple[int, Item] | None:
        """The item whose stamp is nearest, which stays; None where nothing waits."""
        with self._lock:
            found = min(self._items, key=lambda other: abs(other - stamp), default=None)
            return None if found is None else (found, self._items[found][0])

    @property
    def items(self) -> list[Item]:
        """All that waits, oldest first."""
        with self._lock:
            return [item for item, _, _ in self._items.values()]

    @property
    def bytes(self) -> int:
        """Of all that waits."""
        return self._bytes

    def _oldest_is_too_old(self) -> bool:
        _, _, since = next(iter(self._items.values()))
        return self._clock() - since > self.max_age_s

    def _pop(self, stamp: int) -> Item | None:
        item, size, _ = self._items.pop(stamp, (None, 0, 0.0))
        self._bytes -= size
        return item
