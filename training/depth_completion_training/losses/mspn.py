"""The losses that MSPN-SDR is trained with (Jun, Lee, Kim, CVPR 2024), on its last depth alone."""

from __future__ import annotations

from torch import Tensor, nn

from .masked import known, masked_mean, mean_of_images


class L1L2(nn.Module):
    """Sum of the mean absolute and the mean squared error of each image, for NYUv2.

    Args:
        max_depth: metres to which prediction and truth are clamped.
    """

    def __init__(self, max_depth: float = 10.0):
        super().__init__()
        self.max_depth = max_depth

    def forward(self, prediction, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        truth = batch["depth"]
        mask = known(truth)
        truth = truth.where(mask, truth.new_zeros(())).clamp(0, self.max_depth)
        error = prediction.depth.float().clamp(0, self.max_depth) - truth
        l1, l2 = mean_of_images(error.abs(), mask), mean_of_images(error.square(), mask)
        return {"loss": l1 + l2, "l1": l1, "l2": l2}


class SILog(nn.Module):
    """Scale-invariant error of the logarithm of depth, over all pixels of the batch, for KITTI.

    loss = alpha * sqrt(mean(e^2) - lambda * mean(e)^2) with e = ln(prediction) - ln(truth).

    Args:
        alpha: factor of the whole.
        lambda_: how much an error of scale is forgiven, in [0, 1].
    """

    least = 1e-10
    """Metres below which depth is raised, and the least square of a root, as its slope has no end at 0."""

    def __init__(self, alpha: float = 10.0, lambda_: float = 0.85):
        super().__init__()
        self.alpha, self.lambda_ = alpha, lambda_

    def forward(self, prediction, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        truth = batch["depth"]
        mask = known(truth)
        truth = truth.where(mask, truth.new_ones(()))
        error = prediction.depth.float().clamp(min=self.least).log() - truth.log()
        squared, mean = masked_mean(error.square(), mask), masked_mean(error, mask)
        spread = (squared - self.lambda_ * mean.square()).clamp(min=self.least)
        # Without a single truth the root would be that of `least`, which no error has caused.
        loss = self.alpha * spread.sqrt() * mask.any()
        return {"loss": loss, "bias": mean.detach()}
