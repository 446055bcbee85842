"""A completion node that is fed by hand, with the account of every set: completed, or dropped and why."""

from __future__ import annotations

import time
from collections import Counter

import numpy as np
from rclpy.logging import LoggingSeverity
from robot import START, STEP, completion_node

from depth_completion_ros.completion import create_completer
from depth_completion_ros.ros.diagnostics import Counts

SUBJECTS = ("Image", "PointCloud2", "Camera", "point", "depth", "Depth", "Frame image")
"""One of them is in each sentence that tells why a set was dropped: it names the input."""
IDLE_S = 1.0
"""So long a good frame may take once nothing waits."""


class FedNode:
    """The node, and what it said; outputs are made and published, as if somebody subscribed."""

    def __init__(self, ros, **parameters):
        # Nothing is said of stamps (no /clock) and of each other camera: to log takes as long as a set.
        given = {"frame_queue": 1000, "calibration_timeout": 0.0, "use_sim_time": True}
        self.node = completion_node(ros, **given | parameters)
        self.node.get_logger().set_level(LoggingSeverity.WARN)
        self.node._outputs.wanted = lambda topic: topic in ("depth/image", "depth/points", "overlay")
        self.sentences: Counter[tuple[str, str]] = Counter()
        count = self.node._count_dropped

        def note(pair, cause, sentence=""):
            self.sentences[cause, sentence] += 1
            return count(pair, cause, sentence)

        self.node._count_dropped = note
        self._stamp = START

    @property
    def counts(self) -> Counts:
        return self.node.counters.snapshot()

    def next_stamp(self) -> int:
        self._stamp += STEP
        return self._stamp

    def feed(self, messages) -> None:
        """Give a set to the node, as its subscriptions would."""
        image, info, points = messages
        self.node._cameras.add(info)
        self.node._on_pair(image, points)

    def settle(self, limit_s: float = 60.0) -> None:
        """Wait until nothing waits."""
        deadline = time.monotonic() + limit_s
        while self.node._worker.pending:
            assert time.monotonic() < deadline, f"stuck: {self.node._stages.status.message}"
            time.sleep(0.001)

    def completes(self, good) -> None:
        """A good set is completed, within a second of the worker's own time."""
        self.settle()
        before, begin = self.counts.completed, time.thread_time()
        started = time.monotonic()
        self.feed(good)
        self.settle()
        assert self.counts.completed == before + 1, dict(self.counts.dropped)
        # A machine that is busy with others takes longer by the wall clock.
        assert time.monotonic() - started < 20 * IDLE_S and time.thread_time() - begin < IDLE_S

    def check_account(self) -> None:
        """Every set is in the account, no drop is unexpected, and every sentence names its input."""
        counts = self.counts
        assert counts.begun == counts.completed + counts.lost
        assert "unexpected failure" not in counts.dropped, self._worst()
        for (cause, sentence), number in self.sentences.items():
            assert any(word in sentence for word in SUBJECTS), (cause, sentence, number)
            assert sentence.endswith(".") and "\n" not in sentence and len(sentence) < 2000, sentence

    def _worst(self) -> str:
        return next(s for (cause, s), _ in self.sentences.items() if cause == "unexpected failure")


def usual_depth() -> np.ndarray:
    from robot import frame

    return create_completer("nearest")(frame()).depth
