"""Stand-in for message_filters: the chain of filters and the subscription at its head."""

from __future__ import annotations

from collections.abc import Callable


class SimpleFilter:
    """Something with output, to which callbacks and further filters connect."""

    def __init__(self):
        self.callbacks: dict[int, tuple[Callable, tuple]] = {}

    def registerCallback(self, cb: Callable, *args) -> int:
        """Call `cb(*output, *args)` on every output; the number of the connection comes back."""
        connection = len(self.callbacks)
        self.callbacks[connection] = (cb, args)
        return connection

    def signalMessage(self, *msg) -> None:
        """Hand an output to all callbacks."""
        for callback, args in list(self.callbacks.values()):
            callback(*msg, *args)


class Subscriber(SimpleFilter):
    """A subscription as the head of a chain.

    Args:
        node, msg_type, topic: as in `node.create_subscription`.
        kwargs: the rest of its arguments; `qos_profile` is 10 unless given.
    """

    def __init__(self, node, msg_type, topic: str, **kwargs):
        super().__init__()
        self.node, self.topic = node, topic
        kwargs.setdefault("qos_profile", 10)
        self.sub = node.create_subscription(msg_type, topic, self.signalMessage, **kwargs)

    def getTopic(self) -> str:
        """Name of the topic as it was given."""
        return self.topic
