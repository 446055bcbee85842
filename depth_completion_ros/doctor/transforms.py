"""The transforms that a recording brought, and those that are none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ..core import TransformTree
from ..data.bag.topics import is_static, transforms_of
from .finding import Finding, warning


class Transforms:
    """Fills a tree from messages of TF topics and counts what cannot be used.

    Args:
        tree: where the transforms go.
    """

    def __init__(self, tree: TransformTree):
        self.tree = tree
        self._faults: Counter[tuple[str, str]] = Counter()

    def add(self, topic: str, message) -> None:
        """Take a TFMessage."""
        for parent, child, T, stamp in transforms_of(message):
            if isinstance(T, str):
                self._faults[topic, T] += 1
            else:
                self.tree.set(parent, child, T, None if is_static(topic) else stamp)

    def findings(self) -> Iterator[Finding]:
        """A warning for each kind of transform that was left out."""
        for (topic, sentence), number in self._faults.items():
            yield warning(topic, f"{number} x {sentence} The other transforms are used.")
