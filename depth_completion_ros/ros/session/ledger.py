"""What became of each frame that was played; numpy only."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, dataclass

import numpy as np

from ...core import Metrics

COMPLETED = "completed"
PERCENTILES = (50, 95, 99)
BY_DESIGN = "replaced by a newer frame"
"""The drop of a completer that is slower than the sensors; no fault where frames come as from sensors."""


@dataclass
class Entry:
    """One frame that was played.

    Args:
        stamp: of its image, nanoseconds.
        outcome: `completed`, or the cause under which it was dropped; None while it is under way.
        unscored: why it has no metrics, once that is known.
    """

    stamp: int
    name: str
    outcome: str | None = None
    latency_ms: float | None = None
    metrics: Metrics | None = None
    unscored: str | None = None

    @property
    def is_settled(self) -> bool:
        """Whether nothing more will be known of a frame that ought to be scored."""
        if self.outcome is None:
            return False
        return self.outcome != COMPLETED or self.metrics is not None or self.unscored is not None


class Ledger:
    """Counts of all frames played. Every frame is completed, dropped for one cause, or under way."""

    def __init__(self):
        self.entries: dict[int, Entry] = {}

    def play(self, stamp: int, name: str) -> None:
        """A frame goes out."""
        self.entries[stamp] = Entry(stamp, name)

    def end(self, stamp: int, outcome: str, latency_ms: float | None = None) -> None:
        """What the completion node tells of an image; images of others are left out."""
        entry = self.entries.get(stamp)
        if entry is not None and entry.outcome is None:
            entry.outcome, entry.latency_ms = outcome, latency_ms

    def end_the_rest(self, cause: str) -> None:
        """Nothing more will come of the frames that are under way."""
        for entry in list(self.entries.values()):
            if entry.outcome is None:
                entry.outcome = cause

    def count(self, outcome: str | None) -> int:
        """Frames with this outcome; None for those under way."""
        return sum(entry.outcome == outcome for entry in list(self.entries.values()))

    @property
    def dropped(self) -> Counter[str]:
        """Frames that were not completed, by cause."""
        outcomes = (entry.outcome for entry in list(self.entries.values()))
        return Counter(outcome for outcome in outcomes if outcome not in (None, COMPLETED))

    @property
    def scored(self) -> list[Metrics]:
        """Metrics of the frames that have them, in order."""
        return [entry.metrics for entry in list(self.entries.values()) if entry.metrics is not None]

    @property
    def unscored(self) -> Counter[str]:
        """Frames that were completed but not scored, by reason."""
        return Counter(entry.unscored for entry in list(self.entries.values()) if entry.unscored)

    @property
    def mean(self) -> Metrics | None:
        """Mean over the frames, each counting alike; None without any."""
        return Metrics.mean(self.scored) if self.scored else None

    def latency_ms(self) -> dict[str, float] | None:
        """Percentiles of the time from a pair to its outputs; None without any."""
        values = [e.latency_ms for e in list(self.entries.values()) if e.latency_ms is not None]
        if not values:
            return None
        return {f"p{p}": round(float(np.percentile(values, p)), 1) for p in PERCENTILES}

    def fault(self, realtime: bool) -> str:
        """What is wrong with how it went, as a sentence; empty where nothing is."""
        lost = self.dropped
        if realtime:
            lost.pop(BY_DESIGN, None)
        if not self.entries:
            return "Not one frame was played."
        if not self.count(COMPLETED):
            return "Not one frame was completed."
        if lost or self.count(None):
            return f"{lost.total() + self.count(None)} of {len(self.entries)} frames were not completed."
        return ""

    def report(self) -> dict:
        """All of it, for JSON, which has no NaN."""
        mean = self.mean
        return {
            "played": len(self.entries),
            "completed": self.count(COMPLETED),
            "dropped": dict(self.dropped),
            "latency_ms": self.latency_ms(),
            "frames": len(self.scored),
            "unscored": dict(self.unscored),
            "mean": _plain(mean) if mean else None,
            "per_frame": [_row(entry) for entry in self.entries.values()],
        }


def _row(entry: Entry) -> dict:
    row = {"stamp": entry.stamp, "name": entry.name, "outcome": entry.outcome, "latency_ms": entry.latency_ms}
    if entry.unscored:
        row["unscored"] = entry.unscored
    return row | (_plain(entry.metrics) if entry.metrics else {})


def _plain(metrics: Metrics) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in asdict(metrics).items()}
