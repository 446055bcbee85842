"""What fills the openings of walls: doors, windows with panes and frames, and what lies outside."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, boxes, join, rectangles
from depth_completion_ros.demo.scene.objects import cards

from ..surface import Surface
from .palette import METALS, WALLS, WHITE, frame, one_of, paint, wood
from .room import Opening
from .solids import bar, block, crates, panel, sheet

Rng = np.random.Generator


def casing(opening: Opening, width: float, **look) -> Mesh:
    """Frame on the wall around an opening, in the wall's own axes."""
    o, thick = opening, 0.018
    low = [[o.u0 - width, 0, o.z0], [o.u1, 0, o.z0], [o.u0 - width, 0, o.z1]]
    high = [[o.u0, thick, o.z1], [o.u1 + width, thick, o.z1], [o.u1 + width, thick, o.z1 + width]]
    if o.z0 > 0.1:
        low.append([o.u0 - width, 0, o.z0 - width])
        high.append([o.u1 + width, thick, o.z0])
    return boxes(low, high, **look)


def door_leaf(rng: Rng, opening: Opening, angle: float) -> Mesh:
    """A leaf hinged at one side, open by `angle` (rad) into the room, in the wall's own axes."""
    wide, high = opening.u1 - opening.u0 - 0.02, opening.z1 - 0.015
    look = {"material": Surface.WOOD, "colour": wood(rng)}
    if rng.random() < 0.6:
        look = {"material": Surface.PLAIN, "colour": WHITE if rng.random() < 0.6 else paint(rng)}
    parts = [boxes([0, -0.02, 0.008], [wide, 0.02, high], **look)]
    kind = rng.random()
    if kind < 0.45:  # raised fields
        rows = int(rng.integers(1, 4))
        z = np.linspace(0.15, high - 0.12, rows + 1)
        for a, b in pairwise(z):
            parts.append(boxes([0.13, -0.028, a + 0.05], [wide - 0.13, 0.028, b - 0.05], **look))
    elif kind < 0.65:
        parts.append(
            boxes([0.2, -0.022, high * 0.5], [wide - 0.2, 0.022, high - 0.2], Surface.GLASS, (0.1,) * 3)
        )
    steel = {"material": Surface.METAL, "colour": one_of(rng, METALS)}
    at = wide - 0.07
    for side in (-1, 1):
        parts.append(bar([at, side * 0.02, 1.03], [at, side * 0.07, 1.03], 0.009, **steel))
        parts.append(bar([at + 0.01, side * 0.065, 1.03], [at - 0.12, side * 0.065, 1.03], 0.009, **steel))
    leaf = join(*parts)
    if rng.random() < 0.5:
        return leaf.at(opening.u0 + 0.01, 0.02, 0, angle)
    return leaf.at(opening.u1 - 0.01, 0.02, 0, np.pi - angle)


def window(rng: Rng, opening: Opening) -> Mesh:
    """Frame, bars, pane and sill in a window's hole, in the wall's own axes."""
    o, inset = opening, -opening.deep * 0.6
    wide, high = o.u1 - o.u0, o.z1 - o.z0
    look = {"material": Surface.PLAIN, "colour": WHITE} if rng.random() < 0.7 else frame(rng)
    columns, rows = max(int(round(wide / rng.uniform(0.6, 1.4))), 1), int(rng.random() < 0.25) + 1
    thick = rng.uniform(0.035, 0.07)
    low, high_ = [], []
    for u in np.linspace(o.u0 + thick / 2, o.u1 - thick / 2, columns + 1):
        low.append([u - thick / 2, inset - 0.03, o.z0])
        high_.append([u + thick / 2, inset + 0.03, o.z1])
    for z in np.linspace(o.z0 + thick / 2, o.z1 - thick / 2, rows + 1):
        low.append([o.u0, inset - 0.028, z - thick / 2])
        high_.append([o.u1, inset + 0.028, z + thick / 2])
    parts = [boxes(low, high_, **look)]
    tint = np.full(3, rng.uniform(0.01, 0.06))
    for i in range(columns):
        if rng.random() < 0.15:  # stands open
            continue
        u = o.u0 + wide * i / columns
        parts.append(rectangles([u, inset, o.z0], [wide / columns, 0, 0], [0, 0, high], Surface.GLASS, tint))
    if o.z0 > 0.2:
        sill = boxes([o.u0 - 0.04, inset, o.z0 - 0.03], [o.u1 + 0.04, rng.uniform(0.03, 0.2), o.z0], **look)
        parts.append(sill)
    return join(*parts)


def curtains(rng: Rng, opening: Opening, ceiling: float) -> Mesh:
    """Rod with wavy cloth at both sides, in the wall's own axes."""
    o, rail = opening, min(opening.z1 + rng.uniform(0.05, 0.2), ceiling - 0.03)
    low = 0.02 if o.z0 < 0.2 or rng.random() < 0.6 else o.z0 - rng.uniform(0.05, 0.2)
    y = rng.uniform(0.08, 0.12)
    over, thick = rng.uniform(0.1, 0.3), 0.012
    parts = [bar([o.u0 - over - 0.05, y, rail], [o.u1 + over + 0.05, y, rail], thick, **frame(rng))]
    colour = paint(rng) * 0.6 + 0.15
    drawn = rng.uniform(0.12, 0.5)
    for side in (0, 1):
        length = (o.u1 - o.u0 + 2 * over) * drawn * rng.uniform(0.7, 1.0)
        start = o.u0 - over if side == 0 else o.u1 + over - length
        parts.append(cloth_hanging(rng, start, length, low, rail - 0.01, y, colour))
    return join(*parts)


