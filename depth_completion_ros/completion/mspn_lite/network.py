"""The network: encoder and decoder at half resolution and below, two propagations, convex enlarging."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from .conv import Conv
from .fill import halved, membrane, pyramid
from .propagation import propagate

MULTIPLE = 32
CHANNELS = (32, 64, 96, 128, 192)
"""Of the levels at 1/2, 1/4, 1/8, 1/16 and 1/32 of the resolution."""
BLOCKS = (0, 2, 2, 3, 3)
"""Residual blocks of each; at 1/2 they cost too much."""
COARSE_DILATIONS, FINE_DILATIONS = (1, 3), (1,)
COARSE_STEPS, FINE_STEPS = 5, 2
CROSS = 5
"""Pixels that a convex combination is made of."""
TAIL = 1.0
"""Scale of the logistic distribution that the log of the error is thought to have about `spread`."""


class Prediction(NamedTuple):
    """What the network gives for a batch.

    Args:
        depth: B x 1 x H x W metres (the unit of the sparse depth).
        spread: B x 1 x H x W, log of the median absolute error of log depth that it expects.
        coarse: log depths B x 1 x h x w on the way, relative to `unit`, for the loss.
        base: B x 1 x H x W, log of the first fill relative to `unit`.
        unit: B x 1 x 1 x 1 metres, the geometric mean of the measurements.
    """

    depth: torch.Tensor
    spread: torch.Tensor
    coarse: tuple[torch.Tensor, ...]
    base: torch.Tensor
    unit: torch.Tensor


class Residual(nn.Module):
    """Two convolutions beside an identity."""

    def __init__(self, channels: int):
        super().__init__()
        self.first, self.second = Conv(channels, channels), Conv(channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(x), x)


class Encoder(nn.Module):
    """Features at five scales; each sees the measurements and the fills at its own scale anew."""

    def __init__(self, inputs: int, planes: int):
        super().__init__()
        self.stem = Conv(inputs, CHANNELS[0])
        self.down = nn.ModuleList(Conv(a + planes, b, 2) for a, b in pairwise(CHANNELS))
        self.blocks = nn.ModuleList(
            nn.Sequential(*(Residual(c) for _ in range(n))) for c, n in zip(CHANNELS, BLOCKS, strict=True)
        )

    def forward(self, x: torch.Tensor, planes: list[torch.Tensor]) -> list[torch.Tensor]:
        x = self.blocks[0](self.stem(x))
        features = [x]
        for down, block, plane in zip(self.down, self.blocks[1:], planes, strict=False):
            x = block(down(_beside(x, plane)))
            features.append(x)
        return features


class Decoder(nn.Module):
    """Features from 1/16 back to 1/2 of the resolution."""

    def __init__(self):
        super().__init__()
        pairs = list(zip(CHANNELS[1:], CHANNELS, strict=False))[::-1]
        self.lift = nn.ModuleList(nn.Conv2d(deep, fine, 1) for deep, fine in pairs)
        self.merge = nn.ModuleList(Conv(2 * fine, fine) for _, fine in pairs)
        self.refine = nn.ModuleList(Residual(fine) for _, fine in pairs[:-1])
        self.refine.append(nn.Identity())

    def forward(self, features: list[torch.Tensor]) -> list[torch.Tensor]:
        x, finer = features[-1], []
        for lift, merge, refine, skip in zip(
            self.lift, self.merge, self.refine, features[-2::-1], strict=True
        ):
            x = F.interpolate(lift(x), scale_factor=2, mode="bilinear", align_corners=False)
            x = refine(merge(_beside(x, skip)))
            finer.append(x)
        return finer


class MSPNLite(nn.Module):
    """Completes sparse depth of any density with the help of the image.

    All depth inside is the log of its ratio to the geometric mean of the measurements, so that the
    scale of the scene does not matter. A base surface (`plane`, the linear fill, bent smoothly to meet
    the measurements) is corrected at 1/8, 1/4 and 1/2 of the resolution, propagated at the latter two,
    and enlarged by convex combinations.
    """

    INPUTS, PLANES = 25, 3

    def __init__(self):
        super().__init__()
        self.encoder = Encoder(self.INPUTS, self.PLANES)
        self.decoder = Decoder()
        coarse, fine = 9 * len(COARSE_DILATIONS), 9 * len(FINE_DILATIONS)
        self.head8 = nn.Conv2d(CHANNELS[2], 1, 3, 1, 1)
        self.head4 = nn.Sequential(Conv(CHANNELS[1], CHANNELS[1]), nn.Conv2d(CHANNELS[1], coarse + 3, 1))
        self.head2 = nn.Conv2d(CHANNELS[0], fine + 4 + 4 * CROSS, 3, 1, 1)
        for head in (self.head8, self.head4[-1], self.head2):
            nn.init.normal_(head.weight, std=1e-3)
            nn.init.zeros_(head.bias)
        # At first nothing moves, and a measurement is trusted.
        convex = fine + 4 + torch.arange(4)  # the weights of the middle pixel
        for head, ones in ((self.head4[-1], [4, 13, coarse + 2]), (self.head2, [4, fine + 2, *convex])):
            with torch.no_grad():
                head.bias[torch.tensor(ones)] = 3.0

    def forward(
        self, rgb: torch.Tensor, sparse: torch.Tensor, plane: torch.Tensor, prior: torch.Tensor | None = None
    ) -> Prediction:
        """Complete.

        Args:
            rgb: B x 3 x H x W, normalised.
            sparse: B x 1 x H x W metres, 0 where not measured.
            plane: B x 1 x H x W metres, a first fill of the sparse depth, positive.
            prior: B x 1 x H x W metres, aligned to the sparse depth, 0 where there is none.
        """
        height, width = sparse.shape[-2:]
        rgb, sparse, plane, prior = _padded(rgb, sparse, plane, prior)
        measured = (sparse > 0).float()
        unit = _unit(sparse, measured, plane)
        levels = pyramid(unit / sparse.clamp(min=1e-6) * measured, measured)
        logs = [-torch.log(v.clamp(min=1e-4)) * m for v, m in levels]
        base = torch.log((plane / unit).clamp(1e-4, 1e4))
        bend = _bend(halved(base), logs[1], levels[1][1])
        bases = [base, halved(base) + bend]
        for _ in range(3):
            bases.append(halved(bases[-1]))
        finer = self._features(rgb, prior, unit, levels, logs, bases, bend)
        return self._depth(finer, levels, logs, bases, unit, (height, width))

    def fold(self) -> None:
        """Take the batch norms into the convolutions before them, for inference; keys change."""
        for module in self.modules():
            if isinstance(module, Conv):
                module.fold()

    def _features(self, rgb, prior, unit, levels, logs, bases, bend) -> list[torch.Tensor]:
        support = _support([m for _, m in levels[1:7]])
        half = [_unshuffled(x) for x in (rgb, logs[0], levels[0][1])]
        half += [bases[1], bend, *_of_prior(prior, unit, bend), support]
        planes = [torch.cat([logs[i], levels[i][1], bases[i]], dim=1) for i in range(1, 5)]
        dtype = self.head8.weight.dtype
        half, *planes = (x.to(dtype) for x in (torch.cat(half, dim=1), *planes))
        return self.decoder(self.encoder(half.contiguous(memory_format=torch.channels_last), planes))

    def _depth(self, finer, levels, logs, bases, unit, size) -> Prediction:
        log8 = bases[3] + self.head8(finer[1]).float()
        affinity, (mass, change, trust) = _split(_apart(self.head4(finer[2])), 9 * len(COARSE_DILATIONS), 3)
        log4 = bases[2] + _twice(log8 - bases[3]) + change
        trust = trust.sigmoid() * levels[2][1]
        log4 = propagate(log4, mass.sigmoid(), affinity, logs[2], trust, COARSE_STEPS, COARSE_DILATIONS)
        head, convex = _apart(self.head2(finer[3])).split([9 * len(FINE_DILATIONS) + 4, 4 * CROSS], dim=1)
        affinity, (mass, change, trust, spread) = _split(head, 9 * len(FINE_DILATIONS), 4)
        log2 = bases[1] + _twice(log4 - bases[2]) + change
        trust = trust.sigmoid()
        log2 = propagate(
            log2, mass.sigmoid(), affinity, logs[1], trust * levels[1][1], FINE_STEPS, FINE_DILATIONS
        )
        log1 = _enlarged(log2, convex)
        log1 = torch.lerp(log1, logs[0], _repeated(trust) * levels[0][1])
        full = [torch.exp(log1.clamp(-9, 9)) * unit, _twice(spread), bases[0]]
        depth, spread, base = (x[..., : size[0], : size[1]] for x in full)
        return Prediction(depth, spread, (log8, log4, log2), base, unit)


def _padded(rgb, sparse, plane, prior):
    """All at multiples of `MULTIPLE`, more at the right and at the bottom."""
    right, down = -sparse.shape[-1] % MULTIPLE, -sparse.shape[-2] % MULTIPLE
    if not (right or down):
        return rgb, sparse, plane, prior
    space = (0, right, 0, down)
    rgb, plane, prior = (
        None if x is None else F.pad(x, space, mode="replicate") for x in (rgb, plane, prior)
    )
    return rgb, F.pad(sparse, space), plane, prior


def _unit(sparse: torch.Tensor, measured: torch.Tensor, plane: torch.Tensor) -> torch.Tensor:
    """Geometric mean of the measurements, B x 1 x 1 x 1; of the plane where there are none."""
    number = measured.sum(dim=(1, 2, 3), keepdim=True)
    total = (sparse.clamp(min=1e-6).log() * measured).sum(dim=(1, 2, 3), keepdim=True)
    of_plane = plane.log().mean(dim=(1, 2, 3), keepdim=True)
    return torch.where(number > 0, total / number.clamp(min=1), of_plane).exp()


def _bend(base: torch.Tensor, log: torch.Tensor, measured: torch.Tensor) -> torch.Tensor:
    """What the base lacks to meet the measurements, as a smooth surface; all at the same size."""
    return membrane(pyramid((log - base) * measured, measured))


def _unshuffled(x: torch.Tensor) -> torch.Tensor:
    """What `pixel_unshuffle` by 2 gives, three times as fast on a CPU."""
    return torch.stack([x[..., i::2, j::2] for i in (0, 1) for j in (0, 1)], dim=2).flatten(1, 2)


def _of_prior(prior: torch.Tensor | None, unit: torch.Tensor, like: torch.Tensor) -> list[torch.Tensor]:
    """Its log and where it is known, at half the size; zeros where there is none."""
    if prior is None:
        return [torch.zeros_like(like)] * 2
    known = (prior > 0).float()
    prior = torch.log((prior / unit).clamp(1e-4, 1e4)) * known
    return [halved(prior), halved(known)]


def _support(masks: list[torch.Tensor]) -> torch.Tensor:
    """Share of the scales at which there is a measurement, at the size of the first mask."""
    total, (height, width) = masks[0], masks[0].shape[-2:]
    for level, mask in enumerate(masks[1:], 1):
        total = total + F.interpolate(mask, scale_factor=2**level, mode="nearest")[..., :height, :width]
    return total / len(masks)


def _split(head: torch.Tensor, neighbours: int, planes: int) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Affinities that sum to 1, and the single planes after them."""
    affinity, *single = head.split([neighbours] + [1] * planes, dim=1)
    return affinity.softmax(dim=1), single


