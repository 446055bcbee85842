"""Whole buildings; each has its front along x at y = 0, faces -y and stands on z = 0."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, boxes, join, placed, rectangles

from ...surface import Surface
from ..shapes import any_colour, bars, pick, tinted
from .facades import Style, front
from .roofs import roof


def building(
    rng: np.random.Generator,
    width: float,
    depth: float,
    floors: int,
    style: Style | None = None,
    ground: str = "plain",
    kind: str | None = None,
    detail: bool = True,
) -> Mesh:
    """A building of four fronts and a roof, from (0, 0) to (width, depth)."""
    style = style or Style.random(rng)
    flat = floors > 5 or style.kind != "holes"
    kind = kind or (
        "flat"
        if flat and rng.random() < 0.85
        else pick(rng, ("gable", "cross", "hip", "shed", "flat", "gable"))
    )
    blind = rng.random(2) < 0.4
    sides = [
        front(rng, style, length, floors, "blank" if shut else "plain", False)
        for length, shut in zip((depth, depth), blind, strict=True)
    ]
    back = front(rng, style, width, floors, "plain", False)
    parts = [
        front(rng, style, width, floors, ground, detail),
        sides[0].moved(placed(width, 0, 0, np.pi / 2)),
        back.moved(placed(width, depth, 0, np.pi)),
        sides[1].moved(placed(0, depth, 0, -np.pi / 2)),
        roof(rng, kind, width, depth, floors * style.floor_m, style.wall, style.colour),
    ]
    if detail and rng.random() < 0.6:
        parts.append(_pipes(rng, width, floors * style.floor_m))
    return join(*parts)


def _pipes(rng, width: float, top: float) -> Mesh:
    """Downpipes on the front."""
    x = np.array([0.15, width - 0.15])[: rng.integers(1, 3)]
    foot = np.stack([x, 0 * x - 0.08, 0 * x], axis=1)
    return bars(
        foot, foot + (0, 0, top), 0.05, sides=6, material=Surface.METAL, colour=tinted(rng, (0.3, 0.3, 0.3))
    )


def tower(rng: np.random.Generator, detail: bool = True) -> Mesh:
    """A tall block for the second row, 18 to 60 m high."""
    style = Style.random(rng, ("holes", "ribbon", "curtain"))
    style = replace(style, cell_m=rng.uniform(3, 6), panes=1)
    return building(
        rng, rng.uniform(14, 26), rng.uniform(12, 20), int(rng.integers(6, 17)), style, detail=detail
    )


def hall(rng: np.random.Generator, width: float, depth: float) -> Mesh:
    """A works or storage hall with gates, ribs, a loading ramp or a canopy."""
    wall, colour = pick(
        rng,
        (
            (Surface.METAL, (0.45, 0.47, 0.5)),
            (Surface.BRICK, (0.32, 0.16, 0.1)),
            (Surface.CONCRETE, (0.45, 0.44, 0.42)),
            (Surface.METAL, (0.12, 0.2, 0.35)),
            (Surface.METAL, (0.5, 0.46, 0.36)),
        ),
    )
    style = Style.random(rng, ("holes",))
    style = replace(
        style,
        wall=wall,
        colour=tinted(rng, colour),
        floor_m=rng.uniform(3.5, 5.5),
        cell_m=rng.uniform(4.5, 7),
        share=rng.uniform(0.4, 0.85),
        tall=rng.uniform(0.2, 0.4),
    )
    floors = int(rng.integers(1, 3))
    mesh = building(
        rng, width, depth, floors, style, "garage", pick(rng, ("flat", "gable", "barrel", "saw", "cross"))
    )
    parts = [mesh]
    top = floors * style.floor_m
    if rng.random() < 0.6:
        x = np.arange(0.1, width, rng.uniform(2, 6))
        foot = np.stack([x, 0 * x - 0.06, 0 * x], axis=1)
        parts.append(bars(foot, foot + (0, 0, top), 0.12, material=wall, colour=style.colour * 0.8))
    if rng.random() < 0.5:
        parts.append(canopy(rng, width * 0.5, 4.0).at(width * 0.25, -4.1))
    if rng.random() < 0.5:
        parts.append(outside_stairs(rng, min(top, 4.5)).at(width + 0.1, depth * 0.3))
    return join(*parts)


def canopy(rng: np.random.Generator, width: float, depth: float) -> Mesh:
    """A roof on posts over (0, 0) to (width, depth)."""
    h, r = rng.uniform(2.6, 4.2), rng.uniform(0.04, 0.15)
    x = np.linspace(0.2, width - 0.2, max(int(width / 3.5), 1) + 1)
    foot = np.stack([np.tile(x, 2), np.repeat([0.2, depth - 0.2], len(x)), np.zeros(2 * len(x))], axis=1)
    colour = tinted(rng, (0.3, 0.31, 0.33))
    return join(
        bars(foot, foot + (0, 0, h), r, sides=6, material=Surface.METAL, colour=colour),
        boxes([0, 0, h], [width, depth, h + rng.uniform(0.06, 0.4)], Surface.METAL, any_colour(rng, 0.6)),
    )


def outside_stairs(rng: np.random.Generator, top: float) -> Mesh:
    """A steel flight up along y beside a wall at x = 0, with rails and a landing."""
    steps = max(int(top / 0.19), 2)
    i = np.arange(steps)
    y, z = i * 0.27, (i + 1) * top / steps
    low = np.stack([0 * y + 0.05, y, z - 0.04], axis=1)
    treads = boxes(low, low + (1.0, 0.28, 0.04), Surface.METAL, (0.2, 0.2, 0.21))
    end, x = y[-1] + 0.27, np.array([0.05, 1.05])
    cheeks = bars(np.stack([x, 0 * x, 0 * x], 1), np.stack([x, 0 * x + end, 0 * x + top], 1), 0.07)
    posts = np.stack([0 * y + 1.05, y, z], axis=1)[::3]
    rails = bars([[1.05, 0, 1.0 + z[0]]], [[1.05, end, top + 1]], 0.025)
    landing = boxes([0, end, top - 0.05], [1.1, end + 1.4, top], Surface.METAL, (0.2, 0.2, 0.21))
    legs = bars(
        [[1, end + 1.3, 0], [1, end + 0.1, 0]], [[1, end + 1.3, top + 1], [1, end + 0.1, top + 1]], 0.05
    )
    return join(treads, cheeks, bars(posts, posts + (0, 0, 1.0), 0.02), rails, landing, legs)


def stairs(
    rng: np.random.Generator, width: float, steps: int, rise: float = 0.15, tread: float = 0.32
) -> Mesh:
    """Stone stairs that rise along y to a landing, with cheek walls or a rail."""
    i = np.arange(steps)
    low = np.stack([0 * i, i * tread, 0 * i - 0.5], axis=1)
    end, top = steps * tread, steps * rise
    high = np.stack([0 * i + width, 0 * i + end + 2.0, (i + 1) * rise], axis=1)
    look = pick(
        rng,
        (
            (Surface.CONCRETE, (0.42, 0.41, 0.39)),
            (Surface.PAVING, (0.4, 0.37, 0.32)),
            (Surface.BRICK, (0.33, 0.18, 0.12)),
        ),
    )
    parts = [boxes(low, high, *look)]
    if rng.random() < 0.5:
        parts.append(
            boxes(
                [[-0.3, 0, -0.5], [width, 0, -0.5]],
                [[0, end + 2, top + 0.15], [width + 0.3, end + 2, top + 0.15]],
                *look,
            )
        )
    x = np.array([0.1, width / 2, width - 0.1])[: rng.integers(0, 4)]
    if len(x):
        a, b = (np.stack([x, 0 * x + y, 0 * x + z], 1) for y, z in ((0.1, 0), (end, top)))
        up = np.array([0, 0, 0.95])
        parts.append(
            bars(
                np.concatenate([a, b, a + up]),
                np.concatenate([a + up, b + up, b + up]),
                0.022,
                material=Surface.METAL,
                colour=(0.4, 0.41, 0.42),
            )
        )
    return join(*parts)


def ramp(rng: np.random.Generator, length: float, width: float, rise: float) -> Mesh:
    """A ramp that rises along x onto a platform, with side faces."""
    look = Surface.CONCRETE, tinted(rng, (0.42, 0.41, 0.39))
    flat = length * 0.5
    sides = [[[0, y, -0.3], [length, y, -0.3], [length, y, rise]] for y in (0, width)]
    return join(
        rectangles([0, 0, 0], [length, 0, rise], [0, width, 0], *look),
        Mesh.of(sides, *look),
        boxes([length, 0, -0.5], [length + flat, width, rise], *look),
    )
