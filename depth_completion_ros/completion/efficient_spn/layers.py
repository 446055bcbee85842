"""The convolutions that the network is made of."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class Conv(nn.Module):
    """3 x 3 convolution, batch norm, an addition, and rectifier."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: torch.Tensor, added: torch.Tensor | None = None) -> torch.Tensor:
        """Of x; `added`, of the size of the result, is added before the rectifier."""
        x = self.norm(self.conv(x))
        return F.relu(x if added is None else x + added)


class Residual(nn.Module):
    """Two convolutions beside an identity."""

    def __init__(self, channels: int):
        super().__init__()
        self.first, self.second = Conv(channels, channels), Conv(channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(x), x)


def enlarged(x: torch.Tensor) -> torch.Tensor:
    """Bilinearly at twice the size."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
