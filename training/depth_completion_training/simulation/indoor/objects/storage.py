"""Shelves, cupboards, racks, pallets and what is kept in them; backs at y = 0, facing y."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, boxes, copies, join, tube

from ...surface import Surface
from ..layout import scatter
from ..palette import CARDBOARD, finish, metal, one_of, paint
from ..solids import bar, block, crates, drum, spun
from .small import EVERYTHING, STORES, carton, upright_books
from .tables import drawers

Rng = np.random.Generator


def bookcase(rng: Rng) -> Mesh:
    """Shelves filled with books and objects, with or without a back."""
    wide, high, deep = rng.uniform(0.4, 1.8), rng.choice([0.8, 1.2, 1.8, 2.1]), rng.uniform(0.24, 0.4)
    look, board = finish(rng), rng.uniform(0.015, 0.03)
    columns, rows = max(int(round(wide / 0.8)), 1), max(int(round(high / rng.uniform(0.28, 0.42))), 2)
    x, z = np.linspace(-wide / 2, wide / 2, columns + 1), np.linspace(0.05, high, rows + 1)
    low = [[u - board / 2, 0, 0] for u in x] + [[-wide / 2, 0, v - board] for v in z]
    far = [[u + board / 2, deep, high] for u in x] + [[wide / 2, deep - 0.002, v] for v in z]
    parts = [boxes(low, far, **look)]
    if rng.random() < 0.75:
        parts.append(boxes([-wide / 2, 0, 0.02], [wide / 2, 0.008, high], **look))
    full = rng.uniform(0.3, 1.0)
    for i in range(columns):
        for j in range(rows):
            parts += _shelf_load(rng, x[i] + board, x[i + 1] - board, z[j], z[j + 1] - board, deep, full)
    return join(*parts)


def _shelf_load(rng: Rng, x0, x1, z0, z1, deep: float, full: float) -> list[Mesh]:
    """Books or objects in one compartment."""
    kind, wide = rng.random(), x1 - x0
    if kind < 0.55 * full:
        row = upright_books(rng, wide * rng.uniform(0.4, 1.0), z1 - z0, deep - 0.03)
        row.triangles = row.triangles * np.float32([1, -1, 1])  # spines to the front
        return [row.at(x0, deep - 0.01, z0)]
    if kind < 0.9 * full:
        return scatter(
            rng, (x0, 0.02, x1, deep - 0.01), z0, EVERYTHING, int(rng.integers(1, 6)), z1 - z0, 0.15
        )
    return []


def cupboard(rng: Rng) -> Mesh:
    """Closed cupboard, chest of drawers or wardrobe, with objects on top of low ones."""
    kind = rng.integers(3)
    wide, deep = rng.uniform(0.5, 1.8), rng.uniform(0.35, 0.62)
    high, rows = ((0.8, 3), (1.2, 4), (2.05, 1))[kind]
    high *= rng.uniform(0.85, 1.08)
    columns = max(int(round(wide / (0.5 if rows == 1 else 0.8))), 1)
    parts = [drawers(rng, wide, deep, high, rows, columns)]
    if high < 1.5:
        area = (-wide * 0.47, 0.03, wide * 0.47, deep * 0.95)
        parts += scatter(rng, area, high, EVERYTHING, int(rng.integers(0, 9)))
    elif rng.random() < 0.3:
        area = (-wide * 0.47, 0.03, wide * 0.47, deep * 0.95)
        parts += scatter(rng, area, high, (lambda r: carton(r, 0.15, 0.4),), 2, 0.35)
    return join(*parts)


def metal_rack(rng: Rng) -> Mesh:
    """Open rack of thin posts and boards or wires, with stores."""
    wide, high, deep = rng.uniform(0.7, 1.6), rng.uniform(1.4, 2.1), rng.uniform(0.35, 0.6)
    look, rows = {"material": Surface.METAL, "colour": metal(rng)}, int(rng.integers(3, 6))
    post = rng.uniform(0.02, 0.04)
    at = np.array(
        [[sx * (wide - post) / 2, deep / 2 + sy * (deep - post) / 2, 0] for sx in (-1, 1) for sy in (-1, 1)]
    )
    parts = [boxes(at - (post / 2, post / 2, 0), at + (post / 2, post / 2, high), **look)]
    wires = rng.random() < 0.4
    board = finish(rng) if rng.random() < 0.5 else look
    if rng.random() < 0.5:
        parts.append(bar([-wide / 2, 0.01, 0.1], [wide / 2, 0.01, high - 0.1], 0.005, 4, **look))
        parts.append(bar([wide / 2, 0.01, 0.1], [-wide / 2, 0.01, high - 0.1], 0.005, 4, **look))
    for z in np.linspace(0.12, high - 0.02, rows):
        if wires:
            y = np.linspace(0.01, deep - 0.01, 12)
            low = np.stack([0 * y - wide / 2, y - 0.002, 0 * y + z - 0.004], axis=1)
            parts.append(boxes(low, low + (wide, 0.004, 0.004), **look))
        else:
            parts.append(block((wide, deep, 0.025), (0, deep / 2, z - 0.025), **board))
        area = (-wide * 0.46, 0.03, wide * 0.46, deep * 0.96)
        makers = STORES + (lambda r: carton(r, 0.1, 0.4),) * 3
        parts += scatter(
            rng, area, z, makers, int(rng.integers(1, 10)), (high - 0.14) / (rows - 1) - 0.04, 0.2
        )
    return join(*parts)


def pallet(rng: Rng) -> Mesh:
    """An empty pallet of planks, its middle above the origin."""
    look = {"material": Surface.WOOD, "colour": np.array((0.45, 0.33, 0.2)) * rng.uniform(0.6, 1.1)}
    y = np.linspace(-0.35, 0.35, 3)
    blocks = [[x, v] for x in (-0.53, 0, 0.53) for v in y]
    low = [[x - 0.07, v - 0.05, 0.02] for x, v in blocks]
    far = [[x + 0.07, v + 0.05, 0.12] for x, v in blocks]
    for v in y:
        low.append([-0.6, v - 0.05, 0])
        far.append([0.6, v + 0.05, 0.02])
    for x in np.linspace(-0.55, 0.55, 7):
        low.append([x - 0.045, -0.4, 0.12])
        far.append([x + 0.045, 0.4, 0.145])
    return boxes(low, far, **look)


def goods(rng: Rng, room: float) -> Mesh:
    """A pallet's load from z = 0: cartons stacked in layers, sacks, drums or one crate."""
    kind = rng.random()
    if kind < 0.55:
        nx, ny = int(rng.integers(2, 5)), int(rng.integers(2, 4))
        high = rng.uniform(0.15, 0.4)
        layers = max(min(int(room * rng.uniform(0.3, 1.0) / high), 7), 1)
        i, j, k = (
            a.ravel() for a in np.meshgrid(np.arange(nx), np.arange(ny), np.arange(layers), indexing="ij")
        )
        keep = (k < layers - 1) | (rng.random(len(i)) < 0.75)
        i, j, k = i[keep], j[keep], k[keep]
        low = np.stack([-0.58 + i * 1.16 / nx, -0.38 + j * 0.76 / ny, k * high], axis=1)
        low[:, :2] += rng.uniform(0, 0.012, (len(i), 2))
        base = np.array(CARDBOARD) if rng.random() < 0.6 else paint(rng)
        colours = base * rng.uniform(0.8, 1.15, (len(i), 1))
        material = Surface.POSTER if rng.random() < 0.25 else Surface.PLAIN
        return crates(low, low + (1.16 / nx - 0.015, 0.76 / ny - 0.015, high - 0.004), material, colours)
    if kind < 0.75:
        r, high = 0.19, min(rng.uniform(0.5, 0.9), room)
        look = {"material": Surface.PAINT, "colour": paint(rng)}
        hoops = [
            (r, 0),
            (r, 0.01),
            (r * 1.03, high / 3),
            (r, high / 3 + 0.02),
            (r * 1.03, high * 0.66),
            (r, high * 0.68),
            (r, high),
            (0, high),
        ]
        one = spun(hoops, 18, **look)
        spots = [[x, y, 0] for x in (-0.38, 0, 0.38) for y in (-0.2, 0.2)]
        return copies(one, spots[: int(rng.integers(2, 7))])
    if kind < 0.9:
        high = min(rng.uniform(0.4, 1.0), room)
        return block((rng.uniform(0.8, 1.15), rng.uniform(0.6, 0.78), high), **finish(rng))
    coil = [drum(0.33, z, z + 0.02, 24, **finish(rng)) for z in (0, min(0.5, room - 0.1))]
    return join(*coil, drum(0.24, 0.02, min(0.5, room - 0.1), 24, material=Surface.RUBBER, colour=paint(rng)))


