"""The losses that BP-Net and DMD3C are trained with (CVPR 2024 and 2025).

They take any network whose prediction has `depth`. BP-Net's has `outputs` too, depths of full resolution
from coarse to fine of which the last is `depth`; the losses over several outputs take those where there
are any, and `depth` alone where not.

A batch has `depth` [B,1,H,W] metres, 0 where unknown, and to distil from, `mono` float32 [B,1,H,W]: what a
network of monocular depth sees, as inverse depth up to scale and shift, in [0, 1], 1 the nearest; 0 where
it is infinitely far, as in the sky, or unknown. That is what Depth Anything gives, and what the released
DMD3C reads. Released, depth is compared to 1 / (mono + 0.5); the paper says depth without saying how it
comes by it.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from .masked import known, masked_mean, mean_of_images
from .random_patches import RandomPatchLoss
from .scale_shift import SSILoss

_SHIFT = 0.5
"""Added to inverse depth before it is inverted, so that it may be 0."""
_NEAREST_M, _SPAN = 1e-3, 20.0
"""Depth that is told from 0, and how many times nearer than usual it may be before it counts as that."""
_FACTOR = 4.0
"""An output counts so many times as much as the next coarser one."""


class MultiScaleMSE(nn.Module):
    """Squared error of all outputs: sum over i of 4^(i-n) mean of (output_i - truth)^2, i = 1 to n.

    The mean is over all pixels of the batch, those without a truth counting as without error: the released
    code of BP-Net and DMD3C has it so. The loss is thus the smaller the fewer pixels have a truth.
    """

    def forward(self, prediction, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """`loss`, and `mse`, which is that of the last output."""
        truth = batch["depth"]
        mask = known(truth)
        errors = [
            (output - truth).where(mask, output.new_zeros(())).square().mean()
            for output in outputs_of(prediction)
        ]
        return {"loss": weighted_sum(torch.stack(errors)), "mse": errors[-1].detach()}


class DMD3CLoss(nn.Module):
    """Stage 2 as the paper of DMD3C has it: L1 + SSI + gradients, of the last depth alone.

    loss = mean |D - truth| + ssi (mean |R| + gradient (4 scales)); see `SSILoss`. The paper adds them up
    without weights. It says neither in what space R is; pixels without `mono` or with 0 take no part in it.

    - `inverse`: R = u^2 / D - (s mono + b), u being the geometric mean of D in the image, without a
      gradient. Monocular maps are inverse depth up to scale and shift, so here they fit; R is in metres at
      the depth u and less beyond, where maps are less sure.
    - `depth`: R = D - (s D_m + b), D_m = 1 / (mono + 0.5) as released, to the letter of the paper. As this
      depth spans a factor of three and a street a factor of fifty, what is far is drawn near: docs/dmd3c.md.

    Args:
        ssi: weight of the whole of `SSILoss`.
        gradient: weight of its gradient term within it.
        space: of R.

    Raises:
        ValueError: another space.
    """

    def __init__(
        self, ssi: float = 1.0, gradient: float = 1.0, space: Literal["inverse", "depth"] = "inverse"
    ):
        super().__init__()
        if space not in ("inverse", "depth"):
            raise ValueError(f"The space of the SSI loss is '{space}'; it must be inverse or depth.")
        self.ssi, self.space, self.distil = ssi, space, SSILoss(gradient)

    def forward(self, prediction, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """`loss`, `l1`, `ssi`, `gradient`; without `mono` in validation, `l1` alone."""
        depth = prediction.depth.float()
        l1 = mean_absolute_error(depth, batch["depth"])
        if not _has_mono(batch, self.training):
            return {"loss": l1, "l1": l1}
        mono = batch["mono"]
        if self.space == "depth":
            values = self.distil(depth, depth_of_mono(mono), mono > 0)
        else:
            values = self.distil(inverse_in_metres(depth, mono > 0), mono, mono > 0)
        return values | {"loss": l1 + self.ssi * values["loss"], "l1": l1}


class DMD3CReleasedLoss(nn.Module):
    """Stage 2 as the released code of DMD3C has it: `MultiScaleMSE` + `RandomPatchLoss` of all outputs.

    loss = sum over i of 4^(i-n) (MSE_i + patches * P_i). All pixels of `mono` count in the patches, those
    with 0 as being farthest. A batch without `mono` has no P_i in validation.

    Args:
        patches: weight of the distillation, 1 in the released code. Below an RMSE of about a metre it
            dwarfs the squared error, which most pixels do not take part in.
    """

    def __init__(self, patches: float = 1.0):
        super().__init__()
        self.patches, self.supervise, self.distil = patches, MultiScaleMSE(), RandomPatchLoss()

    def forward(self, prediction, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """`loss`, `mse` and `patch`, of which the last two are those of the last output."""
        values = self.supervise(prediction, batch)
        if not _has_mono(batch, self.training):
            return values
        patches = self.distil(outputs_of(prediction), depth_of_mono(batch["mono"]))
        loss = values["loss"] + self.patches * weighted_sum(patches)
        return values | {"loss": loss, "patch": patches[-1].detach()}


class PretrainingLoss(nn.Module):
    """Stage 1 of DMD3C: the error against the depth of which the LiDAR was simulated, of the last depth.

    Args:
        kind: `l1`, equation 6 of the paper, or `ssi`, what its section 4.1 says instead: the error that is
            left once the prediction is aligned to the depth (here, as `SSILoss` does it the other way
            round, a flat prediction would be best). `l1` is the default: the points that the network is fed
            have the scale of that very depth, so it is known; docs/dmd3c.md compares both.
    """

    def __init__(self, kind: Literal["l1", "ssi"] = "l1"):
        super().__init__()
        if kind not in ("l1", "ssi"):
            raise ValueError(f"The loss of pretraining is '{kind}'; it must be l1 or ssi.")
        self.kind, self.invariant = kind, SSILoss(gradient=0)

    def forward(self, prediction, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """`loss`, under its own name too."""
        depth, truth = prediction.depth.float(), batch["depth"]
        if self.kind == "ssi":
            return self.invariant(truth, depth, known(truth))
        l1 = mean_absolute_error(depth, truth)
        return {"loss": l1, "l1": l1}


def mean_absolute_error(depth: Tensor, truth: Tensor) -> Tensor:
    """Mean over the images of their mean |depth - truth| where there is a truth, [B,1,H,W] to a scalar."""
    return mean_of_images((depth - truth).abs(), known(truth))


def depth_of_mono(mono: Tensor) -> Tensor:
    """Depth up to scale of inverse depth in [0, 1], from 2/3 to 2 (released code of DMD3C)."""
    return 1 / (mono + _SHIFT)


def inverse_in_metres(depth: Tensor, mask: Tensor) -> Tensor:
    """u^2 / depth, u being the geometric mean under the mask: near u, it changes as much as depth does.

    Args:
        depth: float32 [B,1,H,W] metres; what is nearer than u / 20, or not positive, counts as that.
        mask: boolean [B,1,H,W].
    """
    positive = depth.detach().clamp(min=_NEAREST_M)
    unit = masked_mean(positive.log(), mask, (1, 2, 3)).exp().reshape(-1, 1, 1, 1)
    return unit.square() / torch.maximum(depth, unit / _SPAN)


def outputs_of(prediction) -> tuple[Tensor, ...]:
    """The depths of a prediction from coarse to fine, float32 [B,1,H,W] each."""
    outputs = getattr(prediction, "outputs", None) or (prediction.depth,)
    return tuple(output.float() for output in outputs)


def weighted_sum(values: Tensor) -> Tensor:
    """Sum of what the outputs have, from coarse to fine, with weights 1, 1/4, 1/16 ... from the last on."""
    exponents = torch.arange(1 - len(values), 1, device=values.device, dtype=values.dtype)
    return (values * _FACTOR**exponents).sum()


def _has_mono(batch: dict[str, Tensor], training: bool) -> bool:
    """Whether a batch has `mono`; a validation set may lack it, but training would go on in vain."""
    if training and "mono" not in batch:
        raise ValueError("The batch has no 'mono', the monocular map to distil from; see the data module.")
    return "mono" in batch
