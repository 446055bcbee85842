"""Completions of an evaluation blended with those of the frames before, each trial by itself."""

from __future__ import annotations

from collections import Counter, defaultdict

from ..completion import Completion
from ..completion.temporal.blend import TemporalBlend
from ..core import Frame, SparseDepth


class Blends:
    """One `TemporalBlend` for each way to complete, so that none sees what another was fed."""

    def __init__(self):
        self._blends: dict[tuple, TemporalBlend] = defaultdict(TemporalBlend)

    def apply(self, way: tuple, frame: Frame, feed: SparseDepth, completion: Completion) -> Completion:
        """The completion, blended where that can be, see `TemporalBlend.apply`.

        Args:
            way: protocol, completer and seed.
            feed: what was fed, by which the past is judged: the truth is not seen.
        """
        return self._blends[way].apply(frame, feed, completion, frame.T_world_cam)

    @property
    def counts(self) -> Counter[str]:
        """Completions that were blended, and those that were not by why."""
        return sum((blend.counts for blend in self._blends.values()), Counter())
