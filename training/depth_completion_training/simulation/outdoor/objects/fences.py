"""Fences, walls, guard rails and wires; most run along x from 0 to `length` and stand on z = 0."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, boxes, join, rectangles, tube

from ...surface import Surface
from ..shapes import bars, block, pick, tinted

KINDS = ("railing", "pickets", "mesh", "planks", "wall", "rails", "wire", "palisade")


def fence(rng: np.random.Generator, kind: str, length: float, height: float | None = None) -> Mesh:
    """A length of fence of a kind with proportions of its own."""
    height = height or {"wall": rng.uniform(0.5, 2.2), "mesh": rng.uniform(1.2, 2.2)}.get(
        kind, rng.uniform(0.8, 1.5)
    )
    if kind == "mesh":
        return _mesh(rng, length, height)
    if kind == "wall":
        return _wall(rng, length, height)
    if kind in ("rails", "wire"):
        return _rails(rng, length, height, kind == "wire")
    if kind == "planks":
        return _planks(rng, length, height)
    return _uprights(rng, kind, length, height)


def _uprights(rng, kind: str, length: float, height: float) -> Mesh:
    """Iron railing, wooden pickets or a steel palisade: uprights on two rails."""
    gap, wide, thick, surface, colours = {
        "railing": (
            rng.uniform(0.09, 0.2),
            0.018,
            0.018,
            Surface.METAL,
            ((0.03, 0.035, 0.04), (0.04, 0.1, 0.05), (0.3, 0.3, 0.3)),
        ),
        "pickets": (
            rng.uniform(0.11, 0.2),
            rng.uniform(0.06, 0.09),
            0.02,
            Surface.WOOD,
            ((0.7, 0.7, 0.68), (0.3, 0.2, 0.12)),
        ),
        "palisade": (
            rng.uniform(0.14, 0.18),
            0.065,
            0.012,
            Surface.METAL,
            ((0.35, 0.36, 0.37), (0.05, 0.15, 0.08)),
        ),
    }[kind]
    look = surface, tinted(rng, pick(rng, colours))
    x = np.arange(0, length, gap)
    top = height + (0.06 * np.cos(x * (2 * np.pi / 2.4)) if rng.random() < 0.2 else 0 * x)
    low = np.array([0.14 * height, 0.86 * height])
    posts = np.append(np.arange(0, length - 0.5, 2.2), length)
    return join(
        block((x, x + wide), (-thick / 2, thick / 2), (0.05, top), *look),
        block((0, length), (thick / 2, thick / 2 + 0.03), (low, low + 0.05), *look),
        block((posts - 0.035, posts + 0.035), (-0.02, 0.06), (-0.4, height + 0.06), *look),
    )


def _mesh(rng, length: float, height: float) -> Mesh:
    """Welded mesh or chain link: thin wires across, with posts."""
    look = {
        "material": Surface.METAL,
        "colour": pick(rng, ((0.04, 0.12, 0.06), (0.35, 0.36, 0.37), (0.1, 0.1, 0.11))),
    }
    if rng.random() < 0.4:
        step = rng.uniform(0.09, 0.14)
        x = np.arange(-height, length, step)
        a = np.stack([x, 0 * x, 0 * x], axis=1)
        b = a + (height, 0, height)
        keep_a, keep_b = np.clip(a[:, 0], 0, length), np.clip(b[:, 0], 0, length)
        start = np.stack([keep_a, 0 * x, keep_a - x], axis=1)
        end = np.stack([keep_b, 0 * x, keep_b - x], axis=1)
        wires = join(
            bars(start, end, 0.003, sides=3, **look),
            bars(
                start * (1, 1, -1) + (0, 0, height), end * (1, 1, -1) + (0, 0, height), 0.003, sides=3, **look
            ),
        )
    else:
        x, z = np.arange(0, length, rng.uniform(0.05, 0.09)), np.arange(0.05, height, 0.2)
        up = np.stack([x, 0 * x, 0 * x + 0.03], axis=1)
        level = np.stack([0 * z, 0 * z, z], axis=1)
        wires = join(
            bars(up, up + (0, 0, height - 0.03), 0.0035, sides=3, **look),
            bars(level, level + (length, 0, 0), 0.005, sides=3, **look),
        )
    posts = np.append(np.arange(0, length - 1, 2.5), length)
    foot = np.stack([posts, 0 * posts + 0.03, 0 * posts - 0.4], axis=1)
    return join(wires, bars(foot, foot + (0, 0, height + 0.45), 0.03, sides=6, **look))


def _wall(rng, length: float, height: float) -> Mesh:
    """A garden or yard wall with a coping, perhaps pillars, or of rough stone courses."""
    surface, colour = pick(
        rng,
        (
            (Surface.BRICK, (0.32, 0.15, 0.1)),
            (Surface.PLASTER, (0.6, 0.56, 0.48)),
            (Surface.CONCRETE, (0.4,) * 3),
            (Surface.CONCRETE, (0.35, 0.31, 0.25)),
        ),
    )
    colour, half = tinted(rng, colour), rng.uniform(0.07, 0.2)
    parts = [
        boxes([0, -half, -0.8], [length, half, height], surface, colour),
        boxes(
            [-0.02, -half - 0.04, height],
            [length + 0.02, half + 0.04, height + 0.07],
            Surface.CONCRETE,
            (0.4, 0.39, 0.36),
        ),
    ]
    if rng.random() < 0.5:
        x = np.append(np.arange(0, length - 1, rng.uniform(2, 4)), length)
        parts.append(block((x - 0.22, x + 0.22), (-0.22, 0.22), (-0.8, height + 0.3), surface, colour))
    if rng.random() < 0.25:
        x = np.arange(0.1, length, 0.13)
        foot = np.stack([x, 0 * x, 0 * x + height], axis=1)
        parts.append(bars(foot, foot + (0, 0, 0.6), 0.01, colour=(0.04,) * 3))
        parts.append(
            boxes([0, -0.02, height + 0.5], [length, 0.02, height + 0.54], Surface.METAL, (0.04,) * 3)
        )
    return join(*parts)


def _rails(rng, length: float, height: float, wire: bool) -> Mesh:
    """Field fence: rough posts with wooden rails or strands of wire."""
    posts = np.append(np.arange(0, length - 0.8, rng.uniform(1.6, 3)), length)
    lean = rng.normal(0, 0.03, (len(posts), 2))
    foot = np.stack([posts, 0 * posts, 0 * posts - 0.4], axis=1)
    head = foot + np.column_stack([lean, np.full(len(posts), height + 0.45)])
    count = int(rng.integers(2, 6))
    share = np.linspace(0.25, 0.92, count)[:, None, None]
    line = foot + (0, 0, 0.4) + (head - foot - (0, 0, 0.4)) * share
    look = {"material": Surface.WOOD, "colour": tinted(rng, (0.22, 0.17, 0.12))}
    thin = {"sides": 3, "material": Surface.METAL, "colour": (0.3,) * 3} if wire else {"sides": 5, **look}
    return join(
        bars(foot, head, rng.uniform(0.04, 0.075), sides=6, **look),
        bars(line[:, :-1].reshape(-1, 3), line[:, 1:].reshape(-1, 3), 0.003 if wire else 0.045, **thin),
    )


def _planks(rng, length: float, height: float) -> Mesh:
    """Close boards, upright or level, with small gaps."""
    colour = tinted(rng, pick(rng, ((0.3, 0.2, 0.12), (0.2, 0.17, 0.14), (0.12, 0.2, 0.16), (0.4, 0.3, 0.2))))
    height = max(height, 1.3)
    if rng.random() < 0.6:
        x = np.arange(0, length, 0.14)
        boards = block(
            (x, x + rng.uniform(0.1, 0.135)),
            (-0.012, 0.012),
            (0.04, height + rng.normal(0, 0.01, len(x))),
            Surface.WOOD,
            colour,
        )
    else:
        z = np.arange(0.06, height, 0.16)
        boards = block((0, length), (-0.012, 0.012), (z, z + rng.uniform(0.1, 0.155)), Surface.WOOD, colour)
    posts = np.append(np.arange(0, length - 0.5, 1.9), length)
    return join(
        boards,
        block((posts - 0.05, posts + 0.05), (0.01, 0.1), (-0.4, height + 0.05), Surface.WOOD, colour * 0.8),
    )


def guard_rail(rng: np.random.Generator, length: float) -> Mesh:
    """Steel beam of the wavy profile on posts, as beside highways."""
    z = np.array([0.45, 0.50, 0.57, 0.60, 0.63, 0.70, 0.75])
    y = np.array([0.0, -0.08, -0.08, -0.0, -0.08, -0.08, 0.0])
    line = np.stack([0 * z, y, z], axis=1)
    beam = rectangles(line[:-1], [length, 0, 0], np.diff(line, axis=0), Surface.METAL, (0.36, 0.37, 0.38))
    posts = np.arange(0.3, length, 2.0)
    studs = block((posts - 0.04, posts + 0.04), (0.0, 0.12), (-0.5, 0.72), Surface.METAL, (0.33, 0.34, 0.35))
    marks = posts[::4]
    return join(
        beam,
        studs,
        block((marks - 0.01, marks + 0.01), (-0.1, -0.02), (0.76, 0.85), Surface.REFLECTOR, (0.7, 0.5, 0.1)),
    )


def concrete_barrier(length: float) -> Mesh:
    """Concrete step barrier of the usual slanted profile, in lengths with gaps."""
    outline = np.array(
        [
            [-0.3, -0.2],
            [0.3, -0.2],
            [0.3, 0.08],
            [0.14, 0.33],
            [0.09, 0.85],
            [-0.09, 0.85],
            [-0.14, 0.33],
            [-0.3, 0.08],
        ]
    )
    parts = []
    for x in np.arange(0, length, 3.0):
        a, b = (np.insert(outline, 0, u, axis=1) for u in (x + 0.02, min(x + 2.98, length)))
        parts.append(rectangles(a, b - a, np.roll(a, -1, axis=0) - a, Surface.CONCRETE, (0.42, 0.41, 0.39)))
        parts.append(
            Mesh.of(
                [[e.mean(axis=0), e[i], e[i - 7]] for e in (a, b) for i in range(8)],
                Surface.CONCRETE,
                (0.4,) * 3,
            )
        )
    return join(*parts)


def noise_wall(rng: np.random.Generator, length: float) -> Mesh:
    """Tall wall of panels between steel posts, of wood, metal or glass."""
    height, gap = rng.uniform(2.2, 4.5), rng.uniform(2.5, 5)
    look = pick(
        rng,
        (
            (Surface.WOOD, (0.3, 0.22, 0.14)),
            (Surface.METAL, (0.25, 0.35, 0.3)),
            (Surface.GLASS, (0.05, 0.07, 0.07)),
            (Surface.CONCRETE, (0.45, 0.42, 0.36)),
        ),
    )
    posts = np.append(np.arange(0, length - 1, gap), length)
    return join(
        block((posts[:-1] + 0.05, posts[1:] - 0.05), (-0.05, 0.05), (-0.3, height), *look),
        block(
            (posts - 0.08, posts + 0.08), (-0.1, 0.1), (-0.5, height + 0.1), Surface.METAL, (0.25, 0.26, 0.27)
        ),
    )


def wire(start, end, sag: float, radius: float = 0.012) -> Mesh:
    """A hanging wire between two points."""
    s = np.linspace(0, 1, 9)[:, None]
    line = np.asarray(start) * (1 - s) + np.asarray(end) * s
    line[:, 2] -= sag * 4 * s[:, 0] * (1 - s[:, 0])
    return tube(line, radius, 3, material=Surface.RUBBER, colour=(0.02, 0.02, 0.02))
