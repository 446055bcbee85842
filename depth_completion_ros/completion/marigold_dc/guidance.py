"""Depth by Marigold-DC: noise is taken away in steps, each of which measured depth corrects."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn.functional import interpolate

from ..diffusion.confidence import CLOSE
from ..diffusion.schedule import make_scheduler, timesteps_of
from ..diffusion.size import pad, resized_shape
from .network import Marigold
from .options import Sampling

LATENT_RATE, SCALE_RATE = 0.05, 0.005
"""Of the optimiser, for the latents of depth and for its scale (arXiv 2412.13389)."""
LEAST_GRADIENT = 1e-12
"""Norm below which a gradient is not enlarged: nothing pulls where all guided depth is cut off."""


class Measured:
    """Measured depth as guidance: from relative depth to metres, and how far these are off.

    Args:
        sparse: H x W metres, 0 where not measured, with at least one measured pixel.
        inner: height and width at which the networks see the image.
    """

    def __init__(self, sparse: torch.Tensor, inner: tuple[int, int]):
        self.shape, self.inner = tuple(sparse.shape), inner
        self.pixels = sparse > 0
        self.depth = sparse[self.pixels]
        self.low, self.high = self.depth.min(), self.depth.max()

    def metres(self, relative: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """alpha^2 (high - low) m + beta^2 low at the size of the image, H x W.

        Args:
            relative: m in [0, 1], 1 x 1 x the padded inner size.
            scale: alpha and beta.
        """
        height, width = self.inner
        m = interpolate(relative[..., :height, :width], self.shape, mode="bilinear")[0, 0]
        alpha, beta = scale.square()
        return alpha * (self.high - self.low) * m + beta * self.low

    def loss(self, depth: torch.Tensor) -> torch.Tensor:
        """Mean absolute plus mean squared miss of H x W metres at the measured pixels."""
        miss = depth[self.pixels] - self.depth
        return miss.abs().mean() + miss.square().mean()


def predict(
    network: Marigold,
    rgb: torch.Tensor,
    sparse: torch.Tensor,
    sampling: Sampling,
    noises: Sequence[torch.Tensor] | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Depth of one image in metres, and how far the ensemble agrees on it, in (0, 1], H x W each.

    Runs agree by 0.05 / (0.05 + relative median deviation from their median), one with itself by 1. Where
    all measurements are of one depth nothing tells a scale: the loss is 0, and all takes that depth.

    Args:
        rgb: 1 x 3 x H x W in [-1, 1].
        sparse: H x W metres, 0 where not measured, with at least one measured pixel.
        noises: 1 x 4 x h x w each, one for every run, in place of those of the seed.
    """
    inner = resized_shape(tuple(sparse.shape), sampling.side)
    measured = Measured(sparse, inner)
    with torch.no_grad():
        image = network.encode(pad(interpolate(rgb, inner, mode="bilinear", antialias=True)))
    noises = draw(image.shape, sampling) if noises is None else noises
    runs = [guided(network, image, measured, noise.to(rgb.device), sampling.steps) for noise in noises]
    return combined(torch.stack(runs))


def draw(shape: Sequence[int], sampling: Sampling) -> list[torch.Tensor]:
    """Normal noise for every run, the same on all devices."""
    make = torch.Generator().manual_seed(sampling.seed)
    return [torch.randn(shape, generator=make) for _ in range(sampling.ensemble)]


def guided(
    network: Marigold, image: torch.Tensor, measured: Measured, noise: torch.Tensor, steps: int
) -> torch.Tensor:
    """Depth of one run, H x W metres; needs gradients, so it cannot run in inference mode.

    In every step the latents, alpha and beta go down the gradient of what the preview of the final depth
    misses, through decoder and U-Net. The latents' gradient is as long as the predicted noise, so that
    guidance and diffusion stay in proportion. One Adam remembers all steps.

    Args:
        image: latents of it, 1 x 4 x h x w.
        noise: that the run starts from, of the same shape.
    """
    scheduler = make_scheduler("trailing", network.schedule)
    latents = noise.clone().requires_grad_()
    scale = torch.ones(2, device=noise.device, requires_grad=True)
    adam = torch.optim.Adam([{"params": [latents], "lr": LATENT_RATE}, {"params": [scale], "lr": SCALE_RATE}])
    for t in timesteps_of(scheduler, steps):
        velocity = network.velocity(image, latents, t)
        preview = scheduler.step(velocity, t, latents).pred_original_sample
        loss = measured.loss(measured.metres(network.decode(preview), scale))
        adam.zero_grad()
        loss.backward()
        with torch.no_grad():
            bar = scheduler.alphas_cumprod[t]
            predicted = bar.sqrt() * velocity + (1 - bar).sqrt() * latents
            latents.grad *= predicted.norm() / latents.grad.norm().clamp(min=LEAST_GRADIENT)
            adam.step()
            latents.copy_(scheduler.step(velocity, t, latents).prev_sample)
    with torch.no_grad():
        return measured.metres(network.decode(latents), scale)


def combined(runs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Median of runs x H x W metres, and their agreement, see `predict`."""
    depth = _median(runs)
    deviation = _median((runs - depth).abs())
    return depth, CLOSE / (CLOSE + deviation / depth)


def _median(values: torch.Tensor) -> torch.Tensor:
    """Along the first axis; the mean of the middle two where their number is even."""
    ordered = values.sort(dim=0).values
    return (ordered[(len(values) - 1) // 2] + ordered[len(values) // 2]) / 2
