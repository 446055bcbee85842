"""The transforms that a recording brought, and those that are none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ..core import TransformTree
from ..core.transform_tree import StaticTransforms
from ..data.bag.topics import is_static, odd_quaternions, transforms_of
from .finding import Finding, warning


class Transforms:
    """Fills a tree from messages of TF topics and counts what cannot be used.

    Args:
        tree: where the transforms go.
    """

    def __init__(self, tree: TransformTree):
        self.tree = tree
        self._faults: Counter[tuple[str, str]] = Counter()
        self._odd: Counter[tuple[str, str]] = Counter()
        self._static: dict[str, StaticTransforms] = {}

    def add(self, topic: str, message) -> None:
        """Take a TFMessage."""
        self._odd.update((topic, sentence) for sentence in odd_quaternions(message))
        for parent, child, T, stamp in transforms_of(message):
            if isinstance(T, str):
                self._faults[topic, T] += 1
                continue
            if is_static(topic):
                self._static.setdefault(topic, StaticTransforms()).add(parent, child, T)
            self.tree.set(parent, child, T, None if is_static(topic) else stamp)

    def findings(self) -> Iterator[Finding]:
        """A warning for each kind of transform that was left out, contradicts another or is odd."""
        for topic, static in self._static.items():
            for sentence in static.conflicts.values():
                yield warning(topic, sentence)
        for (topic, sentence), number in self._odd.items():
            yield warning(
                topic, f"{number} x {sentence} Nodes with tf2 ignore it; it is used here as if it were."
            )
        for (topic, sentence), number in self._faults.items():
            yield warning(topic, f"{number} x {sentence} The other transforms are used.")
