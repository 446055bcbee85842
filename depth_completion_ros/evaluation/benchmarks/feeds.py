"""What a benchmark feeds: what the data set brings, or a seeded draw from the truth.

| text | fed |
|---|---|
| `files` | the measurement that comes with the data |
| `files:NAME` | the same, from the folder NAME of sparse patterns (PSD-val) |
| `points:N`, `share:P` | N random pixels of the truth, or P per cent of them |
| `shuffled:N` | the first N when NumPy's legacy generator, seed 2024, shuffles them, as for Marigold-DC |
| `shapes:P` | P per cent of the truth, all that random strokes, circles or squares leave |
| `strokes:P`, `circles:P`, `squares:P` | the same of one kind |
| `speckles:P` | P per cent of the image, all that speckles leave (PSD's pseudo-holes) |
| `corners:N` | clusters of points at N Harris corners |

Only `shuffled` draws the very pixels of a paper. The others are seeded by the name of the frame alone.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

import cv2
import numpy as np

from ...core import Frame
from ..masks import SHAPES, corners, points, shapes, speckles

COUNTS = ("points", "shuffled", "corners")
SHARES = ("share", "shapes", *SHAPES, "speckles")
LEGACY_SEED = 2024


@dataclass(frozen=True)
class Feed:
    """One line of the table above; made by `parse_feed`.

    Args:
        number: points, corners or per cent; None for `files`.
        folder: of the pattern, for `files`; the benchmark's own when None.
    """

    text: str
    kind: str
    number: float | None = None
    folder: str | None = None

    def draw(self, frame: Frame, truth: np.ndarray) -> np.ndarray:
        """Sparse depth of a frame, float32 H x W metres, 0 where nothing is fed.

        Args:
            truth: to draw from, H x W metres, 0 where unknown.

        Raises:
            ValueError: the data has no measurement, or no image for `corners`.
        """
        if self.kind == "files":
            if frame.sparse_depth is None:
                raise ValueError(f"Frame {frame.name} has no measurement; another feed draws from the truth.")
            return frame.sparse_depth
        known = truth > 0
        if not known.any():
            return np.zeros_like(truth)
        return np.where(self._mask(frame, known) & known, truth, np.float32(0))

    def _mask(self, frame: Frame, known: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng([zlib.crc32(frame.name.encode()), 0])
        if self.kind == "shuffled":
            return shuffled(known, self.number)
        if self.kind == "corners":
            if frame.image is None:
                raise ValueError(f"Frame {frame.name} has no image to find corners in.")
            return corners(frame.image, rng, self.number)
        if self.kind == "points":
            pixels = np.flatnonzero(known)
            number = min(self.number, len(pixels))
            return _at(rng.choice(pixels, number, replace=False, shuffle=False), known.shape)
        if self.kind == "share":
            return points(known.shape, rng, self.number / 100, known)
        if self.kind == "speckles":
            return speckles(known.shape, rng, self.number / 100)
        kinds = None if self.kind == "shapes" else (self.kind,)
        return shapes(known.shape, rng, self.number / 100, kinds, known)


def parse_feed(text: str) -> Feed:
    """A feed from its text, such as `files`, `points:500`, `share:1` or `shapes:30`.

    Raises:
        ValueError: a text that names none, or a number that is not allowed.
    """
    kind, colon, rest = text.strip().partition(":")
    if kind == "files" and (not colon or re.fullmatch(r"\w[\w.-]*", rest)):
        return Feed(text, kind, folder=rest or None)
    if kind in COUNTS and re.fullmatch(r"[1-9]\d*", rest):
        return Feed(text, kind, int(rest))
    if kind in SHARES and re.fullmatch(r"\d+(\.\d+)?", rest) and 0 < float(rest) < 100:
        return Feed(text, kind, float(rest))
    raise ValueError(
        f"Feed '{text}' is unknown; it must be files, files:NAME, {':N, '.join(COUNTS)}:N, "
        f"{':P, '.join(SHARES)}:P, with a number from 1 for N and per cent above 0 and below 100 for P."
    )


def shuffled(known: np.ndarray, number: int) -> np.ndarray:
    """The first known pixels after a shuffle by NumPy's legacy generator, seeded alike for every image.

    Args:
        known: bool H x W.
        number: of pixels to take; all where there are fewer.

    Returns:
        bool H x W.
    """
    pixels = np.flatnonzero(known)
    np.random.RandomState(LEGACY_SEED).shuffle(pixels)
    return _at(pixels[:number], known.shape)


def without_background(sparse: np.ndarray, window: int, metres: float) -> np.ndarray:
    """Measurements without those that lie behind a nearer surface beside them.

    Conti et al., arXiv 2210.03118, as Marigold-DC has it: a point goes where in any window that is
    centred on a point and holds it, it is farther than the nearest point there by more than so many metres.

    Args:
        sparse: float32 H x W metres, 0 where not measured.
        window: height and width of the window, odd.
    """
    square = np.ones((window, window), np.uint8)
    far = np.float32(np.inf)
    measured = sparse > 0
    border = {"borderType": cv2.BORDER_CONSTANT, "borderValue": float("inf")}
    nearest = cv2.erode(np.where(measured, sparse, far), square, **border)
    around = cv2.erode(np.where(measured, nearest, far), square, **border)
    return np.where(measured & (sparse - around <= np.float32(metres)), sparse, np.float32(0))


def _at(pixels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask.flat[pixels] = True
    return mask
