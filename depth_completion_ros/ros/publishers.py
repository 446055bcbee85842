"""The outputs of the completion node; nothing is made that nobody subscribes to."""

from __future__ import annotations

from rclpy.duration import Duration

from ..evaluation.outputs import OUTPUTS, CompletedFrame
from . import qos
from .conversions import CLASSES, output_message
from .diagnostics import OK, WARN, Status

LAST_FRAME = Duration(seconds=0.5)
"""How long reliable subscribers may take to acknowledge what was published last."""


class Outputs:
    """Publishers of all outputs.

    Args:
        node: owner of the publishers.
        profile: QoS of all of them.
    """

    def __init__(self, node, profile):
        self._node = node
        self._publishers = {}
        self._mismatch: dict[str, str] = {}
        for output in OUTPUTS:
            topic, kind = output.topic, CLASSES[output.message_type]
            events = qos.publisher_events(lambda policy, topic=topic: self._on_mismatch(topic, policy))
            self._publishers[topic] = node.create_publisher(kind, topic, profile, event_callbacks=events)

    def wanted(self, topic: str) -> bool:
        """Whether anybody subscribes to a topic."""
        return self._publishers[topic].get_subscription_count() > 0

    @property
    def any_wanted(self) -> bool:
        """Whether anybody subscribes to anything."""
        return any(map(self.wanted, self._publishers))

    @property
    def completion_wanted(self) -> bool:
        """Whether anybody subscribes to something that needs the completer."""
        return any(output.needs_completion and self.wanted(output.topic) for output in OUTPUTS)

    def publish(self, header, done: CompletedFrame) -> None:
        """Publish what is wanted of a frame, depth first, all with one header.

        Args:
            header: of the image; where there is none, with the stamp of the cloud.
            done: its completion is None where `completion_wanted` was False.
        """
        for output in OUTPUTS:
            possible = done.completion is not None or not output.needs_completion
            possible &= done.frame.image is not None or not output.needs_image
            if possible and self.wanted(output.topic):
                message = output_message(output.message_type, output.content(done), output.encoding, header)
                self._publishers[output.topic].publish(message)

    @property
    def statuses(self) -> list[Status]:
        """Who subscribes to what, and who asks for more than is offered."""
        counts = {topic: p.get_subscription_count() for topic, p in self._publishers.items()}
        heard = {topic: count for topic, count in counts.items() if count}
        message = f"{', '.join(heard)}." if heard else "Nobody subscribes, so nothing is computed."
        mismatches = [
            Status(
                f"output {topic}",
                WARN,
                f"A subscriber asks for an incompatible QoS ({policy}) and receives nothing.",
            )
            for topic, policy in self._mismatch.items()
        ]
        return [Status("outputs", OK, message, heard), *mismatches]

    def _on_mismatch(self, topic: str, policy: str) -> None:
        self._mismatch[topic] = policy
        self._node.get_logger().warning(
            f"A subscriber of {topic} asks for an incompatible QoS ({policy}); it receives nothing."
        )

    def close(self) -> None:
        """Destroy the publishers, once the last frame has reached its subscribers."""
        for publisher in self._publishers.values():
            if publisher.get_subscription_count():
                publisher.wait_for_all_acked(LAST_FRAME)
        for publisher in self._publishers.values():
            self._node.destroy_publisher(publisher)
        self._publishers.clear()
