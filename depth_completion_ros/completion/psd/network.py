"""PSD: depth carried through space and image by a foundation model's features, then corrected in stages.

Chen, Ma, Zhang, Li, Wang: Propagating Sparse Depth via Depth Foundation Model for Out-of-Distribution Depth
Completion, IEEE TIP 34, 2025.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...ops.cosine_propagation import cosine_propagate
from .alignment import align_inverse_depth
from .correction import BinStage, PixelStage, ResidualStage, bins_around
from .guide import POST_CHANNELS, SparseMean, bicubic, resampled
from .layers import initialise
from .propagation import MODES, Propagation


class Stages(NamedTuple):
    """Depth after every step, metres, and confidence, in [0, 1]; all B x 1 x H x W unless said otherwise.

    Args:
        depth: the result, D_pix with the last step on it (`post_iterations`).
        depth_polyfit: the foundation model, aligned to the points; no gradient.
        depth_diff: what was propagated in space and image; no gradient.
        D_res: depth_diff with the residual of the first stage.
        D_img: D_res with the mean of its bins.
        D_pix: D_img with the residual of the last stage.
        conf, conf2, conf3: confidence in D_res, D_img and D_pix: exp(-5 |error| / (depth + truth)), as
            they are trained.
        offsets: B x 5 x H x W metres, the bins around D_res.
        probabilities: B x 5 x H x W, of the bins.
    """

    depth: Tensor
    depth_polyfit: Tensor
    depth_diff: Tensor
    D_res: Tensor
    D_img: Tensor
    D_pix: Tensor
    conf: Tensor
    conf2: Tensor
    conf3: Tensor
    offsets: Tensor
    probabilities: Tensor


class PSD(nn.Module):
    """Completes sparse depth by what a frozen foundation model makes of the image.

    Keys are those of the official checkpoints without `mde`, the foundation model, which is not part of it.

    Args:
        channels: of the four maps of the foundation model's decoder, coarse to fine.
        official: as the official code, with which the official weights were trained: see
            `align_inverse_depth`, `propagate_in_space` and `BinStage`, all of which otherwise do what the
            code evidently intends.
        neighbours: in space, from which a pixel takes its depth.
        mode: of `Propagation`.
        post_iterations: of the last step, among neighbours in the image; 0 puts measured depth back
            instead, -1 leaves D_pix as it is.
        end_to_end: whether gradients go from each stage into those before it; else only the sums of depth
            and residual let them through. Official training begins without and ends with them.

    Raises:
        ValueError: an unknown mode, or a number out of range.
    """

    def __init__(
        self,
        channels: Sequence[int] = (256,) * 4,
        official: bool = False,
        neighbours: int = 1,
        mode: str = "3D-2D",
        post_iterations: int = 0,
        end_to_end: bool = False,
    ):
        super().__init__()
        if mode not in MODES:
            raise ValueError(f"Mode '{mode}' of PSD is unknown; it must be one of {', '.join(MODES)}.")
        if neighbours < 1 or post_iterations < -1:
            raise ValueError(
                f"PSD got {neighbours} neighbours and {post_iterations} post iterations; they must be at "
                "least 1 and -1."
            )
        self.official, self.neighbours, self.mode = official, neighbours, mode
        self.post_iterations, self.end_to_end = post_iterations, end_to_end
        self.channels = tuple(channels)
        for name in ("alpha1", "beta1", "alpha2", "beta2"):
            self.register_parameter(name, nn.Parameter(torch.zeros(1)))
        self.sds = SparseMean()
        self.rb = ResidualStage(channels)
        self.ib = BinStage(channels, sees_features=not official)
        self.pb = PixelStage()
        initialise(self)

    def forward(self, features: Sequence[Tensor], inverse_depth: Tensor, sparse: Tensor, K: Tensor) -> Stages:
        """Complete what a pinhole camera sees.

        Args:
            features, inverse_depth, sparse: see `predict`.
            K: B x 3 x 3, pixels.
        """
        return self.predict(features, inverse_depth, sparse, rays_of(K.to(sparse.dtype), *sparse.shape[-2:]))

    def predict(
        self,
        features: Sequence[Tensor],
        inverse_depth: Tensor,
        sparse: Tensor,
        rays: Tensor,
        initial: Tensor | None = None,
    ) -> Stages:
        """Complete what any camera sees.

        Args:
            features: of the foundation model's decoder, B x C x h x w each of its own size, coarse to fine;
                the first guides the propagation.
            inverse_depth: B x 1 x h x w of any size, the foundation model's prediction, up to scale and
                shift.
            sparse: B x 1 x H x W metres, 0 where not measured; any number of points.
            rays: B x 3 x H x W, the point at a depth of 1 that a pixel sees.
            initial: B x 1 x H x W metres that is propagated where the mode begins in the image; the
                aligned prior when None.
        """
        depth_polyfit, depth_diff = self.propagate(features[0], inverse_depth, sparse, rays, initial)
        free = (lambda x: x) if self.end_to_end else Tensor.detach
        residual, conf = self.rb(sparse, depth_diff, features)
        D_res = residual + depth_diff
        spread = self.alpha1, self.beta1, self.alpha2, self.beta2
        bins = bins_around(free(residual), free(conf), free(D_res), sparse, spread)
        probabilities, conf2, maps = self.ib(sparse, free(D_res), bins.label, free(conf), features)
        D_img = (bins.offsets * probabilities).sum(dim=1, keepdim=True) + D_res
        offset, conf3 = self.pb(sparse, free(D_img), free(conf2), maps)
        D_pix = offset + D_img
        depth = self._finished(D_pix, maps, sparse)
        return Stages(
            depth, depth_polyfit, depth_diff, D_res, D_img, D_pix,
            conf, conf2, conf3, bins.offsets, probabilities,
        )  # fmt: skip

    @torch.no_grad()
    def propagate(self, guide, inverse_depth, sparse, rays, initial=None) -> tuple[Tensor, Tensor]:
        """`depth_polyfit` and `depth_diff` of `Stages`; arguments as `predict`, `guide` the first feature."""
        inverse_depth = bicubic(inverse_depth.to(sparse.dtype), sparse.shape[-2:])
        aligned = align_inverse_depth(inverse_depth, sparse, self.official)
        carry = Propagation(aligned, guide, sparse, self.sds(sparse), rays, self.neighbours, self.official)
        return aligned, carry(aligned if initial is None else initial, self.mode)

    def _finished(self, depth: Tensor, maps: Tensor, sparse: Tensor) -> Tensor:
        if self.post_iterations < 0:
            return depth
        if not self.post_iterations:
            return torch.where(sparse > 0, sparse, depth)
        guide = resampled(maps, POST_CHANNELS, sparse.shape[-2:])
        return cosine_propagate(guide, depth, sparse, self.post_iterations)


def with_foundation(network: PSD, shapes: Mapping[str, tuple[int, ...]]) -> PSD:
    """The network with a place for the weights of its foundation model, as official checkpoints hold them.

    Args:
        shapes: of the foundation model, by its keys under `mde.net.`.
    """
    network.mde = nn.Module()
    for key, shape in shapes.items():
        *folders, name = f"net.{key}".split(".")
        place = network.mde
        for folder in folders:
            if not hasattr(place, folder):
                place.add_module(folder, nn.Module())
            place = getattr(place, folder)
        place.register_parameter(name, nn.Parameter(torch.empty(shape), requires_grad=False))
    return network


def rays_of(K: Tensor, height: int, width: int) -> Tensor:
    """The point at a depth of 1 that each pixel of a pinhole camera sees, B x 3 x H x W: K^-1 (x, y, 1).

    Args:
        K: B x 3 x 3, pixels.
    """
    y, x = torch.meshgrid(
        *(torch.arange(size, device=K.device, dtype=K.dtype) for size in (height, width)), indexing="ij"
    )
    pixels = torch.stack([x, y, torch.ones_like(x)]).flatten(1)
    return (torch.linalg.inv(K) @ pixels).unflatten(2, (height, width))
