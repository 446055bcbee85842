"""BP-Net as it runs: the modules of the network in forms that give the same faster, without gradients.

On a CPU most of the time of the plain forms goes to memory: maps of full resolution are written and read
once for the convolution, the norm, the sum with a shortcut, and the activation. Here norms are folded,
oneDNN adds and activates while it convolves, and what comes pointwise after one another is done slice by
slice, so that it stays in the cache.
"""

from __future__ import annotations

from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..learned.fused_conv import fused_conv
from .layers import Block, ConvNorm, Residual, Up, UpJoin, exact, fold
from .propagation import BilateralPropagation
from .refinement import KernelGenerator, normalised

SLICE = 2**20
"""Numbers of a slice on a CPU, about what its cache holds."""


def for_inference(network: nn.Module) -> nn.Module:
    """A copy of the network for inference; its keys are others."""
    copy = deepcopy(network)
    fold(copy)
    _replace(copy)
    return copy.requires_grad_(False)


def _replace(module: nn.Module) -> None:
    for name, child in module.named_children():
        if type(child) in _FORMS:
            setattr(module, name, _FORMS[type(child)](child))
        else:
            _replace(child)


class Exact(nn.Module):
    """Keeps a module at float32 at least, whatever the network around it is converted to.

    For what depth is made with: metres and pixels in bfloat16 are off by up to 0.4 %.
    """

    def __init__(self, inner: nn.Module):
        super().__init__()
        self.inner = inner

    def forward(self, *maps: Tensor) -> Tensor:
        return self.inner(*(exact(x) if x.is_floating_point() else x for x in maps))

    def _apply(self, fn, recurse=True):
        def keep(x: Tensor) -> Tensor:
            there = fn(x)
            return torch.empty_like(there, dtype=torch.promote_types(there.dtype, torch.float32)).copy_(x)

        return super()._apply(keep, recurse)


class Convolution(nn.Module):
    """A convolution, and in the same pass a sum and a ReLU."""

    def __init__(self, conv: nn.Conv2d | nn.ConvTranspose2d, relu: bool):
        super().__init__()
        self.conv, self.relu = conv, relu

    def forward(self, x: Tensor, onto: Tensor | None = None) -> Tensor:
        """The convolution of x, added to `onto` where that is given, which is overwritten."""
        return fused_conv(self.conv, x, onto, self.relu, overwrite=True)


def _block(block: Block) -> Convolution:
    return Convolution(block.conv.conv, relu=isinstance(block.activation, nn.ReLU))


class FusedResidual(nn.Module):
    """Adds to its shortcut while it convolves; where that is its input, the input is overwritten."""

    def __init__(self, plain: Residual):
        super().__init__()
        self.conv1, self.conv2 = Convolution(plain.conv1, relu=True), Convolution(plain.conv2, relu=True)
        self.shortcut = Convolution(plain.downsample[0], relu=False) if len(plain.downsample) else None

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(self.conv1(x), onto=x if self.shortcut is None else self.shortcut(x))


class FusedUpJoin(nn.Module):
    """Convolves both maps by themselves, which is as laying them side by side first."""

    def __init__(self, plain: UpJoin):
        super().__init__()
        self.up = Convolution(plain.upf.conv, relu=True)
        conv = plain.conv.conv.conv
        first, second = conv.weight.chunk(2, dim=1)
        self.of_up = Convolution(_like(conv, first, conv.bias), relu=False)
        self.of_finer = Convolution(_like(conv, second, None), relu=True)

    def forward(self, x: Tensor, finer: Tensor) -> Tensor:
        return self.of_finer(finer, onto=self.of_up(self.up(x)))


def _like(conv: nn.Conv2d, weight: Tensor, bias: Tensor | None) -> nn.Conv2d:
    """A convolution of the same kind with other weights."""
    outputs, inputs = weight.shape[:2]
    with torch.device("meta"):
        other = nn.Conv2d(inputs, outputs, conv.kernel_size, conv.stride, conv.padding, bias=bias is not None)
    other.weight = nn.Parameter(weight.contiguous())
    if bias is not None:
        other.bias = nn.Parameter(bias)
    return other


