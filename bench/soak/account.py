"""The account of a soak: what became of each image that was published."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

NOTHING = "nothing was told of it"
LOST_IMAGE = "lost on the way to the node"
LOST_WORD = "its word was lost on the way back"


@dataclass
class Account:
    """Images by what became of them.

    Attributes:
        fates: number of images by fate: `completed`, the cause of a drop, or why nothing can be told.
        depths: images whose depth arrived.
        received: images that the node says it has received.
        slowest_word: seconds from an image to the word of it, at most.
        missed: moments at which words were found to be missing, and how many.
    """

    fates: Counter[str] = field(default_factory=Counter)
    depths: int = 0
    published: int = 0
    received: int = 0
    slowest_word: float = 0.0
    missed: list[tuple[float, int]] = field(default_factory=list)
    unheard: list[float] = field(default_factory=list)
    _open: dict[int, float] = field(default_factory=dict)
    _excuses: list[tuple[float, float, str]] = field(default_factory=list)

    def publish(self, stamp: int, now: float) -> None:
        """Note an image that was just published."""
        self.published += 1
        self._open[stamp] = now

    def end(self, stamp: int, cause: str, now: float) -> None:
        """Note what the node told of an image."""
        since = self._open.pop(stamp, None)
        if since is not None:
            self.fates[cause] += 1
            self.slowest_word = max(self.slowest_word, now - since)

    def miss(self, number: int, now: float) -> None:
        """So many words of the node have not arrived."""
        self.missed.append((now, number))

    def excuse(self, begin: float, end: float, why: str) -> None:
        """Between two moments images may get lost on the way, for a reason of the test itself."""
        self._excuses.append((begin, end, why))

    @property
    def is_settled(self) -> bool:
        """Whether something was told of each image."""
        return not self._open

    def close(self) -> None:
        """At the end: images of which nothing was told never arrived, or the word of them was lost.

        How many of them arrived, the node has counted, and how many words were lost, their numbers tell.
        """
        lost = max(self.published - self.received, 0)
        for since in self._open.values():
            why = next((why for begin, end, why in self._excuses if begin <= since <= end), "")
            if why and lost:
                self.fates[f"{LOST_IMAGE}: {why}"] += 1
                lost -= 1
            else:
                self.unheard.append(since)
        words = min(len(self.unheard), sum(number for _, number in self.missed))
        images = min(len(self.unheard) - words, lost)
        parts = {LOST_WORD: words, LOST_IMAGE: images, NOTHING: len(self.unheard) - words - images}
        self.fates += Counter(parts)  # which leaves out what is zero
        self._open.clear()
