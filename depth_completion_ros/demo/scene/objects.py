"""Cars, people, trees and street furniture, each standing on z = 0 and facing x."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from .mesh import Material, Mesh, body, boxes, join, loft, rectangles, tube

CAR_COLOURS = (
    (0.55, 0.56, 0.58), (0.02, 0.02, 0.025), (0.40, 0.015, 0.02), (0.02, 0.06, 0.22),
    (0.70, 0.70, 0.68), (0.13, 0.14, 0.15), (0.03, 0.11, 0.08), (0.45, 0.33, 0.16),
)  # fmt: skip
CLOTHES = ((0.05, 0.07, 0.16), (0.35, 0.05, 0.05), (0.10, 0.10, 0.10), (0.5, 0.48, 0.42),
           (0.07, 0.16, 0.09), (0.55, 0.36, 0.08))  # fmt: skip
SKIN = (0.45, 0.27, 0.19)
DARK = (0.015, 0.015, 0.016)
STEEL = (0.28, 0.29, 0.30)

# Rows of (height, half length, half width, shift forward), metres.
HULLS = {
    "hatchback": (
        ((0.20, 1.86, 0.76, 0.0), (0.34, 1.97, 0.84, 0.0), (0.58, 2.00, 0.87, 0.0),
         (0.74, 1.96, 0.87, -0.02), (0.88, 1.84, 0.83, -0.10), (0.95, 1.70, 0.78, -0.16)),
        ((0.93, 1.52, 0.77, -0.40), (1.20, 1.27, 0.70, -0.48), (1.40, 1.05, 0.62, -0.55),
         (1.46, 0.88, 0.54, -0.58)),
    ),
    "saloon": (
        ((0.20, 2.12, 0.78, 0.0), (0.34, 2.25, 0.86, 0.0), (0.58, 2.28, 0.89, 0.0),
         (0.74, 2.25, 0.89, -0.02), (0.86, 2.15, 0.86, -0.05), (0.93, 2.02, 0.80, -0.08)),
        ((0.91, 1.42, 0.79, -0.30), (1.16, 1.12, 0.71, -0.30), (1.36, 0.84, 0.63, -0.30),
         (1.42, 0.66, 0.54, -0.30)),
    ),
    "van": (
        ((0.24, 2.32, 0.86, 0.0), (0.40, 2.42, 0.94, 0.0), (0.70, 2.44, 0.96, 0.0),
         (0.95, 2.38, 0.96, -0.05), (1.08, 2.24, 0.94, -0.16)),
        ((1.06, 2.20, 0.93, -0.20), (1.45, 2.00, 0.90, -0.38), (1.80, 1.82, 0.85, -0.52),
         (1.92, 1.70, 0.76, -0.58)),
    ),
}  # fmt: skip


def car(kind: str, colour) -> Mesh:
    """A car of the given kind and paint, 4 to 5 m long."""
    mesh, painted = _car(kind)
    paint = np.where(painted[:, None], np.asarray(colour, np.float32), mesh.colour)
    return replace(mesh, colour=paint)


@cache
def _car(kind: str) -> tuple[Mesh, np.ndarray]:
    """A car, and which of its triangles carry its paint."""
    hull, cabin = HULLS[kind]
    half_length, half_width = hull[2][1], hull[2][2]
    mirror_x = cabin[0][1] * 0.62 + cabin[0][3]
    paint: dict[str, Any] = {"material": Material.PAINT, "colour": (1.0, 1.0, 1.0)}
    parts = [body(hull, 0.38, 40, **paint), _cabin(cabin, 40, kind == "van", **paint)]
    axle, radius = 0.63 * half_length, 0.31 if kind != "van" else 0.35
    parts += [_wheel(x, y * (half_width - 0.09), radius) for x in (axle, -axle) for y in (1, -1)]
    for side in (-1, 1):
        y = side * 0.60 * half_width
        parts.append(_patch(half_length * 0.975, y, 0.66, 0.15, 0.065, (0.75, 0.75, 0.70)))
        parts.append(_patch(-half_length * 0.975, y, 0.72, 0.14, 0.09, (0.35, 0.01, 0.01)))
        y = side * (cabin[0][2] + 0.08)
        parts.append(boxes([mirror_x, y - 0.09, 0.95], [mirror_x + 0.09, y + 0.09, 1.06], **paint))
    parts += [_patch(s * (half_length + 0.005), 0, 0.46, 0.26, 0.055, (0.7, 0.7, 0.66)) for s in (1, -1)]
    parts.append(_patch(half_length * 0.995, 0, 0.58, 0.36, 0.045, DARK, Material.PLAIN))
    mesh = join(*parts)
    return mesh, (mesh.colour == 1.0).all(axis=1)


def _cabin(levels, sides: int, closed_rear: bool, **paint) -> Mesh:
    """Roof and windows: the skin is glass but for pillars, the roof edge and a van's load bay."""
    skin = body(levels, 0.34, sides, **paint)
    centre = skin.triangles[: 2 * sides * (len(levels) - 1)].mean(axis=1)
    row = np.repeat(np.arange(len(levels) - 1), 2 * sides)
    column = np.tile(np.repeat(np.arange(sides), 2), len(levels) - 1)
    angle = (column + 1) * (2 * np.pi / sides)
    turn = np.abs(np.angle(np.exp(1j * angle)))
    pillar = (np.abs(turn - 0.70) < 0.10) | (np.abs(turn - 1.62) < 0.09) | (np.abs(turn - 2.45) < 0.10)
    glass = ~pillar & (row < len(levels) - 2)
    if closed_rear:
        glass &= centre[:, 0] > 0.1
    index = np.flatnonzero(glass)
    skin.material[index] = Material.GLASS
    skin.colour[index] = 0.02
    return skin


