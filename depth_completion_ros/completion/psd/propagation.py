"""Measured depth carried to all pixels: among neighbours in space, then among neighbours in the image."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...ops.cosine_propagation import cosine_propagate
from ...ops.nearest_points import nearest_points
from .guide import IMAGE_CHANNELS, SPACE_CHANNELS, bicubic, resampled

MODES = ("3D-2D", "3D+2D", "2D-3D")
ITERATIONS = 3
LEAST_DEPTH_M = 1e-4
"""Of a measurement at a quarter of the resolution that is handed on."""
LEAST_SIMILARITY = 1e-3
"""Of a neighbour in space that has a part in the mean of several."""


def propagate_in_space(
    points: Tensor, guide: Tensor, dense: Tensor, sparse: Tensor, neighbours: int = 1, official: bool = False
) -> Tensor:
    """Every pixel that is not measured takes the depth of measured ones near it in space that look like it.

    Of twice as many as wanted, by Euclidean distance, those stay whose guide is most similar; their mean is
    weighted by the cosines. Where fewer are measured, all of them count; where none is, `dense` stays.

    Args:
        points: B x 3 x H x W, where the pixels lie, metres.
        guide: B x C x H x W.
        dense: B x 1 x H x W metres, what stands where nothing is carried.
        sparse: B x 1 x H x W metres, 0 where not measured.
        neighbours: how many stay.
        official: as the official code: the least similar stay, and cosines below 0 count as they are.

    Returns:
        B x 1 x H x W metres.
    """
    depth = dense.flatten(1).clone()
    for i, image in enumerate(sparse.flatten(1)):
        source, query = (image > LEAST_DEPTH_M).nonzero()[:, 0], (image <= 0).nonzero()[:, 0]
        if not len(source) or not len(query):
            continue
        where, look = points[i].flatten(1).T, F.normalize(guide[i].flatten(1), dim=0).T
        near = nearest_points(where[query], where[source], min(2 * neighbours, len(source)))
        cosine = torch.einsum("qc,qnc->qn", look[query], look[source][near])
        cosine, kept = cosine.topk(min(neighbours, near.shape[1]), largest=not official)
        value = image[source][near.gather(1, kept)]
        if value.shape[1] > 1:
            weight = cosine if official else cosine.clamp(min=LEAST_SIMILARITY)
            value = (weight * value).sum(1, keepdim=True) / weight.sum(1, keepdim=True)
        depth[i, query] = value[:, 0]
    return depth.view_as(dense)


class Propagation:
    """Both ways of carrying depth on one batch, with what they share.

    Args:
        depth: B x 1 x H x W metres, the aligned prior, that puts pixels into space.
        features: B x C x h x w of the foundation model, the coarsest map of its decoder.
        sparse: B x 1 x H x W metres; `small` the same at a quarter of the resolution.
        rays: B x 3 x H x W, the point at a depth of 1 that a pixel sees.
        neighbours, official: see `propagate_in_space`.
    """

    def __init__(self, depth, features, sparse, small, rays, neighbours: int = 1, official: bool = False):
        self.sparse, self.small = sparse, small
        self.size, quarter = sparse.shape[-2:], small.shape[-2:]
        self.points = bicubic(depth * rays, quarter)
        self.guide = torch.cat([self.points, resampled(features, SPACE_CHANNELS, quarter)], dim=1)
        self.fine_guide = resampled(features, IMAGE_CHANNELS, self.size)
        self.options = neighbours, official

    def __call__(self, initial: Tensor, mode: str = "3D-2D") -> Tensor:
        """Depth B x 1 x H x W.

        Args:
            initial: B x 1 x H x W metres, what depth is where no measurement reaches.
            mode: `3D-2D` in space, then in the image; `3D+2D` the mean of both; `2D-3D` the other way round.
        """
        small = bicubic(initial, self.small.shape[-2:])
        if mode == "3D-2D":
            return self._fine(self._coarse(self._space(small)))
        flat = self._fine(self._coarse(small))
        if mode == "3D+2D":
            return (flat + bicubic(self._space(small), self.size)) / 2
        return bicubic(self._space(bicubic(flat, self.small.shape[-2:])), self.size)

    def _space(self, dense: Tensor) -> Tensor:
        return propagate_in_space(self.points, self.guide, dense, self.small, *self.options)

    def _coarse(self, dense: Tensor) -> Tensor:
        return bicubic(cosine_propagate(self.guide, dense, self.small, ITERATIONS), self.size)

    def _fine(self, dense: Tensor) -> Tensor:
        return cosine_propagate(self.fine_guide, dense, self.sparse, ITERATIONS)
