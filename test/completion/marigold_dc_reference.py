"""The loop of Marigold-DC slowly: formula by formula, without scheduler, optimiser and `backward`."""

from __future__ import annotations

import torch
from torch.nn.functional import interpolate, pad

ALPHAS = 1 - torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
"""1 - beta of every training step."""


def slow_run(network, rgb, sparse, noise, steps: int, side: int, without: str = ""):
    """Depth in metres after so many guided steps, with alpha and beta.

    Args:
        rgb: 1 x 3 x H x W in [-1, 1].
        sparse: H x W metres, 0 where unknown.
        without: a part of the method to leave out, so that a test sees that it counts: `memory` of the
            optimiser, `rescaling` of the gradient, `guidance` at all.
    """
    bars = torch.cumprod(ALPHAS, 0)
    height, width = (int(length * side / max(sparse.shape)) for length in sparse.shape)
    low, high, known = sparse[sparse > 0].min(), sparse.max(), sparse > 0
    small = interpolate(rgb, (height, width), mode="bilinear", antialias=True)
    small = pad(small, (0, -width % 8, 0, -height % 8), mode="replicate")
    image = network.vae.encode(small).latent_dist.mean * 0.18215

    def metres(latents, alpha, beta):
        relative = (network.vae.decode(latents / 0.18215).sample.mean(1, keepdim=True).clip(-1, 1) + 1) / 2
        relative = interpolate(relative[:, :, :height, :width], tuple(sparse.shape), mode="bilinear")
        return (alpha**2 * (high - low) * relative + beta**2 * low)[0, 0]

    def tweedie(x, v):
        """Latents without noise, and the noise, that belong to a velocity."""
        return bar**0.5 * x - (1 - bar) ** 0.5 * v, bar**0.5 * v + (1 - bar) ** 0.5 * x

    values = [noise.clone(), torch.tensor(1.0), torch.tensor(1.0)]
    first, second = ([torch.zeros_like(value) for value in values] for _ in range(2))
    for count in range(1, steps + 1):
        t = round(1000 - (count - 1) * 1000 / steps) - 1
        bar, bar_before = bars[t], bars[max(t - 1000 // steps, 0)]
        leaves = [value.detach().requires_grad_() for value in values]
        v = network.unet(torch.cat([image, leaves[0]], 1), t, network.context).sample
        x0, epsilon = tweedie(leaves[0], v)
        miss = metres(x0, leaves[1], leaves[2])[known] - sparse[known]
        gradients = list(torch.autograd.grad(miss.abs().mean() + (miss**2).mean(), leaves))
        v, epsilon = v.detach(), epsilon.detach()
        if without != "rescaling":
            gradients[0] = gradients[0] / gradients[0].square().sum().sqrt() * epsilon.square().sum().sqrt()
        for index, (gradient, rate) in enumerate(zip(gradients, (0.05, 0.005, 0.005), strict=True)):
            age = count
            if without == "memory":
                age, first[index], second[index] = 1, 0 * gradient, 0 * gradient
            first[index] = 0.9 * first[index] + 0.1 * gradient
            second[index] = 0.999 * second[index] + 0.001 * gradient**2
            step = first[index] / (1 - 0.9**age) / ((second[index] / (1 - 0.999**age)) ** 0.5 + 1e-8)
            if without != "guidance":
                values[index] = values[index] - rate * step
        x0, epsilon = tweedie(values[0], v)
        values[0] = bar_before**0.5 * x0 + (1 - bar_before) ** 0.5 * epsilon
    with torch.no_grad():
        return metres(*values), values[1], values[2]
