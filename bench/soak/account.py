"""The account of a soak: what became of each image that was published."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

OPEN_S = 20.0
"""After so long without a word an image counts as lost."""


@dataclass
class Account:
    """Images by what became of them.

    Attributes:
        fates: number of images by fate: `completed`, the cause of a drop, or why nothing can be told.
        depths: images whose depth arrived.
    """

    fates: Counter[str] = field(default_factory=Counter)
    depths: int = 0
    published: int = 0
    unheard: list[float] = field(default_factory=list)
    _open: dict[int, float] = field(default_factory=dict)
    _excuses: list[tuple[float, float, str]] = field(default_factory=list)

    def publish(self, stamp: int, now: float) -> None:
        """Note an image that was just published."""
        self.published += 1
        self._open[stamp] = now

    def end(self, stamp: int, cause: str) -> None:
        """Note what the node told of an image."""
        if self._open.pop(stamp, None) is not None:
            self.fates[cause] += 1

    def excuse(self, begin: float, end: float, why: str) -> None:
        """Between two moments images may get lost on the way, for a reason of the test itself."""
        self._excuses.append((begin, end, why))

    def close(self, now: float, all_of_them: bool = False) -> None:
        """Count those as lost of which nothing was told for long."""
        for stamp, since in list(self._open.items()):
            if all_of_them or now - since > OPEN_S:
                del self._open[stamp]
                why = next((why for begin, end, why in self._excuses if begin <= since <= end), "")
                self.fates[f"lost on the way: {why}" if why else "nothing was told of it"] += 1
                if not why:
                    self.unheard.append(since)

    @property
    def accounted(self) -> int:
        """Images whose fate is known, or that were lost while the test itself cut the way."""
        return self.fates.total() - self.fates["nothing was told of it"]
