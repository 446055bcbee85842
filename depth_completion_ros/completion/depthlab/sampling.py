"""Depth by DepthLab: what the networks are given, and the steps in which noise is taken away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from ..diffusion.codec import MULTIPLE, decode, encode
from ..diffusion.fills import linear_fill, nearest_fill
from ..diffusion.normaliser import DepthNormaliser
from ..diffusion.schedule import check_steps, make_scheduler, spacing_for, timesteps_of
from ..diffusion.size import pad
from ..diffusion.tiles import feather, tiles
from .network import DepthLab

SMALLEST_TILE = 64
"""Pixels; the networks see nothing in less."""


@dataclass(frozen=True)
class Sampling:
    """How depth is sampled.

    Args:
        steps: of DDIM; 20 to 50 are official. With 10 and fewer, timesteps are spaced for few steps.
        strength: share of the steps that is taken: less than 1 starts from the nearest known depth under
            noise, 1 from noise alone. At least one step is taken.
        blend: put the known depth under noise into the known latents after each step.
        bound: what known depth is normalised to; below 1 where the scene goes beyond it.
        seed: of the noise.
        tile: largest height and width in pixels of overlapping tiles, worked on one by one; 0 for one.
        padded: continue the picture to whole latents; else they are cut off and what is left is stretched,
            as in the official code, without tiles.
    """

    steps: int = 50
    strength: float = 0.8
    blend: bool = False
    bound: float = 1.0
    seed: int = 0
    tile: int = 0
    padded: bool = True

    def __post_init__(self):
        check_steps(self.steps, self.strength)
        if not 0 < self.bound <= 1:
            raise ValueError(f"The bound of normalised depth is {self.bound}; it must be above 0, at most 1.")
        if self.tile < 0 or 0 < self.tile < SMALLEST_TILE:
            raise ValueError(f"Tile is {self.tile}; it must be 0, for one tile, or at least {SMALLEST_TILE}.")

    @property
    def needs_guess(self) -> bool:
        """Whether the latents of the first guess are used."""
        return self.strength < 1 or self.blend


class Noise(NamedTuple):
    """Normal noise, 1 x 4 x h x w each.

    Args:
        added: to latents of depth, at the start below full strength and by blending.
        start: where full strength starts from.
    """

    added: torch.Tensor
    start: torch.Tensor

    @classmethod
    def draw(cls, height: int, width: int, seed: int) -> Noise:
        """For a picture of this size, the same on all devices."""
        make = torch.Generator().manual_seed(seed)
        shape = (1, 4, height // MULTIPLE, width // MULTIPLE)
        return cls(torch.randn(shape, generator=make), torch.randn(shape, generator=make))


class Planes(NamedTuple):
    """What is encoded, 1 x 3 or 1 x 1 x H x W in about [-1, 1].

    Args:
        rgb: the picture.
        guess: depth that is known or nearest to it.
        masked: depth that is known or between such, 0 beyond it.
        unknown: 1 where depth is wanted, -1 where it is known.
    """

    rgb: torch.Tensor
    guess: torch.Tensor
    masked: torch.Tensor
    unknown: torch.Tensor


def predict(
    network: DepthLab,
    rgb: torch.Tensor,
    sparse: np.ndarray,
    sampling: Sampling,
    initial: np.ndarray | None = None,
    noise: Noise | None = None,
) -> torch.Tensor:
    """Depth of one picture, H x W metres on the device of the picture; nowhere cut off, so it can be below 0.

    Known depth comes back only nearly, as it goes through the VAE; see `paste_back`.

    Args:
        rgb: 1 x 3 x H x W in [-1, 1].
        sparse: float32 H x W metres, 0 where unknown, with at least one known pixel.
        initial: depth that is to be refined, H x W metres, in place of the nearest known one.
        noise: in place of that of the seed.
    """
    height, width = sparse.shape
    normaliser = DepthNormaliser.of(sparse, sampling.bound)
    planes = prepare(rgb, sparse, normaliser, initial)
    token = network.token(rgb)
    if sampling.padded:
        planes = Planes(*map(pad, planes))
    inner = tuple(planes.rgb.shape[-2:])
    noise = Noise(*(x.to(rgb.device) for x in noise or Noise.draw(*inner, sampling.seed)))
    if not sampling.padded:
        normal = sample(network, planes, token, sampling, noise)
        normal = torch.nn.functional.interpolate(normal, (height, width), mode="bilinear")
        return normaliser.metres(normal[0, 0])
    total, weights = torch.zeros(2, *inner, device=rgb.device)
    for rows, columns in tiles(inner, sampling.tile):
        tile = Planes(*(plane[..., rows, columns] for plane in planes))
        cells = (..., _cells(rows), _cells(columns))
        normal = sample(network, tile, token, sampling, Noise(*(x[cells] for x in noise)))[0, 0]
        weight = torch.from_numpy(feather(rows, columns, inner)).to(rgb.device)
        total[rows, columns] += weight * normal
        weights[rows, columns] += weight
    return normaliser.metres(total / weights)[:height, :width]


def prepare(
    rgb: torch.Tensor, sparse: np.ndarray, normaliser: DepthNormaliser, initial: np.ndarray | None = None
) -> Planes:
    """The planes of one picture; arguments as of `predict`."""
    guess = nearest_fill(sparse) if initial is None else np.where(sparse > 0, sparse, initial)
    masked = np.nan_to_num(normaliser.normalise(linear_fill(sparse)), nan=0)
    unknown = np.where(sparse > 0, np.float32(-1), np.float32(1))
    depths = (normaliser.normalise(guess), masked, unknown)
    return Planes(rgb, *(torch.from_numpy(np.float32(plane)).to(rgb.device)[None, None] for plane in depths))


def sample(
    network: DepthLab, planes: Planes, token: torch.Tensor, sampling: Sampling, noise: Noise
) -> torch.Tensor:
    """Normalised depth of a picture or tile, 1 x 1 x H x W, its sides cut to multiples of 8."""

    def latents_of(plane: torch.Tensor) -> torch.Tensor:
        return encode(network.vae, plane.to(dtype)).float()

    dtype = network.mapping.weight.dtype
    guess = latents_of(planes.guess) if sampling.needs_guess else None
    condition = torch.cat([latents_of(planes.unknown), latents_of(planes.masked)], dim=1)
    guide = network.guide(latents_of(planes.rgb).to(dtype), token)
    scheduler = make_scheduler(spacing_for(sampling.steps), network.schedule)
    times = timesteps_of(scheduler, sampling.steps, sampling.strength)
    open_cells = torch.nn.functional.interpolate((planes.unknown + 1) / 2, condition.shape[-2:])
    latents = noise.start
    if sampling.strength < 1:
        latents = scheduler.add_noise(guess, noise.added, times[:1])
    for t, following in zip(times, [*times[1:], None], strict=True):
        given = torch.cat([latents, condition], dim=1)
        velocity = network.velocity(given, t.to(given.device), guide)
        latents = scheduler.step(velocity, t, latents).prev_sample
        if sampling.blend and following is not None:
            known = scheduler.add_noise(guess, noise.added, following[None])
            latents = open_cells * latents + (1 - open_cells) * known
    return decode(network.vae, latents.to(dtype)).float()


def _cells(pixels: slice) -> slice:
    return slice(pixels.start // MULTIPLE, pixels.stop // MULTIPLE)