def loaded_pallet(rng: Rng, room: float = 1.6) -> Mesh:
    """A pallet and its load, or a stack of empty pallets."""
    if rng.random() < 0.2:
        return copies(pallet(rng), [[0, 0, 0.146 * k] for k in range(int(rng.integers(1, 9)))])
    return join(pallet(rng), goods(rng, room).at(0, 0, 0.147))


def heavy_rack(rng: Rng, bays: int, high: float) -> Mesh:
    """Pallet racking along x, two pallets a bay and level."""
    bay, deep = 2.7, 1.05
    steel = {
        "material": Surface.PAINT,
        "colour": one_of(rng, ((0.02, 0.08, 0.35), (0.3, 0.3, 0.32), (0.05, 0.25, 0.1))),
    }
    beam = {
        "material": Surface.PAINT,
        "colour": one_of(rng, ((0.6, 0.2, 0.02), (0.6, 0.45, 0.03), (0.5, 0.05, 0.03))),
    }
    levels = np.arange(0, high - 0.8, rng.uniform(1.3, 1.9))
    parts, length = [], bays * bay
    x = np.linspace(-length / 2, length / 2, bays + 1)
    for u in x:
        for y in (0.05, deep - 0.05):
            parts.append(block((0.09, 0.08, high), (u, y, 0), **steel))
        zs = np.arange(0.2, high - 0.6, 0.6)
        for k, z in enumerate(zs):
            a, b = (0.05, deep - 0.05) if k % 2 else (deep - 0.05, 0.05)
            parts.append(bar([u, a, z], [u, b, z + 0.6], 0.016, 4, **steel))
    for z in levels[1:]:
        for y in (0.05, deep - 0.05):
            parts.append(block((length, 0.05, 0.12), (0, y, z - 0.13), **beam))
    room = (levels[1] if len(levels) > 1 else high) - 0.35
    for u in x[:-1]:
        for z in levels:
            for k in (0.27, 0.73):
                if rng.random() < 0.72:
                    load = loaded_pallet(rng, room - 0.15)
                    if load.triangles[..., 2].max() < room:
                        parts.append(load.at(u + k * bay, deep / 2, z))
    return join(*parts)


def ladder(rng: Rng) -> Mesh:
    """Step ladder standing open, or one leaning to a wall at y = 0."""
    high, look = rng.uniform(1.0, 2.1), {"material": Surface.METAL, "colour": metal(rng)}
    parts = []
    rungs = np.arange(0.25, high, 0.27) / high
    lean = rng.random() < 0.5
    reach = high * 0.3
    for side in (-1, 1):
        foot = np.array([side * 0.24, reach, 0])
        top = np.array([side * (0.24 if lean else 0.17), 0.03 if lean else reach * 0.4, high])
        parts.append(tube([foot, top], 0.018, 6, **look))
        if not lean:
            parts.append(tube([[side * 0.24, -reach * 0.3, 0], top], 0.013, 6, **look))
    for t in rungs:
        wide = 0.24 - (0 if lean else 0.07) * t
        y = reach + ((0.03 if lean else reach * 0.4) - reach) * t
        parts.append(boxes([-wide, y - 0.03, t * high - 0.01], [wide, y + 0.03, t * high + 0.01], **look))
    return join(*parts).at(0, 0.3 * reach if not lean else 0)