def _wheel(x: float, y: float, radius: float) -> Mesh:
    angle = np.arange(20) * (2 * np.pi / 20)
    circle = np.stack([np.cos(angle), np.zeros(20), np.sin(angle)], axis=1)
    centre = np.array([x, y, radius])
    tyre = [centre + circle * radius + (0, side * 0.11, 0) for side in (-1, 1)]
    hub = [centre + circle * radius * 0.62 + (0, side * 0.115, 0) for side in (-1, 1)]
    return join(loft(tyre, Material.RUBBER, DARK), loft(hub, Material.PAINT, (0.32, 0.32, 0.33)))


def _patch(x, y, z, half_width, half_height, colour, material=Material.REFLECTOR) -> Mesh:
    low = [x - 0.03, y - half_width, z - half_height]
    return boxes(low, [x + 0.03, y + half_width, z + half_height], material, colour)


def person_parts(rng: np.random.Generator) -> dict[str, Mesh]:
    """A grown-up: `torso`, and `limb` meshes that hang from a joint at their origin."""
    shirt, trousers = (CLOTHES[i] for i in rng.integers(len(CLOTHES), size=2))
    torso = body(
        [(0.82, 0.11, 0.16, 0), (0.98, 0.12, 0.17, 0), (1.20, 0.13, 0.20, 0), (1.38, 0.12, 0.22, 0),
         (1.47, 0.07, 0.13, 0), (1.50, 0.05, 0.05, 0)], 0.8, colour=shirt,
    )  # fmt: skip
    head = body(
        [(1.48, 0.045, 0.045, 0), (1.55, 0.075, 0.06, 0.01), (1.64, 0.10, 0.08, 0.01),
         (1.72, 0.095, 0.08, 0), (1.77, 0.05, 0.05, -0.01)], colour=SKIN,
    )  # fmt: skip
    hair = body([(1.67, 0.105, 0.088, -0.015), (1.74, 0.095, 0.08, -0.01), (1.785, 0.05, 0.05, -0.01)],
                colour=(0.05, 0.035, 0.02))  # fmt: skip
    leg = join(
        body([(-0.80, 0.055, 0.05, 0), (-0.45, 0.065, 0.06, 0.01), (0.06, 0.10, 0.085, 0)], colour=trousers),
        boxes([-0.09, -0.05, -0.88], [0.17, 0.05, -0.79], Material.RUBBER, DARK),
    )
    arm = join(
        body([(-0.52, 0.035, 0.035, 0.05), (-0.28, 0.04, 0.04, 0.01), (0.05, 0.05, 0.045, 0)], colour=shirt),
        body([(-0.62, 0.02, 0.03, 0.07), (-0.52, 0.04, 0.035, 0.05)], colour=SKIN),
    )
    return {"torso": join(torso, head, hair), "leg": leg, "arm": arm}


