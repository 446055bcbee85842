"""Keeps a few pairs of messages of a recording, spread over all of it."""

from __future__ import annotations

from ..core.pairing import Pairing
from ..data.messages import stamp_ns

MOST = 16
"""Pairs that are kept."""
APART_NS = 400_000_000
"""Pairs closer than this show nearly the same."""


class Sampler:
    """Pairs the messages of an image and a points topic as the nodes do, and keeps some of the pairs.

    Args:
        image, points: the two topics.
        slack_ns, offset_ns: those of `Pairing`.

    Attributes:
        pairs: (image, points) messages, at most MOST.
        paired, clouds: numbers of all pairs and clouds.
    """

    def __init__(self, image: str, points: str, slack_ns: int, offset_ns: int = 0):
        self.image, self.points = image, points
        self.pairs: list[tuple] = []
        self._pairing = Pairing(slack_ns, offset_ns)
        self._apart_ns, self._last = APART_NS, None

    def add(self, topic: str, message) -> None:
        """Take a message of any topic."""
        if topic == self.image:
            self._keep(self._pairing.add_image(stamp_ns(message.header), message))
        elif topic == self.points:
            self._keep(self._pairing.add_points(stamp_ns(message.header), message))

    def finish(self) -> list[tuple]:
        """The pairs kept, with what waited till the end."""
        self._keep(self._pairing.flush())
        return self.pairs

    def _keep(self, pairs: list[tuple]) -> None:
        for image, points in pairs:
            stamp = stamp_ns(points.header)
            if self._last is not None and 0 <= stamp - self._last < self._apart_ns:
                continue
            self.pairs.append((image, points))
            self._last = stamp
            if len(self.pairs) > MOST:
                self.pairs, self._apart_ns = self.pairs[::2], 2 * self._apart_ns
