"""Which messages come alone, as the input of their partners has fallen silent."""

from __future__ import annotations

import time
from collections.abc import Callable


class Partners:
    """Watches when messages of two streams arrive, whatever their stamps.

    A message comes alone when its own stream has gone on for the timeout without a message of the other.
    A pause or a start of both, in which either may come first, is thus no failure of one of them; nor is a
    rate of one that is higher than that of the other, as long as the timeout is longer than the time between
    two messages of the slower one.

    Args:
        timeout_s: seconds of silence after which a stream counts as failed.
        clock: seconds.
    """

    def __init__(self, timeout_s: float, clock: Callable[[], float] = time.monotonic):
        self._timeout_s, self._clock = timeout_s, clock
        self._last: dict[str, float] = {}
        self._alone_since: dict[str, float] = {}

    def comes_alone(self, stream: str) -> bool:
        """Take note of a message of a stream that has just arrived; whether it comes alone.

        Args:
            stream: a name of its own for each of the two.
        """
        now = self._clock()
        last, self._last[stream] = self._last.get(stream, now), now
        since = self._alone_since.get(stream, now)
        # A message of this stream is what the other has waited for; after a pause both begin anew.
        self._alone_since = {stream: now if now - last >= self._timeout_s else since}
        return now - self._alone_since[stream] >= self._timeout_s
