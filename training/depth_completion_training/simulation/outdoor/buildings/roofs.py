"""Roofs over a rectangle from (0, 0) to (width, depth) whose walls end at a height."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, boxes, join, rectangles

from ...surface import Surface
from ..shapes import bars, block, pick, tinted

TILES = ((0.30, 0.11, 0.06), (0.22, 0.09, 0.06), (0.10, 0.10, 0.11), (0.2, 0.19, 0.18), (0.14, 0.08, 0.06))
_OVER_M = 0.4


def roof(rng: np.random.Generator, kind: str, width: float, depth: float, top: float, wall, colour) -> Mesh:
    """A roof of a kind: flat, gable, cross (gables to front and back), hip, shed, barrel, saw."""
    tiles = tinted(rng, pick(rng, TILES))
    if kind == "flat":
        return _flat(rng, width, depth, top, wall, colour)
    if kind == "barrel":
        return _barrel(rng, width, depth, top, wall, colour)
    if kind == "saw":
        return _saw(rng, width, depth, top, wall, colour)
    if kind == "cross":
        return _turned_gable(_gable(rng, depth, width, top, wall, colour, tiles), width)
    if kind == "gable":
        return _gable(rng, width, depth, top, wall, colour, tiles)
    if kind == "hip":
        return _hip(rng, width, depth, top, tiles)
    return _shed(rng, width, depth, top, wall, colour, tiles)


def _flat(rng, width: float, depth: float, top: float, wall, colour) -> Mesh:
    edge, thick = rng.uniform(0.15, 0.9), 0.25
    parts = [
        rectangles([0, 0, top], [width, 0, 0], [0, depth, 0], Surface.CONCRETE, (0.2, 0.2, 0.2)),
        boxes(
            [
                [-0.04, -0.04, top - 0.1],
                [-0.04, depth - thick, top - 0.1],
                [-0.04, 0, top - 0.1],
                [width - thick, 0, top - 0.1],
            ],
            [
                [width + 0.04, thick, top + edge],
                [width + 0.04, depth + 0.04, top + edge],
                [thick, depth, top + edge],
                [width + 0.04, depth, top + edge],
            ],
            wall,
            colour,
        ),
    ]
    for _ in range(rng.integers(0, 4)):
        size = rng.uniform([0.8, 0.8, 0.6], [4, 3, 2.6])
        low = rng.uniform([0.5, 0.5], np.maximum([width - size[0], depth - size[1]], 0.6))
        corner = np.array([*low, top])
        parts.append(
            boxes(corner, corner + size, pick(rng, (Surface.METAL, wall)), tinted(rng, (0.4, 0.4, 0.4)))
        )
    if rng.random() < 0.4:
        at = np.array([*rng.uniform([1, 1], [width - 0.5, depth - 0.5]), top])
        mast = rng.uniform(2, 5)
        twigs = at + [[0, 0, mast * f] for f in (0.7, 0.8, 0.9)]
        parts.append(bars(at, at + (0, 0, mast), 0.04))
        parts.append(bars(twigs - (0.6, 0, 0), twigs + (0.6, 0, 0), 0.015))
    return join(*parts)


def _gable(rng, width: float, depth: float, top: float, wall, colour, tiles) -> Mesh:
    """Ridge along x, in the middle or off it."""
    half = depth * rng.choice([0.5, 0.5, 0.35, 0.65])
    rise = depth / 2 * rng.uniform(0.35, 0.95)
    gables = Mesh.of(
        [[[u, 0, top], [u, depth, top], [u, half, top + rise]] for u in (0, width)], wall, colour
    )
    parts = [
        gables,
        _slab([0, 0, top], [0, half, top + rise], width, tiles),
        _slab([0, depth, top], [0, half, top + rise], width, tiles),
    ]
    if rng.random() < 0.7:
        u, v = rng.uniform(0.1, 0.85) * width, half + rng.uniform(-0.9, 0.3)
        size = rng.uniform(0.4, 1.1)
        parts.append(
            boxes(
                [u, v, top + rise * 0.3],
                [u + size, v + 0.6, top + rise + rng.uniform(0.3, 1.3)],
                Surface.BRICK,
                (0.30, 0.12, 0.08),
            )
        )
    if rng.random() < 0.4 and rise / half > 0.45 and width > 5:
        parts += [_dormer(u, half, rise, top, wall, colour, tiles) for u in np.arange(1.3, width - 2.2, 3.1)]
    if rng.random() < 0.3:
        slope = rise / half
        u = np.arange(0.15, width - 1.9, 1.75)[: int(rng.integers(2, 6))]
        corner = np.stack([u, 0 * u + 0.25 * half, 0 * u + top + slope * 0.25 * half + 0.2], axis=1)
        parts.append(
            rectangles(corner, [1.7, 0, 0], [0, 0.55 * half, 0.55 * rise], Surface.GLASS, (0.01, 0.012, 0.03))
        )
    return join(*parts)


def _slab(eave, ridge, width: float, tiles) -> Mesh:
    """One roof plane of some thickness from the eave (which it oversteps) to the ridge."""
    eave, ridge = np.array(eave, float), np.array(ridge, float)
    fall = (eave - ridge) * _OVER_M / max(abs(eave[1] - ridge[1]), 0.5)
    low, thick = eave + fall, np.array([0, 0, 0.14])
    corner = np.array(
        [low - (_OVER_M, 0, 0), low - (_OVER_M, 0, 0) + thick, low - (_OVER_M, 0, 0), low - (_OVER_M, 0, 0)]
    )
    along, up = np.array([width + 2 * _OVER_M, 0, 0]), ridge - low
    a, b = [along, along, along, up], [up, up, thick, thick]
    other = rectangles(corner[3] + along, up, thick, Surface.WOOD, (0.3, 0.25, 0.2))
    return join(
        rectangles(corner[:2], a[:2], b[:2], Surface.ROOF, tiles),
        rectangles(corner[2:], a[2:], b[2:], Surface.WOOD, (0.3, 0.25, 0.2)),
        other,
    )


def _dormer(u: float, half: float, rise: float, top: float, wall, colour, tiles) -> Mesh:
    y = 0.2 * half
    z = top + rise * 0.2
    high = min(1.4, rise * 0.6)
    deep = high / rise * half + 0.3
    return join(
        boxes([u, y, z - 0.3], [u + 1.3, y + deep, z + high], wall, colour),
        rectangles(
            [u + 0.15, y - 0.01, z + 0.15], [1.0, 0, 0], [0, 0, high - 0.3], Surface.GLASS, (0.02,) * 3
        ),
        boxes(
            [u - 0.12, y - 0.15, z + high], [u + 1.42, y + deep + 0.2, z + high + 0.08], Surface.ROOF, tiles
        ),
    )


def _turned_gable(mesh: Mesh, width: float) -> Mesh:
    """A gable roof made over (depth, width), turned so that its ridge runs from front to back."""
    T = np.array([[0, -1, 0, width], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], float)
    return mesh.moved(T)


def _hip(rng, width: float, depth: float, top: float, tiles) -> Mesh:
    o = _OVER_M
    half = depth / 2
    inset = min(half * rng.uniform(0.6, 1.0), width * 0.48)
    rise = half * rng.uniform(0.4, 0.85)
    z = top - 0.05
    a, b, c, d = [-o, -o, z], [width + o, -o, z], [width + o, depth + o, z], [-o, depth + o, z]
    e, f = [inset, half, top + rise], [width - inset, half, top + rise]
    planes = Mesh.of([[a, b, f], [a, f, e], [c, d, e], [c, e, f], [b, c, f], [d, a, e]], Surface.ROOF, tiles)
    under = rectangles(a, [width + 2 * o, 0, 0], [0, depth + 2 * o, 0], Surface.WOOD, (0.4, 0.38, 0.34))
    return join(planes, under)


def _shed(rng, width: float, depth: float, top: float, wall, colour, tiles) -> Mesh:
    rise = depth * rng.uniform(0.12, 0.4)
    low, high = ([0, 0, top], [0, depth, top + rise])
    sides = Mesh.of(
        [[[u, 0, top], [u, depth, top], [u, depth, top + rise]] for u in (0, width)], wall, colour
    )
    back = rectangles([0, depth, top], [width, 0, 0], [0, 0, rise], wall, colour)
    return join(sides, back, _slab(low, high, width, tiles))


def _barrel(rng, width: float, depth: float, top: float, wall, colour) -> Mesh:
    angle = np.linspace(0, np.pi, 13)
    rise = depth * rng.uniform(0.15, 0.4)
    y, z = depth / 2 * (1 - np.cos(angle)), top + rise * np.sin(angle)
    line = np.stack([0 * y, y, z], axis=1)
    vault = rectangles(
        line[:-1] - (0.2, 0, 0), [width + 0.4, 0, 0], np.diff(line, axis=0), Surface.METAL, (0.4, 0.41, 0.42)
    )
    ends = [
        [[u, depth / 2, top], [u, *p], [u, *q]]
        for u in (0, width)
        for p, q in zip(line[:-1, 1:], line[1:, 1:], strict=True)
    ]
    return join(vault, Mesh.of(ends, wall, colour))


def _saw(rng, width: float, depth: float, top: float, wall, colour) -> Mesh:
    """Sheds in a row with glass to one side, as on factories."""
    teeth = max(int(width / rng.uniform(4, 8)), 1)
    step, rise = width / teeth, rng.uniform(1.2, 2.5)
    u = np.arange(teeth) * step
    corner = np.stack([u, 0 * u, 0 * u + top], axis=1)
    slopes = rectangles(corner, [step, 0, rise], [0, depth, 0], Surface.METAL, (0.35, 0.36, 0.37))
    glass = rectangles(
        corner + (step, 0, 0.2), [0, depth, 0], [0, 0, rise - 0.4], Surface.GLASS, (0.03, 0.03, 0.03)
    )
    frame = block((u + step - 0.05, u + step), (0, depth), (top, top + 0.2), wall, colour)
    lid = block((u + step - 0.05, u + step), (0, depth), (top + rise - 0.2, top + rise), wall, colour)
    gables = Mesh.of(
        [[[a, y, top], [a + step, y, top], [a + step, y, top + rise]] for a in u for y in (0, depth)],
        wall,
        colour,
    )
    return join(slopes, glass, frame, lid, gables)
