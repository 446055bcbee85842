"""Smooth correction of aligned depth where measured pixels are near."""

from __future__ import annotations

import cv2
import numpy as np

from .alignment import GROSS, relative_error

SIGMAS = (64, 32, 16, 8)
"""Pixels of the Gaussians, the widest first: each takes what the wider ones left over."""
STEP = 4
"""Pixels of a cell of the grid on which they are blurred, half the narrowest Gaussian."""


def local_correction(depth: np.ndarray, sparse_depth: np.ndarray, tolerance: float = GROSS) -> np.ndarray:
    """Multiply depth by a smooth field that leads it through the measured pixels.

    The field's logarithm is a sum of normalised Gaussian blurs of log(measured / depth), coarse to fine
    (scattered data by normalised convolution, Knutsson and Westin, CVPR 1993). No correction counts as
    much as one measured pixel at the centre of the Gaussian, so that the field fades to 1 within some
    128 pixels of the last one. Edges of `depth` stay as they are.

    Args:
        depth: float32 H x W metres, NaN where unknown.
        sparse_depth: float32 H x W metres, 0 where not measured.
        tolerance: relative error above which a measured pixel is an outlier and has no say.

    Returns:
        float32 H x W metres, NaN where `depth` is.
    """
    height, width = depth.shape
    pixel = np.flatnonzero(sparse_depth > 0)
    measured, predicted = sparse_depth.ravel()[pixel], depth.ravel()[pixel]
    inlier = relative_error(predicted, measured) <= tolerance
    rows, columns = np.divmod(pixel[inlier], width)
    left = np.log(measured[inlier] / predicted[inlier])
    grid = -(-height // STEP), -(-width // STEP)
    cell = rows // STEP * grid[1] + columns // STEP
    count = np.bincount(cell, minlength=grid[0] * grid[1]).reshape(grid).astype(np.float32)
    field = np.zeros(grid, np.float32)
    for sigma in np.array(SIGMAS) / STEP:
        total = np.bincount(cell, left, minlength=field.size).reshape(grid).astype(np.float32)
        finer = _blur(total, sigma) / (_blur(count, sigma) + np.float32(1 / (2 * np.pi * sigma**2)))
        field += finer
        left = left - finer.ravel()[cell]
    return depth * cv2.exp(cv2.resize(field, (width, height), interpolation=cv2.INTER_LINEAR))


def _blur(plane: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
