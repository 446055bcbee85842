"""Whether an exported network gives what PyTorch gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ...core import Camera, Frame, SparseDepth
from ..interface import Completion

SHARE = 0.999
"""Of the pixels must agree; at edges of what is chosen one or the other, single ones need not."""
TOLERANCE, HALF_TOLERANCE = 1e-3, 2e-2
"""Relative difference of depth that agrees, ten times it of confidence; the latter with float16 weights."""


@dataclass(frozen=True)
class Parity:
    """How far two completions of frames are apart.

    Args:
        frames: number of them.
        typical: median relative difference of depth.
        largest: at the pixels that agree most, all but 1 in 1000.
        confidence: largest difference of confidence, likewise.
        known: share of the pixels that have a depth in one of the two alone.
    """

    frames: int
    typical: float
    largest: float
    confidence: float
    known: float

    def agrees(self, half: bool) -> bool:
        """Whether the one may stand for the other."""
        tolerance = HALF_TOLERANCE if half else TOLERANCE
        return self.largest <= tolerance and self.confidence <= 10 * tolerance and self.known <= 1 - SHARE

    def __str__(self) -> str:
        return (
            f"depth differs by {self.typical:.1e} in the median and {self.largest:.1e} at {SHARE:.1%} of the "
            f"pixels, confidence by {self.confidence:.1e}; {self.known:.2%} of the pixels are known to one "
            f"alone ({self.frames} frames)"
        )


def compare(pairs: Sequence[tuple[Completion, Completion]]) -> Parity:
    """How far completions are from those of PyTorch, the first of each pair."""
    depth, confidence, known = [np.zeros(1)], [np.zeros(1)], []
    for expected, given in pairs:
        there, here = np.isfinite(expected.depth), np.isfinite(given.depth)
        known.append(np.mean(there != here))
        both = there & here
        depth.append(np.abs(given.depth[both] - expected.depth[both]) / expected.depth[both])
        confidence.append(np.abs(given.confidence - expected.confidence).ravel())
    depths, confidences = np.concatenate(depth), np.concatenate(confidence)
    return Parity(
        len(pairs),
        float(np.median(depths)),
        float(np.quantile(depths, SHARE)),
        float(np.quantile(confidences, SHARE)),
        float(np.max(known)),
    )


def sample_frames(height: int, width: int, count: int = 2) -> list[Frame]:
    """Frames for a comparison: a road with boxes on it and lines of points, always the same ones."""
    random = np.random.default_rng(0)
    frames = []
    K = np.array([[0.6 * width, 0, width / 2], [0, 0.6 * width, height / 2], [0, 0, 1]])
    for _ in range(count):
        v, _ = np.mgrid[:height, :width].astype(np.float32)
        depth = np.minimum(0.9 * width / np.maximum(v - 0.4 * height, 1), 60)
        image = random.integers(0, 80, (height, width, 3), np.uint8) + np.uint8(60)
        for _ in range(6):
            top, left = random.integers(0, height // 2), random.integers(0, 3 * width // 4)
            box = np.s_[top : top + height // 3, left : left + width // 6]
            depth[box] = np.minimum(depth[box], random.uniform(4, 30))
            image[box] = random.integers(0, 255, 3)
        sparse = np.zeros((height, width), np.float32)
        lines = np.s_[height // 3 :: max(height // 24, 2), ::3]
        sparse[lines] = depth[lines]
        frames.append(
            Frame(camera=Camera(width, height, K), image=cv2.blur(image, (3, 3)), sparse_depth=sparse)
        )
    return frames


def sparse_of(frame: Frame) -> SparseDepth:
    """What was measured, as the commands feed it."""
    return SparseDepth.from_points(frame)
