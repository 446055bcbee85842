"""The size that the network works at, and the way back to that of the image."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from ..learned.inner_size import shrink_sparse

MULTIPLE = 32
"""Of which height and width must be where the network works: it halves them five times."""
PIXELS = 160 * 544
"""About as many as the network sees of a frame at most; of a smaller one it sees all."""
SHORTER_SIDES = ((1 / 50, (0,)), (1 / 16, (160,)), (math.inf, (96, 128)))
"""The farther apart measurements are, the smaller a frame the network sees, as its view reaches only so far:
up to which median distance from a pixel to a measurement, as a share of the shorter side, that side has
about so many pixels; 0 for as many as `PIXELS` allow. Where there are two sizes it looks twice, and the mean
of both counts; together they take as long as one look at `PIXELS`."""
CLOSE = 0.05
"""Relative error up to which depth counts as right: confidence is the probability of that."""
CELL = 4
"""Pixels along a side of the cells in which that distance is looked for."""
BOXES = ((7, 0.002), (3, 0.03))
"""How residuals are spread, first widely, then what is left of them close by: the side in pixels of a box
that is applied twice, and what is added to their weight, so that they fade out where they thin out."""


def inner_shape(shape: tuple[int, int], limit: int = 0, shorter_side: int = 0) -> tuple[int, int]:
    """Height and width at which the network works, multiples of `MULTIPLE`, of about the same proportions.

    Args:
        shape: of the frame.
        limit: of the longer side; 0 for `PIXELS` in all.
        shorter_side: about how long that is at most; 0 for any.
    """
    share = limit / max(shape) if limit else math.sqrt(PIXELS / (shape[0] * shape[1]))
    share = min(share, shorter_side / min(shape) if shorter_side else 1, 1)
    height, width = (max(round(side * share / MULTIPLE), 1) * MULTIPLE for side in shape)
    return height, width


def inner_shapes(shape: tuple[int, int], limit: int = 0) -> list[tuple[int, int]]:
    """All at which the network may see frames of a shape, the smallest first; see `inner_shape`."""
    sides = (0,) if limit else {side for _, sides in SHORTER_SIDES for side in sides}
    return sorted({inner_shape(shape, limit, side) for side in sides})


def shorter_sides_for(sparse: np.ndarray) -> tuple[int, ...]:
    """Those of `SHORTER_SIDES` for sparse depth at an inner size, float32 h x w, 0 where not measured."""
    height, width = sparse.shape
    cells = sparse.reshape(height // CELL, CELL, width // CELL, CELL)
    empty = ~(cells > 0).any(axis=(1, 3))
    if empty.all():
        return SHORTER_SIDES[-1][1]
    distance = cv2.distanceTransform(empty.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3)
    share = CELL * float(np.median(distance)) / min(height, width)
    return next(sides for limit, sides in SHORTER_SIDES if share <= limit)


def seen_sparse(sparse: np.ndarray, limit: int = 0) -> list[np.ndarray]:
    """Sparse depth as the network sees it, float32 h x w, at each size that suits how far apart it is.

    Args:
        sparse: float32 H x W metres, 0 where not measured.
        limit: of the longer side, whatever was measured; 0 for none.
    """
    fewer = shrink_sparse(sparse, inner_shape(sparse.shape, limit))
    if limit:
        return [fewer]
    sides = shorter_sides_for(fewer)
    shapes = dict.fromkeys(inner_shape(sparse.shape, shorter_side=side) for side in sides)
    return [fewer if shape == fewer.shape else shrink_sparse(sparse, shape) for shape in shapes]


def mean_of_looks(looks: Sequence[np.ndarray]) -> np.ndarray:
    """Mean of results of the network, float32 4 x h x w each, at the size of the last.

    Of 1 / z it is the geometric mean. The odds against depth being right, which are the expected error over
    `CLOSE`, grow with the distance of the looks: where they contradict each other neither is right.
    """
    if len(looks) == 1:
        return looks[0]
    shape = looks[-1].shape[1:]
    same = np.stack([look if look.shape[1:] == shape else np.stack(enlarge(look, shape)) for look in looks])
    with np.errstate(all="ignore"):  # what a broken network says is left out later
        logs = np.log(same[:, 0])
        log = logs.mean(axis=0)
        odds = np.hypot((1 / same[:, 1] - 1).mean(axis=0), np.abs(logs - log).max(axis=0) / CLOSE)
        return np.stack([np.exp(log), 1 / (1 + odds), *same[:, 2:].mean(axis=0)])


def shrink_image(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The image, uint8 H x W x 3, at another size, nearly as by `INTER_AREA` but in a third of its time.

    First bilinearly to a multiple of that size, then by means of whole pixels.
    """
    height, width = shape
    factor = max(min(image.shape[0] // height, image.shape[1] // width), 1)
    image = cv2.resize(image, (factor * width, factor * height), interpolation=cv2.INTER_LINEAR)
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def enlarge(results: np.ndarray, shape: tuple[int, int]) -> list[np.ndarray]:
    """Results of the network, float32 N x h x w, bilinearly at H x W each."""
    return [cv2.resize(result, shape[::-1], interpolation=cv2.INTER_LINEAR) for result in results]


def bend(depth: np.ndarray, trust: np.ndarray, sparse: np.ndarray) -> None:
    """Draw depth towards the measurements around each pixel, in place, in log depth, for each of `BOXES`.

        log depth_i <- log depth_i + sum_j w_ij d_j / (sum_j w_ij + floor)
        d_j = r_j, or r_j (t_j + (1 - t_j) exp(-(r_j / CLOSE)^2)) where r_j = log(sparse_j / depth_j) > 0

    A measurement that is nearer than depth there cannot have been seen through something, and one that is
    hardly farther will not have been; one that is clearly farther counts as far as it is trusted.

    Args:
        depth: float32 H x W metres, positive.
        trust: float32 H x W in [0, 1], how much a measurement there is believed that lies farther.
        sparse: float32 H x W metres, 0 where not measured.
    """
    if not sparse.any():
        return
    rows = _rows_in_reach(sparse)
    depth, trust, sparse = depth[rows], trust[rows], sparse[rows]
    at = np.flatnonzero(sparse > 0)
    measured, trust = np.log(sparse.ravel()[at]), trust.ravel()[at]
    residuals, weights = np.empty_like(depth), np.empty_like(depth)
    for box, floor in BOXES:
        residual = measured - np.log(depth.ravel()[at])
        doubt = (1 - trust) * (1 - np.exp(-np.square(residual / CLOSE)))
        drawn = np.where(residual < 0, residual, residual * (1 - doubt))
        for plane, values in ((residuals, drawn), (weights, 1)):
            plane.fill(0)
            plane.ravel()[at] = values
            for _ in range(2):
                cv2.blur(plane, (box, box), plane, borderType=cv2.BORDER_CONSTANT)
        weights += floor
        residuals /= weights
        depth *= cv2.exp(residuals, residuals)


def _rows_in_reach(sparse: np.ndarray) -> slice:
    """The rows that `bend` can change; a scanner seldom sees as high as the camera."""
    measured = np.flatnonzero(sparse.any(axis=1))
    reach = sum(2 * (box // 2) for box, _ in BOXES)
    return slice(max(int(measured[0]) - reach, 0), int(measured[-1]) + reach + 1)
