"""The three stages that correct propagated depth: a residual, bins around it, a residual of single pixels.

Names are those of the official checkpoints: `rb`, `ib` and `pb`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .layers import Attention, Conv, ConvNorm, Gate, Plain, Residual, Up, join, resized

BINS = 5
LEAST_HALF_WIDTH = 0.05
"""Metres that the outermost bins lie from the residual stage's depth at least."""
ADAPTED = 16
"""Channels to which each map of the foundation model is brought, and all four together."""


class FoundationFeatures(nn.Module):
    """What stages share that see the decoder of the foundation model: its four maps, fused with their own."""

    def __init__(self, channels: Sequence[int], own: int):
        super().__init__()
        for i, width in enumerate(channels, start=1):
            self.add_module(f"mconv{i}", nn.Sequential(Plain(width, ADAPTED, 1)))
        self.mconv = nn.Sequential(Conv(len(channels) * ADAPTED, ADAPTED), Conv(ADAPTED, ADAPTED))
        self.all_fuse = Gate(own + ADAPTED, own)

    def fused(self, x: Tensor, features: Sequence[Tensor]) -> Tensor:
        """Maps of the stage with those of the foundation model, of as many channels as before."""
        adapted = [
            resized(self.get_submodule(f"mconv{i}")(feature.to(x.dtype)), x.shape[-2:])
            for i, feature in enumerate(features, start=1)
        ]
        return self.all_fuse(torch.cat([x, self.mconv(torch.cat(adapted, dim=1))], dim=1))


