"""The loss of diffusion by v-prediction (Salimans and Ho, ICLR 2022)."""

from __future__ import annotations

from torch import Tensor, nn

from .masked import masked_mean


class VelocityLoss(nn.Module):
    """Mean squared error of the velocity over the latents of a batch all of whose pixels have a truth.

    In validation, where depth is sampled, there is no velocity to compare, and so no loss.
    """

    def forward(self, prediction, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """`loss`; nothing for a prediction without velocity."""
        if not hasattr(prediction, "velocity"):
            return {}
        squares = (prediction.velocity - prediction.target).square()
        return {"loss": masked_mean(squares, prediction.known.expand_as(squares))}