def cloth_hanging(rng: Rng, start: float, length: float, low: float, high: float, y: float, colour) -> Mesh:
    """A hanging cloth along x with folds that widen downwards."""
    u = np.linspace(0, 1, max(int(length / 0.025), 8))
    z = np.linspace(high, low, 7)
    folds, phase = length / rng.uniform(0.09, 0.16), rng.uniform(0, 6)
    depth = np.linspace(0.6, 1.0, len(z))[:, None] * rng.uniform(0.018, 0.04)
    sway = rng.normal(0, 0.012, (len(z), 1)).cumsum(axis=0) * 0.5
    wave = np.sin(u * folds * 2 * np.pi + phase + 0.7 * np.sin(u * 5 + phase)) * depth
    points = np.stack(np.broadcast_arrays(start + u * length + sway, y + wave, z[:, None]), axis=2)
    return sheet(points, Surface.CURTAIN, colour)


def blind(rng: Rng, opening: Opening) -> Mesh:
    """Slats of a blind drawn part of the way down, in the wall's own axes."""
    o = opening
    drop = (o.z1 - o.z0) * rng.uniform(0.15, 0.95)
    z = np.arange(o.z1 - 0.03, o.z1 - drop, -rng.uniform(0.022, 0.05))
    turn = rng.uniform(0.1, 1.3)
    zero, half = np.zeros_like(z), 0.016
    corner = np.stack(
        [zero + o.u0 + 0.01, zero - half * np.cos(turn) + 0.03, z - half * np.sin(turn)], axis=1
    )
    across = [0, 2 * half * np.cos(turn), 2 * half * np.sin(turn)]
    colour = WHITE if rng.random() < 0.6 else paint(rng)
    slats = rectangles(corner, [o.u1 - o.u0 - 0.02, 0, 0], across, Surface.PLAIN, colour)
    strings = [bar([u, 0.03, o.z1], [u, 0.03, z[-1]], 0.0015, 3, colour=WHITE)
               for u in (o.u0 + 0.15, o.u1 - 0.15)]  # fmt: skip
    rail = boxes([o.u0, 0.005, o.z1 - 0.03], [o.u1, 0.055, o.z1 + 0.02], Surface.PLAIN, colour)
    return join(slats, rail, *strings)


def outside(rng: Rng, storey: float) -> Mesh:
    """What a window shows: ground, houses and trees some metres beyond; looks along -y from y = 0."""
    distance, wide = rng.uniform(4, 22), 60.0
    ground = {"material": Surface.GRASS, "colour": (0.10, 0.15, 0.05)}
    if rng.random() < 0.5:
        ground = {"material": Surface.PAVING, "colour": (0.35, 0.34, 0.32)}
    far = distance + 60
    parts = [rectangles([-wide, -0.4, -storey], [2 * wide, 0, 0], [0, -far, 0], **ground)]
    x = -wide / 2
    low, high = [], []
    while x < wide / 2:
        width, back = rng.uniform(6, 14), distance + rng.uniform(0, 6)
        low.append([x, -back - 8, -storey])
        high.append([x + width, -back, -storey + rng.uniform(5, 16)])
        x += width + (rng.uniform(1, 8) if rng.random() < 0.3 else 0)
    low, high = np.array(low), np.array(high)
    colours = np.array([one_of(rng, WALLS) for _ in low])
    parts.append(crates(low, high, Surface.BRICK if rng.random() < 0.3 else Surface.PLASTER, colours))
    parts.append(_facade_windows(low, high))
    for _ in range(int(rng.integers(0, 4))):
        centre = np.array([rng.normal(0, 5), -rng.uniform(2.5, distance), -storey + rng.uniform(1.5, 4)])
        outward = rng.normal(size=(350, 3))
        outward /= np.linalg.norm(outward, axis=1, keepdims=True)
        tone = rng.uniform(0.5, 1.3, (350, 1)) * [0.08, 0.14, 0.04]
        position = centre + outward * rng.uniform(0.3, 1.4, (350, 1))
        parts.append(cards(rng, position, rng.uniform(0.08, 0.2, 350), outward, tone))
        stem = {"material": Surface.BARK, "colour": (0.13, 0.1, 0.07)}
        parts.append(block((0.2, 0.2, centre[2] + storey), (*centre[:2], -storey), **stem))
    return join(*parts)


def _facade_windows(low: np.ndarray, high: np.ndarray) -> Mesh:
    """Panes on the fronts of the houses."""
    panes = []
    for a, b in zip(low, high, strict=True):
        x, z = np.meshgrid(np.arange(a[0] + 1, b[0] - 1.5, 2.3), np.arange(a[2] + 1, b[2] - 1.5, 2.9))
        panes.append(np.stack([x.ravel(), np.full(x.size, b[1] + 0.03), z.ravel()], axis=1))
    corner = np.concatenate(panes)
    if not len(corner):
        return panel(0.1, 0.1, -60.0)
    return rectangles(corner, [1.1, 0, 0], [0, 0, 1.5], Surface.GLASS, (0.05, 0.05, 0.06))
