"""Clouds of further LiDARs, put together with that of the first."""

from __future__ import annotations

import sys
import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.exceptions import InvalidTopicNameException
from rclpy.expand_topic_name import expand_topic_name
from rclpy.validate_full_topic_name import validate_full_topic_name

from ...data.messages import stamp_ns
from ..diagnostics import OK, WARN, Status
from .backlog import message_bytes

NAME = "more points"
KEPT = 20
"""Clouds of each further LiDAR that wait for a cloud of the first."""


@dataclass(frozen=True)
class MoreCloud:
    """A cloud of a further LiDAR that belongs to a pair.

    Args:
        topic: where it came from.
        message: None where the LiDAR has none near enough.
        offset_ns: added to its stamps.
    """

    topic: str
    message: Any
    offset_ns: int


def further_topics(settings) -> list[tuple[str, int]]:
    """Topics of further LiDARs and what is added to their stamps, nanoseconds, as the parameters say.

    Raises:
        ValueError: offsets of another number, or what is no topic, or one twice.
    """
    topics = [topic.strip() for topic in settings.more_points.split(",") if topic.strip()]
    for topic in topics:
        _check_topic(topic, topics)
    offsets = list(settings.more_points_time_offsets)
    if topics and len(offsets) not in (1, len(topics)):
        raise ValueError(
            f"Parameter 'more_points_time_offsets' has {len(offsets)} entries; it must have one for each of "
            f"{len(topics)} topics in 'more_points', or one for all."
        )
    offsets = offsets * len(topics) if len(offsets) == 1 else offsets
    return [(topic, round(offset * 1e9)) for topic, offset in zip(topics, offsets, strict=False)]


def _check_topic(topic: str, topics: list[str]) -> None:
    if topics.count(topic) > 1:
        raise ValueError(f"Parameter 'more_points' has the topic '{topic}' twice; it must have it once.")
    try:
        validate_full_topic_name(expand_topic_name(topic, "node", "/"))
    except (ValueError, InvalidTopicNameException):
        raise ValueError(
            f"Parameter 'more_points' has '{topic}', which cannot be a topic; it must be of letters, digits, "
            "_ and /, with commas between topics."
        ) from None


class MoreClouds:
    """The last clouds of further LiDARs, from which each pair gets the nearest ones.

    Args:
        topics: as of `further_topics`.
        slack_ns: largest distance of the stamps.
        max_bytes: that the clouds of one topic may take together; the newest stays however large it is.
    """

    def __init__(self, topics: list[tuple[str, int]], slack_ns: int, max_bytes: int = sys.maxsize):
        self._slack_ns, self._max_bytes = slack_ns, max_bytes
        self._waiting = {topic: (offset, deque[tuple[int, object]](maxlen=KEPT)) for topic, offset in topics}
        self._lock = threading.Lock()

    def add(self, topic: str, message) -> None:
        """Take a cloud of one of the topics."""
        offset, waiting = self._waiting[topic]
        with self._lock:
            waiting.append((stamp_ns(message.header) + offset, message))
            while len(waiting) > 1 and sum(message_bytes(m) for _, m in waiting) > self._max_bytes:
                waiting.popleft()

    def forget(self) -> None:
        """Drop all that waits, as time has jumped: the next run may have the same stamps."""
        with self._lock:
            for _, waiting in self._waiting.values():
                waiting.clear()

    def near(self, stamp: int) -> tuple[MoreCloud, ...]:
        """For each topic the cloud that is nearest to a stamp; with None where none is near enough."""
        found = []
        with self._lock:
            for topic, (offset, waiting) in self._waiting.items():
                distance, _, message = min(
                    ((abs(s - stamp), -i, m) for i, (s, m) in enumerate(waiting)),
                    key=lambda entry: entry[:2],
                    default=(self._slack_ns + 1, 0, None),
                )
                found.append(MoreCloud(topic, message if distance <= self._slack_ns else None, offset))
        return tuple(found)


class MorePoints:
    """Counts what became of further clouds, for the operator.

    Attributes:
        status: what diagnostics say of it.
    """

    def __init__(self, topics: list[tuple[str, int]], warn: Callable[..., None]):
        self._warn = warn
        self._counts: Counter[str] = Counter()
        self.status = Status(NAME, OK, "No frame yet." if topics else "None are asked for.")

    def judge(self, used: dict[str, int], missing: dict[str, str]) -> None:
        """Note a frame: points by topic, and why a topic gave none."""
        self._counts.update({f"{topic}: used": 1 for topic in used})
        self._counts.update({f"{topic}: missing": 1 for topic in missing})
        if missing:
            sentence = " ".join(
                f"A frame is completed without {topic}: {why}" for topic, why in missing.items()
            )
            self._warn(sentence, throttle_duration_sec=10.0)
        else:
            sentence = ", ".join(f"{count} points of {topic}" for topic, count in used.items()) + "."
        self.status = Status(NAME, WARN if missing else OK, sentence, dict(self._counts))
