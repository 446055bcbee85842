"""Figures of a run, of several, and the search for the largest rate; no ROS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import fmean

import numpy as np

LOSS = 0.05
"""Of the frames, that a rate may lose and still be kept up with."""
STEP_HZ = 1.0
"""How fine the search is."""


@dataclass
class Run:
    """One run at one rate.

    Args:
        rate: that was asked for, Hz.
        sent: frames that went out, within so many seconds from the first to the last.
        arrived: nanoseconds at which the depth of a frame arrived, by its stamp, at which it was sent.
        cpu_s: seconds that cores have worked for each process.
    """

    rate: float
    sent: int
    seconds: float
    arrived: dict[int, int]
    cpu_s: dict[str, float] = field(default_factory=dict)

    @property
    def received(self) -> int:
        return len(self.arrived)

    @property
    def rate_sent(self) -> float:
        return (self.sent - 1) / self.seconds

    @property
    def is_sustained(self) -> bool:
        """Whether the rate was reached and less than `LOSS` of the frames were lost."""
        lost = self.sent - self.received
        return self.rate_sent >= (1 - LOSS) * self.rate and lost < LOSS * self.sent

    def figures(self) -> dict[str, float]:
        """Rates in Hz, times in ms; jitter is how much one interval between outputs differs from the next."""
        latency = np.array([at - stamp for stamp, at in self.arrived.items()]) / 1e6
        times = np.sort(np.array(list(self.arrived.values()), np.int64)) / 1e6
        found = {
            "rate_sent": self.rate_sent,
            "sent": self.sent,
            "received": self.received,
            "lost_share": 1 - self.received / self.sent,
        }
        if len(times) > 1:
            found["rate_received"] = 1e3 * (len(times) - 1) / (times[-1] - times[0])
            found |= {f"latency_p{p}_ms": float(np.percentile(latency, p)) for p in (50, 95)}
            found["latency_max_ms"] = float(latency.max())
        if len(times) > 2:
            jitter = np.abs(np.diff(np.diff(times)))
            found |= {"jitter_mean_ms": float(jitter.mean()), "jitter_max_ms": float(jitter.max())}
        for name, seconds in self.cpu_s.items():
            found[f"cpu_ms_a_frame_of_{name}"] = 1e3 * seconds / self.sent
        return found


def without_extremes(runs: list[dict[str, float]]) -> dict[str, float]:
    """Mean of each figure over runs, without its best and its worst where there are five or more."""
    found = {}
    for name in runs[0]:
        values = sorted(run[name] for run in runs if name in run)
        found[name] = fmean(values[1:-1] if len(values) >= 5 else values)
    return found


def largest_rate(play: Callable[[float], Run], low: float, high: float) -> tuple[float, list[Run]]:
    """The largest rate that is kept up with, and all that was tried.

    By halves until two rates are near, then upwards from the lower one step by step.

    Args:
        play: makes a run at a rate.
        low, high: Hz between which it is sought; 0 comes back where even `low` is too much.
    """
    runs = []

    def sustained(rate: float) -> bool:
        runs.append(play(rate))
        return runs[-1].is_sustained

    if not sustained(low):
        return 0.0, runs
    while high - low > 4 * STEP_HZ:
        middle = (low + high) / 2
        low, high = (middle, high) if sustained(middle) else (low, middle)
    while low + STEP_HZ <= high and sustained(low + STEP_HZ):
        low += STEP_HZ
    return low, runs
