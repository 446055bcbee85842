"""What every monocular prior takes and gives back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import torch

SPACES = ("disparity", "depth", "metric")


class PriorOutput(NamedTuple):
    """What a prior's network gives for images.

    Args:
        prediction: float32 B x 1 x h x w of the network's own size, in the prior's `space`.
        features: maps of its decoder, B x C x h' x w' each of its own size, from coarse to fine.
    """

    prediction: torch.Tensor
    features: tuple[torch.Tensor, ...]


class MonocularPrior(ABC):
    """Predicts depth from one image, by a network that has seen many.

    Args:
        name: what a report calls it.
        licence: SPDX identifier of the licence of its weights, or what is known of it.
        space: what a prediction means: `disparity` is inverse depth (larger is nearer) and `depth` is
            depth, both up to a scale and a shift that differ from image to image; `metric` is metres.

    Attributes:
        feature_channels: of the maps that `predict_with_features` gives, from coarse to fine; empty without.
        patch: pixels of which the sides of what it takes are multiples.
    """

    feature_channels: tuple[int, ...] = ()
    patch = 1

    def __init__(self, name: str, licence: str, space: str):
        if space not in SPACES:
            raise ValueError(f"Space '{space}' of prior '{name}' is unknown; allowed: {', '.join(SPACES)}.")
        self.name, self.licence, self.space = name, licence, space

    def predict(self, image: np.ndarray, name: str = "") -> np.ndarray:
        """Predict one image.

        Args:
            image: uint8 H x W x 3 RGB.
            name: name of the frame, for priors that look their predictions up.

        Returns:
            float32 H x W in the prior's `space`, NaN where it knows nothing.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(
                f"Prior '{self.name}' got an image of {image.dtype} {image.shape}; "
                "it must be uint8 H x W x 3 RGB."
            )
        prediction = np.asarray(self._predict(image, name), np.float32)
        if prediction.shape != image.shape[:2]:
            raise ValueError(
                f"Prior '{self.name}' predicts {_size(prediction)} for an image of {_size(image)} pixels; "
                "they must be the same."
            )
        return np.where(np.isfinite(prediction), prediction, np.float32(np.nan))

    def predict_with_features(self, pixels: torch.Tensor) -> PriorOutput:
        """Prediction and features of images at the network's own size, on its device.

        Args:
            pixels: float32 B x 3 x h x w RGB from 0 to 255, both sides multiples of `patch`.

        Raises:
            ValueError: this prior gives no features.
        """
        raise ValueError(f"Prior '{self.name}' gives no features; Depth Anything of transformers does.")

    def warm_up(self, height: int, width: int) -> None:
        """Do once what makes the first image of this size slow; nothing for priors without a network."""
        return

    @abstractmethod
    def _predict(self, image: np.ndarray, name: str) -> np.ndarray:
        """Prediction of the image's size; what is not finite counts as unknown."""


def _size(plane: np.ndarray) -> str:
    return " x ".join(str(n) for n in plane.shape[1::-1])


def first_line(error: Exception) -> str:
    """The first line of what an error of another library says, without a full stop; else its kind."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def untold(spec: str) -> str:
    """The sentence that asks what a prior predicts."""
    return (
        f"Prior '{spec}' does not tell what it predicts: write {spec}@disparity (inverse depth), @depth "
        "(both up to scale and shift) or @metric (metres)."
    )
