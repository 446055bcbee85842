"""Tables, desks and kitchen lines, laden with small objects."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, boxes, join

from ...surface import Surface
from ..layout import scatter
from ..palette import finish, frame, metal, one_of
from ..solids import bar, block, legs, prism, spun, superellipse
from .small import STATIONERY, TABLEWARE
from .tools import keyboard, laptop, monitor

Rng = np.random.Generator


def bare_table(rng: Rng, x: float, y: float, z: float) -> Mesh:
    """A table without anything on it, its middle above the origin."""
    top, look = rng.uniform(0.018, 0.05), finish(rng)
    kind = rng.random()
    under = frame(rng) if rng.random() < 0.5 else look
    if kind < 0.2:  # round or oval
        outline = superellipse(x / 2, y / 2, 1.0, 32)[0]
        parts = [prism(outline, z - top, z, **look)]
        if rng.random() < 0.5:
            r = min(x, y) * 0.3
            parts.append(
                spun([(r, 0), (r * 0.9, 0.02), (0.05, 0.06), (0.04, z - 0.1), (0.12, z - top)], 16, **under)
            )
        else:
            parts.append(legs(x * 0.3, y * 0.3, z - top, 0.05, True, **under))
        return join(*parts)
    parts = [block((x, y, top), (0, 0, z - top), **look)]
    thick = rng.uniform(0.025, 0.09)
    if kind < 0.75:
        parts.append(legs(x / 2 - thick, y / 2 - thick, z - top, thick, rng.random() < 0.4, **under))
        if rng.random() < 0.5:
            apron = [(x - 2 * thick, 0.02, 0.08), (0.02, y - 2 * thick, 0.08)]
            for sign in (-1, 1):
                parts.append(block(apron[0], (0, sign * (y / 2 - thick), z - top - 0.08), **under))
                parts.append(block(apron[1], (sign * (x / 2 - thick), 0, z - top - 0.08), **under))
    elif kind < 0.88:  # trestles
        for sign in (-1, 1):
            for lean in (-1, 1):
                foot = [sign * x * 0.36, lean * y * 0.42, 0]
                parts.append(bar(foot, [sign * x * 0.36, lean * 0.04, z - top], 0.02, **under))
    else:
        for sign in (-1, 1):
            parts.append(block((0.03, y * 0.9, z - top), (sign * (x / 2 - 0.05), 0, 0), **look))
    return join(*parts)


def dining_table(rng: Rng) -> tuple[Mesh, tuple[float, float]]:
    """A laid table and its size."""
    x, y, z = rng.uniform(0.9, 2.0), rng.uniform(0.7, 1.0), rng.uniform(0.71, 0.78)
    area = (-x * 0.42, -y * 0.38, x * 0.42, y * 0.38)
    objects = scatter(rng, area, z, TABLEWARE + STATIONERY, int(rng.integers(2, 14)), heaped=0.1)
    return join(bare_table(rng, x, y, z), *objects), (x, y)


def low_table(rng: Rng) -> Mesh:
    """Coffee table."""
    x, y, z = rng.uniform(0.5, 1.2), rng.uniform(0.45, 0.7), rng.uniform(0.33, 0.5)
    area = (-x * 0.4, -y * 0.36, x * 0.4, y * 0.36)
    return join(
        bare_table(rng, x, y, z), *scatter(rng, area, z, TABLEWARE + STATIONERY, int(rng.integers(1, 8)))
    )


def side_table(rng: Rng) -> Mesh:
    """Small table or bedside cabinet with its back at y = 0."""
    x, y, z = rng.uniform(0.35, 0.55), rng.uniform(0.32, 0.45), rng.uniform(0.4, 0.65)
    area = (-x * 0.42, -y * 0.42, x * 0.42, y * 0.42)
    objects = scatter(rng, area, z, STATIONERY, int(rng.integers(1, 4)))
    if rng.random() < 0.5:
        table = bare_table(rng, x, y, z)
    else:
        table = drawers(rng, x, y, z, 2).at(0, -y / 2)
    return join(table, *objects).at(0, y / 2)


def drawers(rng: Rng, x: float, y: float, z: float, rows: int, columns: int = 1, **look) -> Mesh:
    """A carcass with drawers or doors in its front at y, back at y = 0."""
    look = look or finish(rng)
    parts = [boxes([-x / 2, 0, 0.0], [x / 2, y - 0.02, z], **look)]
    front = look if rng.random() < 0.6 else finish(rng)
    gap, wide, high = 0.003, x / columns, (z - 0.08) / rows
    i, j = (a.ravel() for a in np.meshgrid(np.arange(columns), np.arange(rows)))
    low = np.stack([-x / 2 + i * wide + gap, 0 * i + y - 0.02, 0.07 + j * high + gap], axis=1)
    pulled = np.where(rng.random(len(i)) < 0.06, rng.uniform(0.03, 0.2, len(i)), 0)
    far = np.stack([low[:, 0] + wide - 2 * gap, y + pulled, low[:, 2] + high - 2 * gap], axis=1)
    parts.append(boxes(low, far, **front))
    steel, middle = {"material": Surface.METAL, "colour": metal(rng)}, (low + far) / 2
    half = min(wide * 0.2, 0.08) if rng.random() < 0.7 else 0.012
    zero = np.zeros(len(i))
    grip = np.stack([middle[:, 0] - half, far[:, 1] + 0.012, low[:, 2] + high * 0.62], axis=1)
    parts.append(boxes(grip, grip + np.stack([zero + 2 * half, zero + 0.012, zero + 0.012], 1), **steel))
    for u in (0.004, 2 * half - 0.012):
        foot = grip + (u, -0.013, 0)
        parts.append(boxes(foot, foot + (0.008, 0.014, 0.012), **steel))
    return join(*parts)


def desk(rng: Rng, wide: float | None = None) -> tuple[Mesh, float]:
    """A desk with screens, keyboard and papers, its back at y = 0, and its depth."""
    x, y, z = wide or rng.uniform(1.1, 1.8), rng.uniform(0.6, 0.85), rng.uniform(0.70, 0.78)
    look, under = finish(rng), frame(rng)
    parts = [block((x, y, 0.028), (0, y / 2, z - 0.028), **look)]
    if rng.random() < 0.5:
        parts.append(legs(x / 2 - 0.05, y / 2 - 0.06, z - 0.028, 0.05, **under).at(0, y / 2))
    else:
        for sign in (-1, 1):
            parts.append(
                boxes(
                    [sign * (x / 2 - 0.08) - 0.03, y * 0.45, 0],
                    [sign * (x / 2 - 0.08) + 0.03, y * 0.55, z - 0.03],
                    **under,
                )
            )
            parts.append(block((0.07, y * 0.9, 0.03), (sign * (x / 2 - 0.08), y / 2, 0), **under))
    if rng.random() < 0.5:
        parts.append(drawers(rng, 0.42, y * 0.8, z - 0.12, 3).at(one_of(rng, (-1, 1)) * (x / 2 - 0.32), 0.02))
    if rng.random() < 0.6:
        parts.append(boxes([-x / 2 + 0.05, 0.01, z - 0.4], [x / 2 - 0.05, 0.025, z - 0.03], **look))
    used = -x / 2
    for _ in range(int(rng.integers(0, 3))):
        screen = monitor(rng)
        u = rng.uniform(-0.28, 0.28) * x
        if abs(u - used) > 0.5:
            parts.append(screen.at(u, 0.2, z, rng.normal(0, 0.15)))
            used = u
    if rng.random() < 0.7:
        parts.append(keyboard(rng).at(rng.normal(0, 0.1), y * 0.7, z, rng.normal(0, 0.08)))
    elif rng.random() < 0.7:
        parts.append(laptop(rng).at(rng.normal(0, 0.15), y * 0.6, z, rng.normal(0, 0.2)))
    objects = scatter(
        rng, (x * 0.2, y * 0.1, x * 0.48, y * 0.92), z, STATIONERY, int(rng.integers(1, 7)), heaped=0.2
    )
    objects += scatter(rng, (-x * 0.48, y * 0.1, -x * 0.25, y * 0.92), z, STATIONERY, int(rng.integers(0, 5)))
    return join(*parts, *objects), y
