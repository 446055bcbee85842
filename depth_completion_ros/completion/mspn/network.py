"""MSPN-SDR: depth refinement at any sparsity (Jun, Lee, Kim, CVPR 2024)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...ops.propagation import UpdateRule
from .guidance import GuidanceNetwork
from .propagation import Propagation, iteration_count, traced_iteration_count


class Variant(NamedTuple):
    """What sets the four published networks apart.

    `channels` is that of the guidance; a network without prior predicts the depth it starts from.
    """

    channels: int
    takes_prior: bool
    layers: int
    rule: UpdateRule


VARIANTS = {
    "sdr_nyu": Variant(64, True, 2, UpdateRule.BLEND_AND_INJECT),
    "sdr_kitti": Variant(64, True, 2, UpdateRule.PLAIN),
    "conventional_nyu": Variant(128, False, 1, UpdateRule.INJECT),
    "conventional_kitti": Variant(192, False, 1, UpdateRule.PLAIN),
}


class MSPNOutput(NamedTuple):
    """Maps [B,1,H,W], float32, or float64 where the network is.

    Args:
        depth: metres, 0 or more.
        mask: in [0, 1], how far the measured pixels have reached a pixel in the last layer.
        initial: metres, the prior or the predicted depth, before measured pixels are put in.
    """

    depth: Tensor
    mask: Tensor
    initial: Tensor


class MSPN(nn.Module):
    """Masked spatial propagation network; its state dict has the keys and shapes of the official one.

    Initial weights come from PyTorch's generator: seed it for a network that can be made again.

    Args:
        variant: one of `VARIANTS`.

    Raises:
        ValueError: an unknown variant.
    """

    def __init__(self, variant: str = "sdr_nyu"):
        super().__init__()
        if variant not in VARIANTS:
            raise ValueError(f"MSPN variant '{variant}' is unknown; it must be one of {', '.join(VARIANTS)}.")
        self.variant = variant
        channels, takes_prior, layers, rule = VARIANTS[variant]
        self.backbone = GuidanceNetwork(channels, takes_prior)
        self.prop_layer = Propagation(channels, layers, rule)

    def forward(
        self,
        rgb: Tensor,
        sparse: Tensor,
        prior: Tensor | None = None,
        points: int | Sequence[int] | None = None,
    ) -> MSPNOutput:
        """Dense depth of images of any size.

        The guidance is computed in the precision of the weights, the propagation in float32 at least.
        An image without a measurement comes back as `initial`, with mask 0.

        Args:
            rgb: [B,3,H,W], normalised by mean and standard deviation of ImageNet.
            sparse: [B,1,H,W], metres, 0 = no measurement.
            prior: [B,1,H,W], metres; for the variants `sdr_*`, and only for them.
            points: number of measurements, of all images or of each, which sets the number of
                iterations; counted in `sparse` when None.

        Raises:
            ValueError: a shape that does not fit, or a prior missing or too many.
        """
        self._check_inputs(rgb, sparse, prior)
        tracing = torch.jit.is_tracing()  # by an exporter, for which the number must follow the image
        iterations = traced_iteration_count(sparse) if tracing else _iterations(sparse, points)
        weight = self.prop_layer.mspn.conv.weight
        guide, initial = self.backbone(
            *(x if x is None else x.to(weight.dtype) for x in (rgb, sparse, prior))
        )
        if initial is None:
            initial = prior
        precision = torch.promote_types(weight.dtype, torch.float32)
        guide, initial, sparse = (x.to(precision) for x in (guide, initial, sparse))
        depth, mask = self.prop_layer(guide, initial, sparse, iterations)
        return MSPNOutput(depth.clamp(min=0), mask, initial)

    def _check_inputs(self, rgb: Tensor, sparse: Tensor, prior: Tensor | None) -> None:
        takes_prior = self.backbone.takes_prior
        if takes_prior != (prior is not None):
            needs = "needs a prior" if takes_prior else "takes no prior"
            raise ValueError(f"MSPN variant '{self.variant}' {needs}.")
        batch, _, height, width = rgb.shape
        for name, channels, x in (("rgb", 3, rgb), ("sparse", 1, sparse), ("prior", 1, prior)):
            expected = (batch, channels, height, width)
            if x is not None and x.shape != expected:
                raise ValueError(f"MSPN got {name} of shape {tuple(x.shape)}; it must be {expected}.")


def _iterations(sparse: Tensor, points: int | Sequence[int] | None) -> list[int]:
    """Iterations of the first layer for each image, none where nothing was measured."""
    batch, _, height, width = sparse.shape
    counts = (sparse > 0).sum(dim=(1, 2, 3)).tolist()
    if points is None:
        points = counts
    elif not isinstance(points, Sequence):
        points = [points] * batch
    elif len(points) != batch:
        raise ValueError(f"MSPN got points for {len(points)} images; it must be {batch}, one for each.")
    return [
        iteration_count(height, width, n if count else 0) for n, count in zip(points, counts, strict=True)
    ]
