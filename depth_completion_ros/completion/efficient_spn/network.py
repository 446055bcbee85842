"""The network: image encoder, trunk for the measurements, decoder, two propagations, convex enlarging."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from .encoder import TAP_CHANNELS, ImageEncoder
from .fill import LEVELS, Pyramid, halved, membrane, pyramid
from .full_size import CLOSE
from .layers import Conv, Residual, enlarged
from .propagation import propagate

CHANNELS = (16, 32, 64, 96, 128)
"""Of the trunk at 1/2, 1/4, 1/8, 1/16 and 1/32 of the size; multiples of 16, as vector units want them."""
LAST = 32
"""Channels that the head at 1/2 is made of."""
BLOCKS = (0, 1, 1, 1, 2)
"""Residual blocks of each."""
COARSE_DILATIONS, FINE_DILATIONS = (1, 3), (1,)
COARSE_STEPS, FINE_STEPS = 4, 2
CROSS = 5
"""Pixels that a convex combination is made of."""
TYPICAL_M = 10.0
"""Metres about which depth lies where nothing was measured, which tells no scale."""
LOG_CLOSE = math.log(CLOSE)
TAIL = 1.0
"""Scale of the logistic distribution that the log of the error is thought to have about `spread`."""


class Prediction(NamedTuple):
    """What the network gives for a batch.

    Args:
        depth: B x 1 x H x W metres (the unit of the sparse depth).
        spread: B x 1 x H x W, log of the median absolute error of log depth that it expects.
        sky: B x 1 x H x W, logit of the probability that nothing is there that could have a depth.
        trust: B x 1 x H x W in [0, 1], how much a measurement there is believed.
        coarse: log depths at 1/8, 1/4 and 1/2 of the size on the way, relative to `unit`, for the loss.
        base: B x 1 x H x W, log of the first fill relative to `unit`.
        unit: B x 1 x 1 x 1 metres, the geometric mean of the measurements.
    """

    depth: torch.Tensor
    spread: torch.Tensor
    sky: torch.Tensor
    trust: torch.Tensor
    coarse: tuple[torch.Tensor, ...]
    base: torch.Tensor
    unit: torch.Tensor

    def planes(self) -> tuple[torch.Tensor, ...]:
        """What the way back to the size of the image wants, B x 1 x H x W each.

        1 / depth, in which planes are linear; confidence, the probability that the relative error is less
        than `CLOSE`; the logit of the sky; trust.
        """
        return 1 / self.depth, torch.sigmoid((LOG_CLOSE - self.spread) / TAIL), self.sky, self.trust


class Trunk(nn.Module):
    """Features of the measurements at five scales, each joined by those of the image."""

    PLANES = 3

    def __init__(self, inputs: int):
        super().__init__()
        self.stem = Conv(inputs, CHANNELS[0])
        pairs = list(pairwise(CHANNELS))
        self.down = nn.ModuleList(Conv(fine, deep, 2) for fine, deep in pairs)
        self.planes = nn.ModuleList(nn.Conv2d(self.PLANES, deep, 3, 1, 1) for _, deep in pairs)
        self.image = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in zip(TAP_CHANNELS, CHANNELS, strict=False))
        self.blocks = nn.ModuleList(
            nn.Sequential(*(Residual(c) for _ in range(n))) for c, n in zip(CHANNELS, BLOCKS, strict=True)
        )

    def forward(self, half: torch.Tensor, planes: list[torch.Tensor], image: list[torch.Tensor]):
        """Features at 1/2 to 1/32.

        Args:
            half: what is known at 1/2 of the size.
            planes: difference of log depth to the first fill, where measured, and that fill, at 1/4 to 1/32.
            image: features of `ImageEncoder`.
        """
        added = [project(tap) for project, tap in zip(self.image, image, strict=True)]
        x = self.blocks[0](self.stem(half, added[0]))
        features = [x]
        for level, (down, block) in enumerate(zip(self.down, self.blocks[1:], strict=True)):
            joined = self.planes[level](planes[level])
            if level + 1 < len(added):
                joined = joined + added[level + 1]
            x = block(down(x, joined))
            features.append(x)
        return features


class Decoder(nn.Module):
    """Features from 1/16 back to 1/2 of the size."""

    def __init__(self):
        super().__init__()
        pairs = list(zip(CHANNELS[1:], CHANNELS, strict=False))[::-1]
        self.lift = nn.ModuleList(nn.Conv2d(deep, fine, 1) for deep, fine in pairs)
        self.merge = nn.ModuleList(Conv(fine, fine) for _, fine in pairs[:-1])
        self.merge.append(Conv(CHANNELS[0], LAST))

    def forward(self, features: list[torch.Tensor]) -> list[torch.Tensor]:
        x, finer = features[-1], []
        for lift, merge, skip in zip(self.lift, self.merge, features[-2::-1], strict=True):
            x = merge(enlarged(lift(x)) + skip)
            finer.append(x)
        return finer


class EfficientSPN(nn.Module):
    """Completes a sparse depth image of any density with the help of its image.

    All depth inside is the log of its ratio to the geometric mean of the measurements, so that the
    scale of the scene does not matter. A base surface, harmonic in 1 / z, is corrected at 1/8, 1/4 and
    1/2 of the size, propagated at the latter two, and enlarged by convex combinations.
    """

    INPUTS = 11
    SINGLE, TRUST = 5, 4
    """Planes of the head at 1/2 beside affinities and convex weights, and those of trust at full size."""
    first_fill, propagate = staticmethod(membrane), staticmethod(propagate)
    """What an ablation replaces."""

    def __init__(self):
        super().__init__()
        self.encoder = ImageEncoder()
        self.trunk = Trunk(self.INPUTS)
        self.decoder = Decoder()
        coarse, fine = 9 * len(COARSE_DILATIONS), 9 * len(FINE_DILATIONS)
        self.head8 = nn.Conv2d(CHANNELS[2], 1, 3, 1, 1)
        self.head4 = nn.Conv2d(CHANNELS[1], coarse + 3, 1)
        self.head2 = nn.Conv2d(LAST, fine + self.SINGLE + 4 * CROSS + self.TRUST, 1)
        for head in (self.head8, self.head4, self.head2):
            nn.init.normal_(head.weight, std=1e-3)
            nn.init.zeros_(head.bias)
        # At first nothing moves, and a measurement is trusted.
        middles = range(fine + self.SINGLE, fine + self.SINGLE + 4)  # of the convex combinations
        with torch.no_grad():
            self.head4.bias[[4, 13, coarse + 2]] = 3.0
            self.head2.bias[[4, fine + 2, *middles, *range(-self.TRUST, 0)]] = 3.0

    def forward(self, rgb: torch.Tensor, sparse: torch.Tensor) -> Prediction:
        """Complete.

        Args:
            rgb: B x 3 x H x W, normalised; sides multiples of 32.
            sparse: B x 1 x H x W metres, 0 where not measured.
        """
        return self.depth(*self.features(rgb, sparse))

    def features(self, rgb: torch.Tensor, sparse: torch.Tensor) -> tuple:
        """All that is computed before the heads, which is what `depth` takes; arguments as of `forward`."""
        return self.joined(self.encoder(rgb), sparse)

    def joined(self, image: list[torch.Tensor], sparse: torch.Tensor) -> tuple:
        """The same of what the encoder made of the image, which stays where the encoder does not learn."""
        with torch.autocast(sparse.device.type, enabled=False):
            levels, logs, bases, unit = _known(sparse, self.first_fill)
        return self._features(image, levels, logs, bases), levels, logs, bases, unit

    def _features(self, image, levels, logs, bases) -> list[torch.Tensor]:
        # Differences to the fill and within it, rather than logs, as those would lose digits in bfloat16.
        four = F.pixel_unshuffle(levels[0][1], 2)
        half = [(F.pixel_unshuffle(logs[0], 2) - bases[0]) * four, four]
        half += [bases[0], bases[0] - enlarged(bases[1]), halved(levels[0][1])]
        planes = [
            torch.cat([(logs[i] - bases[i - 1]) * levels[i][1], levels[i][1], bases[i - 1]], dim=1)
            for i in range(2, LEVELS + 1)
        ]
        return self.decoder(self.trunk(torch.cat(half, dim=1), planes, image))

    def depth(self, finer, levels, logs, bases, unit) -> Prediction:
        """What the heads make of `features`."""
        log8 = bases[2] + self.head8(finer[1]).float()
        affinity, (mass, change, trust) = _split(self.head4(finer[2]).float(), 9 * len(COARSE_DILATIONS), 3)
        log4 = bases[1] + enlarged(log8 - bases[2]) + change
        trust = trust.sigmoid() * levels[2][1]
        log4 = self.propagate(log4, mass.sigmoid(), affinity, logs[2], trust, COARSE_STEPS, COARSE_DILATIONS)
        fine = 9 * len(FINE_DILATIONS)
        sizes = [fine + self.SINGLE, 4 * CROSS, self.TRUST]
        head, convex, full_trust = self.head2(finer[3]).float().split(sizes, dim=1)
        affinity, (mass, change, trust, spread, sky) = _split(head, fine, self.SINGLE)
        log2 = bases[0] + enlarged(log4 - bases[1]) + change
        trust = trust.sigmoid() * levels[1][1]
        log2 = self.propagate(log2, mass.sigmoid(), affinity, logs[1], trust, FINE_STEPS, FINE_DILATIONS)
        log1 = convex_enlarged(log2, convex)
        trust = F.pixel_shuffle(full_trust.sigmoid(), 2)
        spread, sky, base = enlarged(torch.cat([spread, sky, bases[0]], dim=1)).split(1, dim=1)
        return Prediction(
            torch.exp(log1.clamp(-9, 9)) * unit, spread, sky, trust, (log8, log4, log2), base, unit
        )


def _known(sparse: torch.Tensor, first_fill: Callable[[Pyramid], torch.Tensor]):
    """Pyramid of the measurements, their logs, the first fill at 1/2 to 1/32, and the unit."""
    measured = (sparse > 0).to(sparse.dtype)
    unit = unit_of(sparse, measured)
    levels = pyramid(unit / sparse.clamp(min=1e-6) * measured, measured, LEVELS + 1)
    logs = [-torch.log(v.clamp(min=1e-4)) * m for v, m in levels]
    surface = first_fill(levels[1:])
    bases = [-torch.log(torch.where(surface > 0, surface, 1.0).clamp(1e-4, 1e4))]
    for _ in range(LEVELS - 1):
        bases.append(halved(bases[-1]))
    return levels, logs, bases, unit


def unit_of(sparse: torch.Tensor, measured: torch.Tensor) -> torch.Tensor:
    """Geometric mean of the measurements, B x 1 x 1 x 1; `TYPICAL_M` where there are none."""
    number = measured.sum(dim=(1, 2, 3), keepdim=True)
    total = (sparse.clamp(min=1e-6).log() * measured).sum(dim=(1, 2, 3), keepdim=True)
    return torch.where(number > 0, (total / number.clamp(min=1)).exp(), TYPICAL_M)


def _split(head: torch.Tensor, neighbours: int, planes: int) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Affinities that sum to 1, and the single planes after them."""
    affinity, *single = head.split([neighbours] + [1] * planes, dim=1)
    return softmax(affinity, 1), single


def softmax(x: torch.Tensor, dim: int) -> torch.Tensor:
    """As the function of this name, but fast in ONNX Runtime, and only for logits below 60."""
    x = torch.exp(x.clamp(max=60))
    return x / x.sum(dim=dim, keepdim=True)


def convex_enlarged(x: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Twice the size; every new pixel is a convex combination of the old one and its 4 neighbours (RAFT).

    Args:
        x: B x 1 x H x W.
        weights: B x (`CROSS` * 4) x H x W, logits.
    """
    weights = [torch.exp(w.clamp(max=60)) for w in weights.split(4, dim=1)]
    wide = F.pad(x, (1, 1, 1, 1), mode="replicate")
    row, column = wide[..., 1:-1, :], wide[..., 1:-1]
    around = x, row[..., :-2], row[..., 2:], column[..., :-2, :], column[..., 2:, :]
    total = sum(weight * neighbour for weight, neighbour in zip(weights, around, strict=True))
    return F.pixel_shuffle(total / sum(weights), 2)
