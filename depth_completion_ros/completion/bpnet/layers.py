"""Convolutions with norms, residual blocks and steps up, by the keys of the official checkpoints."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval

LARGEST_DROP = 0.1
"""Share of the samples whose last residual block of a chain is left out in training."""


class ConvNorm(nn.Module):
    """Convolution of the same size, then a batch norm."""

    def __init__(self, inputs: int, outputs: int, kernel: int):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x))


class Block(nn.Module):
    """Convolution, batch norm, activation."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, activation: nn.Module | None = None):
        super().__init__()
        self.conv = ConvNorm(inputs, outputs, kernel)
        self.activation = nn.ReLU(inplace=True) if activation is None else activation

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.conv(x))


class Residual(nn.Module):
    """Basic block of a ResNet; in training its branch is left out for some samples (stochastic depth)."""

    def __init__(self, inputs: int, outputs: int, stride: int, drop: float):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
        self.drop = drop

    def forward(self, x: Tensor) -> Tensor:
        branch = torch.relu_(self.bn1(self.conv1(x)))
        branch = self.bn2(self.conv2(branch))
        if self.training and self.drop:
            kept = torch.rand(len(x), 1, 1, 1, device=x.device) >= self.drop
            branch = branch * (kept / (1 - self.drop)).to(branch.dtype)
        return torch.relu_(self.downsample(x) + branch)


def stage(inputs: int, outputs: int, stride: int, drops: list[float]) -> nn.Sequential:
    """Two residual blocks, the first with the stride."""
    return nn.Sequential(Residual(inputs, outputs, stride, drops[0]), Residual(outputs, outputs, 1, drops[1]))


def drop_rates(stages: int) -> list[list[float]]:
    """Of the two blocks of each stage, from 0 to `LARGEST_DROP` in equal steps."""
    step = LARGEST_DROP / (2 * stages - 1)
    return [[i * step, (i + 1) * step] for i in range(0, 2 * stages, 2)]


class Up(nn.Module):
    """Transposed convolution to twice the size, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu_(self.bn(self.conv(x)))


class UpJoin(nn.Module):
    """A step up, joined with finer features of the same width."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.upf = Up(inputs, outputs)
        self.conv = Block(2 * outputs, outputs)

    def forward(self, x: Tensor, finer: Tensor) -> Tensor:
        return self.conv(join(self.upf(x), finer))


class UNet(nn.Module):
    """Encoder and decoder with `depth` steps down; features of `inputs` channels to `channels`."""

    def __init__(self, inputs: int, channels: int, depth: int, widest: int):
        super().__init__()
        widths = [min(channels << i, widest) for i in range(depth + 1)]
        drops = drop_rates(depth + 1)
        first = nn.Sequential(Block(inputs, channels), stage(channels, channels, 1, drops[0]))
        down = (stage(widths[i], widths[i + 1], 2, drops[i + 1]) for i in range(depth))
        self.encoder = nn.ModuleList([first, *down])
        self.decoder = nn.ModuleList(UpJoin(widths[i + 1], widths[i]) for i in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        features = []
        for encode in self.encoder:
            x = encode(x)
            features.append(x)
        for decode, finer in zip(reversed(self.decoder), features[-2::-1], strict=True):
            x = decode(x, finer)
        return x


def join(*maps: Tensor) -> Tensor:
    """Concatenate along the channels, in the number format of the first, channels-last in memory."""
    alike = [x.to(maps[0].dtype).contiguous(memory_format=torch.channels_last) for x in maps]
    return torch.cat(alike, dim=1)


def exact(x: Tensor) -> Tensor:
    """At least float32, as depth and what it is weighted with need it."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def fold(network: nn.Module) -> None:
    """Take the batch norms into the convolutions before them, for inference; keys change."""
    network.eval()
    for module in network.modules():
        if isinstance(module, nn.Sequential):
            pairs = [("0", "1")]  # a shortcut
        else:
            pairs = [("conv", "bn"), ("conv1", "bn1"), ("conv2", "bn2")]
        for conv, norm in pairs:
            if isinstance(getattr(module, norm, None), nn.BatchNorm2d):
                before, after = getattr(module, conv), getattr(module, norm)
                step_up = isinstance(before, nn.ConvTranspose2d)
                setattr(module, conv, fuse_conv_bn_eval(before, after, transpose=step_up))
                setattr(module, norm, nn.Identity())
