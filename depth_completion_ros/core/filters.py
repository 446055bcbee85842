"""Filters that take wrong points out of sparse depth, and edges out of dense depth.

LiDAR and camera see from different places: between the scan lines of a near object, far points that
the LiDAR sees past it land on it in the image. A z-buffer does not remove them, as they fall on
pixels of their own.
"""

from __future__ import annotations

import cv2
import numpy as np

OCCLUSION_RADIUS = 0.14
"""Metres across the view within which a near surface hides what lies behind it."""
OCCLUSION_RATIO = 0.9
"""A point is clearly nearer than another if its depth is below this share of the other's."""
SIDE_ANGLE = 0.0042
"""Radians that a neighbour may be off the row or column searched: half the gap of a 64-line scan."""

ISOLATION_WINDOW = (0.012, 0.030)
"""Height and width, in radians to either side, of the window in which a point needs support."""
ISOLATION_RATIO = np.float32(1.3)
"""A point supports a nearer one if its depth is below the nearer one's times this."""
LARGEST_SIDE, LARGEST_WINDOW = 1 / 20, 1 / 8
"""Of the image's longer side: what `side` and the isolation window are at most, so that the work is
bounded by the image whatever the focal length; reached at views of 5 and of 14 degrees."""
BLOCK_VALUES = 1 << 22
"""So many values of windows are looked at at once: 16 MiB."""
ISOLATION_NEIGHBOURS = 8
"""Fewer neighbours than this in the window say nothing about a point."""

EDGE_WINDOW = 7
"""Pixels along a side of the window in which an edge is looked for."""


