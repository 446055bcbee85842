"""Lorries, buses, trailers, tractors and fork lifts, facing x, standing on z = 0."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, boxes, join, rectangles

from ...surface import Surface
from ..shapes import any_colour, bars, block, disc, extruded, pick
from .cars import DARK, wheels


def lorry(rng: np.random.Generator) -> Mesh:
    """A lorry with a box, a tank, a skip, a tilt with curtains or an open bed, perhaps a trailer truck."""
    length, width = rng.uniform(6.0, 13.5), rng.uniform(2.2, 2.55)
    cab = rng.uniform(1.6, 2.3)
    wheel = rng.uniform(0.42, 0.52)
    hl, hw = length / 2, width / 2
    deck = wheel * 2 + 0.1
    parts = [_cab(rng, hl, hw, cab, deck)]
    axles = [
        hl - 0.65 * cab,
        -hl + 1.2,
        *([-hl + 2.4] if length > 8 else []),
        *([-hl + 3.6] if length > 11 else []),
    ]
    parts.append(wheels(axles, hw - 0.2, wheel, 0.34))
    parts.append(boxes([-hl, -0.45, wheel + 0.1], [hl - 0.3, 0.45, deck], Surface.METAL, (0.05, 0.05, 0.05)))
    parts.append(_load(rng, -hl, hl - cab - rng.uniform(0.1, 0.5), hw, deck))
    lamps = np.array([[-hl - 0.02, s * (hw - 0.3), deck - 0.2] for s in (-1, 1)])
    parts.append(
        boxes(lamps - (0.02, 0.2, 0.07), lamps + (0.02, 0.2, 0.07), Surface.REFLECTOR, (0.4, 0.02, 0.02))
    )
    guard = [[-hl + 2.6, -hw + 0.05, wheel * 1.1], [-hl + 2.6, hw - 0.1, wheel * 1.1]]
    parts.append(
        boxes(
            guard, np.array(guard) + (max(length - cab - 5, 0.4), 0.05, 0.25), Surface.METAL, (0.3, 0.3, 0.3)
        )
    )
    return join(*parts)


def _cab(rng, hl: float, hw: float, cab: float, deck: float) -> Mesh:
    """Cab with a raked screen; its sides have windows."""
    colour, top = any_colour(rng), rng.uniform(2.3, 3.5)
    sill = min(deck + 0.75, top - 0.9)
    rake = rng.uniform(0.05, 0.35)
    profile = [
        (hl - cab, 0.45),
        (hl, 0.45),
        (hl, sill),
        (hl - rake, top - 0.15),
        (hl - rake - 0.2, top),
        (hl - cab, top),
    ]
    shell = extruded(profile, -hw, hw, Surface.PAINT, colour)
    lean = np.array([-rake * 0.9, 0, (top - 0.15 - sill) * 0.9])
    screen = rectangles(
        [hl + 0.01 - 0.05 * rake, -hw * 0.9, sill + 0.05], [0, hw * 1.8, 0], lean, Surface.GLASS, (0.02,) * 3
    )
    y = np.array([-hw - 0.008, hw + 0.008])
    corner = np.stack([0 * y + hl - cab * 0.75, y, 0 * y + sill], 1)
    side = rectangles(
        corner, [cab * 0.6 - rake * 0.5, 0, 0], [0, 0, (top - sill) * 0.65], Surface.GLASS, (0.02,) * 3
    )
    mirrors = np.array([[hl + 0.05, s * (hw + 0.16), sill + 0.4] for s in (-1, 1)])
    lamps = np.array([[hl + 0.01, s * hw * 0.75, 0.75] for s in (-1, 1)])
    return join(
        shell,
        screen,
        side,
        boxes(mirrors - (0.05, 0.1, 0.25), mirrors + (0.05, 0.1, 0.25), Surface.PLAIN, DARK),
        bars(mirrors, mirrors - [[0.2, 0.14 * s, -0.25] for s in (-1, 1)], 0.02),
        boxes(lamps - (0.03, 0.17, 0.1), lamps + (0.03, 0.17, 0.1), Surface.REFLECTOR, (0.75, 0.75, 0.7)),
        boxes([hl - 0.02, -hw * 0.6, 0.9], [hl + 0.02, hw * 0.6, 1.2], Surface.PLAIN, DARK),
    )


def _load(rng, x0: float, x1: float, hw: float, deck: float) -> Mesh:
    kind = rng.integers(5)
    colour, high = any_colour(rng), rng.uniform(2.7, 3.9)
    if kind == 0:
        return boxes([x0, -hw, deck], [x1, hw, high], Surface.PAINT, colour)
    if kind == 1:
        x = np.arange(x0 + 0.4, x1, 0.6)
        straps = block((x, x + 0.05), (-hw - 0.015, hw + 0.015), (deck, high), Surface.FABRIC, colour * 0.6)
        return join(boxes([x0, -hw, deck], [x1, hw, high], Surface.FABRIC, colour), straps)
    if kind == 2:
        r = hw * 0.92
        angle = np.linspace(0, 2 * np.pi, 17)[:-1]
        ring = np.stack([np.sin(angle) * r, deck + 0.1 + r * 0.85 * (1 - np.cos(angle))], axis=1)
        tank = extruded(ring, x0, x1, Surface.METAL, (0.5, 0.5, 0.5))
        tank = tank.moved(np.array([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]))
        hatch = np.linspace(x0 + 1, x1 - 1, 3)
        top = deck + 0.1 + 1.7 * r
        return join(
            tank,
            block(
                (hatch - 0.25, hatch + 0.25),
                (-0.25, 0.25),
                (top - 0.05, top + 0.2),
                Surface.METAL,
                (0.3,) * 3,
            ),
        )
    if kind == 3:
        deep = rng.uniform(0.6, 1.4)
        skip = [(x0 - 0.3, deck + deep), (x0 + 0.3, deck), (x1 - 0.1, deck), (x1, deck + deep)]
        sides = [extruded([*skip], y, y + 0.06, Surface.METAL, colour) for y in (-hw, hw - 0.06)]
        floor = boxes([x0 + 0.2, -hw, deck], [x1, hw, deck + 0.3 * deep], Surface.SOIL, (0.2, 0.16, 0.12))
        end = boxes([x1 - 0.08, -hw, deck], [x1, hw, deck + deep], Surface.METAL, colour)
        return join(*sides, floor, end)
    bed = boxes([x0, -hw, deck], [x1, hw, deck + 0.12], Surface.WOOD, (0.2, 0.15, 0.1))
    count = int(rng.integers(2, 9))
    size = rng.uniform([0.5, 0.5, 0.3], [1.6, 1.1, 1.3], (count, 3))
    low = np.column_stack(
        [rng.uniform(x0, x1 - 1.6, count), rng.uniform(-hw, hw - 1.1, count), np.full(count, deck + 0.1)]
    )
    x = np.arange(x0 + 0.1, x1, 0.8)
    stakes = np.array([[a, s * (hw - 0.04), deck] for a in x for s in (-1, 1)])
    return join(
        bed,
        boxes(low, low + size, pick(rng, (Surface.WOOD, Surface.METAL, Surface.FABRIC)), colour),
        bars(stakes, stakes + (0, 0, rng.uniform(0.3, 0.9)), 0.04),
    )


def bus(rng: np.random.Generator) -> Mesh:
    """A bus, a minibus, a tram or a double decker: a long shell with bands of windows."""
    length, width = rng.choice([rng.uniform(5.5, 7.5), rng.uniform(9, 12.5)]), rng.uniform(2.1, 2.55)
    decks = 2 if rng.random() < 0.15 and length > 8 else 1
    high = rng.uniform(2.6, 3.3) if decks == 1 else 4.2
    hl, hw, colour = length / 2, width / 2, any_colour(rng)
    r = rng.uniform(0.08, 0.4)
    profile = [
        (-hl, 0.35),
        (hl, 0.35),
        (hl, 1.2),
        (hl - r, high - 0.12),
        (hl - r - 0.1, high),
        (-hl + 0.1, high),
        (-hl, high - 0.1),
    ]
    parts = [extruded(profile, -hw, hw, Surface.PAINT, colour)]
    panes = max(int(length / rng.uniform(1.1, 1.7)), 3)
    x = np.linspace(-hl + 0.25, hl - r - 0.35, panes + 1)
    for deck in range(decks):
        low, tall = 1.15 + 1.9 * deck, (high - 0.55 - 1.15) if decks == 1 else 0.95
        parts.append(_panes(x, low, tall, hl, hw))
    lean = np.array([-r, 0, high - 1.32])
    parts.append(
        rectangles([hl + 0.012, -hw * 0.93, 1.2], [0, hw * 1.86, 0], lean * 0.9, Surface.GLASS, (0.02,) * 3)
    )
    door = np.array([hl - 1.5, -hl * rng.uniform(-0.2, 0.4)])
    corner = np.stack([door, 0 * door - hw - 0.02, 0 * door + 0.4], axis=1)
    parts.append(rectangles(corner, [1.1, 0, 0], [0, 0, high - 0.9], Surface.GLASS, (0.03,) * 3))
    parts.append(wheels([hl * 0.62, -hl * 0.55], hw - 0.17, rng.uniform(0.38, 0.48), 0.3))
    lamps = np.array([[s * hl, t * hw * 0.8, 0.75] for s in (-1, 1) for t in (-1, 1)])
    for rows, tone in ((lamps[:2], (0.4, 0.02, 0.02)), (lamps[2:], (0.7, 0.7, 0.65))):
        parts.append(boxes(rows - (0.03, 0.14, 0.1), rows + (0.03, 0.14, 0.1), Surface.REFLECTOR, tone))
    parts.append(
        boxes(
            [-hl * 0.6, -hw * 0.5, high],
            [0, hw * 0.5, high + rng.uniform(0.1, 0.35)],
            Surface.PLAIN,
            colour * 0.8,
        )
    )
    return join(*parts)


def _panes(x: np.ndarray, low: float, tall: float, hl: float, hw: float) -> Mesh:
    """A band of windows between the posts at `x` on both sides, and one window behind."""
    corner = np.stack([x[:-1] + 0.03, 0 * x[:-1] - hw - 0.01, 0 * x[:-1] + low], axis=1)
    corner = np.concatenate([corner, corner * (1, -1, 1)])
    glass = Surface.GLASS, (0.02, 0.02, 0.02)
    sides = rectangles(corner, [x[1] - x[0] - 0.06, 0, 0], [0, 0, tall], *glass)
    back = [-hl - 0.01, -hw * 0.85, low + 0.1]
    return join(sides, rectangles(back, [0, hw * 1.7, 0], [0, 0, tall - 0.2], *glass))


def forklift(rng: np.random.Generator, loaded: bool = True) -> Mesh:
    """A fork lift with mast, guard and forks, some with a pallet."""
    colour = pick(rng, ((0.6, 0.35, 0.02), (0.45, 0.1, 0.03), (0.25, 0.3, 0.32), (0.05, 0.25, 0.1)))
    mast, lift = rng.uniform(2.0, 3.0), rng.uniform(0.08, 1.4)
    hull = [(-1.2, 0.25), (0.75, 0.25), (0.75, 0.65), (0.0, 0.72), (-0.3, 1.0), (-1.15, 1.05)]
    y = np.array([-0.5, 0.5])
    feet = np.array([[x, s, 0.9] for x in (-1.0, 0.55) for s in (-0.48, 0.48)])
    heads = np.array([[x, s, 2.1] for x in (-0.85, 0.25) for s in (-0.45, 0.45)])
    slats = np.linspace(-0.85, 0.25, 6)
    parts = [
        extruded(hull, -0.55, 0.55, Surface.PAINT, colour),
        boxes([-0.75, -0.25, 0.9], [-0.2, 0.25, 1.2], Surface.FABRIC, DARK),
        boxes([-0.8, -0.25, 1.1], [-0.65, 0.25, 1.65], Surface.FABRIC, DARK),
        bars(feet, heads, 0.035, colour=DARK),
        block((slats - 0.03, slats + 0.03), (-0.48, 0.48), (2.1, 2.14), Surface.METAL, DARK),
        boxes(
            np.stack([0 * y + 0.8, y * 0.7 - 0.06, 0 * y + 0.1], 1),
            np.stack([0 * y + 0.95, y * 0.7 + 0.06, 0 * y + mast], 1),
            Surface.METAL,
            DARK,
        ),
        boxes(
            np.stack([0 * y + 0.98, y * 0.5 - 0.06, 0 * y + lift], 1),
            np.stack([0 * y + 2.1, y * 0.5 + 0.06, 0 * y + lift + 0.05], 1),
            Surface.METAL,
            (0.1,) * 3,
        ),
        boxes([0.95, -0.5, lift], [1.0, 0.5, lift + 0.5], Surface.METAL, DARK),
        wheels([0.45], 0.5, 0.32, 0.2),
        wheels([-0.85], 0.48, 0.25, 0.18),
    ]
    if loaded and rng.random() < 0.6:
        parts.append(
            boxes([1.02, -0.5, lift + 0.05], [2.1, 0.5, lift + 0.19], Surface.WOOD, (0.35, 0.25, 0.14))
        )
        parts.append(
            boxes(
                [1.05, -0.45, lift + 0.19],
                [2.05, 0.45, lift + rng.uniform(0.5, 1.2)],
                Surface.PLAIN,
                any_colour(rng),
            )
        )
    return join(*parts)


def tractor(rng: np.random.Generator) -> Mesh:
    """A farm tractor."""
    colour = pick(rng, ((0.35, 0.03, 0.02), (0.04, 0.2, 0.05), (0.03, 0.1, 0.3), (0.5, 0.3, 0.02)))
    big, small = rng.uniform(0.7, 0.9), rng.uniform(0.4, 0.55)
    y = 0.75
    return join(
        extruded(
            [(-0.3, 0.8), (2.0, 0.8), (2.05, 1.35), (0.3, 1.55), (-0.3, 1.5)],
            -0.35,
            0.35,
            Surface.PAINT,
            colour,
        ),
        boxes([-0.9, -0.55, 0.75], [0.3, 0.55, 1.2], Surface.PAINT, colour),
        boxes([-0.95, -0.6, 1.2], [0.3, 0.6, 2.3], Surface.GLASS, (0.04,) * 3),
        bars(
            [[x, s, 1.1] for x in (-0.95, 0.3) for s in (-0.6, 0.6)],
            [[x, s, 2.35] for x in (-0.95, 0.3) for s in (-0.6, 0.6)],
            0.05,
            colour=colour,
        ),
        boxes([-1.05, -0.7, 2.3], [0.4, 0.7, 2.42], Surface.PAINT, colour),
        bars([1.4, 0.2, 1.4], [1.4, 0.2, 2.3], 0.05, colour=DARK, sides=6),
        wheels([-0.55], y + 0.05, big, 0.45),
        wheels([1.6], y - 0.05, small, 0.3),
        boxes(
            [[-1.2, -1.0, 2 * big], [-1.2, 0.5, 2 * big]],
            [[0.2, -0.5, 2 * big + 0.06], [0.2, 1.0, 2 * big + 0.06]],
            Surface.PAINT,
            colour,
        ),
    )


def trailer(rng: np.random.Generator) -> Mesh:
    """A caravan, a flat or a box trailer with a drawbar."""
    length, width, high = rng.uniform(2, 5.5), rng.uniform(1.4, 2.3), rng.choice([0.9, rng.uniform(1.8, 2.6)])
    hl, hw, colour = length / 2, width / 2, any_colour(rng, 0.6)
    r = rng.uniform(0.02, 0.3) * min(high, 1)
    shell = [(-hl, 0.4), (hl, 0.4), (hl, high - r), (hl - r, high), (-hl + r, high), (-hl, high - r)]
    parts = [
        extruded(shell, -hw, hw, pick(rng, (Surface.PAINT, Surface.WOOD, Surface.METAL)), colour),
        bars([[hl, -0.4, 0.45], [hl, 0.4, 0.45]], [hl + 1.1, 0, 0.45], 0.04),
        wheels([0.0], hw, 0.3, 0.18),
        bars([hl + 1.0, 0, 0.6], [hl + 1.0, 0, 0.0], 0.03),
    ]
    if high > 1.7:
        x = np.array([-0.5, 0.25]) * length
        corner = np.stack([x, 0 * x - hw - 0.01, 0 * x + 1.2], 1)
        corner = np.concatenate([corner, corner * (1, -1, 1)])
        parts.append(rectangles(corner, [0.25 * length, 0, 0], [0, 0, 0.5], Surface.GLASS, (0.03,) * 3))
    return join(*parts)


def barrow(rng: np.random.Generator) -> Mesh:
    """A wheelbarrow or hand cart."""
    colour = any_colour(rng)
    tub = [(-0.4, 0.45), (0.3, 0.35), (0.5, 0.7), (-0.5, 0.65)]
    return join(
        extruded(tub, -0.28, 0.28, Surface.METAL, colour),
        bars([[0.45, y * 0.3, 0.22] for y in (-1, 1)], [[-1.0, y * 0.3, 0.6] for y in (-1, 1)], 0.02),
        bars([[-0.35, y * 0.25, 0.45] for y in (-1, 1)], [[-0.4, y * 0.3, 0.0] for y in (-1, 1)], 0.02),
        disc([0.5, -0.04, 0.2], 0.2, 0.08, material=Surface.RUBBER, colour=DARK),
    )
