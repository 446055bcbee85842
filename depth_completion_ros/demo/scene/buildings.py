"""Houses: walls with real window openings, doors, shops, balconies, roofs, chimneys."""

from __future__ import annotations

import numpy as np

from .mesh import Material, Mesh, boxes, join, rectangles, tube
from .objects import STEEL

FLOOR_M = 3.0
PLASTERS = ((0.62, 0.55, 0.42), (0.66, 0.63, 0.57), (0.55, 0.36, 0.25), (0.50, 0.52, 0.50),
            (0.64, 0.50, 0.28), (0.47, 0.53, 0.56), (0.60, 0.42, 0.36))  # fmt: skip
BRICKS = ((0.30, 0.12, 0.08), (0.36, 0.18, 0.11), (0.26, 0.15, 0.11))
ROOFS = ((0.30, 0.11, 0.06), (0.22, 0.09, 0.06), (0.10, 0.10, 0.11))
SHOPS = ((0.35, 0.03, 0.03), (0.03, 0.12, 0.25), (0.05, 0.20, 0.10), (0.45, 0.30, 0.04))
WHITE = (0.68, 0.67, 0.64)


def house(rng: np.random.Generator, width: float, depth: float, floors: int) -> Mesh:
    """A house with its front along x at y = 0, facing -y, its body behind, standing on z = 0."""
    brick = rng.random() < 0.35
    palette = BRICKS if brick else PLASTERS
    material = Material.BRICK if brick else Material.PLASTER
    colour = np.array(palette[rng.integers(len(palette))]) * rng.uniform(0.85, 1.1)
    top = floors * FLOOR_M + 0.4
    parts = [
        _front(rng, width, floors, material, colour),
        _shell(width, depth, top, material, colour),
        _roof(rng, width, depth, top, material, colour),
        tube([[0.15, -0.07, 0.1], [0.15, -0.07, top]], 0.045, 6, colour=STEEL),
    ]
    bands = np.arange(1, floors) * FLOOR_M + 0.25
    for z in bands[: 1 if brick else None]:
        parts.append(boxes([0, -0.06, z], [width, 0, z + 0.16], Material.PLASTER, WHITE))
    parts.append(boxes([0, -0.04, -1.0], [width, 0, 0.45], Material.PLASTER, (0.25, 0.24, 0.23)))
    return join(*parts)


def _front(rng, width: float, floors: int, material, colour) -> Mesh:
    """The street side, a grid of cells with one opening each."""
    columns = max(int(width / rng.uniform(2.4, 3.1)), 2)
    shop = rng.random() < 0.35
    u, floor = (a.ravel().astype(float) for a in np.meshgrid(np.arange(columns), np.arange(floors)))
    cell = width / columns
    low = np.stack([u * cell, floor * FLOOR_M + 0.4 * (floor > 0)], axis=1)
    high = np.stack([(u + 1) * cell, (floor + 1) * FLOOR_M + 0.4 + 0 * u], axis=1)
    half = np.full(len(u), min(rng.uniform(0.5, 0.68), cell * 0.36))
    sill = floor * FLOOR_M + rng.uniform(1.2, 1.45)
    head = (floor + 1) * FLOOR_M - rng.uniform(0.1, 0.3) + 0.3
    ground = floor == 0
    door = ground & (u == rng.integers(columns))
    if shop:
        half[ground] = cell * 0.44
        sill[ground] = 0.55
    half[door], sill[door] = 0.55, 0.15
    centre = (low[:, 0] + high[:, 0]) / 2
    opening = np.stack([centre - half, sill, centre + half, head], axis=1)
    parts = [_wall(low, high, opening, material, colour), _openings(rng, opening, door, shop)]
    if shop:
        sign = SHOPS[rng.integers(len(SHOPS))]
        parts.append(boxes([0.3, -0.12, FLOOR_M + 0.42], [width - 0.3, 0, FLOOR_M + 0.95], colour=sign))
        parts.append(
            rectangles([0.3, -0.05, FLOOR_M + 0.4], [width - 0.6, 0, 0], [0, -1.3, -0.45], colour=sign)
        )
    elif floors > 2 and rng.random() < 0.6:
        parts += [_balcony(low[i, 0], high[i, 0], low[i, 1]) for i in np.flatnonzero((floor > 0) & (u == 1))]
    return join(*parts)


def _wall(low, high, opening, material, colour) -> Mesh:
    """Four pieces of wall around each opening; rows of (u, z)."""
    left, bottom, right, top = opening.T
    pieces = (
        (low[:, 0], low[:, 1], left, high[:, 1]),
        (right, low[:, 1], high[:, 0], high[:, 1]),
        (left, low[:, 1], right, bottom),
        (left, top, right, high[:, 1]),
    )
    return join(*(_upright(*piece, 0.0, material, colour) for piece in pieces))


def _upright(u0, z0, u1, z1, y: float, material, colour) -> Mesh:
    """Rectangles in planes of constant y."""
    zero = np.zeros_like(u0)
    return rectangles(
        np.stack([u0, zero + y, z0], axis=1),
        np.stack([u1 - u0, zero, zero], axis=1),
        np.stack([zero, zero, z1 - z0], axis=1),
        material, colour,
    )  # fmt: skip


