"""Synthetic images, depth and points for tests."""

from __future__ import annotations

import cv2
import numpy as np

from depth_completion_ros import SparseDepth

SHAPE = (60, 90)


def camera_image(shape=SHAPE, seed=0) -> np.ndarray:
    """A smooth image with some texture, uint8 H x W x 3."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (6, 9, 3), dtype=np.uint8)
    smooth = cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return cv2.add(smooth, random.integers(0, 30, smooth.shape, dtype=np.uint8))


def slope(shape=SHAPE) -> np.ndarray:
    """Depth that grows to the right and downwards, float32 H x W metres."""
    v, u = np.mgrid[: shape[0], : shape[1]]
    return (5 + 0.1 * u + 0.05 * v).astype(np.float32)


def points_of(depth: np.ndarray, number: int) -> SparseDepth:
    """Depth at so many pixels, always the same ones."""
    sparse = np.zeros_like(depth)
    chosen = np.random.default_rng(2).choice(depth.size, number, replace=False)
    sparse.flat[chosen] = depth.flat[chosen]
    return SparseDepth(sparse)


def grid_of(depth: np.ndarray, rows: int, columns: int) -> SparseDepth:
    """Depth at every so many rows and columns."""
    sparse = np.zeros_like(depth)
    sparse[::rows, ::columns] = depth[::rows, ::columns]
    return SparseDepth(sparse)


def no_points(shape=SHAPE) -> SparseDepth:
    """Nothing measured."""
    return SparseDepth(np.zeros(shape, np.float32))
