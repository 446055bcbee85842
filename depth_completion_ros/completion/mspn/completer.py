"""MSPN-SDR as a completer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..classical.linear import Linear
from ..interface import Source
from ..learned.with_prior import LearnedWithPrior

if TYPE_CHECKING:
    import torch


class MSPNCompleter(LearnedWithPrior):
    """Masked spatial propagation: refines the depth of a prior by any number of points.

    After Jun, Lee, Kim: Masked Spatial Propagation Network for Sparsity-Adaptive Depth Refinement, CVPR
    2024. The `sdr` variants refine a first depth: that of the prior, aligned to the points, with linear
    completion where it knows nothing; without a prior linear completion everywhere, which the weights
    have not been trained with. The `conventional` variants predict a first depth themselves and take no
    prior. Without a single point a metric prior is handed on as it is; else all is unknown.

    Confidence is the mask of the last iteration: the share of a pixel's depth that goes back to
    measurements. Where it is 0 the first depth stands. The `nyu` variants keep measured depth, the
    `kitti` variants refine it.

    Raises:
        ValueError: a prior for a variant that takes none.
    """

    name = "mspn"
    variants = ("sdr_nyu", "sdr_kitti", "conventional_nyu", "conventional_kitti")
    exports = exports_at_one_size = True

    def __init__(self, options):
        super().__init__(options)
        self.keeps_measured = self.variant.endswith("nyu")
        self._takes_first_depth = self.variant.startswith("sdr")
        if options.prior and not self._takes_first_depth:
            raise ValueError(
                f"Variant '{self.variant}' of completer 'mspn' predicts its first depth itself and takes no "
                f"prior, but got '{options.prior}'."
            )
        if options.prior or not self._takes_first_depth:
            self.unreached = Source.PRIOR

    def read_network(self):
        network = super().read_network()
        named = [other for other in self.variants if other in self.weights_from.lower()]
        if named and self.variant not in named:  # keys and shapes do not tell the `sdr` variants apart
            self.warnings.append(
                f"Weights {self.weights_from} are named like those of {named[0]}, but the variant is "
                f"{self.variant}."
            )
        return network

    @staticmethod
    def make_network(variant: str) -> torch.nn.Module:
        from .network import MSPN

        return MSPN(variant)

    def compilable_part(self):
        return self.network.backbone  # the number of iterations changes with the points

    def forward(self, rgb, sparse, *planes, points):
        output = self.network(rgb, sparse, *planes, points=points)
        return output.depth, output.mask

    def planes(self, image, sparse, camera, name):
        if not self._takes_first_depth:
            return ()
        if self.prior is None:
            return (Linear().complete(None, sparse).depth,)
        depth = self.prior(image, sparse.depth, name)
        known = np.isfinite(depth)
        if not known.all():
            depth = np.where(known, depth, Linear().complete(None, sparse).depth)
        return (depth,)

    def warm_up_planes(self, image):
        super().warm_up_planes(image)
        return (np.full(image.shape[:2], 10, np.float32),) if self._takes_first_depth else ()

    def report(self):
        if self.prior is None and self._takes_first_depth:
            return super().report() | {"prior": "none: linear completion in its place"}
        return super().report()
