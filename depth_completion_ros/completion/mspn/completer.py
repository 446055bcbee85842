"""MSPN-SDR as a completer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..interface import Completion, Source
from ..learned import LearnedCompleter
from ..linear import Linear
from ..prior_depth import PriorDepth

if TYPE_CHECKING:
    import torch


class MSPNCompleter(LearnedCompleter):
    """Masked spatial propagation: refines the depth of a prior by any number of points.

    After Jun, Lee, Kim: Masked Spatial Propagation Network for Sparsity-Adaptive Depth Refinement, CVPR
    2024. The `sdr` variants refine a first depth: that of the prior, aligned to the points, with linear
    completion where it knows nothing; without a prior linear completion everywhere, which the weights
    have not been trained with. The `conventional` variants predict a first depth themselves and take no
    prior. Without a single point a metric prior is handed on as it is; else all is unknown.

    Confidence is the mask of the last iteration: the share of a pixel's depth that goes back to
    measurements. Where it is 0 the first depth stands. The `nyu` variants keep measured depth, the
    `kitti` variants refine it.

    Args:
        prior: what `create_prior` takes; None for none.
        prior_every: the prior looks at every so many frames.
        prior_side: shorter side of the prior's input in pixels, 0 for what it was trained at.

    Raises:
        ValueError: a prior for a variant that takes none.
    """

    name = "mspn"
    variants = ("sdr_nyu", "sdr_kitti", "conventional_nyu", "conventional_kitti")

    def __init__(
        self,
        variant: str = "sdr_nyu",
        prior: str | None = None,
        prior_every: int = 1,
        prior_side: int = 0,
        device: str = "auto",
        allow_noncommercial: bool = False,
        **options,
    ):
        self.keeps_measured = variant.endswith("nyu")
        self._takes_first_depth = variant.startswith("sdr")
        if prior and not self._takes_first_depth:
            raise ValueError(
                f"Variant '{variant}' of completer 'mspn' predicts its first depth itself and takes no "
                f"prior, but got '{prior}'."
            )
        self._prior_options = prior, device, allow_noncommercial, prior_side
        self._prior_every = prior_every
        self._prior: PriorDepth | None = None
        if prior or not self._takes_first_depth:
            self.unreached = Source.PRIOR
        super().__init__(variant, device=device, allow_noncommercial=allow_noncommercial, **options)
        named = [other for other in self.variants if other in self.weights_from.lower()]
        if named and variant not in named:  # keys and shapes do not tell the `sdr` variants apart
            self.warnings.append(
                f"Weights {self.weights_from} are named like those of {named[0]}, but the variant is "
                f"{variant}."
            )

    @staticmethod
    def make_network(variant: str) -> torch.nn.Module:
        from .network import MSPN

        return MSPN(variant)

    def steady_part(self):
        return self.network.backbone  # the number of iterations changes with the points

    def forward(self, rgb, sparse, *planes, points):
        output = self.network(rgb, sparse, *planes, points=points)
        return output.depth, output.mask

    def planes(self, image, sparse, camera, name):
        if not self._takes_first_depth:
            return ()
        if self._prior is None:
            return (Linear().complete(None, sparse).depth,)
        depth = self._prior(image, sparse.depth, name)
        known = np.isfinite(depth)
        if not known.all():
            depth = np.where(known, depth, Linear().complete(None, sparse).depth)
        return (depth,)

    def planes_to_warm_up(self, image):
        if self._prior is not None:
            self._prior.prior.warm_up(*image.shape[:2])
        return (np.full(image.shape[:2], 10, np.float32),) if self._takes_first_depth else ()

    def without_points(self, image, name):
        shape = image.shape[:2]
        completion = Completion.unknown(shape)
        if self._prior is not None and self._prior.prior.space == "metric":
            depth = self._prior(image, np.zeros(shape, np.float32), name)
            known = np.isfinite(depth)
            completion.depth[known] = depth[known]
            completion.source[known] = Source.PRIOR
        return completion

    def forget(self):
        if self._prior is not None:
            self._prior.forget()

    def report(self):
        values = super().report()
        if self._prior is not None:
            return values | self._prior.report()
        if self._takes_first_depth:
            return values | {"prior": "none: linear completion in its place"}
        return values

    def _move_to(self, device: torch.device) -> None:
        from ..prior import create_prior

        super()._move_to(device)
        prior, asked, *options = self._prior_options
        # Not `device`: ONNX Runtime may know no GPU where PyTorch does, and `auto` lets it run on the CPU.
        made = create_prior(prior, "cpu" if device.type == "cpu" else asked, *options) if prior else None
        self._prior = None if made is None else PriorDepth(made, self._prior_every)