class ResidualStage(FoundationFeatures):
    """One residual in metres and confidence, regressed (`rb`)."""

    def __init__(self, channels: Sequence[int]):
        super().__init__(channels, 32)
        self.conv1 = nn.Sequential(Conv(3, 16, stride=2), Conv(16, 16), Conv(16, 32))
        self.conv2 = nn.Sequential(Conv(32, 32, stride=2), Conv(32, 32))
        self.conv3 = nn.Sequential(Conv(32, 64, stride=2), Conv(64, 64))
        self.conv4 = nn.Sequential(Residual(64, 128), Residual(128, 128))
        self.conv5 = nn.Sequential(Residual(128, 256), Residual(256, 256))
        self.deconv5 = nn.Sequential(Up(256, 64), Conv(64, 64))
        self.deconv4 = nn.Sequential(Up(192, 32), Conv(32, 32))
        self.deconv3 = nn.Sequential(Up(96, 16), Conv(16, 16))
        self.regressor = nn.Sequential(Conv(16, 16), Plain(16, 1))
        self.confhead = nn.Sequential(ConvNorm(16, 8), Plain(8, 1))

    def forward(self, sparse: Tensor, depth: Tensor, features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Residual in metres and confidence in [0, 1], B x 1 x H x W.

        Args:
            sparse, depth: B x 1 x H x W metres.
            features: of the foundation model's decoder, B x C x h x w, each of its own size.
        """
        x1 = self.fused(self.conv1(as_input(self, sparse, depth)), features)
        x3 = self.conv3(self.conv2(x1))
        x4 = self.conv4(x3)
        # A step up follows and a step down again: the official decoder takes x4 and x5 for coarser than x3.
        d4 = self.deconv5(self.conv5(x4))
        d3 = self.deconv4(join(d4, x4))
        d2 = self.deconv3(join(d3, x3))
        size = sparse.shape[-2:]
        return enlarged(self.regressor(d2), size), enlarged(self.confhead(d2), size).sigmoid()


class BinStage(FoundationFeatures):
    """Which of a few depths around the first corrected one is right (`ib`).

    Args:
        channels: of the foundation model's maps.
        sees_features: whether they have a part. Officially they are computed and thrown away, so that
            official checkpoints hold random values where they are adapted and fused.
    """

    def __init__(self, channels: Sequence[int], sees_features: bool):
        super().__init__(channels, 64)
        self.sees_features = sees_features
        self.conv = nn.Sequential(Conv(4 + BINS, 16, stride=2), Conv(16, 16), Conv(16, 64))
        self.conv1 = nn.Sequential(Residual(64, 64), Residual(64, 64))
        self.conv2 = nn.Sequential(Residual(64, 128, 2), Residual(128, 128))
        self.conv3 = nn.Sequential(Residual(128, 256, 2), Residual(256, 256))
        self.conv4 = nn.Sequential(Residual(256, 512, 2), Residual(512, 512))
        self.deconv4 = nn.Sequential(Up(512, 256), Attention(256))
        self.deconv3 = nn.Sequential(Up(512, 128), Attention(128))
        self.deconv2 = nn.Sequential(Up(256, 64), Attention(64))
        self.classifier = nn.Sequential(Up(128, 24), Plain(24, BINS))
        self.confhead = nn.Sequential(Up(128, 8, norm=True), Plain(8, 1))

    def forward(self, sparse, depth, label, confidence, features) -> tuple[Tensor, Tensor, Tensor]:
        """Probabilities of the bins B x 5 x H x W, confidence B x 1 x H x W, and maps B x 128 x H/2 x W/2.

        Args:
            sparse, depth, confidence: B x 1 x H x W.
            label: B x 5 x H x W, how near the bins come to what was measured; 0 elsewhere.
            features: of the foundation model's decoder.
        """
        x = self.conv(as_input(self, sparse, depth, label, confidence))
        fe1 = self.conv1(self.fused(x, features) if self.sees_features else x)
        fe2 = self.conv2(fe1)
        fe3 = self.conv3(fe2)
        fd3 = self.deconv4(self.conv4(fe3))
        fd2 = self.deconv3(join(fd3, fe3))
        fd1 = self.deconv2(join(fd2, fe2))
        maps, size = join(fd1, fe1), sparse.shape[-2:]
        logits, confidence = enlarged(self.classifier(maps), size), enlarged(self.confhead(maps), size)
        return logits.softmax(dim=1), confidence.sigmoid(), maps


class PixelStage(nn.Module):
    """A last residual from the maps of the bin stage (`pb`)."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Sequential(Conv(4, 16, stride=2), Conv(16, 16), Conv(16, 24), Conv(24, 24))
        self.feat2global = nn.Sequential(Plain(128, 24, 1), Conv(24, 24))
        self.fuse_global = Gate(48, 24)
        self.predict_global = nn.Sequential(Up(24, 16), Plain(16, 1))
        self.predict_conf = nn.Sequential(Up(24, 8), Plain(8, 1))

    def forward(self, sparse, depth, confidence, maps) -> tuple[Tensor, Tensor]:
        """Residual in metres and confidence in [0, 1], B x 1 x H x W; `maps` are those of the bin stage."""
        x = self.conv1(as_input(self, sparse, depth, confidence))
        fused, size = self.fuse_global(join(self.feat2global(maps), x)), sparse.shape[-2:]
        return (
            enlarged(self.predict_global(fused), size),
            enlarged(self.predict_conf(fused), size).sigmoid(),
        )


class Bins(NamedTuple):
    """Depths to choose from, relative to a first corrected depth.

    Args:
        offsets: B x 5 x H x W metres, ascending.
        label: B x 5 x H x W, softmax of how near each comes to what was measured; 0 where nothing was.
    """

    offsets: Tensor
    label: Tensor


def bins_around(residual, confidence, depth, sparse, spread: Sequence[Tensor]) -> Bins:
    """Bins whose span follows the residual and the doubt in it.

    Args:
        residual, confidence, depth, sparse: B x 1 x H x W.
        spread: alpha1, beta1, alpha2, beta2, which widen the span above and below.
    """
    alpha1, beta1, alpha2, beta2 = spread
    width = residual.abs() * (2 - confidence) + LEAST_HALF_WIDTH
    high = ((1 + alpha1) * width + beta1).clamp(min=LEAST_HALF_WIDTH)
    low = ((alpha2 - 1) * width + beta2).clamp(max=-LEAST_HALF_WIDTH)
    share = torch.linspace(0, 1, BINS, device=depth.device, dtype=depth.dtype).view(1, -1, 1, 1)
    offsets = low + (high - low) * share
    nearness = -((sparse - depth) - offsets).abs()
    return Bins(offsets, (nearness.softmax(dim=1) * (sparse > 0)).detach())


def as_input(stage: nn.Module, sparse: Tensor, depth: Tensor, *more: Tensor) -> Tensor:
    """What each stage begins with: both depths and their difference where measured, in the weights' type."""
    kernel = next(stage.parameters())
    difference = (sparse - depth) * (sparse > 0)
    return torch.cat([sparse, depth, difference, *more], dim=1).to(kernel.dtype)


def enlarged(x: Tensor, size) -> Tensor:
    """Depth or logits at full resolution, at least float32."""
    return resized(x.to(torch.promote_types(x.dtype, torch.float32)), size)
