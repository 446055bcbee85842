"""Plants in pots, vases of flowers."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, copies, join, tube
from depth_completion_ros.demo.scene.objects import cards

from ...surface import Surface
from ..palette import paint
from ..solids import ball, drum, spun

Rng = np.random.Generator


def flower_pot(rng: Rng, r: float, h: float) -> Mesh:
    """Pot with soil."""
    look = {"material": Surface.PLAIN, "colour": (0.35, 0.14, 0.07) if rng.random() < 0.4 else paint(rng)}
    foot = r * rng.uniform(0.65, 1.0)
    pot = spun(
        [(0, 0), (foot, 0), (foot, 0.002), (r, h), (r - 0.01 * r / 0.1, h), (foot * 0.9, h * 0.2)], 20, **look
    )
    return join(pot, drum(r * 0.93, h * 0.8, h * 0.86, 20, material=Surface.SOIL, colour=(0.05, 0.03, 0.02)))


def blades(start, way, length, width, droop: float, colour) -> Mesh:
    """Bending leaves.

    Args:
        start, way: N x 3, foot and first direction (unit).
        length, width: N, metres.
        droop: how much a leaf bends down over its length.
        colour: N x 3.
    """
    t = np.linspace(0, 1, 6)
    reach = length[:, None] * t
    line = start[:, None] + way[:, None] * reach[..., None]
    line[..., 2] -= droop * length[:, None] * t**2.2
    side = np.cross(way, [0.0, 0.0, 1.0])
    side /= np.linalg.norm(side, axis=1, keepdims=True) + 1e-9
    half = (
        side[:, None] * (width[:, None] * (np.sin(np.pi * np.clip(t * 0.92 + 0.08, 0, 1)) ** 0.8))[..., None]
    )
    left, right = line - half, line + half
    middle = line - np.array([0, 0, 1.0]) * (width[:, None] * 0.25)[..., None]
    triangles = []
    for a, b in ((left, middle), (middle, right)):
        triangles.append(np.stack([a[:, :-1], b[:, :-1], b[:, 1:], a[:, :-1], b[:, 1:], a[:, 1:]], axis=2))
    triangles = np.concatenate(triangles, axis=1).reshape(len(start), -1, 3, 3)
    colour = np.repeat(np.asarray(colour), triangles.shape[1], axis=0)
    return Mesh.of(triangles.reshape(-1, 3, 3), Surface.FOLIAGE, colour)


def _greens(rng: Rng, count: int) -> np.ndarray:
    base = np.array([rng.uniform(0.03, 0.12), rng.uniform(0.10, 0.2), rng.uniform(0.02, 0.06)])
    return base * rng.uniform(0.6, 1.3, (count, 1))


def plant(rng: Rng, size: float | None = None) -> Mesh:
    """A potted plant of any kind, `size` metres high."""
    size = size or rng.uniform(0.5, 1.7)
    r = float(np.clip(size * rng.uniform(0.12, 0.2), 0.03, 0.22))
    h = r * rng.uniform(1.2, 2.0)
    kind = (_tuft, _broad, _tree, _cactus, _flowers)[int(rng.integers(5))]
    return join(flower_pot(rng, r, h), *kind(rng, r, h, size - h))


def _tuft(rng: Rng, r: float, h: float, tall: float) -> list[Mesh]:
    """Long blades above a pot of radius r and height h."""
    count = int(rng.integers(12, 45))
    foot, way = _sheaf(rng, count, r * 0.4, h, rng.uniform(0.3, 0.8))
    length, width = tall * rng.uniform(0.6, 1.3, count), np.full(count, 0.012 + 0.025 * tall)
    return [blades(foot, way, length, width, rng.uniform(0.2, 0.8), _greens(rng, count))]


def _broad(rng: Rng, r: float, h: float, tall: float) -> list[Mesh]:
    """Stalks with broad leaves."""
    count = int(rng.integers(6, 20))
    foot, way = _sheaf(rng, count, r * 0.3, h, 0.5)
    top = foot + way * tall * rng.uniform(0.4, 0.8, (count, 1))
    green = {"material": Surface.FOLIAGE, "colour": (0.08, 0.13, 0.04)}
    stalks = [tube([a, (a + b) / 2 + (0, 0, 0.02), b], 0.003 + tall * 0.0025, 5, **green)
              for a, b in zip(foot, top, strict=True)]  # fmt: skip
    out = way * (1, 1, 0.3)
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    leaf = tall * rng.uniform(0.25, 0.42) * rng.uniform(0.7, 1.2, count)
    return [*stalks, blades(top, out, leaf, leaf * rng.uniform(0.25, 0.45), 0.5, _greens(rng, count))]


def _tree(rng: Rng, r: float, h: float, tall: float) -> list[Mesh]:
    """A small tree with loose leaves."""
    count, crown = int(rng.integers(150, 600)), np.array([0, 0, h + tall * 0.7])
    outward = rng.normal(size=(count, 3))
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    place = crown + outward * tall * np.array([0.26, 0.26, 0.34]) * rng.uniform(0.3, 1, (count, 1)) ** 0.5
    bark = {"material": Surface.BARK, "colour": (0.15, 0.1, 0.07)}
    line = [[0, 0, h * 0.8], [0.02, 0.01, h + tall * 0.4], [0, 0, h + tall * 0.8]]
    leaves = cards(rng, place, rng.uniform(0.025, 0.045, count) * tall, outward, _greens(rng, count))
    return [tube(line, 0.012 + tall * 0.012, 6, **bark), leaves]


def _cactus(rng: Rng, r: float, h: float, tall: float) -> list[Mesh]:
    """A column, at times with arms."""
    look = {"material": Surface.FOLIAGE, "colour": _greens(rng, 1)[0]}
    wide = r * rng.uniform(0.4, 0.75)
    parts = [ball((wide, wide, tall / 2), (0, 0, h * 0.8 + tall / 2), 11, 18, 0.6, **look)]
    bend = np.linspace(0, np.pi / 2, 7)
    for side, z in ((-1, 0.3), (1, 0.45)):
        if rng.random() < 0.5:
            x = side * wide * (0.6 + 1.2 * np.sin(bend))
            line = np.stack([x, 0 * x, h + tall * z + wide * 1.2 * (1 - np.cos(bend))], axis=1)
            line = np.concatenate([line, line[-1:] + (0, 0, tall * 0.25)])
            parts.append(tube(line, [wide * 0.45] * 7 + [wide * 0.3], 10, **look))
    return parts


def _flowers(rng: Rng, r: float, h: float, tall: float) -> list[Mesh]:
    """Flowers on stems with some leaves."""
    count = int(rng.integers(5, 16))
    foot, way = _sheaf(rng, count, r * 0.3, h, 0.35)
    top = foot + way * tall * rng.uniform(0.6, 1, (count, 1))
    green = {"material": Surface.FOLIAGE, "colour": (0.06, 0.12, 0.03)}
    stems = [tube([a, b], 0.003, 4, **green) for a, b in zip(foot, top, strict=True)]
    size = tall * 0.06
    head = ball((size, size, size * 0.6), rings=6, sides=10, material=Surface.FOLIAGE, colour=paint(rng))
    leaf = np.full(count, tall * 0.35)
    return [*stems, copies(head, top), blades(foot, way, leaf, leaf * 0.12, 0.4, _greens(rng, count))]


def _sheaf(rng: Rng, count: int, spread: float, z: float, splay: float) -> tuple[np.ndarray, np.ndarray]:
    """Feet near the axis and ways that lean outwards."""
    angle = np.arange(count) * 2.4 + rng.uniform(0, 6)
    lean = rng.uniform(0.1, 1.0, count) * splay
    foot = np.stack([np.cos(angle) * spread, np.sin(angle) * spread, np.full(count, z * 0.85)], axis=1)
    way = np.stack([np.cos(angle) * np.sin(lean), np.sin(angle) * np.sin(lean), np.cos(lean)], axis=1)
    return foot, way


def small_plant(rng: Rng) -> Mesh:
    """A plant for a table or sill."""
    return plant(rng, rng.uniform(0.12, 0.4))
