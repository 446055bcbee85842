"""What the image looks like beside each depth edge, and how far an error of the calibration moves it."""

from __future__ import annotations

import cv2
import numpy as np

from ..camera import Camera


def image_slopes(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How steep brightness is across and down an image (RGB H x W x 3), float32 H x W in [0, 1).

    A slope counts against twice the image's mean one, so that one glaring edge does not outvote many
    plain ones.
    """
    blurred = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (0, 0), 1.0)
    slopes = []
    for across, down in ((1, 0), (0, 1)):
        slope = np.abs(cv2.Sobel(blurred, cv2.CV_32F, across, down))
        usual = 2 * float(slope.mean()) + 1e-3
        slopes.append(cv2.GaussianBlur(slope / (slope + usual), (0, 0), 1.0))
    return slopes[0], slopes[1]


def profiles(slope: np.ndarray, pixels: np.ndarray, axis: int, reach: int) -> np.ndarray:
    """Slopes along a line through each of N pixels, less their mean: float32 N x (2 reach + 1).

    Args:
        slope: float32 H x W.
        pixels: N x 2 (u, v), inside the image.
        axis: 0 for lines across, 1 for lines down.
        reach: pixels to either side; beyond the border its last pixel goes on.
    """
    u, v = np.rint(pixels).astype(np.intp).T
    line = np.arange(2 * reach + 1)
    if axis == 0:
        padded = cv2.copyMakeBorder(slope, 0, 0, reach, reach, cv2.BORDER_REPLICATE)
        found = padded[v[:, None], u[:, None] + line]
    else:
        padded = cv2.copyMakeBorder(slope, reach, reach, 0, 0, cv2.BORDER_REPLICATE)
        found = padded[v[:, None] + line, u[:, None]]
    return found - found.mean(axis=1, keepdims=True)


def motion(points: np.ndarray, camera: Camera, axis: int) -> np.ndarray:
    """Pixels along an axis by which points move per unit of an error, float64 N x 3.

    The columns are: a radian of yaw (axis 0, to the right) or pitch (axis 1, down), a radian of roll
    (clockwise), a metre ahead.

    Args:
        points: N x 3, optical frame, all in view.
    """
    x, y, z = points.T.astype(np.float64)
    none = np.zeros_like(x)
    turned = np.stack([z, none, -x] if axis == 0 else [none, z, -y], axis=1)
    rolled = np.stack([-y, x, none], axis=1)
    ahead = np.stack([none, none, none + 1], axis=1)
    step = 1e-3
    columns = []
    for move in (turned, rolled, ahead):
        ends = [camera.project(points + sign * step * move) for sign in (-1, 1)]
        moved = (ends[1][0] - ends[0][0])[:, axis] / (2 * step)
        columns.append(np.where(ends[0][1] & ends[1][1], moved, 0.0))
    return np.stack(columns, axis=1)
