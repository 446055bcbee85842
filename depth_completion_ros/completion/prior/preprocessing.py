"""From an image to what a network of monocular depth takes."""

from __future__ import annotations

import cv2
import numpy as np

SIDE = 518
"""Pixels of the shorter side at which Depth Anything was trained."""
PATCH = 14
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def network_size(height: int, width: int, side: int = SIDE, multiple: int = PATCH) -> tuple[int, int]:
    """Height and width of a network's input that keeps the shape of an image.

    One side becomes `side`, that which changes the image less: the shorter one of a large image. Both
    are rounded to a multiple of the network's patches, as the image processor of Depth Anything does.
    """
    by_width = abs(1 - side / width) < abs(1 - side / height)
    scale = side / (width if by_width else height)
    height, width = (max(round(n * scale / multiple), 1) * multiple for n in (height, width))
    return height, width


def resize_map(prediction: np.ndarray, height: int, width: int) -> np.ndarray:
    """A prediction at the size of its image; between its pixels linear, so that it overshoots nowhere."""
    if prediction.shape == (height, width):
        return prediction
    return cv2.resize(prediction, (width, height), interpolation=cv2.INTER_LINEAR)
