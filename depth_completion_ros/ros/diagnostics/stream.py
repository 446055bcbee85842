"""What is known of the inputs of a node, and how that is judged."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from itertools import pairwise
from statistics import median

from .status import ERROR, OK, STALE, Status

FEW_STAMPS = 10
"""Before so many the usual spacing of stamps is not known."""
LATE, PAUSE = 1.6, 100.0
"""Spacings between two stamps from which a message is missing, and from which the sensor has paused."""


class Stream:
    """What is known of one input topic."""

    def __init__(self, name: str, topic: str):
        self.name, self.topic = name, topic
        self.count = 0
        self.mismatch: str | None = None
        self.lost = 0
        self._stamps: deque[int] = deque(maxlen=50)
        self._since = time.monotonic()
        self._arrivals: deque[float] = deque(maxlen=50)

    def message(self, stamp_ns: int | None = None) -> None:
        """Count one message that has just arrived, and by its stamp those that should have before it."""
        self.count += 1
        self._arrivals.append(time.monotonic())
        if stamp_ns is not None:
            self.lost += self._missing_before(stamp_ns)
            self._stamps.append(stamp_ns)

    def _missing_before(self, stamp_ns: int) -> int:
        """Messages between this stamp and the last, by their usual spacing; 0 for jumps and pauses."""
        if len(self._stamps) < FEW_STAMPS or stamp_ns <= self._stamps[-1]:
            return 0
        stamps = list(self._stamps)
        usual = median(later - earlier for earlier, later in pairwise(stamps))
        if usual <= 0:
            return 0
        steps = (stamp_ns - stamps[-1]) / usual
        return round(steps) - 1 if LATE < steps < PAUSE else 0

    @property
    def silent_for(self) -> float:
        """Seconds since the last message, or since the beginning when there was none."""
        return time.monotonic() - (self._arrivals[-1] if self._arrivals else self._since)

    @property
    def rate(self) -> float:
        """Messages a second over the last ones, 0 when silent for twice their spacing and more."""
        if len(self._arrivals) < 2:
            return 0.0
        spacing = (self._arrivals[-1] - self._arrivals[0]) / (len(self._arrivals) - 1)
        return 1 / max(spacing, 1e-6) if self.silent_for < max(2 * spacing, 1.0) else 0.0

    def status(self, publishers: int, stale_after: float, all_silent: bool) -> Status:
        """Judge the stream, given how many publishers the graph shows on its topic."""
        values = {"topic": self.topic, "received": self.count, "rate (Hz)": round(self.rate, 2)}
        values["missing by their stamps"] = self.lost
        name = f"input {self.name}"
        if self.mismatch and self.silent_for > stale_after:
            return Status(
                name,
                ERROR,
                f"A publisher of {self.topic} offers an incompatible QoS ({self.mismatch}), so nothing "
                "arrives; change `qos_input_reliability` or the publisher.",
                values,
            )
        if self.silent_for > stale_after:
            why = "nobody publishes it" if publishers == 0 else f"{publishers} publisher(s) known"
            message = f"Nothing received on {self.topic} for {self.silent_for:.1f} s; {why}."
            return Status(name, STALE if all_silent else ERROR, message, values)
        if self.count == 0:
            return Status(name, OK, f"Waiting for the first message on {self.topic}.", values)
        return Status(name, OK, f"{self.rate:.1f} Hz on {self.topic}.", values)


def stream_statuses(node, streams: Iterable[Stream], stale_after: float) -> list[Status]:
    """Judge the inputs of a node; one that is silent is stale where all are, else an error."""
    streams = list(streams)
    all_silent = all(stream.silent_for > stale_after for stream in streams)
    return [stream.status(node.count_publishers(stream.topic), stale_after, all_silent) for stream in streams]
