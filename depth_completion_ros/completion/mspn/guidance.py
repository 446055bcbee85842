"""Guidance network: image, sparse depth and prior in, one feature vector a pixel out."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .decoder import join_skip, up_block
from .encoder import MIN_SIDE, HybridEncoder
from .layers import conv3x3, join


class GuidanceNetwork(nn.Module):
    """Features that steer the propagation, and where no prior is given a first dense depth too.

    Args:
        channels: of the guidance features.
        takes_prior: whether a dense prior is an input; else the network has a head that predicts one.
    """

    def __init__(self, channels: int, takes_prior: bool):
        super().__init__()
        self.takes_prior = takes_prior
        self.conv1_rgb = conv3x3(3, 48)
        self.conv1_dep = conv3x3(1, 16)
        if takes_prior:
            self.conv1_rgb_dep = conv3x3(64, 64)
            self.conv1_dep_MD = conv3x3(1, 16)
        self.conv1 = conv3x3(64 + 16 if takes_prior else 64, 64)
        self.spatial_conv3x3 = nn.Conv2d(48, 48, 3, padding=1)
        self.spatial_conv1x1 = nn.Conv2d(48, 48, 1)
        self.former = HybridEncoder()
        self.dec6 = up_block(512, 256)
        self.dec5 = up_block(256 + 320, 128)
        self.dec4 = up_block(128 + 128, 64)
        self.dec3 = up_block(64 + 64, 64)
        self.dec2 = up_block(64 + 128, 64)
        self.gd_dec1 = conv3x3(64 + 64, 64, norm=True)
        self.gd_dec0 = conv3x3(64 + 64, channels, relu=False)
        if not takes_prior:
            self.dep_dec1 = conv3x3(64 + 64, 64, norm=True)
            self.dep_dec0 = conv3x3(64 + 64, 1)

    def forward(self, rgb: Tensor, sparse: Tensor, prior: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Guidance [B,C,H,W], and the predicted depth [B,1,H,W] in metres where no prior is taken.

        A side shorter than `MIN_SIDE` is padded to it at the bottom or on the right, by the last row or
        column of image and prior and by empty sparse depth, and the results are cropped back. Every
        other size passes as it is.

        Args:
            rgb: [B,3,H,W], normalised by mean and standard deviation of ImageNet.
            sparse: [B,1,H,W], metres, 0 = no measurement.
            prior: [B,1,H,W], metres.
        """
        height, width = rgb.shape[-2:]
        pad = (0, max(0, MIN_SIDE - width), 0, max(0, MIN_SIDE - height))
        rgb, sparse = F.pad(rgb, pad, mode="replicate"), F.pad(sparse, pad)
        if self.takes_prior:
            prior = F.pad(prior, pad, mode="replicate")
        guide, depth = self._padded(rgb, sparse, prior)
        crop = (..., slice(height), slice(width))
        return guide[crop], depth if depth is None else depth[crop]

    def _padded(self, rgb: Tensor, sparse: Tensor, prior: Tensor | None) -> tuple[Tensor, Tensor | None]:
        joined = join(self._high_frequencies(self.conv1_rgb(rgb)), self.conv1_dep(sparse))
        if self.takes_prior:
            skip = self.conv1_rgb_dep(joined)  # the last skip goes without the prior
            stem = self.conv1(join(skip, self.conv1_dep_MD(prior)))
        else:
            skip = stem = self.conv1(joined)
        fe2, fe3, fe4, fe5, fe6, fe7 = self.former(stem)
        decoded = self.dec5(join_skip(self.dec6(fe7), fe6))
        decoded = self.dec4(join_skip(decoded, fe5))
        decoded = self.dec3(join_skip(decoded, fe4))
        decoded = self.dec2(join_skip(decoded, fe3))
        decoded = join_skip(decoded, fe2)
        guide = self.gd_dec0(join_skip(self.gd_dec1(decoded), skip))
        if self.takes_prior:
            return guide, None
        return guide, self.dep_dec0(join_skip(self.dep_dec1(decoded), stem))

    def _high_frequencies(self, x: Tensor) -> Tensor:
        """3x3 minus 1x1 convolution, as one: the second kernel is taken off the centre of the first."""
        wide, narrow = self.spatial_conv3x3, self.spatial_conv1x1
        if torch.jit.is_tracing():  # an exporter, which wants kernels that are there already
            return wide(x) - narrow(x)
        kernel = wide.weight - F.pad(narrow.weight, (1, 1, 1, 1))
        return F.conv2d(x, kernel.contiguous(), wide.bias - narrow.bias, padding=1)
