"""A smooth surface through the measured pixels, for the network to start from."""

from __future__ import annotations

import torch
import torch.nn.functional as F

Pyramid = list[tuple[torch.Tensor, torch.Tensor]]


def pyramid(values: torch.Tensor, measured: torch.Tensor) -> Pyramid:
    """Means of what was measured, and whether anything was, each level half the size of the one before.

    Args:
        values: B x 1 x H x W, 0 where not measured.
        measured: B x 1 x H x W of 0 and 1.

    Returns:
        pairs as the arguments, the arguments first, until a side is a single pixel. Odd sides are
        rounded up.
    """
    levels = [(values, measured)]
    while min(values.shape[-2:]) > 1:
        odd = (0, values.shape[-1] % 2, 0, values.shape[-2] % 2)
        total, share = values * measured, measured
        if any(odd):
            total, share = F.pad(total, odd), F.pad(share, odd)
        total, share = halved(total), halved(share)
        measured = (share > 0).to(values.dtype)
        values = total / share.clamp(min=1e-6)
        levels.append((values, measured))
    return levels


def halved(x: torch.Tensor) -> torch.Tensor:
    """Means of 2 x 2 pixels; `avg_pool2d` takes four times as long on a CPU."""
    rows = x[..., ::2, :] + x[..., 1::2, :]
    return (rows[..., ::2] + rows[..., 1::2]) * 0.25


def membrane(levels: Pyramid, sweeps: int = 4) -> torch.Tensor:
    """The harmonic surface through the measured pixels, to a few sweeps of Jacobi's method a level.

    From the coarsest level to the finest, each starts from the one below and leaves measured pixels as
    they are. Towards the border the surface is level.

    Args:
        levels: of `pyramid`.

    Returns:
        of the size of the first level; 0 where nothing at all was measured.
    """
    values, measured = levels[-1]
    number = measured.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    surface = torch.where(measured > 0, values, (values * measured).sum(dim=(2, 3), keepdim=True) / number)
    for values, measured in levels[-2::-1]:
        height, width = values.shape[-2:]
        surface = F.interpolate(surface, scale_factor=2, mode="bilinear", align_corners=False)
        surface = torch.lerp(surface[..., :height, :width], values, measured)
        for _ in range(sweeps):
            surface = torch.lerp(_neighbours_mean(surface), values, measured)
    return surface


def _neighbours_mean(x: torch.Tensor) -> torch.Tensor:
    x = F.pad(x, (1, 1, 1, 1), mode="replicate")
    level = x[..., 1:-1, :-2] + x[..., 1:-1, 2:]
    return (level + x[..., :-2, 1:-1] + x[..., 2:, 1:-1]) * 0.25
