"""What every completer takes and gives back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from ..core import Camera, Frame, SparseDepth
from ..core.filters import edges


class Source(IntEnum):
    """Where the depth of a pixel comes from."""

    UNKNOWN = 0
    MEASURED = 1
    PROPAGATED = 2
    PRIOR = 3


@dataclass(eq=False)
class Completion:
    """Dense depth with what is known about it.

    Args:
        depth: float32 H x W, metres along z, NaN where unknown (REP 117, 118).
        confidence: float32 H x W in [0, 1]; 1 where measured, 0 where unknown. What lies between is
            said by the completer that made it.
        source: uint8 H x W of `Source`; `MEASURED` only where depth is the measurement itself.
    """

    depth: np.ndarray
    confidence: np.ndarray
    source: np.ndarray

    @classmethod
    def unknown(cls, shape: tuple[int, int]) -> Completion:
        """A completion that knows nothing, of the given height and width."""
        return cls(np.full(shape, np.nan, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.uint8))

    def above(self, confidence: float) -> Completion:
        """The same completion with every pixel below a confidence in [0, 1] made unknown."""
        if confidence <= 0:
            return self
        return self._only(self.confidence >= confidence)

    def without_edges(self, max_step: float) -> Completion:
        """The same completion with every pixel unknown near which depth differs by more than a share.

        There depth may be that of the surface beside the pixel or, interpolated, of none (`filters.edges`).
        What is thinner than the window of 7 x 7 goes as a whole, measured pixels included. Comes before
        `above`: edges are sought where depth is known.

        Args:
            max_step: by which share the farthest depth around may be farther than the nearest; 0 for any.
        """
        return self if max_step <= 0 else self._only(~edges(self.depth, max_step))

    def _only(self, kept: np.ndarray) -> Completion:
        depth = np.full_like(self.depth, np.nan)
        np.copyto(depth, self.depth, where=kept)
        return Completion(depth, np.where(kept, self.confidence, np.float32(0)), self.source * kept)


class Completer(ABC):
    """Turns sparse depth, with or without an image, into dense depth.

    A completer answers any number of points from none to all, and never changes its input.

    Attributes:
        variants: what `create_completer` takes as variant, the usual one first.
        keeps_measured: whether measured depth comes back exactly as it is. Some networks overrule it,
            as raw LiDAR is noisy; such a pixel is no longer `Source.MEASURED`.
        needs_image: whether it cannot complete from sparse depth alone.
        least_confidence: confidence below which depth is a guess that a robot is not told, unless its
            owner asks for it (`min_confidence`); see docs/confidence.md.
        only_size: height and width of the only images that it sees, at its inner size; None for any.
        warnings: what an operator must know from the start, a sentence each.
        degradations: what was given up since to go on, a sentence each.
    """

    name: str
    variants: tuple[str, ...] = ()
    keeps_measured: bool = True
    needs_image: bool = True
    least_confidence: float = 0.3
    only_size: tuple[int, int] | None = None
    warnings: Sequence[str] = ()
    degradations: Sequence[str] = ()

    @classmethod
    def create(cls, **options) -> Completer:
        """A completer, ready to complete; the options are those of its constructor, or of its `Options`."""
        return cls(**options)

    def __call__(self, frame: Frame | np.ndarray | None, sparse: SparseDepth | None = None) -> Completion:
        """Complete a `Frame`, or an image (uint8 H x W x 3 RGB or None) with its sparse depth."""
        if isinstance(frame, Frame):
            sparse = SparseDepth.from_points(frame) if sparse is None else sparse
            return self.complete(frame.image, sparse, frame.camera, frame.name)
        if sparse is None:
            raise TypeError("A completer called with an image needs its sparse depth too.")
        return self.complete(frame, sparse)

    @abstractmethod
    def complete(
        self, image: np.ndarray | None, sparse: SparseDepth, camera: Camera | None = None, name: str = ""
    ) -> Completion:
        """Complete one image of sparse depth.

        Args:
            image: uint8 H x W x 3 RGB, or None for a completer that needs none.
            camera: of the image, where its intrinsics are known.
            name: of the frame, for a prior that looks its prediction up in a folder.
        """

    def warm_up(self, height: int, width: int) -> None:
        """Do once what makes the first frame of this size slow; nothing for most."""
        return

    def forget(self) -> None:
        """Forget earlier frames, as the next one is of another time; nothing for most."""
        return

    def report(self) -> dict[str, object]:
        """What diagnostics show of the completer, by name; nothing for most."""
        return {}
