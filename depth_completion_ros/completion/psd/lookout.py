"""What a frame gives beside its points: the foundation model's view of the picture, and where pixels look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...core import Camera
from ..prior.interface import Look, MonocularPrior
from .resize import SIDE, foundation_size, spline_resize

if TYPE_CHECKING:
    import torch


def look_at(prior: MonocularPrior, image: np.ndarray, side: int = 0) -> Look:
    """What a prior with features makes of a picture, at the size of PSD's training; disparity always.

    Args:
        image: uint8 H x W x 3 RGB.
        side: pixels of the shorter side that the prior sees, 0 for the usual ones.

    Raises:
        ValueError: the prior gives no features.
    """
    import torch

    size = foundation_size(*image.shape[:2], side or SIDE, prior.patch)
    return look_at_pixels(prior, torch.from_numpy(spline_resize(image, size))[None])


def look_at_pixels(prior: MonocularPrior, pixels: torch.Tensor) -> Look:
    """`look_at` of pictures that have the size for the prior, B x 3 x h x w from 0 to 255."""
    prediction, features = prior.look(pixels)
    return Look(prediction if prior.space == "disparity" else 1 / (prediction + 1e-5), features)


def rays_or_assumed(camera: Camera | None, height: int, width: int) -> list[np.ndarray]:
    """x and y of the rays of all pixels at z = 1, float32 H x W; assumed without a camera."""
    if camera is None:
        camera = Camera(width, height, np.array([[width, 0, width / 2], [0, width, height / 2], [0, 0, 1]]))
    return [np.nan_to_num(plane, posinf=0, neginf=0) for plane in camera.rays]
