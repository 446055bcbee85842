"""Barycentric completion on the Delaunay triangles of the measured pixels."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from ...core import SparseDepth
from ..interface import Completer, Completion
from .nearest import completion_of, distance_confidence, nearest_measurement

LATTICE = 16
BRIDGE_CONFIDENCE = 0.5
"""Factor on the confidence of pixels outside all triangles, whose depth is the nearest one's."""


class Linear(Completer):
    """Every pixel takes the barycentric mean of the triangle of measured pixels around it.

    A plane in space is linear in 1 / z over the image, so that is what the default variant
    interpolates; outside the triangles the nearest measurement is taken. Confidence is that of
    `Nearest`, times the ratio of the triangle's least to its greatest depth (a triangle that spans a
    depth edge is a guess), and half of it outside the triangles.

    Args:
        variant: `inverse` (1 / z) or `depth` (z).
    """

    name = "linear"
    needs_image = False
    variants = ("inverse", "depth")

    def __init__(self, variant: str = "inverse"):
        self.variant = variant

    def complete(self, image, sparse: SparseDepth, camera=None, name="") -> Completion:
        depth = sparse.depth
        if sparse.count == 0:
            return Completion.unknown(depth.shape)
        with ThreadPoolExecutor(1) as other_core:  # OpenCV works without Python's lock
            nearest = other_core.submit(nearest_measurement, depth)
            triangles = delaunay(depth)
        dense, distance = nearest.result()
        confidence = distance_confidence(distance, sparse.count)
        corners = depth[triangles[..., 1], triangles[..., 0]]
        value = 1 / corners if self.variant == "inverse" else corners
        a, b, c = corners.T
        agreement_of = np.minimum(np.minimum(a, b), c) / np.maximum(np.maximum(a, b), c)
        triangle, row, first, length = scan_rows(triangles)
        slope_u, slope_v, offset, agree = np.take(
            np.column_stack([*planes_through(triangles, value), agreement_of]), triangle, axis=0
        ).T
        along = _count_up(length)
        pixel = np.repeat(row * depth.shape[1] + first, length) + along
        inside = _repeat(offset + slope_u * first + slope_v * row, length)
        inside += along * _repeat(slope_u, length)
        if value.size:  # rounding must not lead out of what was measured
            np.clip(inside, value.min(), value.max(), out=inside)
        dense.ravel()[pixel] = 1 / inside if self.variant == "inverse" else inside
        agreement = np.full(depth.size, BRIDGE_CONFIDENCE, np.float32)
        agreement[pixel] = _repeat(agree, length)
        return completion_of(dense, depth, confidence * agreement.reshape(depth.shape))


def delaunay(depth: np.ndarray) -> np.ndarray:
    """Delaunay triangles of the measured pixels, integer T x 3 x 2 as (u, v)."""
    height, width = depth.shape
    v, u = np.divmod(np.flatnonzero(depth > 0), width)
    subdivision = cv2.Subdiv2D((0, 0, width, height))
    subdivision.insert(np.column_stack([u, v])[_insertion_order(u, v)].astype(np.float32))
    triangles = np.reshape(subdivision.getTriangleList(), (-1, 6))
    # The subdivision starts from three far virtual corners; their triangles are none of ours.
    real = ((triangles >= 0) & (triangles < 3 * (width, height))).all(axis=1)
    return triangles[real].astype(np.int32).reshape(-1, 3, 2)


def _insertion_order(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """From coarse to fine and block by block: each point is near the last, and few edges flip.

    Args:
        u, v: integer pixels, row by row.
    """
    coordinates = u | v | LATTICE
    coarseness = coordinates & -coordinates  # side of the coarsest lattice that a pixel is part of
    block = (v // LATTICE) * (u.max(initial=0) // LATTICE + 1) + u // LATTICE
    return np.argsort(block - coarseness * (block.max(initial=0) + 1), kind="stable")


def scan_rows(triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Cut triangles into the rows of pixels whose centres they cover, all at once.

    A row runs between the long edge (top to bottom corner) and the two short ones. Pixels of a shared
    edge belong to both triangles.

    Args:
        triangles: integer T x 3 x 2 as (u, v).

    Returns:
        for each row the index of its triangle, its v, its first u, and its number of pixels.
    """
    order = np.argsort(triangles[..., 1], axis=1, kind="stable")[..., None]
    corners = np.take_along_axis(triangles, order, axis=1)
    (u0, v0), (u1, v1), (u2, v2) = (corners[:, i].T.astype(np.float32) for i in range(3))
    rows = (v2 - v0).astype(np.int32) + 1
    triangle = np.repeat(np.arange(len(triangles), dtype=np.int32), rows)
    down = np.arange(len(triangle), dtype=np.int32)
    down -= np.repeat(np.cumsum(rows, dtype=np.int32) - rows, rows)
    slopes = _slope(u0, v0, u2, v2), _slope(u0, v0, u1, v1), _slope(u1, v1, u2, v2)
    edges = np.take(np.column_stack([u0, u1, v0, v1 - v0, *slopes]), triangle, axis=0)
    start, bend, top, turn, along_long, along_upper, along_lower = edges.T
    long = start + down * along_long
    below = down - turn
    short = bend + below * np.where(below < 0, along_upper, along_lower)
    v = down + top.astype(np.int32)
    first = np.ceil(np.minimum(long, short) - 1e-3).astype(np.int32)
    length = np.floor(np.maximum(long, short) + 1e-3).astype(np.int32) - first + 1
    covers = np.flatnonzero(length > 0)
    return triangle[covers], v[covers], first[covers], length[covers]


def _count_up(length: np.ndarray) -> np.ndarray:
    """0, 1, 2 ... anew for each row, for as many pixels as it has."""
    along = np.arange(length.sum(), dtype=np.int32)
    along -= np.repeat(np.cumsum(length, dtype=np.int32) - length, length)
    return along


def _repeat(values: np.ndarray, length: np.ndarray) -> np.ndarray:
    return np.repeat(values.astype(np.float32), length)


def _slope(u0: np.ndarray, v0: np.ndarray, u1: np.ndarray, v1: np.ndarray) -> np.ndarray:
    """Columns an edge moves per row; 0 for a level edge."""
    return np.divide(u1 - u0, v1 - v0, out=np.zeros_like(u0), where=v1 != v0)


def planes_through(triangles: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slopes along u and v and offset of the plane through the three values of each triangle."""
    (u0, v0), (u1, v1), (u2, v2) = (triangles[:, i].T.astype(np.float64) for i in range(3))
    area = (u1 - u0) * (v2 - v0) - (u2 - u0) * (v1 - v0)
    area = np.where(area == 0, 1, area)
    d1, d2 = value[:, 1] - value[:, 0], value[:, 2] - value[:, 0]
    slope_u = (d1 * (v2 - v0) - d2 * (v1 - v0)) / area
    slope_v = (d2 * (u1 - u0) - d1 * (u2 - u0)) / area
    return slope_u, slope_v, value[:, 0] - slope_u * u0 - slope_v * v0
