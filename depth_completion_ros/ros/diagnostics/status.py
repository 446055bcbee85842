"""What a node counts about itself, and what it says on /diagnostics (REP 107)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

OK, WARN, ERROR, STALE = range(4)


@dataclass
class Status:
    """One line of diagnostics: a part of the node, how it is, and in words why."""

    name: str
    level: int
    message: str
    values: dict[str, object] = field(default_factory=dict)


class DiagnosticsPublisher:
    """Publishes on /diagnostics once a second by the wall clock, so that a stopped /clock shows.

    Args:
        node: the node spoken of.
        collect: gives the statuses of the moment.
    """

    def __init__(self, node, collect: Callable[[], Iterable[Status]]):
        from diagnostic_msgs.msg import DiagnosticArray

        from ..qos import steady_clock

        self._node, self._collect = node, collect
        self._twins_are_told = False
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self._timer = node.create_timer(1.0, self.publish, clock=steady_clock())

    def publish(self) -> None:
        """Publish now."""
        from diagnostic_msgs.msg import DiagnosticArray

        message = DiagnosticArray()
        message.header.stamp = self._node.get_clock().now().to_msg()
        prefix = self._node.get_fully_qualified_name().lstrip("/")
        statuses = [*self._collect(), self._name_status()]
        message.status = [_to_message(prefix, status) for status in statuses]
        self._publisher.publish(message)

    def _name_status(self) -> Status:
        """An error where another node has the same name, and thus publishes the same topics."""
        own = self._node.get_name(), self._node.get_namespace()
        number = self._node.get_node_names_and_namespaces().count(own)
        name = self._node.get_fully_qualified_name()
        if number < 2:
            self._twins_are_told = False
            return Status("name", OK, f"No other node is called {name}.")
        sentence = f"{number} nodes are called {name}, and each publishes all topics: stop all but one."
        if not self._twins_are_told:
            self._twins_are_told = True
            self._node.get_logger().error(sentence)
        return Status("name", ERROR, sentence)


def _to_message(prefix: str, status: Status):
    from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

    return DiagnosticStatus(
        level=bytes([status.level]),
        name=f"{prefix}: {status.name}",
        message=status.message,
        hardware_id="",
        values=[KeyValue(key=key, value=str(value)) for key, value in status.values.items()],
    )