def tree(rng: np.random.Generator, height: float, leaves: int, leaf: float = 1.0) -> Mesh:
    """Trunk, branches, and a crown of leaf cards in a few clumps; `leaf` scales the cards."""
    fork = height * 0.36
    bend = rng.normal(0, 0.12, 2)
    trunk = np.array([[0, 0, -0.1], [*bend * 0.4, fork * 0.5], [*bend, fork], [*bend * 1.4, height * 0.7]])
    bark: dict[str, Any] = {"material": Material.BARK, "colour": (0.13, 0.10, 0.075)}
    parts = [tube(trunk, [0.19, 0.15, 0.13, 0.05], **bark)]
    clumps = 8
    angle = np.arange(clumps) * 2.4 + rng.uniform(0, 6)
    reach = height * rng.uniform(0.12, 0.25, clumps)
    tip = np.stack([np.cos(angle) * reach, np.sin(angle) * reach,
                    height * rng.uniform(0.52, 0.88, clumps)], axis=1)  # fmt: skip
    tip[0] = (*bend * 1.4, height * 0.86)
    for end in tip[1:]:
        start = trunk[2] + (trunk[3] - trunk[2]) * rng.uniform(0, 0.7)
        middle = (start + end) / 2 + (0, 0, -0.15)
        parts.append(tube([start, middle, end], [0.07, 0.045, 0.015], 5, **bark))
    radius = height * rng.uniform(0.11, 0.19, clumps)
    owner = rng.integers(clumps, size=leaves)
    outward = _directions(rng, leaves)
    distance = radius[owner] * rng.uniform(0.15, 1.0, leaves) ** 0.4
    position = tip[owner] + outward * distance[:, None] * (1.15, 1.15, 0.85)
    tone = rng.uniform(0.6, 1.25, (leaves, 1)) * np.array(
        [rng.uniform(0.055, 0.095), rng.uniform(0.105, 0.15), 0.03]
    )
    parts.append(cards(rng, position, rng.uniform(0.10, 0.24, leaves) * leaf, outward, tone))
    return join(*parts)


def cards(rng, position, size, outward, colour) -> Mesh:
    """Leaves as loose triangles, shaded by a mix of their own and the crown's normal."""
    count = len(position)
    a = _directions(rng, count)
    b = np.cross(a, _directions(rng, count))
    b /= np.linalg.norm(b, axis=1, keepdims=True) + 1e-9
    s = size[:, None]
    triangles = np.stack([position - a * s, position + a * s, position + b * s * 1.2], axis=1)
    normals = outward + 0.9 * np.cross(a, b)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
    return Mesh.of(triangles, Material.FOLIAGE, colour, np.repeat(normals[:, None], 3, axis=1))


def _directions(rng, count: int) -> np.ndarray:
    v = rng.normal(size=(count, 3))
    return v / np.linalg.norm(v, axis=1, keepdims=True)


def hedge(rng: np.random.Generator, length: float, height: float) -> Mesh:
    """Clipped hedge along x."""
    count = int(length * height * 160)
    core = boxes([0, -0.25, 0], [length, 0.25, height - 0.08], Material.FOLIAGE, (0.025, 0.05, 0.015))
    position = rng.uniform([0, -0.36, 0.02], [length, 0.36, height], (count, 3))
    outward = np.stack([np.zeros(count), np.sign(position[:, 1]), rng.uniform(0, 1.0, count)], axis=1)
    tone = rng.uniform(0.6, 1.3, (count, 1)) * np.array([0.05, 0.10, 0.025])
    return join(core, cards(rng, position, rng.uniform(0.05, 0.10, count), outward, tone))