class FusedGenerator(nn.Module):
    """Normalises kernels some rows at a time, and writes them as the propagation reads them."""

    def __init__(self, plain: KernelGenerator):
        super().__init__()
        self.conv = nn.Sequential(*(_block(block) for block in plain.conv))

    def forward(self, features: Tensor) -> Tensor:
        around = self.conv(features)
        if torch.jit.is_tracing():  # an exporter, which follows nothing that is written in slices
            return normalised(around)
        batch, channels, height, width = around.shape
        half = channels // 2
        dtype = torch.promote_types(around.dtype, torch.float32)
        weights = torch.empty(batch, channels + 1, height, width, dtype=dtype, device=around.device)
        for rows in _slices(height, batch * channels * width, around):
            part, made = exact(around[:, :, rows]), weights[:, :, rows]
            norm = torch.linalg.vector_norm(part, ord=1, dim=1, keepdim=True).add_(1e-6)
            part = torch.div(part, norm)
            made[:, :half], made[:, half + 1 :] = part[:, :half], part[:, half:]
            torch.sub(1, part.sum(dim=1), out=made[:, half])
        return weights


class FusedPropagation(nn.Module):
    """Bilateral propagation with layers as products of matrices, a slice of the pixels at a time."""

    def __init__(self, plain: BilateralPropagation):
        super().__init__()
        first = plain.convXF[0].conv.conv
        channels = first.out_channels
        own, other, way = first.weight.flatten(1).split([channels, channels + 3, 2], dim=1)
        self.own, self.other, self.way = _linear(own, first.bias), _linear(other), _linear(way)
        blocks = plain.convXF[1], *plain.convXL
        self.second, self.third, self.fourth = (
            _linear(block.conv.conv.weight.flatten(1), block.conv.conv.bias) for block in blocks
        )
        self.coef = _linear(plain.coef.conv.weight.flatten(1), plain.coef.conv.bias)

    def forward(self, features: Tensor, points: Tensor, neighbours: Tensor) -> Tensor:
        """See `BilateralPropagation`."""
        batch, channels, height, width = features.shape
        size = height * width
        points, neighbours = points.flatten(2), neighbours.flatten(2)
        pixels = torch.arange(size, device=features.device)
        depths = []
        for image in range(batch):
            rows = features[image].flatten(1).T
            known = self.other(torch.cat([rows, points[image].T], dim=1))
            for part in _slices(size, 4 * channels, features):
                index = neighbours[image, :, part]
                x = known.index_select(0, index.flatten()).view(4, -1, channels)
                x += self.own(rows[part])
                x += self.way(_offsets(index, pixels[part], width).to(x.dtype))
                scale, shift, logits = self.coef(self._hidden(x)).unbind(dim=-1)
                z = points[image, 2][index]
                depths.append((((scale + 1) * z + shift) * logits.softmax(dim=0)).sum(dim=0))
        return torch.cat(depths).view(batch, 1, height, width)

    def _hidden(self, x: Tensor) -> Tensor:
        x = F.gelu(self.second(F.gelu(x)))
        return F.gelu(x + self.fourth(F.gelu(self.third(x))))


def _linear(weight: Tensor, bias: Tensor | None = None) -> nn.Linear:
    outputs, inputs = weight.shape
    with torch.device("meta"):
        layer = nn.Linear(inputs, outputs, bias=bias is not None)
    layer.weight = nn.Parameter(weight.contiguous())
    if bias is not None:
        layer.bias = nn.Parameter(bias)
    return layer


def _offsets(index: Tensor, pixels: Tensor, width: int) -> Tensor:
    """Columns and rows from pixels to their neighbours, 4 x n x 2."""
    right, down = index % width - pixels % width, index // width - pixels // width
    return torch.stack([right, down], dim=-1)


def _slices(length: int, each: int, x: Tensor) -> list[slice]:
    """Cuts of so many places of so many numbers; a GPU, which wants much at once, takes all."""
    step = max(1, SLICE // each) if x.device.type == "cpu" else length
    return [slice(start, start + step) for start in range(0, length, step)]


_FORMS = {
    Block: _block,
    ConvNorm: lambda plain: Convolution(plain.conv, relu=False),
    Residual: FusedResidual,
    Up: lambda plain: Convolution(plain.conv, relu=True),
    UpJoin: FusedUpJoin,
    KernelGenerator: FusedGenerator,
    BilateralPropagation: lambda plain: Exact(FusedPropagation(plain)),
}
