"""Masks of known depth: bool H x W, True where depth is known, drawn from a seeded generator.

Depth completion from partial depth (DepthLab, arXiv 2412.18153) trains and is scored with random strokes,
circles, squares, combinations of them, and single points; PSD (arXiv 2508.04984) adds dense depth with
speckles cut out and points at corners. No sizes are known and no generator is released: those here are
our own.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

SHAPES = ("strokes", "circles", "squares")
KNOWN_BESIDE_SHAPES = (0.1, 0.9)
"""Least and greatest share that is known where none is asked for; uniform."""
KNOWN_POINTS = (0.001, 0.02)
"""The same of points, log-uniform: DepthLab keeps 0.1 to 2 % of the pixels."""
RADIUS, SIDE, WIDTH = (0.05, 0.25), (0.1, 0.5), (0.03, 0.12)
"""Least and greatest radius of circles, side of squares and width of strokes, of the image's short side."""
SPECKLE = 10.0
"""Pixels of standard deviation of the blur that makes speckles of noise; PSD's training has the same."""
CLUSTER, SPREAD = 8, 2.0
"""Points drawn around a corner, and the standard deviation of their distance in pixels."""


def shapes(
    shape: tuple[int, int],
    rng: np.random.Generator,
    known: float | None = None,
    kinds: Sequence[str] | None = None,
    among: np.ndarray | None = None,
) -> np.ndarray:
    """Everything known but what random shapes cover.

    Args:
        shape: height and width.
        known: share of the pixels to leave known, more than 0 and less than 1, met to the pixel (the last
            shape is cut off at a row); drawn from `KNOWN_BESIDE_SHAPES` when None.
        kinds: of `SHAPES`; one of them, or all mixed, at random when None.
        among: bool H x W of the pixels that `known` is a share of; all when None.

    Returns:
        bool H x W, True where known.
    """
    known = rng.uniform(*KNOWN_BESIDE_SHAPES) if known is None else known
    kinds = (*[(kind,) for kind in SHAPES], SHAPES)[rng.integers(4)] if kinds is None else tuple(kinds)
    unknown = [kind for kind in kinds if kind not in SHAPES]
    if unknown or not kinds:
        raise ValueError(f"Shape '{''.join(unknown[:1])}' is unknown; it must be one of {', '.join(SHAPES)}.")
    counted = _counted(shape, among)
    missing = _pixels(1 - known, counted)
    covered = np.zeros(shape, np.uint8)
    while True:
        before, found = covered.copy(), cv2.countNonZero(covered & counted)
        _DRAW[kinds[rng.integers(len(kinds))]](covered, rng)
        if cv2.countNonZero(covered & counted) >= missing:
            break
    surplus = np.flatnonzero(covered & counted & ~before)[missing - found :]
    if len(surplus):
        covered.flat[surplus[0] :] = before.flat[surplus[0] :]
    return covered == 0


def points(
    shape: tuple[int, int],
    rng: np.random.Generator,
    known: float | None = None,
    among: np.ndarray | None = None,
) -> np.ndarray:
    """Random pixels known and nothing else.

    Args:
        shape: height and width.
        known: share of the pixels, more than 0 and less than 1; drawn from `KNOWN_POINTS` when None.
        among: bool H x W of the pixels to draw from, which `known` is a share of; all when None.

    Returns:
        bool H x W, True where known; one pixel at least.
    """
    known = np.exp(rng.uniform(*np.log(KNOWN_POINTS))) if known is None else known
    counted = np.flatnonzero(_counted(shape, among))
    mask = np.zeros(shape, bool)
    mask.flat[rng.choice(counted, _pixels(known, counted), replace=False, shuffle=False)] = True
    return mask


def speckles(shape: tuple[int, int], rng: np.random.Generator, known: float = 0.8) -> np.ndarray:
    """Everything known but the heights of blurred noise, as PSD's pseudo-holes.

    Args:
        shape: height and width.
        known: share of the pixels to leave known, more than 0 and less than 1.

    Returns:
        bool H x W, True where known.
    """
    noise = cv2.GaussianBlur(rng.random(shape, np.float32), (0, 0), SPECKLE, borderType=cv2.BORDER_REFLECT)
    mask = np.zeros(noise.size, bool)
    mask[np.argsort(noise, axis=None, kind="stable")[: _pixels(known, noise)]] = True
    return mask.reshape(shape)


def corners(image: np.ndarray, rng: np.random.Generator, count: int = 100) -> np.ndarray:
    """Clusters of points known around the corners of an image (Harris and Stephens, 1988).

    Args:
        image: uint8 H x W x 3 RGB.
        count: of corners, the strongest; fewer where the image has fewer.

    Returns:
        bool H x W, True where known; nothing in an image without corners.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    found = cv2.goodFeaturesToTrack(grey, count, 1e-4, 5, useHarrisDetector=True, k=0.04)
    mask = np.zeros(grey.shape, bool)
    if found is not None:
        around = found.reshape(-1, 1, 2) + rng.normal(0, SPREAD, (len(found), CLUSTER, 2))
        u, v = np.rint(around).astype(np.intp).reshape(-1, 2).T
        inside = (u >= 0) & (u < grey.shape[1]) & (v >= 0) & (v < grey.shape[0])
        mask[v[inside], u[inside]] = True
    return mask


def _counted(shape: tuple[int, int], among: np.ndarray | None) -> np.ndarray:
    """Pixels that a share is taken of, uint8 H x W."""
    if among is None:
        return np.ones(shape, np.uint8)
    if among.shape != tuple(shape) or not among.any():
        raise ValueError(f"Pixels to count have shape {among.shape}; they must be {shape} and not none.")
    return among.astype(np.uint8)


def _pixels(share: float, counted: np.ndarray) -> int:
    """A share of the counted pixels as a number, one at least."""
    if not 0 < share < 1:
        raise ValueError("Share of known depth must be more than 0 and less than 1.")
    return max(1, round(share * np.count_nonzero(counted)))


# One shape ---------------------------------------------------------------------------------------


def _stroke(covered: np.ndarray, rng: np.random.Generator) -> None:
    """A line of four to ten bends, a short side long on average."""
    short = min(covered.shape)
    steps = rng.integers(4, 11)
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.6, steps))
    step = rng.uniform(0.05, 0.25, (steps, 1)) * short
    way = np.cumsum(step * np.stack([np.cos(heading), np.sin(heading)], axis=1), axis=0)
    line = np.rint(_random_pixel(covered, rng) + np.concatenate([np.zeros((1, 2)), way])).astype(np.int32)
    cv2.polylines(covered, [line], False, 1, max(1, round(rng.uniform(*WIDTH) * short)))


def _circle(covered: np.ndarray, rng: np.random.Generator) -> None:
    radius = max(1, round(rng.uniform(*RADIUS) * min(covered.shape)))
    cv2.circle(covered, [int(at) for at in _random_pixel(covered, rng)], radius, 1, cv2.FILLED)


def _square(covered: np.ndarray, rng: np.random.Generator) -> None:
    side = max(1, round(rng.uniform(*SIDE) * min(covered.shape)))
    left, top = (int(at) - side // 2 for at in _random_pixel(covered, rng))
    covered[max(0, top) : max(0, top + side), max(0, left) : max(0, left + side)] = 1


def _random_pixel(covered: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A pixel u, v."""
    return rng.integers(0, covered.shape[::-1])


_DRAW = {"strokes": _stroke, "circles": _circle, "squares": _square}