def see_through(depth: np.ndarray, focal: float, radius: float = OCCLUSION_RADIUS) -> np.ndarray:
    """Mask of the points that show through a nearer surface.

    A point is hidden where clearly nearer points lie on two opposite sides of it (left and right, or
    above and below), each within `radius` metres at its own depth, that is radius * focal / z pixels.

    Args:
        depth: float32 H x W metres, 0 where not measured.
        focal: focal length in pixels.
        radius: metres; 0 finds nothing.
    """
    hidden = np.zeros(depth.shape, bool)
    hit = np.flatnonzero(depth > 0)
    if not hit.size or radius <= 0:
        return hidden
    side = max(1, round(min(SIDE_ANGLE * focal, LARGEST_SIDE * max(depth.shape))))
    cell = max(1, round(side * 2 / 3))
    nearness, v, u = _nearness(depth, hit, cell)
    reach = radius * focal / cell
    beside = _nearest_on_both_sides(_pool(nearness, cell, side, 0), reach)
    # Rows are contiguous, so looking up and down goes over the transposed image.
    above_below = _nearest_on_both_sides(cv2.transpose(_pool(nearness, cell, 0, side)), reach)
    around = cv2.max(beside, cv2.transpose(above_below))[v // cell, u // cell]
    behind = around * OCCLUSION_RATIO > nearness[v, u]
    hidden.ravel()[hit[behind]] = True
    return hidden


def isolated(depth: np.ndarray, focal: float) -> np.ndarray:
    """Mask of the points in mid-air that no neighbour supports: rain, dust, insects, ghost returns.

    Such a point is the nearest of its surroundings, and none of them is at about its depth (a lone
    far point is real more often than not: a gap in a hedge). With few neighbours it is kept.

    Args:
        depth: float32 H x W metres, 0 where not measured.
        focal: focal length in pixels.
    """
    mask = np.zeros(depth.shape, bool)
    hit = np.flatnonzero(depth > 0)
    if not hit.size:
        return mask
    nearness, v, u = _nearness(depth, hit)
    largest = LARGEST_WINDOW * max(depth.shape)
    rows, columns = (max(1, round(min(angle * focal, largest))) for angle in ISOLATION_WINDOW)
    kernel = np.ones((2 * rows + 1, 2 * columns + 1), np.uint8)
    nearest = np.flatnonzero(nearness[v, u] == cv2.dilate(nearness, kernel)[v, u])
    # Of the nearest points, those of surfaces have support close by, and only the few others are looked at
    # with the whole window.
    for share in (4, 1):
        alike, neighbours = _support(nearness, v[nearest], u[nearest], rows // share, columns // share)
        nearest, neighbours = nearest[alike == 1], neighbours[alike == 1]
    mask.ravel()[hit[nearest[neighbours >= ISOLATION_NEIGHBOURS]]] = True
    return mask


def _support(
    nearness: np.ndarray, v: np.ndarray, u: np.ndarray, rows: int, columns: int
) -> tuple[np.ndarray, np.ndarray]:
    """Points in the window around each of some points: those at about its depth or nearer, itself among them,
    and all others; worked out in blocks.
    """
    padded = cv2.copyMakeBorder(nearness, rows, rows, columns, columns, cv2.BORDER_CONSTANT, value=0)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * rows + 1, 2 * columns + 1))
    size = (2 * rows + 1) * (2 * columns + 1)
    block = max(1, BLOCK_VALUES // size)
    alike, neighbours = np.zeros(len(v), np.intp), np.zeros(len(v), np.intp)
    for start in range(0, len(v), block):
        some = slice(start, start + block)
        around = windows[v[some], u[some]].reshape(-1, size)
        at_depth = around * ISOLATION_RATIO > nearness[v[some], u[some]][:, None]
        alike[some] = np.count_nonzero(at_depth, axis=1)
        neighbours[some] = np.count_nonzero(around, axis=1) - 1
    return alike, neighbours


def _nearness(
    depth: np.ndarray, hit: np.ndarray, multiple: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """1 / z, so that the nearest is the largest, 0 where nothing was measured, and the points in it.

    Args:
        hit: flat indices of the measured pixels, in order, at least one.
        multiple: what height and width shall be multiples of.

    Returns:
        float32 image, cut to the measured part of `depth`, and row and column in it of each point.
    """
    v, u = np.divmod(hit.astype(np.int32), np.int32(depth.shape[1]))
    v -= v[0]
    u -= u.min()
    height, width = (-(-(last + 1) // multiple) * multiple for last in (v[-1], u.max()))
    nearness = np.zeros((height, width), np.float32)
    nearness[v, u] = 1 / depth.ravel()[hit]
    return nearness, v, u


def _pool(image: np.ndarray, cell: int, rows: int, columns: int) -> np.ndarray:
    """Greatest value of each cell of `cell` x `cell` pixels and of so many rows and columns around it.

    The image must be whole cells high and wide.
    """
    kernel = np.ones((cell + 2 * rows, cell + 2 * columns), np.uint8)
    spread = cv2.dilate(image, kernel, anchor=(columns, rows))
    height, width = image.shape
    return cv2.resize(spread, (width // cell, height // cell), interpolation=cv2.INTER_NEAREST)


def _nearest_on_both_sides(nearness: np.ndarray, reach: float) -> np.ndarray:
    """The lesser of the greatest nearness to the left and to the right, within reach * nearness cells."""
    return cv2.min(_cast(nearness, reach), cv2.flip(_cast(cv2.flip(nearness, 1), reach), 1))


def _cast(nearness: np.ndarray, reach: float) -> np.ndarray:
    """Greatest nearness to the left of each cell, within reach * nearness cells of it.

    Doubling: after k steps a cell knows the 2^k - 1 cells beside it. The nearest point reaches
    farthest, so once it falls short nothing else of the same stretch can arrive either.
    """
    found = np.zeros_like(nearness)
    source, known, step = nearness, 0, 1
    farthest = min(reach * float(nearness.max()), nearness.shape[1] - 1)
    while known + step <= farthest:
        arriving = cv2.threshold(source[:, :-step], (known + step) / reach, 0, cv2.THRESH_TOZERO)[1]
        np.maximum(found[:, step:], arriving, out=found[:, step:])
        source, known = found, known + step
        step = known
    return found


def edges(depth: np.ndarray, max_step: float) -> np.ndarray:
    """Mask of the pixels with an edge in the window around them.

    There the depth of a pixel may be that of the surface beside it or, interpolated, of none at all.

    Args:
        depth: float32 H x W metres, NaN where unknown.
        max_step: an edge is where the farthest depth of a window is farther than the nearest one by more than
            this share of it.
    """
    window = np.ones((EDGE_WINDOW, EDGE_WINDOW), np.uint8)
    known = np.isfinite(depth)
    nearest = cv2.erode(np.where(known, depth, np.float32(np.inf)), window, borderValue=float("inf"))
    farthest = cv2.dilate(np.where(known, depth, np.float32(0)), window, borderValue=0)
    return known & (farthest > np.float32(1 + max_step) * nearest)
