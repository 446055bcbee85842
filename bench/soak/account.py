"""The account of a soak: what became of each image that was published."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

NOTHING = "nothing was told of it"


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

    def close(self) -> None:
        """At the end: those of which nothing was told are lost."""
        for since in self._open.values():
            why = next((why for begin, end, why in self._excuses if begin <= since <= end), "")
            self.fates[f"lost on the way: {why}" if why else NOTHING] += 1
            if not why:
                self.unheard.append(since)
        self._open.clear()
