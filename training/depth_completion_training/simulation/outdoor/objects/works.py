"""What building works leave about: scaffolds, barriers, heaps."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, body, boxes, join, rectangles

from ...surface import Surface
from ..shapes import bars, pick


def scaffold(rng: np.random.Generator, length: float, levels: int) -> Mesh:
    """Scaffolding of tubes and boards along x."""
    d, step = 0.8, 2.0
    x = np.append(np.arange(0, length - 1, 2.2), length)
    foot = np.stack([np.tile(x, 2), np.repeat([0, d], len(x)), np.zeros(2 * len(x))], axis=1)
    z = np.arange(1, levels + 1) * step
    level = np.concatenate(
        [np.stack([0 * z, 0 * z + y, z + lift], axis=1) for y in (0, d) for lift in (0, 0.5, 1.0)]
    )
    a = np.stack([x[:-1], 0 * x[:-1], 0 * x[:-1]], axis=1)
    brace_a = np.concatenate([a + (0, 0, v - step) for v in z])
    brace_b = np.concatenate([np.stack([x[1:], 0 * x[1:], 0 * x[1:] + v], axis=1) for v in z])
    look = {"material": Surface.METAL, "colour": (0.4, 0.41, 0.42), "sides": 5}
    return join(
        bars(foot, foot + (0, 0, levels * step + 1), 0.025, **look),
        bars(level, level + (length, 0, 0), 0.024, **look),
        bars(brace_a, brace_b, 0.022, **look),
        boxes(
            np.stack([0 * z, 0 * z, z], 1),
            np.stack([0 * z + length, 0 * z + d, z + 0.04], 1),
            Surface.WOOD,
            (0.35, 0.27, 0.17),
        ),
    )


def barrier(rng: np.random.Generator) -> Mesh:
    """A works barrier or crowd fence along x."""
    length, h = rng.uniform(1.2, 2.5), rng.uniform(0.9, 1.1)
    ends = np.array([[0, 0, 0], [length, 0, 0.0]])
    legs = (
        bars(ends + (0, -0.25, 0), ends + (0, 0.25, 0.0), 0.02)
        if rng.random() < 0.5
        else bars(ends + (0, -0.3, 0), ends + (0, 0, h), 0.02)
    )
    posts = bars(ends, ends + (0, 0, h), 0.02)
    if rng.random() < 0.5:
        u = np.arange(0, length - 0.1, 0.3)
        tone = np.where((np.arange(len(u)) % 2)[:, None] > 0, (0.55, 0.03, 0.02), (0.7, 0.7, 0.7))
        board = rectangles(
            np.stack([u, 0 * u - 0.02, 0 * u + h - 0.25], 1),
            [min(0.3, length), 0, 0],
            [0, 0, 0.22],
            Surface.REFLECTOR,
            tone,
        )
        return join(legs, posts, board)
    u = np.arange(0.1, length, 0.12)
    foot = np.stack([u, 0 * u, 0 * u + 0.15], 1)
    return join(
        legs,
        posts,
        bars(foot, foot + (0, 0, h - 0.17), 0.007, sides=3),
        bars([[0, 0, 0.15], [0, 0, h]], [[length, 0, 0.15], [length, 0, h]], 0.018),
    )


def heap(rng: np.random.Generator) -> Mesh:
    """A heap of soil, sand or gravel."""
    r, h = rng.uniform(1, 3.5), rng.uniform(0.5, 2.2)
    s = np.array([-0.2, 0.0, 0.3, 0.6, 0.85, 1.0])
    wide = r * np.array([1.1, 1, 0.72, 0.42, 0.18, 0.02])
    rows = np.stack([s * h, wide, wide * rng.uniform(0.7, 1), rng.normal(0, 0.05, 6) * r], axis=1)
    mound = body(rows, 1.0, 20)
    bump = sum(np.sin(mound.triangles @ rng.normal(0, 2.5, 3) + rng.uniform(0, 6)) for _ in range(4))[
        ..., None
    ]
    colour = pick(rng, ((0.2, 0.14, 0.09), (0.45, 0.36, 0.22), (0.35, 0.34, 0.32)))
    return Mesh.of(mound.triangles * (1 + 0.03 * bump), Surface.SOIL, colour)
