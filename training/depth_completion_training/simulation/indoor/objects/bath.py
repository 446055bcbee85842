"""Bathroom fittings: wash basin, toilet, bath tub, shower, towels; backs at y = 0, facing y."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, boxes, join, loft, superellipse, tube

from ...surface import Surface
from ..openings import cloth_hanging
from ..palette import CERAMIC, STEEL, paint
from ..solids import ball, bar, block, drum, spun, tilted
from .kitchen import tap
from .tables import drawers

Rng = np.random.Generator
CHINA = {"material": Surface.PAINT, "colour": CERAMIC}
CHROME = {"material": Surface.METAL, "colour": STEEL}


def tub_shape(levels, power: float = 0.5, sides: int = 28, **look) -> Mesh:
    """Hollow body: rows of (height, half x, half y), up the outside and down the inside."""
    z, x, y = np.asarray(levels, np.float64).T
    outline = superellipse(x, y, power, sides)
    height = np.broadcast_to(z[:, None, None], (*outline.shape[:2], 1))
    return loft(np.concatenate([outline, height], axis=2), **look)


def wash_basin(rng: Rng) -> Mesh:
    """Basin on a cabinet, a pillar or the wall, with its tap."""
    x, y, z = rng.uniform(0.4, 0.7), rng.uniform(0.36, 0.5), rng.uniform(0.8, 0.9)
    power = rng.uniform(0.3, 0.9)
    rows = [
        (z - 0.13, x * 0.3, y * 0.3),
        (z, x / 2, y / 2),
        (z + 0.001, x / 2 - 0.02, y / 2 - 0.02),
        (z - 0.1, x * 0.27, y * 0.27),
    ]
    parts = [tub_shape(rows, power, **CHINA).at(0, y / 2), tap(rng).at(0, 0.03, z)]
    kind = rng.integers(3)
    if kind == 0:
        parts.append(drawers(rng, x * 0.92, y * 0.92, z - 0.03, int(rng.integers(1, 3)), 2))
    elif kind == 1:
        parts.append(spun([(0.11, 0), (0.07, 0.25), (0.08, z - 0.1)], 16, **CHINA).at(0, y * 0.4))
    else:
        parts.append(tube([[0, y / 2, z - 0.12], [0, y / 2, z - 0.3], [0, 0.0, z - 0.32]], 0.02, 8, **CHROME))
    return join(*parts)


def toilet(rng: Rng) -> Mesh:
    """Toilet with its lid up or down and a cistern or a plate."""
    seat = rng.uniform(0.38, 0.44)
    rows = [
        (0, 0.12, 0.2),
        (seat * 0.5, 0.13, 0.2),
        (seat - 0.04, 0.18, 0.26),
        (seat, 0.19, 0.27),
        (seat + 0.001, 0.14, 0.2),
        (seat - 0.2, 0.07, 0.1),
    ]
    parts = [tub_shape(rows, 0.9, 24, **CHINA).at(0, 0.45)]
    lid = tub_shape([(0, 0.19, 0.25), (0.025, 0.19, 0.25)], 0.85, 24, **CHINA).at(0, 0.25)
    parts.append((tilted(lid, rng.uniform(1.5, 1.65)) if rng.random() < 0.4 else lid).at(0, 0.2, seat + 0.01))
    if rng.random() < 0.6:
        parts.append(boxes([-0.2, 0.0, seat], [0.2, 0.17, seat + 0.38], **CHINA))
        parts.append(drum(0.025, 0, 0.01, 12, **CHROME).at(0, 0.09, seat + 0.38))
    else:
        parts.append(boxes([-0.12, 0, 0.98], [0.12, 0.012, 1.14], **CHROME))
        parts.append(block((0.24, 0.2, seat), (0, 0.1, 0), **CHINA))
    if rng.random() < 0.5:
        roll = tilted(drum(0.055, -0.05, 0.05, 16, colour=(0.75,) * 3), 0, np.pi / 2)
        parts.append(roll.at(0.42, 0.08, 0.7))
    return join(*parts)


def bathtub(rng: Rng) -> Mesh:
    """Bath tub, boxed in or on feet, along x."""
    x, y, z = rng.uniform(1.5, 1.8), rng.uniform(0.68, 0.85), rng.uniform(0.5, 0.62)
    free = rng.random() < 0.3
    power = 0.8 if free else 0.15
    start = 0.06 if free else 0.0
    foot = 0.7 if free else 1.0
    rows = [
        (start, x * 0.5 * foot, y * 0.5 * foot),
        (z, x / 2, y / 2),
        (z + 0.001, x / 2 - 0.06, y / 2 - 0.06),
        (0.25, x * 0.4, y * 0.36),
        (0.15, x * 0.36, y * 0.3),
    ]
    parts = [tub_shape(rows, power, 36, **CHINA).at(0, y / 2)]
    if rng.random() < 0.35:
        parts.append(
            block((x * 0.84, y * 0.78, 0.004), (0, y / 2, z * 0.75), Surface.PAINT, (0.35, 0.45, 0.45))
        )
    if rng.random() < 0.6:
        rail, drawn = 2.0, rng.uniform(0.25, 0.9)
        parts.append(bar([-x / 2, y - 0.03, rail], [x / 2, y - 0.03, rail], 0.012, **CHROME))
        parts.append(
            cloth_hanging(rng, -x / 2, x * drawn, 0.25, rail - 0.01, y - 0.03, paint(rng) * 0.5 + 0.3)
        )
    parts.append(tap(rng).at(x * 0.35, 0.04, z))
    parts.append(_shower_head(x * 0.4))
    return join(*parts)


def _shower_head(x: float) -> Mesh:
    t = np.linspace(0, 1, 12)[:, None]
    hose = np.array([x + 0.02, 0.04, 1.85]) * (1 - t) + np.array([x, 0.04, 0.75]) * t
    hose[:, 0] += 0.12 * np.sin(np.pi * t[:, 0])
    head = tilted(spun([(0.012, 0), (0.055, -0.05), (0, -0.055)], 16, **CHROME), 0.6)
    return join(
        bar([x, 0.03, 0.95], [x, 0.03, 2.0], 0.01, **CHROME),
        tube(hose, 0.007, 5, **CHROME),
        head.at(x, 0.1, 1.95),
    )


def shower(rng: Rng) -> Mesh:
    """Shower tray with glass on one or two sides."""
    x, y = rng.uniform(0.8, 1.2), rng.uniform(0.75, 0.95)
    pane = {"material": Surface.PAINT, "colour": (0.4, 0.45, 0.45)}
    parts = [block((x, y, 0.06), (0, y / 2, 0), **CHINA), _shower_head(0.0)]
    if rng.random() < 0.7:
        parts.append(boxes([x / 2 - 0.01, 0, 0.06], [x / 2, y, 2.0], **pane))
        parts.append(boxes([-x / 2, y - 0.01, 0.06], [0, y, 2.0], **pane))
        for corner in ((x / 2 - 0.02, y - 0.02), (-x / 2, y - 0.02)):
            parts.append(boxes([*corner, 0.06], [corner[0] + 0.025, corner[1] + 0.025, 2.0], **CHROME))
    return join(*parts)


def towel_rail(rng: Rng) -> Mesh:
    """A rail with towels, or a ladder-like heater, its top at z = 0."""
    wide = rng.uniform(0.4, 0.7)
    if rng.random() < 0.5:
        z = -np.arange(0, rng.uniform(0.6, 1.3), 0.09)
        bars = [bar([-wide / 2, 0.06, h], [wide / 2, 0.06, h], 0.011, **CHROME) for h in z]
        posts = [
            bar([s * wide / 2, 0.06, 0.03], [s * wide / 2, 0.06, z[-1] - 0.03], 0.016, **CHROME)
            for s in (-1, 1)
        ]
        parts = bars + posts
    else:
        parts = [
            tube(
                [[-wide / 2, 0, 0], [-wide / 2, 0.06, 0], [wide / 2, 0.06, 0], [wide / 2, 0, 0]],
                0.009,
                6,
                **CHROME,
            )
        ]
    for _ in range(int(rng.integers(1, 3))):
        start, length = rng.uniform(-0.5, 0.0) * wide, wide * rng.uniform(0.3, 0.5)
        parts.append(
            cloth_hanging(rng, start, length, -rng.uniform(0.35, 0.7), 0.015, 0.085, paint(rng) * 0.6 + 0.2)
        )
    return join(*parts)


def sponge(rng: Rng) -> Mesh:
    """Soap, sponge or brush."""
    return ball((0.045, 0.03, 0.02), (0, 0, 0.02), 6, 12, 0.5, material=Surface.FABRIC, colour=paint(rng))
