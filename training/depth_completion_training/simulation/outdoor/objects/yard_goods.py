"""What lies about in yards: containers, pallets, crates, drums, pipes, racks."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, body, boxes, copies, join, rectangles

from ...surface import Surface
from ..shapes import any_colour, bars, block, disc, pick, tinted

_STEEL = (
    (0.35, 0.06, 0.04),
    (0.03, 0.10, 0.25),
    (0.04, 0.18, 0.12),
    (0.45, 0.25, 0.05),
    (0.4, 0.4, 0.4),
    (0.2, 0.08, 0.05),
)


def container(rng: np.random.Generator, length: float | None = None) -> Mesh:
    """Shipping container with corrugated sides along x, from (0, 0) to (length, 2.44)."""
    length = length or float(rng.choice([6.06, 12.19, 6.06, 2.99]))
    width, high, colour = 2.44, rng.choice([2.59, 2.9]), tinted(rng, pick(rng, _STEEL))
    x = np.arange(0.12, length - 0.12, 0.14)
    deep = np.tile([0.0, 0.0, 0.036, 0.036], len(x))[: len(x)]
    line = np.stack([x, 0.02 + deep, 0 * x + 0.12], axis=1)
    across = np.diff(line, axis=0)
    skin = rectangles(line[:-1], across, [0, 0, high - 0.22], Surface.PAINT, colour)
    other = rectangles(
        line[:-1] * (1, -1, 1) + (0, width, 0),
        across * (1, -1, 1),
        [0, 0, high - 0.22],
        Surface.PAINT,
        colour,
    )
    edge = [0.12, 0.12, 0.12]
    posts = block(
        (np.array([0, 0, length - 0.12, length - 0.12]), np.array([0.12, 0.12, length, length])),
        (np.array([0, width - 0.12] * 2), np.array([0.12, width] * 2)),
        (0, high),
        Surface.PAINT,
        colour * 0.8,
    )
    beams = boxes(
        [[0, 0, 0], [0, 0, high - 0.12]],
        [[length, width, 0.14], [length, width, high]],
        Surface.PAINT,
        colour * 0.85,
    )
    ends = block(
        (np.array([0.03, length - 0.06]), np.array([0.06, length - 0.03])),
        (0.1, width - 0.1),
        (0.1, high - 0.1),
        Surface.PAINT,
        colour,
    )
    y = np.array([0.35, 0.85, 1.55, 2.05])
    foot = np.stack([0 * y - 0.01, y, 0 * y + 0.1], axis=1)
    rods = bars(foot, foot + (0, 0, high - edge[0] - 0.15), 0.02, material=Surface.METAL, colour=(0.4,) * 3)
    return join(skin, other, posts, beams, ends, rods)


def stack(rng: np.random.Generator, high: int, length: float) -> Mesh:
    """Containers of one length on top of each other."""
    parts, z = [], 0.0
    for _ in range(high):
        one = container(rng, length)
        parts.append(one.at(0, 0, z))
        z += float(one.triangles[..., 2].max())
    return join(*parts)


def pallet(rng: np.random.Generator) -> Mesh:
    """A pallet of boards and blocks, 1.2 x 0.8 m about the origin, 0.144 m high."""
    wood = Surface.WOOD, tinted(rng, (0.38, 0.28, 0.17))
    y, x = np.linspace(-0.35, 0.35, 5), np.array([-0.53, 0, 0.53])
    blocks = np.array([[a, b, 0.02] for a in x for b in (-0.35, 0, 0.35)])
    return join(
        block((-0.6, 0.6), (y - 0.05, y + 0.05), (0.122, 0.144), *wood),
        block((x - 0.07, x + 0.07), (-0.4, 0.4), (0.1, 0.122), *wood),
        boxes(blocks - (0.07, 0.05, 0), blocks + (0.07, 0.05, 0.08), *wood),
        block((-0.6, 0.6), (np.array([-0.4, -0.05, 0.3]), np.array([-0.3, 0.05, 0.4])), (0, 0.02), *wood),
    )


def loaded_pallet(rng: np.random.Generator) -> Mesh:
    """A pallet with cartons, sacks, drums, bricks or other pallets."""
    base = pallet(rng)
    kind, z = rng.integers(5), 0.144
    if kind == 0:
        return copies(
            base,
            np.arange(rng.integers(2, 11))[:, None] * [0, 0, 0.145]
            + rng.normal(0, 0.015, (1, 3)) * (1, 1, 0),
        )
    if kind == 1:
        nx, ny, nz = rng.integers(2, 5), rng.integers(2, 4), rng.integers(1, 5)
        size = np.array([1.2 / nx, 0.8 / ny, rng.uniform(0.2, 0.4)])
        at = np.array([[i, j, k] for k in range(nz) for i in range(nx) for j in range(ny)])[
            : rng.integers(2, nx * ny * nz + 1)
        ]
        low = at * size + (-0.6, -0.4, z) + rng.uniform(0, 0.012, (len(at), 3)) * (1, 1, 0)
        return join(
            base, boxes(low, low + size - (0.01, 0.01, 0), Surface.PLAIN, tinted(rng, (0.4, 0.28, 0.17)))
        )
    if kind == 2:
        top = z + rng.uniform(0.5, 1.3)
        return join(
            base,
            body(
                [(z, 0.57, 0.37, 0), (top, 0.58, 0.38, 0), (top + 0.05, 0.5, 0.3, 0)],
                0.15,
                20,
                material=pick(rng, (Surface.FABRIC, Surface.BRICK, Surface.PAINT)),
                colour=any_colour(rng),
            ),
        )
    if kind == 3:
        return join(
            base,
            copies(drum(rng), [[x, y, z] for x in (-0.3, 0.3) for y in (-0.2, 0.2)][: rng.integers(1, 5)]),
        )
    rows = np.array([[0, 0, 0.16 * i] for i in range(rng.integers(2, 7))])
    sack = body(
        [(0, 0.5, 0.33, 0), (0.08, 0.58, 0.38, 0), (0.16, 0.5, 0.33, 0)],
        0.5,
        20,
        material=Surface.CLOTH,
        colour=(0.5, 0.46, 0.38),
    )
    return join(base, copies(sack, rows + (0, 0, z)))


def drum(rng: np.random.Generator) -> Mesh:
    """A barrel."""
    r, h = rng.uniform(0.2, 0.3), rng.uniform(0.6, 0.92)
    rows = [
        (0, r, r, 0),
        (h / 3 - 0.02, r, r, 0),
        (h / 3, r * 1.04, r * 1.04, 0),
        (h / 3 + 0.02, r, r, 0),
        (2 * h / 3, r * 1.03, r * 1.03, 0),
        (h, r, r, 0),
    ]
    return body(rows, 1.0, 16, material=pick(rng, (Surface.PAINT, Surface.PLAIN)), colour=any_colour(rng))


def pipes(rng: np.random.Generator) -> Mesh:
    """A pile of pipes or trunks along x."""
    r, length, rows = rng.uniform(0.06, 0.4), rng.uniform(2, 7), int(rng.integers(1, 5))
    at = np.array(
        [
            [0, (j - (rows - 1 - i) / 2) * 2 * r, r + i * 1.75 * r]
            for i in range(rows)
            for j in range(rows - i)
        ]
    )
    shift = rng.normal(0, 0.1, (len(at), 1)) * [1, 0, 0]
    material, colour = pick(
        rng,
        (
            (Surface.CONCRETE, (0.42, 0.41, 0.4)),
            (Surface.BARK, (0.2, 0.15, 0.1)),
            (Surface.PLAIN, (0.4, 0.12, 0.03)),
        ),
    )
    outside = bars(at + shift, at + shift + (length, 0, 0), r, sides=12, material=material, colour=colour)
    if material == Surface.BARK:
        ends = [
            disc(
                p + s + (x, 0, 0), r * 0.98, 0.01, 12, material=Surface.WOOD, colour=(0.45, 0.33, 0.2)
            ).moved(_cap(p + s + (x, 0, 0)))
            for p, s in zip(at, shift, strict=True)
            for x in (0.0, length - 0.01)
        ]
        return join(outside, *ends)
    return join(
        outside,
        bars(
            at + shift,
            at + shift + (length, 0, 0),
            r * 0.85,
            sides=12,
            material=material,
            colour=np.array(colour) * 0.8,
        ),
    )


def _cap(centre: np.ndarray) -> np.ndarray:
    """Turns what lies about the y axis through a point to lie about the x axis."""
    R = np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1.0]])
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = R, centre - R @ centre
    return T


def rack(rng: np.random.Generator) -> Mesh:
    """Shelves of steel along x with goods."""
    bays, levels, w, d = (
        int(rng.integers(1, 5)),
        int(rng.integers(2, 5)),
        rng.uniform(1.4, 2.8),
        rng.uniform(0.6, 1.1),
    )
    step = rng.uniform(0.7, 1.6)
    x = np.arange(bays + 1) * w
    foot = np.stack([np.tile(x, 2), np.repeat([0.0, d], bays + 1), 0 * np.tile(x, 2)], axis=1)
    z = np.arange(1, levels + 1) * step
    parts = [
        bars(
            foot, foot + (0, 0, levels * step + 0.3), 0.045, material=Surface.METAL, colour=(0.03, 0.1, 0.3)
        ),
        _beams(bays * w, d, z),
    ]
    count = int(rng.integers(2, bays * (levels + 1) * 2))
    size = rng.uniform([0.3, 0.3, 0.2], [0.9, d, step * 0.75], (count, 3))
    low = np.column_stack(
        [rng.uniform(0.05, bays * w - 0.9, count), (d - size[:, 1]) / 2, rng.choice(np.append(0, z), count)]
    )
    parts.append(boxes(low, low + size, pick(rng, (Surface.PLAIN, Surface.WOOD)), any_colour(rng)))
    return join(*parts)


def _beams(length: float, depth: float, z: np.ndarray) -> Mesh:
    zero = 0 * z
    sides = [np.stack([zero, zero + y, z - 0.08], axis=1) for y in (0, depth - 0.05)]
    low = np.concatenate(sides)
    shelf = boxes(
        np.stack([zero, zero, z - 0.02], 1),
        np.stack([zero + length, zero + depth, z], 1),
        Surface.WOOD,
        (0.35, 0.27, 0.17),
    )
    return join(boxes(low, low + (length, 0.05, 0.08), Surface.METAL, (0.5, 0.2, 0.02)), shelf)