def railing(length: float, height: float = 1.1, gap: float = 0.14, colour=(0.03, 0.035, 0.04)) -> Mesh:
    """Iron fence of thin bars along x."""
    x = np.arange(0, length, gap)
    zero = np.zeros_like(x)
    bars = boxes(np.stack([x, zero - 0.009, zero], 1), np.stack([x + 0.018, zero + 0.009, zero + height], 1),
                 colour=colour)  # fmt: skip
    posts = np.arange(0, length + 0.01, 2.1)
    zero = np.zeros_like(posts)
    rails = boxes([[0, -0.015, 0.12], [0, -0.015, height - 0.1]],
                  [[length, 0.015, 0.16], [length, 0.015, height - 0.06]], colour=colour)  # fmt: skip
    stakes = boxes(np.stack([posts - 0.03, zero - 0.03, zero], 1),
                   np.stack([posts + 0.03, zero + 0.03, zero + height + 0.08], 1), colour=colour)  # fmt: skip
    return join(bars, rails, stakes)


def lamp() -> Mesh:
    """Street lamp; its arm reaches along x."""
    pole = [[0, 0, 0], [0, 0, 1.0], [0, 0, 1.02], [0, 0, 6.6], [0.35, 0, 7.1], [1.6, 0, 7.3]]
    return join(
        tube(pole, [0.09, 0.09, 0.06, 0.05, 0.04, 0.035], colour=STEEL),
        boxes([1.35, -0.13, 7.25], [2.1, 0.13, 7.36], colour=(0.2, 0.2, 0.21)),
    )


def sign(kind: int) -> Mesh:
    """Traffic sign that faces back along x: 0 no stopping, 1 priority road, 2 parking."""
    pole = tube([[0, 0, 0], [0, 0, 2.7]], 0.03, colour=STEEL)
    face, edge = (((0.02, 0.06, 0.35), (0.5, 0.01, 0.02)), ((0.65, 0.42, 0.01), (0.7, 0.7, 0.7)),
                  ((0.02, 0.08, 0.42), (0.7, 0.7, 0.7)))[kind]  # fmt: skip
    sides, start = ((24, 0.0), (4, 0.0), (4, np.pi / 4))[kind]
    angle = start + np.arange(sides) * (2 * np.pi / sides)
    circle = np.stack([0 * angle, np.cos(angle), np.sin(angle)], axis=1)
    plates = [
        loft([circle * r + (x0, 0, 2.4), circle * r + (x1, 0, 2.4)], Material.REFLECTOR, c)
        for r, x0, x1, c in ((0.33, -0.05, -0.04, edge), (0.27, -0.06, -0.045, face))
    ]
    return join(pole, *plates)


def bollard() -> Mesh:
    """Iron post at the kerb."""
    band = boxes([-0.055, -0.055, 0.72], [0.055, 0.055, 0.78], Material.REFLECTOR, (0.7, 0.7, 0.7))
    return join(body([(0, 0.05, 0.05, 0), (0.9, 0.045, 0.045, 0)], sides=8, colour=(0.06, 0.06, 0.07)), band)


def bin_() -> Mesh:
    """Wheeled bin."""
    return join(
        body([(0.05, 0.24, 0.22, 0), (0.95, 0.33, 0.28, 0)], 0.3, colour=(0.03, 0.035, 0.04)),
        boxes([-0.36, -0.3, 0.95], [0.36, 0.3, 1.03], colour=(0.25, 0.16, 0.01)),
        rectangles([0.331, -0.1, 0.5], [0, 0.2, 0], [0, 0, 0.2], colour=(0.6, 0.6, 0.6)),
    )
