"""What every completer takes and gives back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from ..core import Camera, Frame, SparseDepth


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
        source: uint8 H x W of `Source`.
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
        unsure = ~(self.confidence >= confidence)
        return Completion(
            np.where(unsure, np.float32(np.nan), self.depth),
            np.where(unsure, np.float32(0), self.confidence),
            np.where(unsure, np.uint8(Source.UNKNOWN), self.source),
        )


class Completer(ABC):
    """Turns sparse depth, with or without an image, into dense depth.

    A completer keeps measured depth as it is, answers any number of points from none to all, and
    never changes its input.
    """

    name: str

    def __call__(self, frame: Frame | np.ndarray | None, sparse: SparseDepth | None = None) -> Completion:
        """Complete a `Frame`, or an image (uint8 H x W x 3 RGB or None) with its sparse depth."""
        if isinstance(frame, Frame):
            sparse = SparseDepth.from_points(frame) if sparse is None else sparse
            return self.complete(frame.image, sparse, frame.camera)
        if sparse is None:
            raise TypeError("A completer called with an image needs its sparse depth too.")
        return self.complete(frame, sparse)

    @abstractmethod
    def complete(
        self, image: np.ndarray | None, sparse: SparseDepth, camera: Camera | None = None
    ) -> Completion:
        """Complete one image of sparse depth; `camera` where its intrinsics are known."""
