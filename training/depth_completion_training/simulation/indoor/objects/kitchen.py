"""Kitchens: counters with cupboards, cooker, sink, pots, fridge; backs at y = 0, facing y."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, boxes, join, tube

from ...surface import Surface
from ..layout import scatter
from ..palette import CHARCOAL, STEEL, WHITE, finish, metal, one_of, paint
from ..solids import bar, block, drum, panel, ring, spun, tilted
from .small import STORES, TABLEWARE
from .tables import drawers
from .tools import legs_under

Rng = np.random.Generator


def kitchen_line(rng: Rng, wide: float, wall_units: bool, height: float) -> Mesh:
    """Counter with cupboards, hob, sink and, above, wall cupboards; back at y = 0."""
    deep, z = rng.uniform(0.58, 0.66), rng.uniform(0.86, 0.93)
    count = max(int(wide / 0.55), 1)
    each = wide / count
    look, top = (
        finish(rng),
        {
            "material": one_of(rng, (Surface.WOOD, Surface.PLAIN, Surface.CONCRETE)),
            "colour": paint(rng) * 0.5 + 0.1,
        },
    )
    parts = [boxes([-wide / 2, 0, z - 0.035], [wide / 2, deep + 0.03, z], **top)]
    sink, hob = rng.permutation(count)[:2] if count > 1 else (0, -1)
    for i in range(count):
        x = -wide / 2 + (i + 0.5) * each
        if i == hob:
            parts.append(oven(rng, each, deep, z - 0.035).at(x, 0))
        else:
            parts.append(
                drawers(rng, each - 0.004, deep, z - 0.035, int(rng.choice([1, 1, 2, 3])), **look).at(x, 0)
            )
        if i == sink:
            parts.append(basin(rng, min(each * 0.8, 0.5), 0.36).at(x, deep / 2 + 0.03, z))
        elif i != hob:
            area = (x - each * 0.45, 0.05, x + each * 0.45, deep * 0.85)
            parts += scatter(rng, area, z, STORES + TABLEWARE, int(rng.integers(0, 5)), 0.45)
    if wall_units:
        low, high = z + rng.uniform(0.5, 0.6), min(z + 1.3, height - 0.05)
        for i in range(count):
            x = -wide / 2 + (i + 0.5) * each
            if i == hob:
                hood = [(each * 0.48, low), (each * 0.48, low + 0.05), (0.13, low + 0.3), (0.13, height)]
                steel = {"material": Surface.METAL, "colour": STEEL}
                parts.append(tilted(spun(hood, 4, **steel), yaw=np.pi / 4).at(x, each * 0.36))
            elif rng.random() < 0.8:
                parts.append(drawers(rng, each - 0.004, 0.35, high - low, 1, **look).at(x, 0, low))
            else:
                parts.append(block((each, 0.25, 0.025), (x, 0.125, low + 0.2), **look))
                area = (x - each * 0.45, 0.02, x + each * 0.45, 0.23)
                parts += scatter(rng, area, low + 0.225, STORES, 4, 0.4)
    return join(*parts)


def oven(rng: Rng, x: float, y: float, z: float) -> Mesh:
    """Cooker: glass door, knobs, rings or hob on top, pots on it."""
    steel = {"material": Surface.METAL, "colour": metal(rng)}
    parts = [
        boxes(
            [-x / 2 + 0.002, 0, 0.02],
            [x / 2 - 0.002, y, z],
            Surface.PLAIN,
            WHITE if rng.random() < 0.5 else CHARCOAL,
        ),
        panel(x * 0.8, z * 0.5, y + 0.006, z * 0.2, material=Surface.PAINT, colour=(0.02,) * 3),
        bar([-x * 0.38, y + 0.04, z * 0.74], [x * 0.38, y + 0.04, z * 0.74], 0.009, **steel),
    ]
    for u in (-0.36, 0.36):
        parts.append(bar([u * x, y, z * 0.74], [u * x, y + 0.04, z * 0.74], 0.006, **steel))
    for u in np.linspace(-0.35, 0.35, 4):
        knob = tilted(drum(0.02, 0, 0.025, 12, **steel), -np.pi / 2)
        parts.append(knob.at(u * x, y, z * 0.88))
    parts.append(block((x * 0.95, y * 0.85, 0.006), (0, y / 2, z + 0.035), Surface.PAINT, (0.015,) * 3))
    for u in (-0.22, 0.22):
        for v in (0.3, 0.7):
            parts.append(ring(0.08, 0.004, 1, 20, 4, colour=CHARCOAL).at(u * x, v * y, z + 0.043))
            if rng.random() < 0.3:
                parts.append(pot(rng).at(u * x, v * y, z + 0.045, rng.uniform(0, 6)))
    return join(*parts)


def pot(rng: Rng) -> Mesh:
    """Cooking pot or pan."""
    r, h = rng.uniform(0.08, 0.13), rng.uniform(0.04, 0.17)
    look = {"material": Surface.METAL, "colour": metal(rng)}
    parts = [
        spun([(0, 0), (r, 0), (r, 0.002), (r, h), (r - 0.004, h), (r - 0.004, 0.01), (0, 0.01)], 22, **look)
    ]
    if h > 0.09 and rng.random() < 0.6:
        parts.append(
            spun(
                [(r, h), (r * 0.6, h + 0.02), (0.012, h + 0.028), (0.015, h + 0.05), (0, h + 0.052)],
                20,
                **look,
            )
        )
    dark = {"material": Surface.PLAIN, "colour": CHARCOAL}
    parts.append(tube([[r, 0, h * 0.8], [r + 0.08, 0, h * 0.85], [r + 0.19, 0, h]], 0.01, 6, **dark))
    return join(*parts)


def basin(rng: Rng, x: float, y: float) -> Mesh:
    """Sink sunk into a top at z = 0, drawn as a rim with a dark bowl, and its tap."""
    steel = {"material": Surface.METAL, "colour": STEEL}
    parts = [
        boxes(
            [[-x / 2, -y / 2, 0], [-x / 2, y / 2 - 0.02, 0], [-x / 2, -y / 2, 0], [x / 2 - 0.02, -y / 2, 0]],
            [
                [x / 2, -y / 2 + 0.02, 0.012],
                [x / 2, y / 2, 0.012],
                [-x / 2 + 0.02, y / 2, 0.012],
                [x / 2, y / 2, 0.012],
            ],
            **steel,
        ),
        block((x, y, 0.003), **steel),
    ]
    return join(*parts, tap(rng).at(0, -y / 2 - 0.03, 0))


def tap(rng: Rng) -> Mesh:
    """Bent tap that reaches along y."""
    h, reach = rng.uniform(0.12, 0.35), rng.uniform(0.12, 0.2)
    angle = np.linspace(0, np.pi * 0.95, 8)
    arc = np.stack([0 * angle, reach / 2 * (1 - np.cos(angle)), h + reach / 2 * np.sin(angle)], axis=1)
    steel = {"material": Surface.METAL, "colour": (0.6, 0.6, 0.61)}
    pipe = tube(np.concatenate([[[0, 0, 0]], arc]), 0.011, 8, **steel)
    return join(
        pipe, drum(0.024, 0, 0.03, 12, **steel), bar([0.02, 0, 0.05], [0.07, 0, 0.08], 0.006, **steel)
    )


def fridge(rng: Rng) -> Mesh:
    """Fridge or washing machine."""
    wide, high = rng.uniform(0.54, 0.7), one_of(rng, (0.85, 1.45, 1.85))
    look = {
        "material": Surface.PAINT,
        "colour": one_of(rng, (WHITE, WHITE, STEEL, CHARCOAL, (0.4, 0.05, 0.05))),
    }
    parts = [
        boxes([-wide / 2, 0.03, 0.012], [wide / 2, 0.58, high], **look),
        legs_under(wide, 0.5).at(0, 0.3),
    ]
    split = high * 0.62
    for a, b in ((0.05, split - 0.005), (split + 0.005, high)) if high > 1 else ((0.05, high - 0.12),):
        parts.append(boxes([-wide / 2, 0.585, a], [wide / 2, 0.64, b], **look))
        handle = [[wide * 0.42, 0.68, a + (b - a) * t] for t in (0.3, 0.8)]
        parts.append(bar(*handle, 0.011, material=Surface.METAL, colour=STEEL))
    if high < 1:
        drumlike = tilted(ring(0.17, 0.035, 1, 26, 8, material=Surface.METAL, colour=STEEL), np.pi / 2)
        parts.append(drumlike.at(0, 0.65, 0.42))
    return join(*parts)
