"""Counts of frames: taken in, completed, dropped by cause."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .status import ERROR, OK, WARN, Status

NO_SUBSCRIBER = "nobody subscribes"


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


def frames_status(
    now: Counts,
    before: Counts,
    unpaired: dict[str, int],
    unpaired_before: dict,
    why: Callable[[Counter[str]], str] = lambda recent: "",
) -> Status:
    """Judge the frames between two moments; messages that found no partner count as `unpaired`.

    Args:
        why: gives the cause in two words of recent drops by cause, see `true_cause`.
    """
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
    cause = why(recent)
    values["cause"] = cause or "see the drops"
    return Status("frames", level, f"{said}; dropped: {causes}{cause and f'; cause: {cause}'}.", values)


def totals(counts: Counts, unpaired: dict[str, int]) -> str:
    """What became of all frames, as one sentence for the log."""
    lost = Counter(counts.dropped) + Counter({f"unpaired, {cause}": n for cause, n in unpaired.items()})
    causes = ", ".join(f"{cause} ({n})" for cause, n in lost.most_common()) or "none"
    latency = ""
    if counts.latencies_s:
        latency = ", latency " + ", ".join(f"p{p} {counts.latency_ms(p):.0f} ms" for p in (50, 95, 99))
    return f"Completed {counts.completed} of {counts.begun} frames{latency}; dropped: {causes}."
