"""Convolutions, residual blocks, attention and steps up, by the keys of the official checkpoints."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2
"""Of the leaky ReLU below 0."""
GROWTH = 3.0
"""Of maps in a residual block of kernels by their inputs and the one behind it, at the start: 3 ** 0.5 as two
branches are summed, one without its ReLU, then nearly 2 as the second block adds its input to itself."""


class Conv(nn.Module):
    """Convolution that mirrors what lies beyond the border, then a leaky ReLU.

    Where it changes neither width nor size it is the branch of a residual, weighed by a scalar that starts
    at 0 (ReZero, Bachlechner et al., UAI 2021).
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, activated: bool = True):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride)
        self.alpha = nn.Parameter(torch.zeros(())) if inputs == outputs and stride == 1 else None
        self.activated = activated

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(mirrored(x, self.conv.kernel_size[0] // 2))
        if self.alpha is not None:
            y = torch.addcmul(x, self.alpha, y)
        return F.leaky_relu(y, SLOPE) if self.activated else y


class ConvNorm(nn.Module):
    """Convolution, batch norm, leaky ReLU."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.bn(self.conv(mirrored(x, 1))), SLOPE)


class Plain(nn.Module):
    """A convolution alone."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(mirrored(x, self.conv.kernel_size[0] // 2))


class Up(nn.Module):
    """Transposed convolution to exactly twice the size, a batch norm if asked for, leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, norm: bool = False):
        super().__init__()
        self.deconv = nn.ConvTranspose2d(inputs, outputs, 3, 2, 1, output_padding=1)
        self.bn = nn.BatchNorm2d(outputs) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.bn(self.deconv(x)), SLOPE)


class Residual(nn.Module):
    """Two convolutions beside a shortcut; nothing after their sum."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__()
        self.conv1 = Conv(inputs, outputs, stride=stride)
        self.conv2 = Conv(outputs, outputs, activated=False)
        changes = stride != 1 or inputs != outputs
        self.downsample = Conv(inputs, outputs, 1, stride, activated=False) if changes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(self.conv1(x)) + self.downsample(x)


class Gate(nn.Module):
    """Two convolutions, weighed pixel by pixel by a third."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv1 = nn.Sequential(Conv(inputs, outputs), Conv(outputs, outputs))
        self.gate = nn.Sequential(Plain(inputs, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return self.gate(x).sigmoid() * self.conv1(x)


class ChannelAttention(nn.Module):
    """Weights of the channels, from their means and maxima (CBAM, Woo et al., ECCV 2018)."""

    def __init__(self, channels: int):
        super().__init__()
        fewer = channels // 4
        self.fc = nn.Sequential(
            nn.Conv2d(channels, fewer, 1, bias=False), nn.ReLU(), nn.Conv2d(fewer, channels, 1, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        return (self.fc(x.mean((2, 3), keepdim=True)) + self.fc(x.amax((2, 3), keepdim=True))).sigmoid()


class SpatialAttention(nn.Module):
    """Weights of the pixels, from mean and maximum over the channels (CBAM)."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        summary = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], dim=1)
        return self.conv1(summary).sigmoid()


class Attention(nn.Module):
    """Residual block with attention to channels and pixels."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.alpha = nn.Parameter(torch.zeros(()))
        self.ca = ChannelAttention(channels)
        self.sa = SpatialAttention()

    def forward(self, x: Tensor) -> Tensor:
        y = torch.addcmul(x, self.alpha, self.conv2(F.relu(self.conv1(x))))
        y = y * self.ca(y)
        y = y * self.sa(y)
        return F.relu(y + x)


def mirrored(x: Tensor, margin: int) -> Tensor:
    """Maps continued by their mirror image; by their edge where a side is too short for one."""
    if not margin:
        return x
    return F.pad(x, (margin,) * 4, mode="reflect" if min(x.shape[-2:]) > margin else "replicate")


def resized(x: Tensor, size: tuple[int, int] | torch.Size) -> Tensor:
    """Maps at another height and width, bilinearly; as they are where they have these."""
    if x.shape[-2:] == torch.Size(size):
        return x
    return F.interpolate(x, size, mode="bilinear", align_corners=False)


def join(x: Tensor, like: Tensor) -> Tensor:
    """Maps, resized to those that follow them along the channels."""
    return torch.cat([resized(x, like.shape[-2:]), like], dim=1)


def initialise(network: nn.Module) -> None:
    """Kernels start normal, by their inputs, such that maps keep their size; attention as in PyTorch.

    The official kernels let maps grow fourfold with every pair of residual blocks and twofold with every
    step up, to a thousand times the depths that come in. Attention, bins and confidence then start as hard
    choices whose gradients are rounding errors, and the first steps at the published rate lead anywhere.
    """
    spared = {m for a in network.modules() if isinstance(a, Attention) for m in a.modules()}
    for module in network.modules():
        if module in spared:
            continue
        if isinstance(module, nn.ConvTranspose2d):  # PyTorch takes its outputs for inputs
            taps = module.weight[0, 0].numel() / (module.stride[0] * module.stride[1])
            nn.init.normal_(module.weight, std=(2 / (module.in_channels * taps)) ** 0.5)
        elif isinstance(module, nn.Conv2d) and module.weight.requires_grad:
            nn.init.kaiming_normal_(module.weight)
    for block in network.modules():
        if isinstance(block, Residual) and isinstance(block.downsample, Conv):
            for branch in (block.conv1, block.downsample):
                branch.conv.weight.data /= GROWTH
