"""What a node counts about itself, and what it says on /diagnostics (REP 107)."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

OK, WARN, ERROR, STALE = range(4)


@dataclass
class Status:
    """One line of diagnostics: a part of the node, how it is, and in words why."""

    name: str
    level: int
    message: str
    values: dict[str, object] = field(default_factory=dict)


class Stream:
    """What is known of one input topic."""

    def __init__(self, name: str, topic: str):
        self.name, self.topic = name, topic
        self.count = 0
        self.mismatch: str | None = None
        self._since = time.monotonic()
        self._arrivals: deque[float] = deque(maxlen=50)

    def message(self) -> None:
        """Count one message that has just arrived."""
        self.count += 1
        self._arrivals.append(time.monotonic())

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


class Counters:
    """Counts of frames, safe to use from several threads.

    Every frame that was begun ends as completed or under exactly one cause of dropping.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._begun = 0
        self._completed = 0
        self._partial: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._latencies: deque[float] = deque(maxlen=2000)
        self._told: dict[str, float] = {}

    def begin(self) -> None:
        """Count a frame taken in."""
        with self._lock:
            self._begun += 1

    def complete(self, latency_s: float, without: str = "") -> None:
        """Count a frame whose outputs are published, and the seconds since it was taken in.

        Args:
            without: what it lacked: "points", "image" or nothing.
        """
        with self._lock:
            self._completed += 1
            if without:
                self._partial[f"completed without {without}"] += 1
            self._latencies.append(latency_s)

    def drop(self, cause: str, number: int = 1) -> bool:
        """Count frames lost to a cause; True if it is time to say so in the log (every 10 s)."""
        with self._lock:
            self._dropped[cause] += number
            now = time.monotonic()
            if now - self._told.get(cause, -1e9) < 10.0:
                return False
            self._told[cause] = now
            return True

    def snapshot(self) -> Counts:
        """The counts of one moment."""
        with self._lock:
            partial, dropped = dict(self._partial), dict(self._dropped)
            return Counts(self._begun, self._completed, dropped, list(self._latencies), partial)


@dataclass(frozen=True)
class Counts:
    """Counts of one moment; see `Counters`."""

    begun: int
    completed: int
    dropped: dict[str, int]
    latencies_s: list[float]
    partial: dict[str, int] = field(default_factory=dict)

    @property
    def lost(self) -> int:
        """Frames dropped for any cause."""
        return sum(self.dropped.values())

    @property
    def pending(self) -> int:
        """Frames that wait or are worked on."""
        return self.begun - self.completed - self.lost

    def latency_ms(self, percentile: float) -> float:
        """Percentile (0 to 100) of the time from the pair to its outputs, ms; NaN without frames."""
        return float(np.percentile(self.latencies_s, percentile)) * 1e3 if self.latencies_s else np.nan


def frames_status(now: Counts, before: Counts, unpaired: dict[str, int], unpaired_before: dict) -> Status:
    """Judge the frames between two moments; messages that found no partner count as `unpaired`."""
    values: dict[str, object] = {"frames": now.begun, "completed": now.completed}
    values |= dict(sorted(now.partial.items()))
    values |= {f"dropped: {cause}": n for cause, n in sorted(now.dropped.items())}
    values |= {f"unpaired: {cause}": n for cause, n in sorted(unpaired.items())}
    values |= {f"latency p{p} (ms)": round(now.latency_ms(p), 2) for p in (50, 95, 99)}
    recent = Counter(now.dropped) - Counter(before.dropped)
    recent += Counter(unpaired) - Counter(unpaired_before)
    done = now.completed - before.completed
    idle = recent[NO_SUBSCRIBER] > 0
    # That nobody listens is no fault, nor that cameras are faster than LiDARs.
    for usual in (NO_SUBSCRIBER, "image without points"):
        recent.pop(usual, None)
    partial = Counter(now.partial) - Counter(before.partial)
    said = f"{done} completed since the last report"
    said += "".join(f", {n} of them {cause.removeprefix('completed ')}" for cause, n in partial.items())
    if not recent:
        return Status("frames", WARN if partial else OK, f"{said}.", values)
    causes = ", ".join(f"{cause} ({n})" for cause, n in recent.most_common())
    # A bag in a loop drops a few at each new begin, also while nobody listens and nothing is completed.
    level = WARN if done or idle or recent.keys() == {"time jump"} else ERROR
    return Status("frames", level, f"{said}; dropped: {causes}.", values)


def totals(counts: Counts, unpaired: dict[str, int]) -> str:
    """What became of all frames, as one sentence for the log."""
    lost = Counter(counts.dropped) + Counter({f"unpaired, {cause}": n for cause, n in unpaired.items()})
    causes = ", ".join(f"{cause} ({n})" for cause, n in lost.most_common()) or "none"
    latency = ""
    if counts.latencies_s:
        latency = ", latency " + ", ".join(f"p{p} {counts.latency_ms(p):.0f} ms" for p in (50, 95, 99))
    return f"Completed {counts.completed} of {counts.begun} frames{latency}; dropped: {causes}."


NO_SUBSCRIBER = "nobody subscribes"


class DiagnosticsPublisher:
    """Publishes on /diagnostics once a second by the wall clock, so that a stopped /clock shows.

    Args:
        node: the node spoken of.
        collect: gives the statuses of the moment.
    """

    def __init__(self, node, collect: Callable[[], Iterable[Status]]):
        from diagnostic_msgs.msg import DiagnosticArray

        from .qos import steady_clock

        self._node, self._collect = node, collect
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self._timer = node.create_timer(1.0, self.publish, clock=steady_clock())

    def publish(self) -> None:
        """Publish now."""
        from diagnostic_msgs.msg import DiagnosticArray

        message = DiagnosticArray()
        message.header.stamp = self._node.get_clock().now().to_msg()
        prefix = self._node.get_fully_qualified_name().lstrip("/")
        message.status = [_to_message(prefix, status) for status in self._collect()]
        self._publisher.publish(message)


def _to_message(prefix: str, status: Status):
    from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

    return DiagnosticStatus(
        level=bytes([status.level]),
        name=f"{prefix}: {status.name}",
        message=status.message,
        hardware_id="",
        values=[KeyValue(key=key, value=str(value)) for key, value in status.values.items()],
    )
