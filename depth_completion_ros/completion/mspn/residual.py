"""Residual convolution blocks of the encoder: ResNet's basic block, and the same with attention (CBAM)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with batch norm, and a shortcut (He et al., CVPR 2016)."""

    def __init__(self, in_channels: int, channels: int, stride: int = 1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        if stride != 1 or in_channels != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )
        else:
            self.downsample = None

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu_(self.bn1(self.conv1(x)))
        y = self.attend(self.bn2(self.conv2(y)))
        return F.relu_(y + (x if self.downsample is None else self.downsample(x)))

    def attend(self, y: Tensor) -> Tensor:
        """What happens to the convolved map before the shortcut is added: nothing here."""
        return y


class AttendedResidualBlock(ResidualBlock):
    """Residual block that weighs channels, then pixels, before its shortcut (CBAM, Woo et al., ECCV 2018)."""

    def __init__(self, channels: int):
        super().__init__(channels, channels)
        self.ca = ChannelAttention(channels)
        self.sa = SpatialAttention()

    def attend(self, y: Tensor) -> Tensor:
        y = y * self.ca(y)
        return y * self.sa(y)


class ChannelAttention(nn.Module):
    """Weight in (0, 1) of every channel, from its mean and its maximum over the map: [B,C,1,1]."""

    def __init__(self, channels: int, reduction: int = 16):
        super().__init__()
        self.fc = nn.Sequential(
            nn.Conv2d(channels, channels // reduction, 1, bias=False),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels // reduction, channels, 1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        mean, maximum = x.mean((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
        return torch.sigmoid(self.fc(mean) + self.fc(maximum))


class SpatialAttention(nn.Module):
    """Weight in (0, 1) of every pixel, from its mean and its maximum over the channels: [B,1,H,W]."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        statistics = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], dim=1)
        return torch.sigmoid(self.conv1(statistics))
