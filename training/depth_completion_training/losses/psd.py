"""The loss that PSD is trained with (Chen et al., IEEE TIP 2025), whose weights change by epoch."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ..optimisation import at_epoch
from .masked import known, masked_mean

Weights = tuple[float, float, float]

DEPTH_WEIGHTS: dict[int, Weights] = {
    0: (1, 1, 1),
    10: (0.5, 1, 1),
    15: (0.5, 0.5, 1),
    20: (0.1, 0.5, 1),
    25: (0.1, 0.25, 1),
}
CONFIDENCE_WEIGHTS: dict[int, Weights] = {
    0: (0.1, 0.1, 0.1),
    2: (1, 1, 1),
    10: (0.5, 0.75, 0.75),
    15: (0.25, 0.5, 0.5),
    20: (0.1, 0.25, 0.25),
    25: (0.05, 0.1, 0.1),
}
"""From an epoch on, of the residual, the bin and the pixel stage."""
STAGES = {"res": ("D_res", "conf"), "img": ("D_img", "conf2"), "pix": ("D_pix", "conf3")}
_FALL = 5.0
"""How fast confidence falls with the error."""


class PSDLoss(nn.Module):
    """Mean absolute error of depth and of confidence, summed over the three stages.

    loss = sum over stages of a_i mean |D_i - truth| + b_i mean |conf_i - c(D_i)|, means over all pixels of
    the batch with a truth; see `confidence_target` for c. Before an epoch is told, weights are those of
    epoch 0.

    Args:
        depth: a_1, a_2, a_3 from an epoch on, by the number of that epoch.
        confidence: b_1, b_2, b_3 in the same way.

    Raises:
        ValueError: weights that do not begin at epoch 0.
    """

    def __init__(
        self,
        depth: Mapping[int, Weights] = DEPTH_WEIGHTS,
        confidence: Mapping[int, Weights] = CONFIDENCE_WEIGHTS,
    ):
        super().__init__()
        self.depth, self.confidence = dict(depth), dict(confidence)
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Take the weights of an epoch."""
        self._weights = at_epoch(self.depth, epoch), at_epoch(self.confidence, epoch)

    def forward(self, prediction, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """`loss`, and by stage its two errors: `l1_res`, `l1_img`, `l1_pix` and `conf_res` to `conf_pix`."""
        truth = batch["depth"]
        mask = known(truth)
        loss, values = truth.new_zeros(()), {}
        for (stage, names), a, b in zip(STAGES.items(), *self._weights, strict=True):
            depth, confidence = (getattr(prediction, name).float() for name in names)
            l1 = masked_mean((depth - truth).abs(), mask)
            doubt = masked_mean((confidence - confidence_target(depth.detach(), truth)).abs(), mask)
            loss = loss + a * l1 + b * doubt
            values |= {f"l1_{stage}": l1.detach(), f"conf_{stage}": doubt.detach()}
        return {"loss": loss} | values


def confidence_target(depth: Tensor, truth: Tensor) -> Tensor:
    """exp(-5 |truth - depth| / (truth + depth)): 1 where depth is right, 0.007 where it is 0 or less.

    In the official code depth below 0 makes it grow beyond all bounds.
    """
    depth = depth.clamp(min=0)
    return torch.exp(-_FALL * (truth - depth).abs() / (truth + depth + 1e-7))
