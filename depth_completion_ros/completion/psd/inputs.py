"""What PSD takes beside the points: the foundation model's output for the image, and the rays of pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...core import Camera
from ..prior.interface import MonocularPrior, PriorOutput
from .resize import SIDE, foundation_size, spline_resize

if TYPE_CHECKING:
    import torch


def prior_output(prior: MonocularPrior, image: np.ndarray, side: int = 0) -> PriorOutput:
    """What a prior with features makes of an image, at the size of PSD's training; disparity always.

    Args:
        image: uint8 H x W x 3 RGB.
        side: pixels of the shorter side that the prior sees, 0 for the usual ones.

    Raises:
        ValueError: the prior gives no features.
    """
    import torch

    size = foundation_size(*image.shape[:2], side or SIDE, prior.patch)
    return prior_output_of_pixels(prior, torch.from_numpy(spline_resize(image, size))[None])


def prior_output_of_pixels(prior: MonocularPrior, pixels: torch.Tensor) -> PriorOutput:
    """`prior_output` of images that have the size for the prior, B x 3 x h x w from 0 to 255."""
    prediction, features = prior.predict_with_features(pixels)
    return PriorOutput(prediction if prior.space == "disparity" else 1 / (prediction + 1e-5), features)


def is_finite(output: PriorOutput) -> bool:
    """Whether a prior's network gave numbers alone, neither NaN nor infinity."""
    return all(bool(x.isfinite().all()) for x in (output.prediction, *output.features))


def rays_or_assumed(camera: Camera | None, height: int, width: int) -> list[np.ndarray]:
    """x and y of the rays of all pixels at z = 1, float32 H x W; assumed without a camera."""
    if camera is None:
        camera = Camera(width, height, np.array([[width, 0, width / 2], [0, width, height / 2], [0, 0, 1]]))
    return [np.nan_to_num(plane, posinf=0, neginf=0) for plane in camera.rays]
