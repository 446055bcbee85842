"""PSD as it is trained: with its foundation model, which is frozen."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from depth_completion_ros.completion.prior import create_prior
from depth_completion_ros.completion.prior.interface import MonocularPrior, PriorOutput
from depth_completion_ros.completion.psd.inputs import prior_output_of_pixels
from depth_completion_ros.completion.psd.network import PSD, Stages, rays_of
from depth_completion_ros.completion.psd.resize import SIDE, foundation_size


class TrainedPSD(PSD):
    """PSD that looks at the image through a frozen foundation model.

    Its state dict is that of the network it trains, without the foundation model, which is the same in all
    copies of the network. It wants images as they are, from 0 to 255, and a batch with `K`. Propagation
    stays in float32 where mixed precision computes the rest in less.

    Args:
        prior: foundation model, what `create_prior` takes: a Depth Anything in files of transformers.
        allow_noncommercial: load it even if its licence is not known to permit commercial use.
        side: pixels of the shorter side at which it sees the image.
        end_to_end_from: epoch from which on gradients go from each stage into those before it.

    Raises:
        ValueError: no such prior, one without features, or a licence that was not allowed.
        FileNotFoundError: weights that cannot be found.
        ImportError: a Python package is missing.
    """

    def __init__(
        self,
        prior: str = "depth_anything_v2_small",
        allow_noncommercial: bool = False,
        side: int = SIDE,
        end_to_end_from: int = 40,
    ):
        foundation = create_prior(prior, "cpu", allow_noncommercial)
        if foundation is None or not foundation.feature_channels:
            raise ValueError(f"PSD is trained with the features of a Depth Anything, and '{prior}' has none.")
        super().__init__(foundation.feature_channels)
        self._foundation = _Foundation(foundation)
        self.side, self.end_to_end_from = side, end_to_end_from

    def set_epoch(self, epoch: int) -> None:
        """Let gradients through between the stages, or not."""
        self.end_to_end = epoch >= self.end_to_end_from

    def forward(self, rgb: Tensor, sparse: Tensor, K: Tensor) -> Stages:
        """Complete a batch.

        Args:
            rgb: B x 3 x H x W, from 0 to 255.
            sparse: B x 1 x H x W metres, 0 where not measured.
            K: B x 3 x 3, pixels.

        Raises:
            ValueError: images that were normalised.
        """
        if rgb.amin() < 0 or 0 < rgb.amax() <= 1:
            raise ValueError(
                "PSD is trained on images from 0 to 255, and these were normalised: set mean to [0, 0, 0] "
                "and std to [1, 1, 1]."
            )
        size = foundation_size(*sparse.shape[-2:], self.side, self._foundation.prior.patch)
        # As the official code resizes NYUv2 in training.
        pixels = F.interpolate(rgb, size, mode="bicubic", antialias=True).clamp(0, 255)
        seen = self._foundation.output(pixels)
        with torch.autocast(rgb.device.type, enabled=False):
            rays = rays_of(K.float(), *sparse.shape[-2:])
        return self.predict(seen.features, seen.prediction, sparse, rays)

    def propagate(self, guide, inverse_depth, sparse, rays, initial=None):
        with torch.autocast(guide.device.type, enabled=False):
            return super().propagate(guide.float(), inverse_depth, sparse, rays, initial)


class _Foundation:
    """A frozen prior that copies of a network share, and that follows the images to their device."""

    def __init__(self, prior: MonocularPrior):
        self.prior, self._device = prior, torch.device("cpu")

    def output(self, pixels: Tensor) -> PriorOutput:
        """Inverse depth and features of images B x 3 x h x w, from 0 to 255."""
        if self._device != pixels.device:
            self.prior.to(pixels.device)
            self._device = pixels.device
        return prior_output_of_pixels(self.prior, pixels)

    def __deepcopy__(self, _seen) -> _Foundation:
        return self
