"""Images of depth for people."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np


def colourise_depth(depth: np.ndarray, near: float | None = None, far: float | None = None) -> np.ndarray:
    """Colours of depth, uint8 H x W x 3 RGB: near is bright yellow, far is dark, unknown is black.

    The scale is linear in the logarithm of depth.

    Args:
        depth: H x W metres, NaN or 0 where unknown.
        near, far: ends of the scale in metres; the 1st and 99th percentile when None.
    """
    return _colours(depth, near, far, cv2.COLORMAP_INFERNO, span=255)


def overlay_sparse(
    image: np.ndarray, sparse: np.ndarray, near: float | None = None, far: float | None = None
) -> np.ndarray:
    """The image, dimmed, with the measured pixels on it in colours of their depth.

    Args:
        image: uint8 H x W x 3 RGB.
        sparse: H x W metres, 0 where not measured.
    """
    canvas = image // 2 + 32
    size = max(1, round(image.shape[1] / 620)) | 1
    spread = _spread_nearest(sparse, size)
    hit = spread > 0
    canvas[hit] = _colours(spread, near, far, cv2.COLORMAP_TURBO, span=230)[hit]
    return canvas


def error_map(prediction: np.ndarray, truth: np.ndarray, limit: float = 2.0) -> np.ndarray:
    """Colours of the absolute error at pixels with a truth: blue is 0, red is `limit` metres or more.

    Args:
        prediction: H x W metres, NaN where unknown (white here).
        truth: H x W metres, 0 where unknown (black here).
    """
    known = truth > 0
    size = 3 if known.mean() < 0.3 else 1
    error = np.where(known, np.abs(prediction - truth), 0)
    shown = np.where(known, np.maximum(np.nan_to_num(error, nan=-1) + 1e-3, 1e-3), 0)
    shown = cv2.dilate(shown.astype(np.float32), np.ones((size, size), np.uint8))
    colours = _apply((np.clip(shown / limit, 0, 1) * 255).astype(np.uint8), cv2.COLORMAP_TURBO)
    colours[shown == 0] = 0
    colours[known & ~np.isfinite(prediction)] = 255
    return colours


def sampled(plane: np.ndarray, step: int, shape: tuple[int, int]) -> np.ndarray:
    """Every so many pixels, as a mean over an edge would be a depth that is not there.

    Args:
        plane: H x W or H x W x C.
        shape: height and width of what is wanted, about those of the plane by `step`.
    """
    rows = np.minimum(np.arange(shape[0]) * step, plane.shape[0] - 1)
    columns = np.minimum(np.arange(shape[1]) * step, plane.shape[1] - 1)
    return plane[np.ix_(rows, columns)]


def shrunk_sparse(sparse: np.ndarray, step: int, shape: tuple[int, int]) -> np.ndarray:
    """Sparse depth at a fraction of the size, H x W metres: the nearest measurement of each cell."""
    small = np.full(shape, np.inf, np.float32)
    rows, columns = np.nonzero(sparse)
    inside = (rows // step < shape[0]) & (columns // step < shape[1])
    rows, columns = rows[inside], columns[inside]
    np.minimum.at(small, (rows // step, columns // step), sparse[rows, columns])
    return np.where(np.isfinite(small), small, np.float32(0))


def label(image: np.ndarray, text: str) -> np.ndarray:
    """The image with a caption in its top left corner."""
    image = image.copy()
    scale = max(0.4, image.shape[1] / 1800)
    (width, height), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    cv2.rectangle(image, (0, 0), (width + 10, height + base + 8), (0, 0, 0), -1)
    cv2.putText(
        image, text, (5, height + 5), cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), 1, cv2.LINE_AA
    )
    return image


def _spread_nearest(sparse: np.ndarray, size: int) -> np.ndarray:
    """Grow measured pixels to squares, the nearer over the farther."""
    nearness = np.divide(1, sparse, out=np.zeros(sparse.shape, np.float32), where=sparse > 0)
    nearness = cv2.dilate(nearness, np.ones((size, size), np.uint8))
    return np.divide(1, nearness, out=np.zeros_like(nearness), where=nearness > 0)


def _colours(depth, near, far, colour_map: int, span: int) -> np.ndarray:
    """Near to far over the upper `span` of 256 colours of a map, by the logarithm of depth."""
    known = np.isfinite(depth) & (depth > 0)
    if not known.any():
        return np.zeros((*depth.shape, 3), np.uint8)
    if near is None or far is None:
        low, high = np.percentile(depth[known], (1, 99))
        near, far = near or low, far or high
    near = max(float(near), 1e-3)
    far = max(float(far), near * 1.001)
    scaled = np.clip(np.log(np.where(known, depth, far) / near) / np.log(far / near), 0, 1)
    colours = _apply(255 - (scaled * span).astype(np.uint8), colour_map)
    colours[~known] = 0
    return colours


def _apply(values: np.ndarray, colour_map: int) -> np.ndarray:
    return cv2.applyColorMap(values, _rgb_table(colour_map))


@cache
def _rgb_table(colour_map: int) -> np.ndarray:
    """256 colours, RGB; OpenCV would make the table anew each time, which takes longer than to use it."""
    levels = np.arange(256, dtype=np.uint8)[:, None]
    return np.ascontiguousarray(cv2.applyColorMap(levels, colour_map)[..., ::-1])
