"""Fronts of buildings: cells with recessed windows, shops, arcades, curtain walls, balconies.

A front lies in the plane y = 0, begins at x = 0, stands on z = 0 and faces -y.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, body, boxes, copies, join, rectangles

from ...surface import Surface
from ..shapes import any_colour, bars, block, pick, tinted

WALLS = (
    (Surface.PLASTER, (0.62, 0.55, 0.42)),
    (Surface.PLASTER, (0.66, 0.63, 0.57)),
    (Surface.PLASTER, (0.5, 0.52, 0.5)),
    (Surface.PLASTER, (0.64, 0.50, 0.28)),
    (Surface.PLASTER, (0.60, 0.42, 0.36)),
    (Surface.PLASTER, (0.47, 0.53, 0.56)),
    (Surface.BRICK, (0.30, 0.12, 0.08)),
    (Surface.BRICK, (0.36, 0.18, 0.11)),
    (Surface.BRICK, (0.45, 0.36, 0.26)),
    (Surface.BRICK, (0.24, 0.15, 0.12)),
    (Surface.CONCRETE, (0.42, 0.41, 0.39)),
    (Surface.CONCRETE, (0.3, 0.3, 0.3)),
    (Surface.WOOD, (0.35, 0.22, 0.12)),
    (Surface.WOOD, (0.5, 0.48, 0.42)),
    (Surface.METAL, (0.4, 0.42, 0.45)),
    (Surface.TILES, (0.55, 0.53, 0.48)),
)
_BELOW_M = 1.5  # walls reach below the ground, which may slope


@dataclass(frozen=True)
class Style:
    """What all sides of a building share; lengths in metres, colours linear RGB."""

    wall: Surface
    colour: np.ndarray
    trim: np.ndarray
    frame: np.ndarray
    floor_m: float
    cell_m: float
    share: float  # of a cell's width that is window
    tall: float  # share of a floor's height that is window
    recess_m: float
    panes: int
    kind: str  # holes, ribbon, curtain

    @staticmethod
    def random(rng: np.random.Generator, kinds=("holes", "holes", "holes", "ribbon", "curtain")) -> Style:
        kind = pick(rng, kinds)
        wall, colour = pick(rng, WALLS)
        wide = {"holes": rng.uniform(0.3, 0.62), "ribbon": 0.94, "curtain": 0.96}[kind]
        high = {"holes": rng.uniform(0.42, 0.68), "ribbon": rng.uniform(0.4, 0.6), "curtain": 0.93}[kind]
        return Style(
            wall=wall,
            colour=tinted(rng, colour) if rng.random() < 0.8 else any_colour(rng, 0.5),
            trim=tinted(rng, pick(rng, ((0.68, 0.67, 0.64), (0.3, 0.29, 0.28), (0.5, 0.45, 0.36)))),
            frame=tinted(
                rng, pick(rng, ((0.7, 0.7, 0.68), (0.05, 0.05, 0.05), (0.2, 0.11, 0.06), (0.04, 0.1, 0.07)))
            ),
            floor_m=rng.uniform(2.7, 3.8),
            cell_m=rng.uniform(1.7, 4.0),
            share=wide,
            tall=high,
            recess_m=rng.uniform(0.03, 0.35),
            panes=int(rng.integers(1, 4)),
            kind=kind,
        )


def front(
    rng: np.random.Generator, style: Style, width: float, floors: int, ground: str, detail: bool
) -> Mesh:
    """A side of a building.

    Args:
        ground: what the ground floor is: plain, shop, arcade, garage, blank.
        detail: frames, sills, balconies; without them panes only.
    """
    columns = max(int(round(width / style.cell_m)), 1)
    cell = width / columns
    u = np.arange(columns) * cell
    upper = np.arange(1, floors) * style.floor_m
    parts = [_base(style, width)]
    if len(upper):
        corner = np.stack(
            [np.tile(u, len(upper)), np.zeros(columns * len(upper)), np.repeat(upper, columns)], axis=1
        )
        half = style.share * cell / 2
        sill = (1 - style.tall) * style.floor_m * 0.7
        opening = cell / 2 - half, sill, cell / 2 + half, sill + style.tall * style.floor_m
        parts.append(_cells(rng, style, cell, opening, corner, detail))
        if detail and rng.random() < 0.45:
            parts.append(_balconies(rng, style, cell, corner[:: int(rng.integers(1, 3))]))
        if detail and rng.random() < 0.5:
            parts.append(block((0, width), (-0.06, 0), (upper - 0.1, upper + 0.08), style.wall, style.trim))
    parts.append(_ground_floor(rng, style, cell, u, ground, detail))
    return join(*parts)


def _base(style: Style, width: float) -> Mesh:
    return rectangles([0, 0, -_BELOW_M], [width, 0, 0], [0, 0, _BELOW_M], style.wall, style.colour)


def _ground_floor(rng, style: Style, cell: float, u: np.ndarray, ground: str, detail: bool) -> Mesh:
    corner = np.stack([u, 0 * u, 0 * u], axis=1)
    h = style.floor_m
    if ground == "blank":
        return rectangles([0, 0, 0], [cell * len(u), 0, 0], [0, 0, h], style.wall, style.colour)
    if ground == "arcade":
        return _arcade(rng, style, cell, corner)
    if ground == "garage":
        opening = cell * 0.1, 0.02, cell * 0.9, min(2.4, h - 0.3)
        return _cells(rng, style, cell, opening, corner, detail, leaf=tinted(rng, (0.4, 0.4, 0.4), 0.6))
    if ground == "shop":
        shop = _cells(rng, style, cell, (cell * 0.05, 0.4, cell * 0.95, h - 0.7), corner, detail)
        return join(shop, _shop_front(rng, cell * len(u), h)) if detail else shop
    door = int(rng.integers(len(u)))
    rest = np.delete(np.arange(len(u)), door)
    half, sill = style.share * cell / 2, (1 - style.tall) * h * 0.7
    opening = cell / 2 - half, sill, cell / 2 + half, sill + style.tall * h
    wide = min(rng.uniform(0.45, 0.9), cell * 0.42)
    entry = cell / 2 - wide, 0.08, cell / 2 + wide, min(2.25, h - 0.2)
    parts = [_cells(rng, style, cell, entry, corner[[door]], detail, leaf=any_colour(rng) * 0.6)]
    if len(rest):
        parts.append(_cells(rng, style, cell, opening, corner[rest], detail))
    if detail:
        parts.append(_entry(rng, u[door] + cell / 2, wide))
    return join(*parts)


def _cells(rng, style: Style, cell: float, opening, corner: np.ndarray, detail: bool, leaf=None) -> Mesh:
    """Equal cells of wall with an opening each; `leaf` is the colour of a door in place of glass."""
    left, bottom, right, top = opening
    h, deep = style.floor_m, style.recess_m
    low = np.array([[0, 0, 0], [right, 0, 0], [left, 0, 0], [left, 0, top]])
    across = np.array([[left, 0, 0], [cell - right, 0, 0], [right - left, 0, 0], [right - left, 0, 0]])
    up = np.array([[0, 0, h], [0, 0, h], [0, 0, bottom], [0, 0, h - top]])
    parts = [rectangles(low, across, up, style.wall, style.colour)]
    wide, tall, back = [right - left, 0, 0], [0, 0, top - bottom], [0, deep, 0]
    at = [left, 0, bottom], [left, 0, bottom], [right, 0, bottom], [left, 0, top]
    parts.append(rectangles(at, [wide, tall, tall, wide], back, Surface.PLASTER, style.trim))
    pane = Surface.GLASS if leaf is None else Surface.WOOD
    parts.append(rectangles([left, deep, bottom], wide, tall, pane, (0.02,) * 3 if leaf is None else leaf))
    if detail:
        parts.append(_frame(style, left, bottom, right, top))
    mesh = copies(join(*parts), corner)
    glass = np.flatnonzero(mesh.material == Surface.GLASS)
    curtain = np.where(rng.random(len(corner)) < 0.3, rng.uniform(0.1, 0.4, len(corner)), 0.02)
    mesh.colour[glass] = np.repeat(curtain, len(glass) // len(corner))[:, None] if len(glass) else 0
    return mesh


def _frame(style: Style, left: float, bottom: float, right: float, top: float) -> Mesh:
    """Bars around and across a pane, and a sill."""
    bar, y = 0.05, style.recess_m - 0.03
    x = np.linspace(left, right - bar, style.panes + 1)
    upright = rectangles(
        np.stack([x, 0 * x + y, 0 * x + bottom], 1),
        [bar, 0, 0],
        [0, 0, top - bottom],
        Surface.PLAIN,
        style.frame,
    )
    z = np.array(
        [bottom, top - bar] if style.tall < 0.55 else [bottom, bottom + 0.7 * (top - bottom), top - bar]
    )
    level = rectangles(
        np.stack([0 * z + left, 0 * z + y, z], 1),
        [right - left, 0, 0],
        [0, 0, bar],
        Surface.PLAIN,
        style.frame,
    )
    if style.kind != "holes" or bottom < 0.3:
        return join(upright, level)
    sill = block(
        (left - 0.06, right + 0.06),
        (-0.09, style.recess_m),
        (bottom - 0.05, bottom),
        Surface.PLASTER,
        style.trim,
    )
    return join(upright, level, sill)


def _balconies(rng, style: Style, cell: float, corner: np.ndarray) -> Mesh:
    """A slab with a parapet of bars, glass or wall in front of some cells."""
    deep, kind = rng.uniform(0.7, 1.8), rng.integers(3)
    slab = boxes([0.1, -deep, -0.12], [cell - 0.1, 0, 0.04], Surface.CONCRETE, style.trim)
    if kind == 0:
        x = np.arange(0.12, cell - 0.1, 0.14)
        foot = np.stack([x, 0 * x - deep + 0.04, 0 * x], axis=1)
        side = np.array([[s, -y, 0] for s in (0.12, cell - 0.12) for y in np.arange(0.1, deep, 0.14)])
        foot = np.concatenate([foot, side])
        rail = bars(
            [[0.1, -deep + 0.04, 1], [0.12, 0, 1], [cell - 0.12, 0, 1]],
            [[cell - 0.1, -deep + 0.04, 1], [0.12, -deep, 1], [cell - 0.12, -deep, 1]],
            0.025,
        )
        parapet = join(bars(foot, foot + (0, 0, 1.0), 0.012, colour=(0.05,) * 3), rail)
    else:
        look = (Surface.GLASS, (0.05, 0.06, 0.06)) if kind == 1 else (style.wall, style.colour)
        thick = 0.015 if kind == 1 else 0.1
        parapet = boxes(
            [[0.1, -deep, 0], [0.1, -deep, 0], [cell - 0.1 - thick, -deep, 0]],
            [[cell - 0.1, -deep + thick, 1.0], [0.1 + thick, 0, 1.0], [cell - 0.1, 0, 1.0]],
            *look,
        )
    return copies(join(slab, parapet), corner[: max(len(corner) - 1, 1)])


def _shop_front(rng, width: float, h: float) -> Mesh:
    """A sign board, perhaps an awning and a sign that hangs out over the pavement."""
    colour = any_colour(rng)
    parts = [boxes([0.2, -0.12, h - 0.6], [width - 0.2, 0, h - 0.1], Surface.PAINT, colour)]
    if rng.random() < 0.5:
        deep, drop = rng.uniform(0.8, 1.8), rng.uniform(0.2, 0.6)
        parts.append(
            rectangles([0.3, -0.02, h - 0.5], [width - 0.6, 0, 0], [0, -deep, -drop], Surface.CLOTH, colour)
        )
        parts.append(
            rectangles(
                [0.3, -deep, h - 0.5 - drop], [width - 0.6, 0, 0], [0, 0, -0.18], Surface.CLOTH, colour
            )
        )
    if rng.random() < 0.5:
        x = rng.uniform(0.2, width - 0.2)
        parts.append(boxes([x, -0.9, h], [x + 0.08, -0.15, h + 0.7], Surface.PAINT, any_colour(rng)))
        parts.append(bars([x + 0.04, 0, h + 0.72], [x + 0.04, -0.9, h + 0.72], 0.02))
    return join(*parts)


def _arcade(rng, style: Style, cell: float, corner: np.ndarray) -> Mesh:
    """Columns under the upper floors, and shop windows in the shade behind."""
    deep, h, width = rng.uniform(1.8, 3.2), style.floor_m, cell * len(corner)
    r = rng.uniform(0.14, 0.32)
    power = pick(rng, (1.0, 0.15))
    column = body(
        [
            (-_BELOW_M, r * 1.3, r * 1.3, 0),
            (0.3, r * 1.3, r * 1.3, 0),
            (0.32, r, r, 0),
            (h - 0.55, r, r, 0),
            (h - 0.4, r * 1.35, r * 1.35, 0),
        ],
        power,
        12,
        material=style.wall,
        colour=style.trim,
    )
    feet = np.append(corner[:, 0], width).clip(r * 1.3, width - r * 1.3)
    feet = np.stack([feet, 0 * feet + r * 1.3, 0 * feet], axis=1)
    behind = _cells(rng, style, cell, (cell * 0.06, 0.5, cell * 0.94, h - 0.6), corner, True)
    behind.triangles[..., 1] += deep
    return join(
        copies(column, feet),
        behind,
        boxes([0, 0, h - 0.42], [width, 0.45, h], style.wall, style.colour),
        rectangles([0, 0, h - 0.02], [width, 0, 0], [0, deep, 0], Surface.PLASTER, style.trim),
        rectangles([[0, 0, -1], [width, 0, -1]], [0, deep, 0], [0, 0, h + 1], style.wall, style.colour),
        rectangles([0, 0, 0.03], [width, 0, 0], [0, deep, 0], Surface.PAVING, (0.3, 0.29, 0.27)),
    )


def _entry(rng, x: float, half: float) -> Mesh:
    """Steps up to a door, perhaps with rails, a canopy or a lamp."""
    deep = 0.3
    steps = [
        boxes(
            [x - half - 0.2 - 0.2 * i, -deep * (i + 1), -1],
            [x + half + 0.2 + 0.2 * i, 0, 0.10 - 0.09 * i],
            Surface.CONCRETE,
            (0.4, 0.39, 0.37),
        )
        for i in range(2)
    ]
    parts = list(steps)
    if rng.random() < 0.5:
        parts.append(
            boxes([x - half - 0.3, -1.1, 2.45], [x + half + 0.3, 0, 2.55], Surface.METAL, (0.2, 0.2, 0.2))
        )
    if rng.random() < 0.4:
        for side in (-1, 1):
            u = x + side * (half + 0.15)
            top = [[u, 0, 0.95], [u, -0.9, 0.9]]
            parts.append(bars([*top, top[0]], [[u, 0, 0], [u, -0.9, -0.1], top[1]], 0.02, colour=(0.05,) * 3))
    return join(*parts)
