"""The search in plain PyTorch, for every device and for machines without a compiler.

The image is cut into square tiles. A pixel lies within r of the middle of its tile, and so its fourth
neighbour within D + r of it, where D is the distance of the middle's own fourth: all that the pixel can
find is within D + 2 r of the middle. All pairs of middles and points give these candidates, and only
pixels and candidates of the same tile are compared: some 1/60 of all pairs, of which few survive.
"""

from __future__ import annotations

import torch

from ..nearest_cells import FARTHEST, NEIGHBOURS
from .rule import cells_of, keys_of

_TILE = 8
_PAIRS = 2**23
"""So many at once."""


def search(measured: torch.Tensor) -> torch.Tensor:
    """See `nearest_measured`."""
    return torch.stack([_of_image(image) for image in measured])


def _of_image(measured: torch.Tensor) -> torch.Tensor:
    height, width = measured.shape
    points = measured.flatten().nonzero()[:, 0]
    if not len(points):
        pixels = torch.arange(height * width, device=measured.device)
        return pixels.reshape(1, height, width).repeat(NEIGHBOURS, 1, 1)
    tops, lefts = (torch.arange(0, size, _TILE, device=points.device) for size in (height, width))
    corners = torch.cartesian_prod(tops, lefts)
    found = points.new_empty(len(corners), _TILE**2, NEIGHBOURS)
    for chunk in torch.arange(len(corners), device=points.device).split(max(1, _PAIRS // len(points))):
        tiles, candidates = _candidates(corners[chunk], points, width)
        _compare(corners, chunk[tiles], points[candidates], found, height, width)
    tiled = found.reshape(len(tops), len(lefts), _TILE, _TILE, NEIGHBOURS)
    whole = tiled.permute(4, 0, 2, 1, 3).reshape(NEIGHBOURS, len(tops) * _TILE, len(lefts) * _TILE)
    return whole[:, :height, :width]


def _candidates(corners: torch.Tensor, points: torch.Tensor, width: int) -> tuple[torch.Tensor, ...]:
    """Pairs of a tile and a point that a pixel of it may find: numbers of tiles, ascending, and of points."""
    middle = corners + (_TILE - 1) / 2
    down, right = points // width - middle[:, :1], points % width - middle[:, 1:]
    distance = (down * down + right * right).sqrt_()
    if len(points) > NEIGHBOURS:
        fourth = distance.topk(NEIGHBOURS, largest=False).values[:, -1:]
        reach = 2**0.5 * (_TILE - 1) + 0.01  # 2 r, and more than float32 rounds off
        return (distance <= fourth + reach).nonzero(as_tuple=True)
    return torch.ones_like(distance).nonzero(as_tuple=True)


def _compare(corners, tiles, points, found, height, width) -> None:
    """Write what the pixels of tiles find among their candidates, tiles of about as many at a time."""
    numbers, counts = tiles.unique_consecutive(return_counts=True)
    first = counts.cumsum(0) - counts
    within = torch.arange(_TILE**2, device=points.device)
    order = counts.argsort()
    at = 0
    while at < len(order):
        # At least one; the last has the most candidates.
        sizes = counts[order[at:]] * torch.arange(1, len(order) - at + 1, device=points.device)
        end = at + max(1, int((sizes * _TILE**2 <= _PAIRS).sum()))
        group = order[at:end]
        slots = torch.arange(int(counts[group[-1]]), device=points.device)
        there = slots < counts[group][:, None]
        chosen = points[torch.where(there, first[group][:, None] + slots, 0)]
        corner = corners[numbers[group], None]
        rows, columns = corner[..., 0] + within // _TILE, corner[..., 1] + within % _TILE
        keys = keys_of(rows[..., None], columns[..., None], chosen[:, None], height, width)
        keys = keys.masked_fill_(~there[:, None], FARTHEST).flatten(0, 1)
        nearest = keys.topk(min(NEIGHBOURS, keys.shape[1]), largest=False).values
        found[numbers[group]] = cells_of(nearest, height * width).unflatten(0, (-1, _TILE**2))
        at = end
