"""The search just as it is defined, over all pairs; every other backend is held to it."""

from __future__ import annotations

import torch

from ..nearest_cells import NEIGHBOURS
from .rule import cells_of, keys_of

_PAIRS = 2**24
"""So many at once, each of some 40 bytes."""


def search(measured: torch.Tensor) -> torch.Tensor:
    """See `nearest_measured`."""
    return torch.stack([_of_image(image) for image in measured])


def _of_image(measured: torch.Tensor) -> torch.Tensor:
    height, width = measured.shape
    pixels = torch.arange(height * width, device=measured.device)
    points = measured.flatten().nonzero()[:, 0]
    if not len(points):
        return pixels.reshape(1, height, width).repeat(NEIGHBOURS, 1, 1)
    found = []
    for chunk in pixels[:, None].split(max(1, _PAIRS // len(points))):
        keys = keys_of(chunk // width, chunk % width, points, height, width)
        nearest = keys.topk(min(NEIGHBOURS, len(points)), largest=False).values
        found.append(cells_of(nearest, height * width))
    return torch.cat(found).T.reshape(NEIGHBOURS, height, width)
