"""Small objects, each on z = 0 above the origin: boxes, paper, food, toys; what goes together."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, boxes, join, tube

from ...surface import Surface
from ..palette import CARDBOARD, CHARCOAL, cloth, fruit, one_of, paint
from ..solids import ball, block, crates, drum, landed, prism, quads, ring, sheet, spun, tilted
from .vessels import basket, bottle, bowl, can, cup, plate, vase

Rng = np.random.Generator


def carton(rng: Rng, least: float = 0.05, greatest: float = 0.3) -> Mesh:
    """Box: carton, packet or tin, some with open flaps."""
    x, y, z = np.exp(rng.uniform(np.log(least), np.log(greatest), 3))
    card = rng.random() < 0.4
    look = {"material": Surface.PLAIN, "colour": np.array(CARDBOARD) * rng.uniform(0.8, 1.2)}
    if not card:
        look = {"material": one_of(rng, (Surface.POSTER, Surface.PLAIN, Surface.WOOD)), "colour": paint(rng)}
    if not card or rng.random() < 0.5:
        parts = [block((x, y, z), **look)]
        if card:
            tape = {"colour": np.array(CARDBOARD) * 1.4}
            parts.append(block((x * 1.002, min(0.05, y / 3), z * 0.3), (0, 0, z * 0.701), **tape))
        return join(*parts)
    t = 0.004
    sides = boxes(
        [
            [-x / 2, -y / 2, 0],
            [-x / 2, -y / 2, 0],
            [x / 2 - t, -y / 2, 0],
            [-x / 2, -y / 2, 0],
            [-x / 2, y / 2 - t, 0],
        ],
        [
            [x / 2, y / 2, t],
            [-x / 2 + t, y / 2, z],
            [x / 2, y / 2, z],
            [x / 2, -y / 2 + t, z],
            [x / 2, y / 2, z],
        ],
        **look,
    )
    flaps = []
    for sign, along in ((1, 0), (-1, 0), (1, 1), (-1, 1)):
        wide, reach = (y, x) if along == 0 else (x, y)
        a, b = rng.uniform(-0.6, 1.2), reach * 0.45
        out, up = sign * b * np.cos(a), b * np.sin(a)
        edge = np.array([[sign * reach / 2, -wide / 2, z], [sign * reach / 2, wide / 2, z]])
        corners = np.array([edge[0], edge[1], edge[1] + (out, 0, up), edge[0] + (out, 0, up)])
        flaps.append(quads(corners if along == 0 else corners[:, [1, 0, 2]], **look))
    return join(sides, *flaps)


def book(rng: Rng) -> Mesh:
    """A book lying, or a stack of them."""
    parts, z = [], 0.0
    for _ in range(1 if rng.random() < 0.5 else int(rng.integers(2, 9))):
        x, y, h = rng.uniform(0.11, 0.23), rng.uniform(0.16, 0.31), rng.uniform(0.008, 0.045)
        cover = {"material": Surface.POSTER, "colour": paint(rng)}
        pages = block((x - 0.006, y - 0.01, h - 0.004), (0.004, 0, z + 0.002), colour=(0.65, 0.62, 0.55))
        lids = [block((x, y, 0.002), (0, 0, z + a), **cover) for a in (0, h - 0.002)]
        spine = block((0.003, y, h), (-x / 2, 0, z), **cover)
        parts.append(tilted(join(pages, *lids, spine), yaw=rng.normal(0, 0.25)))
        z += h
    return join(*parts)


def upright_books(rng: Rng, length: float, height: float, depth: float) -> Mesh:
    """A row of books along x from 0, with their spines at y = 0 and the rest behind, some gaps."""
    count = max(int(length / 0.03), 1)
    thick = rng.uniform(0.010, 0.05, count)
    end = np.cumsum(thick + (rng.random(count) < 0.04) * 0.12)
    keep = end < length
    end, thick = end[keep], thick[keep]
    count = len(end)
    tall = np.minimum(rng.uniform(0.55, 0.98, count) * min(height, 0.34), height - 0.01)
    back = rng.uniform(0, 0.04, count)
    low = np.stack([end - thick, back, 0 * end], axis=1)
    high = np.stack([end - 0.0008, np.minimum(back + rng.uniform(0.12, 0.22, count), depth), tall], axis=1)
    return crates(low, high, Surface.POSTER, paint(rng, count) if count else (0.5, 0.5, 0.5))


def toy_ball(rng: Rng) -> Mesh:
    """Ball or fruit."""
    r = rng.uniform(0.02, 0.11)
    if rng.random() < 0.5:
        r = min(r, 0.05)
        return ball((r, r, r * rng.uniform(0.85, 1)), (0, 0, r * 0.97), 10, 16, colour=fruit(rng))
    return ball(r, (0, 0, r * 0.97), 10, 16, colour=paint(rng))


def banana(rng: Rng) -> Mesh:
    """Bent tapering tube: bananas, hooks, handles."""
    t = np.linspace(-1, 1, 9) * rng.uniform(0.5, 0.9)
    reach = rng.uniform(0.08, 0.14)
    line = np.stack([np.sin(t) * reach, np.cos(t) * reach - reach, 0 * t], axis=1)
    r = 0.018 * np.sqrt(np.clip(1.02 - (t / t[-1]) ** 2, 0.02, 1))
    count = int(rng.integers(1, 4))
    one = tube(line, r, 8, colour=(0.62, 0.45, 0.04) if rng.random() < 0.7 else paint(rng))
    return landed(join(*(tilted(one, 0.5 * i).at(0, 0.02 * i) for i in range(count))))


def teddy(rng: Rng) -> Mesh:
    """Soft toy made of balls."""
    s = rng.uniform(0.08, 0.22)
    look = {"material": Surface.FABRIC, "colour": cloth(rng)}
    spots = [
        ((0, 0, 0.42), 0.40, 0.42),
        ((0, 0, 1.02), 0.3, 0.28),
        ((0.22, 0, 1.25), 0.1, 0.1),
        ((-0.22, 0, 1.25), 0.1, 0.1),
        ((0.34, 0.12, 0.62), 0.13, 0.24),
        ((-0.34, 0.12, 0.62), 0.13, 0.24),
        ((0.22, 0.38, 0.14), 0.15, 0.14),
        ((-0.22, 0.38, 0.14), 0.15, 0.14),
        ((0, 0.27, 0.98), 0.1, 0.08),
    ]
    parts = [ball((s * a, s * a, s * b), np.array(c) * s, 7, 10, **look) for c, a, b in spots]
    return join(*parts)


def blocks(rng: Rng) -> Mesh:
    """Heap of toy bricks, some stacked."""
    count = int(rng.integers(3, 14))
    size = one_of(rng, (0.02, 0.03, 0.045))
    shape = size * rng.integers(1, 4, (count, 2)) * (1, 0.5)
    centre = rng.normal(0, size * 2.2, (count, 2))
    level = np.floor(np.maximum(2.2 - np.hypot(*centre.T) / size, 0)) * size
    low = np.concatenate([centre - shape / 2, level[:, None]], axis=1)
    high = np.concatenate([centre + shape / 2, level[:, None] + size], axis=1)
    return crates(low, high, Surface.PLAIN, paint(rng, count))


def paper(rng: Rng) -> Mesh:
    """Sheets of paper, flat, curled or crumpled."""
    if rng.random() < 0.3:
        mesh = ball(rng.uniform(0.02, 0.045), (0, 0, 0), 6, 9, colour=(0.7, 0.7, 0.68))
        noise = rng.normal(0, 0.006, mesh.triangles.shape[0] // 3)
        mesh.triangles += np.resize(noise, mesh.triangles.shape[:1])[:, None, None].astype(np.float32)
        return landed(Mesh.of(mesh.triangles, Surface.PLAIN, mesh.colour))
    parts = []
    for i in range(int(rng.integers(1, 5))):
        x, y = np.meshgrid(np.linspace(-0.105, 0.105, 6), np.linspace(-0.148, 0.148, 6))
        curl = rng.uniform(0, 0.04) * (rng.random() < 0.5)
        z = 0.001 + 0.0012 * i + curl * np.clip((x + y) * 4 * rng.choice([-1, 1]), 0, 1) ** 2
        mesh = sheet(np.stack([x, y, z], axis=2), Surface.POSTER, (0.72, 0.72, 0.7))
        parts.append(tilted(mesh, yaw=rng.normal(0, 0.4)).at(*rng.normal(0, 0.02, 2)))
    return join(*parts)


def solid(rng: Rng) -> Mesh:
    """A plain solid of any kind: prism, pyramid, cone, toroid, half ball."""
    s, kind = rng.uniform(0.02, 0.09), rng.integers(5)
    look = {"material": one_of(rng, (Surface.PLAIN, Surface.WOOD, Surface.METAL)), "colour": paint(rng)}
    sides = int(rng.integers(3, 9))
    angle = np.arange(sides) * 2 * np.pi / sides
    outline = np.stack([np.cos(angle), np.sin(angle)], axis=1) * s
    if kind == 0:
        return prism(outline, 0, s * rng.uniform(0.3, 3), **look)
    if kind == 1:
        return spun([(s, 0), (1e-3, s * rng.uniform(0.8, 2.5))], int(rng.choice([4, 20])), **look)
    if kind == 2:
        thick = s * rng.uniform(0.15, 0.4)
        flat = ring(s, thick, 1, 22, 10, **look)
        return landed(tilted(flat, np.pi / 2)) if rng.random() < 0.2 else flat.at(0, 0, thick)
    if kind == 3:
        t = np.linspace(0, np.pi / 2, 7)
        return spun([(0, 0), *zip(s * np.cos(t), s * np.sin(t), strict=True)], 18, **look)
    return drum(s * rng.uniform(0.3, 1), 0, s * rng.uniform(0.3, 3), 20, **look)


def phone(rng: Rng) -> Mesh:
    """Phone, tablet or remote control lying flat, or a device standing."""
    x, y, z = rng.uniform(0.05, 0.09), rng.uniform(0.12, 0.2), rng.uniform(0.007, 0.02)
    body = block((x, y, z), colour=CHARCOAL if rng.random() < 0.7 else paint(rng))
    glass = block((x * 0.92, y * 0.92, 0.0006), (0, 0, z), Surface.SCREEN, (0.3, 0.35, 0.4))
    return join(body, glass)


TABLEWARE = (cup, cup, bowl, plate, bottle, can, vase, toy_ball, banana, basket)
STATIONERY = (book, book, paper, cup, phone, can, carton, basket)
TOYS = (toy_ball, teddy, blocks, solid, solid, carton, book)
STORES = (carton, carton, can, bottle, vase, basket, book, bowl)
EVERYTHING = (
    cup,
    bowl,
    plate,
    bottle,
    can,
    vase,
    carton,
    book,
    toy_ball,
    banana,
    teddy,
    blocks,
    paper,
    basket,
    solid,
    solid,
    phone,
)
