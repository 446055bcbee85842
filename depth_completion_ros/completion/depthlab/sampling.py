"""Depth by DepthLab: what the networks are given, and the steps in which noise is taken away."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from ..diffusion.codec import MULTIPLE, decode, encode
from ..diffusion.fills import linear_fill, nearest_fill
from ..diffusion.normaliser import DepthNormaliser
from ..diffusion.schedule import make_scheduler, spacing_for, timesteps_of
from ..diffusion.size import pad
from ..diffusion.tiles import feather, tiles
from .network import DepthLab
from .options import Sampling


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
        """For an image of this size, the same on all devices."""
        make = torch.Generator().manual_seed(seed)
        shape = (1, 4, height // MULTIPLE, width // MULTIPLE)
        return cls(torch.randn(shape, generator=make), torch.randn(shape, generator=make))


class Planes(NamedTuple):
    """What is encoded, 1 x 3 or 1 x 1 x H x W in about [-1, 1].

    Args:
        rgb: the image.
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
    """Depth of one image, H x W metres on its device; nowhere cut off, so it can be below 0.

    Known depth comes back only nearly, as it goes through the VAE; see `paste_back`.

    Args:
        rgb: 1 x 3 x H x W in [-1, 1].
        sparse: float32 H x W metres, 0 where unknown, with at least one known pixel.
        initial: depth that is to be refined, H x W metres, in place of the nearest known one.
        noise: in place of that of the seed.
    """
    height, width = sparse.shape
    normaliser = DepthNormaliser.of(sparse, sampling.normalize_scale)
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
    """The planes of one image; arguments as of `predict`."""
    guess = nearest_fill(sparse) if initial is None else np.where(sparse > 0, sparse, initial)
    masked = np.nan_to_num(normaliser.normalise(linear_fill(sparse)), nan=0)
    unknown = np.where(sparse > 0, np.float32(-1), np.float32(1))
    depths = (normaliser.normalise(guess), masked, unknown)
    return Planes(rgb, *(torch.from_numpy(np.float32(plane)).to(rgb.device)[None, None] for plane in depths))


def sample(
    network: DepthLab, planes: Planes, token: torch.Tensor, sampling: Sampling, noise: Noise
) -> torch.Tensor:
    """Normalised depth of an image or tile, 1 x 1 x H x W, its sides cut to multiples of 8."""

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