def _beside(*features: torch.Tensor) -> torch.Tensor:
    """Channels of all, lying together in memory; where only some do, `cat` alone is ten times slower."""
    return torch.cat([x.contiguous(memory_format=torch.channels_last) for x in features], dim=1)


def _apart(x: torch.Tensor) -> torch.Tensor:
    """The same as float32 with channels one after another in memory.

    On a CPU a product with the identity is ten times faster than copying them apart, and as exact.
    """
    if x.device.type == "cpu" and not x.is_contiguous():
        x = x.transpose(0, 1)
        x = (torch.eye(len(x), dtype=x.dtype) @ x.flatten(1)).view(x.shape).transpose(0, 1)
    return x.float().contiguous()


def _twice(x: torch.Tensor) -> torch.Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def _repeated(x: torch.Tensor) -> torch.Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")


def _enlarged(x: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Twice the size; every new pixel is a convex combination of the old one and its 4 neighbours (RAFT)."""
    weights = weights.unflatten(1, (CROSS, 4)).softmax(dim=1).unbind(dim=1)
    wide = F.pad(x, (1, 1, 1, 1), mode="replicate")
    row, column = wide[..., 1:-1, :], wide[..., 1:-1]
    around = row[..., :-2], row[..., 2:], column[..., :-2, :], column[..., 2:, :]
    total = weights[0] * x
    for weight, neighbour in zip(weights[1:], around, strict=True):
        total = torch.addcmul(total, weight, neighbour)
    return F.pixel_shuffle(total, 2)
