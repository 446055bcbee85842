"""BP-Net as a completer, for its own checkpoints and those of DMD3C."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..learned.completer import LearnedCompleter
from ..prior.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from .search import neighbours_of, padding

if TYPE_CHECKING:
    import torch

KITTI_MEAN = (90.9950 / 255, 96.2278 / 255, 94.3213 / 255)
KITTI_STD = (79.2382 / 255, 80.5267 / 255, 82.1483 / 255)
CLOSE = 0.05
"""Relative difference of the last two levels at which confidence is a half."""


class BPNetCompleter(LearnedCompleter):
    """Bilateral propagation: depth from the four nearest points of each pixel, refined from coarse to fine.

    After Tang and others, CVPR 2024, which DMD3C (CVPR 2025) trains further; takes the checkpoints of
    both, `kitti` in metres, `nyu` in tenths of a metre as theirs were trained. Images of any size are
    continued above and to the right to multiples of 32. Needs the camera, as the network sees points
    in space.

    Confidence says how well the two finest levels agree: 0.05 / (0.05 + relative difference). Measured
    depth is refined. Without a single point all is unknown.

    Raises:
        ValueError: a frame without its camera.
    """

    name = "bpnet"
    variants = ("kitti", "nyu")
    keeps_measured = False
    exports = exports_at_one_size = True

    def __init__(self, options):
        super().__init__(options)
        if self.variant == "nyu":
            self.mean, self.std, self._factor = IMAGENET_MEAN, IMAGENET_STD, 10
        else:
            self.mean, self.std, self._factor = KITTI_MEAN, KITTI_STD, 1

    @staticmethod
    def make_network(variant: str) -> torch.nn.Module:
        from .network import BPNet

        return BPNet()

    def make_inference_network(self):
        from .inference import for_inference

        return for_inference(self.network)

    def forward(self, rgb, sparse, *planes, points):
        import torch

        up, right = padding(*sparse.shape[-2:])
        rays = torch.cat([*planes[:2], torch.ones_like(sparse)], dim=1)
        neighbours = [found.unflatten(2, (4, -1))[:, 0].long() for found in planes[2:]]  # of `searched`
        if up or right:
            rgb = torch.nn.functional.pad(rgb, (0, right, up, 0), mode="replicate")
            sparse = torch.nn.functional.pad(sparse, (0, right, up, 0))
            rays = _extended(rays, up, right)
        outputs = self.inference_network(rgb, sparse * self._factor, rays, neighbours=neighbours).outputs
        before, depth = (x[..., up:, : x.shape[-1] - right] / self._factor for x in outputs)
        ratio = torch.log(depth.clamp(min=1e-3) / before.clamp(min=1e-3)).abs()
        return depth, CLOSE / (CLOSE + ratio)

    def planes(self, image, sparse, camera, name):
        if camera is None:
            raise ValueError("Completer 'bpnet' needs the camera of the image, and there is none.")
        return [np.nan_to_num(plane, posinf=0, neginf=0) for plane in camera.rays]

    def searched(self, sparse):
        return neighbours_of(sparse * np.float32(self._factor))

    def warm_up_planes(self, image):
        height, width = image.shape[:2]
        return np.meshgrid(*(np.linspace(-0.5, 0.5, n, dtype=np.float32) for n in (width, height)))


def _extended(rays: torch.Tensor, up: int, right: int) -> torch.Tensor:
    """Rays of an image with more rows above and columns at the right, as its outermost ones go on."""
    import torch

    for before, after, axis in ((up, 0, -2), (0, right, -1)):
        size = rays.shape[axis]
        at = torch.arange(-before, size + after, device=rays.device)
        edge = at.clamp(0, size - 1)
        inner = torch.where(at < 0, min(1, size - 1), max(size - 2, 0))
        # Not `abs` of the difference, which OpenVINO 2026.4 loses here.
        beyond = torch.where(at < 0, -at, at - edge).view((-1,) + (1,) * (-1 - axis))
        outermost = rays.index_select(axis, edge)
        rays = outermost + (outermost - rays.index_select(axis, inner)) * beyond
    return rays
