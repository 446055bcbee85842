"""Where the time of a frame goes, and by that who is to blame when frames are lost."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from .status import OK, WARN, Status

WAIT, DECODE, TRANSFORM, FILTER, COMPLETER, PUBLISH = STAGES = (
    "waiting",
    "decoding",
    "camera and transform",
    "projection and filter",
    "completer",
    "publishing",
)
"""The pair waits for the worker; messages become arrays; CameraInfo and TF are looked up; points are
projected and filtered; the completer works; messages are made and published."""
SLOW = {
    DECODE: "decoding slow",
    TRANSFORM: "transform late",
    FILTER: "filter slow",
    COMPLETER: "completer slow",
    PUBLISH: "publishing slow",
}
STUCK_S = 2.0
"""A frame that has taken longer so far is told of before it ends."""
_OVERRUN = ("replaced by a newer frame", "callback too slow", "queue full")
_MALFORMED = ("cannot be decoded", "of another size", "not calibrated", "of another camera", "stamp is zero")
_TRANSFORM = ("no transform", "extrinsics cannot be used")


def processor_time() -> float:
    """Seconds that cores have worked for this process, in all its threads but the main one.

    Of the process, not of a stage: a completer's own threads count, as do those of DDS, which receive and
    send meanwhile, and those of other nodes of the process (a container, a session). The main thread, which
    handles what arrives, does not.
    """
    if not hasattr(time, "pthread_getcpuclockid"):  # Windows
        return time.process_time()
    main = time.pthread_getcpuclockid(threading.main_thread().ident)
    return time.process_time() - time.clock_gettime(main)


class Stages:
    """Times of the stages of the last frames; measured by one thread, read by any.

    Args:
        clock: seconds.
        processor_clock: seconds that cores have worked for the process.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        processor_clock: Callable[[], float] = processor_time,
    ):
        self._clock, self._processor_clock = clock, processor_clock
        self._lock = threading.Lock()
        self._times: dict[str, deque[float]] = {stage: deque(maxlen=200) for stage in STAGES}
        self._worked: dict[str, deque[float]] = {stage: deque(maxlen=200) for stage in STAGES}
        self._frame: Counter[str] = Counter()
        self._frame_worked: Counter[str] = Counter()
        self._now: tuple[str, float] | None = None  # the stage at hand, and since when

    @contextmanager
    def frame(self, waited_s: float) -> Iterator[None]:
        """A frame that has waited for so long is worked on within."""
        self._frame, self._frame_worked = Counter({WAIT: waited_s}), Counter()
        try:
            yield
        finally:
            with self._lock:
                for stage, seconds in self._frame.items():
                    self._times[stage].append(seconds)
                for stage, seconds in self._frame_worked.items():
                    self._worked[stage].append(seconds)

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """A stage of the frame, or a part of it; its time counts whether or not it fails."""
        begin, worked = self._clock(), self._processor_clock()
        self._now = stage, begin
        try:
            yield
        finally:
            self._now = None
            self._frame[stage] += self._clock() - begin
            self._frame_worked[stage] += self._processor_clock() - worked

    @property
    def slowest(self) -> str:
        """The stage that takes most of the worker's time of a frame; empty before the first one."""
        means = {stage: seconds for stage, seconds in self._means().items() if stage != WAIT}
        return max(means, key=means.__getitem__, default="")

    @property
    def sentence(self) -> str:
        """Which stage makes frames slow, for the log."""
        means = {stage: seconds for stage, seconds in self._means().items() if stage != WAIT}
        now = self._now
        if not means:
            return f"The first frame is in {now[0]}." if now else "No frame has been worked on yet."
        total, slowest = sum(means.values()), self.slowest
        return f"A frame takes {1e3 * total:.0f} ms, {1e3 * means[slowest]:.0f} ms of it {slowest}."

    @property
    def status(self) -> Status:
        """Latency by stage, and what the process worked meanwhile (`processor_time`).

        A warning while a frame takes longer than `STUCK_S`.
        """
        now = self._now
        with self._lock:
            times = {stage: list(values) for stage, values in self._times.items() if values}
            worked = {stage: sum(values) / len(values) for stage, values in self._worked.items() if values}
        values = {
            f"{stage} p{p} (ms)": round(1e3 * float(np.percentile(seconds, p)), 2)
            for stage, seconds in times.items()
            for p in (50, 95)
        }
        values |= {
            f"{stage} process CPU mean (ms)": round(1e3 * seconds, 2) for stage, seconds in worked.items()
        }
        if now is not None and (since := self._clock() - now[1]) > STUCK_S:
            return Status("latency", WARN, f"The frame at hand is in {now[0]} for {since:.1f} s.", values)
        return Status("latency", OK, self.sentence, values)

    def _means(self) -> dict[str, float]:
        with self._lock:
            return {stage: sum(values) / len(values) for stage, values in self._times.items() if values}


def true_cause(recent: Counter[str], stages: Stages, lost: int) -> str:
    """What to mend first where frames were dropped, in two words; empty where nothing of it is known.

    Args:
        recent: drops by cause, since the last report.
        lost: messages that did not arrive, since the last report.
    """
    votes: Counter[str] = Counter()
    for cause, number in recent.items():
        if cause in _OVERRUN:
            votes[SLOW.get(stages.slowest, "")] += number
        elif cause in _TRANSFORM:
            votes["transform missing"] += number
        elif cause == "completer failed":
            votes["completer fails"] += number
        elif any(words in cause for words in _MALFORMED):
            votes["input malformed"] += number
    if lost > 0:
        votes["transport loses"] += lost
    votes.pop("", None)
    return votes.most_common(1)[0][0] if votes else ""
