"""The image encoder: EfficientNet-Lite0 down to 1/16 of the size."""

from __future__ import annotations

import torch
from torch import nn

STEM = 32
BLOCKS = (
    (3, 1, 1, 16),
    (3, 2, 6, 24),
    (3, 1, 6, 24),
    (5, 2, 6, 40),
    (5, 1, 6, 40),
    (3, 2, 6, 80),
    (3, 1, 6, 80),
    (3, 1, 6, 80),
)
"""Kernel, stride, expansion and channels of each; the eight that follow are left out."""
TAPS = (0, 2, 4, 7)
"""Blocks whose results are handed on: the last at 1/2, 1/4, 1/8 and 1/16 of the size."""
TAP_CHANNELS = tuple(BLOCKS[tap][3] for tap in TAPS)


class ImageEncoder(nn.Module):
    """Features of an image at four scales (EfficientNet-Lite0: no squeezing, ReLU6 for every swish).

    Architecture of Tan and Le (arXiv 1905.11946) as Google's EfficientNet-Lite has it.
    """

    def __init__(self):
        super().__init__()
        self.stem = _conv(3, STEM, 3, stride=2)
        channels, blocks = STEM, []
        for kernel, stride, expansion, outputs in BLOCKS:
            blocks.append(InvertedResidual(channels, kernel, stride, expansion, outputs))
            channels = outputs
        self.blocks = nn.ModuleList(blocks)

    def forward(self, rgb: torch.Tensor) -> list[torch.Tensor]:
        """Features at 1/2, 1/4, 1/8 and 1/16 of a normalised image B x 3 x H x W, sides multiples of 16."""
        x, taps = self.stem(rgb), []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in TAPS:
                taps.append(x)
        return taps


class InvertedResidual(nn.Module):
    """Widening 1 x 1, depthwise and narrowing 1 x 1 convolution, beside an identity where sizes agree."""

    def __init__(self, inputs: int, kernel: int, stride: int, expansion: int, outputs: int):
        super().__init__()
        wide = inputs * expansion
        self.expand = _conv(inputs, wide, 1) if expansion > 1 else nn.Identity()
        self.depthwise = _conv(wide, wide, kernel, stride, groups=wide)
        self.project = _conv(wide, outputs, 1, rectified=False)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


def _conv(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, rectified: bool = True
) -> nn.Sequential:
    """Convolution, batch norm (with the constants of EfficientNet) and ReLU6."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    norm = nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01)
    return nn.Sequential(conv, norm, *([nn.ReLU6()] if rectified else []))