def _openings(rng, opening, door, shop: bool) -> Mesh:
    """Reveals, panes, frames and sills; a door is a panel in place of glass."""
    left, bottom, right, top = opening.T
    n, inset = len(left), 0.16
    zero, deep = np.zeros(n), np.tile([0, inset, 0], (n, 1))
    corners = [np.stack([u, zero, z], axis=1) for u, z in ((left, bottom), (right, bottom), (left, top))]
    across, up = corners[1] - corners[0], corners[2] - corners[0]
    reveals = [
        rectangles(c, e, deep, Material.PLASTER, (0.5, 0.49, 0.46))
        for c, e in ((corners[0], across), (corners[0], up), (corners[1], up), (corners[2], across))
    ]
    curtain = np.where(rng.random(n) < 0.3, rng.uniform(0.12, 0.4, n), 0.02)[:, None] * np.ones(3)
    window = ~door
    panes = _upright(*opening[window].T, inset, Material.GLASS, curtain[window])
    leaf = _upright(*opening[door].T, inset, Material.PLAIN, (0.10, 0.06, 0.04))
    bar = 0.035
    frames = []
    middle = (left + right) / 2
    for u0, z0, u1, z1 in (
        (left, bottom, left + bar, top), (right - bar, bottom, right, top),
        (left, bottom, right, bottom + bar), (left, top - bar, right, top),
        (middle - bar, bottom, middle + bar, top), (left, top - 0.5, right, top - 0.5 + bar),
    ):  # fmt: skip
        look = (0.05, 0.05, 0.05) if shop else WHITE
        frames.append(_upright(u0, z0, u1, z1, inset - 0.04, Material.PLAIN, look))
    low = np.stack([left - 0.06, zero - 0.09, bottom - 0.05], axis=1)[window]
    high = np.stack([right + 0.06, zero + inset, bottom], axis=1)[window]
    sills = boxes(low, high, Material.PLASTER, WHITE)
    return join(*reveals, panes, leaf, *frames, sills)


def _balcony(u0: float, u1: float, floor: float) -> Mesh:
    floor += 0.15
    x = np.arange(u0, u1, 0.16)
    zero = np.zeros_like(x)
    iron = (0.04, 0.04, 0.045)
    feet = np.stack([x, zero - 0.96, zero + floor], axis=1)
    bars = boxes(feet, feet + (0.02, 0.02, 1.0), colour=iron)
    rail = boxes([u0, -0.98, floor + 1], [u1, -0.92, floor + 1.05], colour=iron)
    return join(boxes([u0, -1.0, floor - 0.15], [u1, 0, floor], Material.PLASTER, WHITE), bars, rail)


def _shell(width: float, depth: float, top: float, material, colour) -> Mesh:
    """Both gables' walls and the back."""
    up = [0, 0, top + 1.0]
    return join(
        rectangles([0, 0, -1], [0, depth, 0], up, material, colour),
        rectangles([width, 0, -1], [0, depth, 0], up, material, colour),
        rectangles([0, depth, -1], [width, 0, 0], up, material, colour),
    )


def _roof(rng, width: float, depth: float, top: float, material, colour) -> Mesh:
    tiles = np.array(ROOFS[rng.integers(len(ROOFS))]) * rng.uniform(0.8, 1.2)
    gutter = boxes([-0.05, -0.42, top - 0.1], [width + 0.05, -0.30, top], colour=(0.2, 0.2, 0.2))
    eaves = boxes([0, -0.36, top - 0.04], [width, 0, top + 0.04], Material.PLASTER, WHITE)
    half, rise = depth / 2, depth / 2 * rng.uniform(0.5, 0.75)
    slope = rise / half
    front = rectangles([-0.1, -0.4, top - 0.4 * slope + 0.1], [width + 0.2, 0, 0],
                       [0, half + 0.4, rise + 0.4 * slope], Material.ROOF, tiles)  # fmt: skip
    back = rectangles([-0.1, depth + 0.4, top - 0.4 * slope + 0.1], [width + 0.2, 0, 0],
                      [0, -half - 0.4, rise + 0.4 * slope], Material.ROOF, tiles)  # fmt: skip
    gables = Mesh.of(
        [[[u, 0, top], [u, depth, top], [u, half, top + rise]] for u in (0, width)], material, colour
    )
    u = rng.uniform(0.2, 0.8) * width
    chimney = boxes([u, half - 1.2, top + rise * 0.4], [u + 0.6, half - 0.5, top + rise + 0.9],
                    Material.BRICK, BRICKS[0])  # fmt: skip
    parts = [gutter, eaves, front, back, gables, chimney]
    for u in np.arange(1.6, width - 1.6, 3.4) if rng.random() < 0.5 else ():
        y, z = 1.0, top + slope * 1.0 + 0.1
        parts.append(boxes([u, y, z - 0.3], [u + 1.2, y + 2.0, z + 1.1], Material.PLASTER, colour))
        pane = [u + 0.12, y - 0.01, z + 0.1], [0.96, 0, 0], [0, 0, 0.85]
        parts.append(rectangles(*pane, Material.GLASS, (0.02, 0.02, 0.02)))
        parts.append(boxes([u - 0.1, y - 0.15, z + 1.1], [u + 1.3, y + 2.4, z + 1.18], Material.ROOF, tiles))
    return join(*parts)
