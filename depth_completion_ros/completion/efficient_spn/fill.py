"""A smooth surface through the measured pixels, for the network to start from."""

from __future__ import annotations

import torch
import torch.nn.functional as F

LEVELS = 5
"""Of the pyramid that is filled; the coarsest is 1/16 of the finest."""
SWEEPS = 4
"""Of Jacobi's method at each level."""
REACH = 31
"""Cells of the coarsest level over which its holes are filled; wider than any image it has."""

Pyramid = list[tuple[torch.Tensor, torch.Tensor]]


def pyramid(values: torch.Tensor, measured: torch.Tensor, levels: int) -> Pyramid:
    """Means of what was measured, and whether anything was, each level half the size of the one before.

    Args:
        values: B x 1 x H x W, 0 where not measured; sides multiples of 2 ** (levels - 1).
        measured: B x 1 x H x W of 0 and 1.

    Returns:
        pairs as the arguments, the arguments first.
    """
    found = [(values, measured)]
    for _ in range(levels - 1):
        total, share = halved(values * measured), halved(measured)
        measured = (share > 0).to(values.dtype)
        values = total / share.clamp(min=1e-6)
        found.append((values, measured))
    return found


def halved(x: torch.Tensor) -> torch.Tensor:
    """Means of 2 x 2 pixels."""
    return F.avg_pool2d(x, 2)


def membrane(levels: Pyramid) -> torch.Tensor:
    """The harmonic surface through the measured pixels, to a few sweeps of Jacobi's method a level.

    The coarsest level is filled by Shepard's interpolation. From there to the finest, each starts from
    the one below and leaves measured pixels as they are. Towards the border the surface is level.

    Args:
        levels: of `pyramid`.

    Returns:
        of the size of the first level; 0 where nothing at all was measured.
    """
    values, measured = levels[-1]
    surface = torch.where(measured > 0, values, shepard(values, measured))
    for values, measured in levels[-2::-1]:
        surface = F.interpolate(surface, scale_factor=2.0, mode="bilinear", align_corners=False)
        surface = torch.where(measured > 0, values, surface)
        for _ in range(SWEEPS):
            surface = torch.where(measured > 0, values, _neighbours_mean(surface))
    return surface


def _neighbours_mean(x: torch.Tensor) -> torch.Tensor:
    x = F.pad(x, (1, 1, 1, 1), mode="replicate")
    level = x[..., 1:-1, :-2] + x[..., 1:-1, 2:]
    return (level + x[..., :-2, 1:-1] + x[..., 2:, 1:-1]) * 0.25


def shepard(values: torch.Tensor, measured: torch.Tensor) -> torch.Tensor:
    """Means of what is measured up to `REACH` away, weighted by the inverse cube of distance (Shepard)."""
    along = torch.arange(-REACH, REACH + 1, dtype=values.dtype, device=values.device)
    squared = along[:, None] ** 2 + along**2
    kernel = (squared + 1.0).pow(-1.5)[None, None]
    total = F.conv2d(values * measured, kernel, padding=REACH)
    return total / F.conv2d(measured, kernel, padding=REACH).clamp(min=1e-6)
