"""Dense depth from what is known, as a network's first guess."""

from __future__ import annotations

import cv2
import numpy as np

from ..classical.linear import delaunay, planes_through, scan_rows
from ..classical.nearest import nearest_measurement


def nearest_fill(sparse: np.ndarray) -> np.ndarray:
    """Every pixel takes the depth of the nearest known one.

    Args:
        sparse: float32 H x W metres, 0 where unknown, with at least one known pixel.
    """
    return np.where(sparse > 0, sparse, nearest_measurement(sparse)[0])


def linear_fill(sparse: np.ndarray) -> np.ndarray:
    """Every pixel takes the mean of the Delaunay triangle of known pixels around it, linear in depth.

    Args:
        sparse: float32 H x W metres, 0 where unknown, with at least one known pixel.

    Returns:
        float32 H x W metres, NaN outside all triangles; where the known pixels span none, as one, two or
        such in a line do, `nearest_fill`.
    """
    corners_only = np.where(_inner(sparse), np.float32(0), sparse)
    triangles = delaunay(corners_only)
    if not len(triangles):
        return nearest_fill(sparse)
    slope_u, slope_v, offset = planes_through(triangles, sparse[triangles[..., 1], triangles[..., 0]])
    triangle, row, first, length = scan_rows(triangles)
    start = np.cumsum(length) - length
    u = np.arange(length.sum()) - np.repeat(start - first, length)
    v, triangle = np.repeat(row, length), np.repeat(triangle, length)
    dense = np.full(sparse.shape, np.nan, np.float32)
    dense[v, u] = offset[triangle] + slope_u[triangle] * u + slope_v[triangle] * v
    return np.where(sparse > 0, sparse, dense)


def _inner(sparse: np.ndarray) -> np.ndarray:
    """Known pixels whose four neighbours are known: their triangles cover no pixel but corners.

    An empty circle through such a pixel has no room for more than the next four.
    """
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    known = (sparse > 0).astype(np.uint8)
    return cv2.erode(known, cross, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
