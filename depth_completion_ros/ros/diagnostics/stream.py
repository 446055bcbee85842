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
    """What is known of one input topic.

    Args:
        kind: class of its messages, by which a publisher of another type is told.
    """

    def __init__(self, name: str, topic: str, kind: type | None = None):
        self.name, self.topic, self.type = name, topic, _type_name(kind)
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

    def status(self, publishers: int, stale_after: float, all_silent: bool, other_type: str = "") -> Status:
        """Judge the stream, given what `publishers_of` says of its topic."""
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
        if self.silent_for > stale_after and other_type:
            return Status(name, ERROR, f"Nothing arrives: {self.of_another_type(other_type)}", values)
        if self.silent_for > stale_after:
            why = "nobody publishes it" if publishers == 0 else f"{publishers} publisher(s) known"
            message = f"Nothing received on {self.topic} for {self.silent_for:.1f} s; {why}."
            return Status(name, STALE if all_silent else ERROR, message, values)
        if self.count == 0:
            return Status(name, OK, f"Waiting for the first message on {self.topic}.", values)
        return Status(name, OK, f"{self.rate:.1f} Hz on {self.topic}.", values)

    def of_another_type(self, other: str) -> str:
        """What to say where the topic is published, but with messages of another type."""
        return (
            f"{self.topic} is published as {other}, but {self.type} is wanted; remap it, or see the "
            "parameters `image_transport` and `measured_input`."
        )


def _type_name(kind: type | None) -> str:
    """A message class as the graph calls its type: sensor_msgs/msg/Image."""
    return f"{kind.__module__.partition('.')[0]}/msg/{kind.__name__}" if kind is not None else ""


def publishers_of(node, stream: Stream) -> tuple[int, str]:
    """How many publishers the graph shows on a topic, and their type where none is of the wanted one."""
    types = [info.topic_type for info in node.get_publishers_info_by_topic(stream.topic)]
    return len(types), types[0] if types and stream.type and stream.type not in types else ""


def stream_statuses(node, streams: Iterable[Stream], stale_after: float) -> list[Status]:
    """Judge the inputs of a node; one that is silent is stale where all are, else an error."""
    streams = list(streams)
    all_silent = all(stream.silent_for > stale_after for stream in streams)
    known = [(stream, *publishers_of(node, stream)) for stream in streams]
    return [stream.status(count, stale_after, all_silent, other) for stream, count, other in known]
