"""Depth at the corners of an image, as structure from motion and visual SLAM know it."""

from __future__ import annotations

import cv2
import numpy as np

_FALSE = 0.02
"""Share of the points that are matched wrongly, and lie anywhere along their ray."""


def corners(image: np.ndarray, depth: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Sparse depth at corners that a tracker would follow.

    The depth of a triangulated point is wrong by a share that grows with its distance: disparity is
    off by part of a pixel, whatever the distance, so z is off by z^2 * that / (focal * baseline).

    Args:
        image: uint8 H x W x 3 RGB.
        depth: H x W metres along z; 0, inf or NaN where there is nothing to triangulate.
        count: most corners to take.

    Returns:
        float32 H x W metres, 0 where there is no corner.

    Raises:
        ValueError: sizes that differ, or a count below 1.
    """
    if image.shape[:2] != depth.shape or image.ndim != 3 or image.dtype != np.uint8:
        raise ValueError(
            f"Image is {image.dtype} {image.shape} and depth {depth.shape}; "
            "they must be uint8 H x W x 3 and H x W."
        )
    if count < 1:
        raise ValueError(f"Corners are to be {count}; at least 1 can be taken.")
    found = _detect(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), count, rng)
    u, v = found.T
    z = depth[v, u].astype(np.float32)
    known = np.isfinite(z) & (z > 0)
    u, v, z = u[known], v[known], z[known]
    sparse = np.zeros(depth.shape, np.float32)
    if not z.size:
        return sparse
    share = np.exp(rng.uniform(np.log(0.002), np.log(0.03)))  # at the middle depth of the image
    sigma = share * np.minimum(z / np.median(z), 5.0)
    wrong = rng.random(len(z)) < _FALSE
    inverse = np.where(wrong, rng.uniform(0.3, 2.0, len(z)), 1 + sigma * rng.standard_normal(len(z)))
    sparse[v, u] = z / np.maximum(inverse, 0.2)
    return sparse


def _detect(grey: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Column and row of at most `count` corners, int N x 2; by either of two detectors."""
    if rng.random() < 0.5:
        quality, apart = float(rng.uniform(0.003, 0.03)), float(rng.uniform(2, 8))
        found = cv2.goodFeaturesToTrack(grey, count, quality, apart)
        points = np.zeros((0, 2)) if found is None else found[:, 0]
    else:
        keypoints = cv2.FastFeatureDetector_create(int(rng.integers(8, 30))).detect(grey)
        keypoints = sorted(keypoints, key=lambda point: -point.response)[:count]
        points = np.array([point.pt for point in keypoints]).reshape(-1, 2)
    return np.round(points).astype(np.int32)
