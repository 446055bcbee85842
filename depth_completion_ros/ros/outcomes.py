"""What became of each frame: a message a frame on `depth/frames`, for whoever must not miss any.

A message is a DiagnosticArray with the header of the image and one status: OK and `completed`, or WARN
and the cause of the drop. Messages are numbered, so that a listener knows how many it has missed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from std_msgs.msg import Header

from ..data.messages import stamp_ns
from . import qos

TOPIC = "depth/frames"
COMPLETED = "completed"
_LATENCY, _REASON, _NUMBER = "latency (ms)", "reason", "number"


@dataclass(frozen=True)
class Outcome:
    """What became of one image.

    Args:
        stamp: of the image, nanoseconds.
        cause: `completed`, or the cause under which the frame was dropped.
        latency_ms: from the pair being known to its outputs; None where it was dropped.
        reason: a sentence for the operator; may be empty.
        number: of the messages of this node, from 1; 0 where it is not told.
    """

    stamp: int
    cause: str
    latency_ms: float | None = None
    reason: str = ""
    number: int = 0


class OutcomePublisher:
    """Tells the outcomes of a node's frames; may be used by several threads."""

    def __init__(self, node):
        self._name = f"{node.get_name()}: frame"
        self._number, self._lock = 0, threading.Lock()
        self._publisher = node.create_publisher(DiagnosticArray, TOPIC, qos.profile("reliable", 100))

    def completed(self, header: Header, latency_s: float) -> None:
        """The outputs of the image with this header are published."""
        self._tell(header, b"\x00", COMPLETED, KeyValue(key=_LATENCY, value=f"{1e3 * latency_s:.3f}"))

    def dropped(self, header: Header, cause: str, reason: str = "") -> None:
        """The image with this header will have no depth."""
        self._tell(header, b"\x01", cause, KeyValue(key=_REASON, value=reason))

    def _tell(self, header: Header, level: bytes, message: str, value: KeyValue) -> None:
        if not self._publisher.get_subscription_count():
            return
        with self._lock:  # so that they are published in the order of their numbers
            self._number += 1
            values = [value, KeyValue(key=_NUMBER, value=str(self._number))]
            status = DiagnosticStatus(level=level, name=self._name, message=message, values=values)
            self._publisher.publish(DiagnosticArray(header=header, status=[status]))


def read_outcome(message: DiagnosticArray) -> Outcome:
    """The outcome that a message of `OutcomePublisher` tells."""
    status = message.status[0]
    values = {value.key: value.value for value in status.values}
    latency = values.get(_LATENCY)
    return Outcome(
        stamp_ns(message.header),
        status.message,
        None if latency is None else float(latency),
        values.get(_REASON, ""),
        int(values.get(_NUMBER, 0)),
    )


def listen(
    node, callback: Callable[[Outcome], None], on_missed: Callable[[int], None] = lambda number: None
) -> None:
    """Call back with every `Outcome` that a completion node tells in the namespace of a node.

    Args:
        on_missed: called with how many messages before the one at hand have not arrived, or cannot be read.
    """
    last = 0

    def on_message(message: DiagnosticArray) -> None:
        nonlocal last
        try:
            outcome = read_outcome(message)
        except (ValueError, IndexError):  # of another program
            on_missed(1)
            return
        if last and outcome.number > last + 1:  # a node that begins anew counts from 1
            on_missed(outcome.number - last - 1)
        last = outcome.number
        callback(outcome)

    node.create_subscription(DiagnosticArray, TOPIC, on_message, qos.profile("reliable", 1000))
