"""Smaller frames for a network, and its results at the size of the image again."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ...core.sparse import z_buffer


def inner_shape(shape: tuple[int, int], limit: int) -> tuple[int, int]:
    """Height and width at which a network works, of the same proportions and at most `limit`; 0 for any."""
    if not limit or max(shape) <= limit:
        return shape
    height, width = (max(1, round(side * limit / max(shape))) for side in shape)
    return height, width


def shrink(
    image: np.ndarray, sparse: np.ndarray, planes: Sequence[np.ndarray], shape: tuple[int, int]
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Image and planes at a smaller size; of several measurements in a pixel the nearest one stays.

    Args:
        image: uint8 H x W x 3.
        sparse: float32 H x W metres, 0 where not measured.
        planes: dense float32 H x W each.

    Returns:
        the image, and the sparse depth followed by the planes.
    """
    if image.shape[:2] == shape:
        return image, [sparse, *planes]
    size = shape[::-1]
    smooth = [cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in planes]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), [shrink_sparse(sparse, shape), *smooth]


def shrink_sparse(sparse: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Sparse depth at another size; of several measurements in a pixel the nearest one stays."""
    height, width = shape
    v, u = np.divmod(np.flatnonzero(sparse > 0), sparse.shape[1])  # much faster than `nonzero`
    z = sparse[v, u]
    v, u = v * height // sparse.shape[0], u * width // sparse.shape[1]
    return z_buffer(u, v, z, height, width)[0]


def enlarge(results: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Results of a network, float32 N x h x w, bilinearly at N x H x W."""
    if results.shape[1:] == shape:
        return results
    return np.stack([cv2.resize(result, shape[::-1], interpolation=cv2.INTER_LINEAR) for result in results])
