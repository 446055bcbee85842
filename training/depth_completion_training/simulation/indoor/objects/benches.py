"""Objects of offices and workshops: benches, machines, partitions, lockers, meeting tables."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, boxes, join

from ...surface import Surface
from ..layout import scatter
from ..palette import finish, frame, one_of, paint
from ..solids import bar, block, bounds, drum, legs, panel, spun, tilted
from .people import person
from .seats import chair
from .small import EVERYTHING, STATIONERY, STORES, carton
from .tables import bare_table, drawers
from .tools import DEVICES, TOOLS, instrument, monitor

Rng = np.random.Generator


def work_bench(rng: Rng) -> Mesh:
    """A bench with objects all over it, shelves below and above; back at y = 0."""
    x, y, z = rng.uniform(1.2, 2.6), rng.uniform(0.6, 0.9), rng.uniform(0.75, 0.98)
    look, under = finish(rng), frame(rng)
    parts = [
        block((x, y, 0.04), (0, y / 2, z - 0.04), **look),
        legs(x / 2 - 0.04, y / 2 - 0.04, z - 0.04, 0.06, **under).at(0, y / 2),
    ]
    makers = one_of(rng, (TOOLS + DEVICES, DEVICES + STORES, TOOLS + STORES, EVERYTHING + TOOLS))
    parts += scatter(
        rng, (-x * 0.48, 0.02, x * 0.48, y * 0.95), z, makers, int(rng.integers(6, 24)), 0.55, 0.15
    )
    if rng.random() < 0.6:
        parts.append(block((x * 0.94, y * 0.8, 0.02), (0, y / 2, 0.2), **under))
        parts += scatter(
            rng,
            (-x * 0.44, 0.1, x * 0.44, y * 0.85),
            0.22,
            (carton, *STORES),
            int(rng.integers(1, 8)),
            z - 0.3,
        )
    else:
        parts.append(drawers(rng, 0.45, y * 0.85, z - 0.05, 4).at(rng.uniform(-0.3, 0.3) * x, 0))
    if rng.random() < 0.5:
        up = z + rng.uniform(0.5, 0.65)
        parts.append(block((x, 0.3, 0.025), (0, 0.15, up), **look))
        parts += [bar([u * x, 0.02, z], [u * x, 0.02, up + 0.3], 0.015, 5, **under) for u in (-0.49, 0.49)]
        parts += scatter(
            rng,
            (-x * 0.48, 0.02, x * 0.48, 0.29),
            up + 0.025,
            (*STORES, instrument),
            int(rng.integers(2, 9)),
            0.5,
        )
    return join(*parts)


def tool_wall(rng: Rng) -> Mesh:
    """A perforated board with tools hanging on it, its middle at z = 0."""
    wide, high = rng.uniform(0.8, 1.8), rng.uniform(0.5, 1.0)
    parts = [panel(wide, high, 0.02, -high / 2, material=Surface.METAL, colour=paint(rng))]
    for u in np.arange(-wide / 2 + 0.1, wide / 2 - 0.05, 0.14):
        for v in np.arange(-high / 2 + 0.2, high / 2, 0.32):
            if rng.random() < 0.8:
                tool = tilted(one_of(rng, TOOLS[:4])(rng), 0, 0, np.pi / 2)
                tool = tilted(tool, np.pi / 2)
                low, top = bounds(tool)
                parts.append(tool.at(u - (low[0] + top[0]) / 2, 0.022 - low[1], v - (low[2] + top[2]) / 2))
    return join(*parts)


def machine(rng: Rng) -> Mesh:
    """A machine on the floor: cabinet, column, handwheel, screen, pipes; back at y = 0."""
    x, y, z = rng.uniform(0.5, 1.3), rng.uniform(0.5, 0.9), rng.uniform(0.7, 1.1)
    look, steel = {"material": Surface.PAINT, "colour": paint(rng)}, frame(rng)
    parts = [
        boxes([-x / 2, 0, 0.05], [x / 2, y, z], **look),
        boxes([-x / 2 + 0.03, 0.03, 0], [x / 2 - 0.03, y - 0.03, 0.05]),
    ]
    if rng.random() < 0.7:
        top = z + rng.uniform(0.4, 0.9)
        parts.append(boxes([-0.12, 0.05, z], [0.12, 0.3, top], **look))
        parts.append(boxes([-0.16, 0.05, top - 0.1], [0.16, y * 0.8, top + 0.15], **look))
        parts.append(bar([0, y * 0.65, top - 0.1], [0, y * 0.65, top - 0.35], 0.03, 10, **steel))
        parts.append(drum(0.16, z, z + 0.03, 20, **steel).at(0, y * 0.65))
    for _ in range(int(rng.integers(1, 4))):
        u = rng.uniform(-0.35, 0.35) * x
        parts.append(
            panel(
                0.16, 0.12, y + 0.004, rng.uniform(0.3, 0.8) * z, material=Surface.SCREEN, colour=paint(rng)
            ).at(u, 0)
        )
    if rng.random() < 0.4:
        parts.append(monitor(rng).at(x * 0.3, y * 0.3, z))
    return join(*parts)


def gas_bottles(rng: Rng) -> Mesh:
    """Tall gas cylinders at a rail."""
    parts, count = [], int(rng.integers(1, 4))
    for i in range(count):
        r = 0.11
        shape = [(0, 0), (r, 0), (r, 0.02), (r, 1.25), (r * 0.7, 1.4), (0.04, 1.45), (0.04, 1.55), (0, 1.55)]
        parts.append(spun(shape, 18, Surface.PAINT, paint(rng)).at((i - (count - 1) / 2) * 0.26, 0.13))
    parts.append(bar([-count * 0.15, 0.26, 0.9], [count * 0.15, 0.26, 0.9], 0.012, 6, **frame(rng)))
    return join(*parts)


def printer(rng: Rng) -> Mesh:
    """Copying machine or drinks machine; back at y = 0."""
    grey = {
        "material": Surface.PLAIN,
        "colour": one_of(rng, ((0.6, 0.6, 0.58), (0.05,) * 3, (0.3, 0.3, 0.32))),
    }
    if rng.random() < 0.35:
        front = panel(0.5, 1.0, 0.761, 0.7, material=Surface.SCREEN, colour=paint(rng)).at(-0.1, 0)
        return join(
            boxes([-0.45, 0.02, 0.05], [0.45, 0.76, 1.83], **grey),
            front,
            boxes([0.25, 0.76, 0.9], [0.4, 0.78, 1.3]),
        )
    parts = [drawers(rng, 0.6, 0.6, 0.7, 3, 1, **grey), boxes([-0.32, 0.0, 0.85], [0.32, 0.6, 1.05], **grey)]
    parts += [
        boxes([-0.32, 0, 0.7], [-0.05, 0.58, 0.86], **grey),
        boxes([-0.28, 0.02, 1.05], [0.3, 0.45, 1.12], **grey),
    ]
    parts.append(block((0.25, 0.12, 0.02), (0.1, 0.62, 1.03), Surface.SCREEN, (0.3, 0.4, 0.5)))
    return join(*parts)


def partition(rng: Rng) -> Mesh:
    """A screen between desks on two feet."""
    wide, high = rng.uniform(1.0, 2.0), rng.uniform(1.1, 1.7)
    cloth = {"material": Surface.FABRIC, "colour": paint(rng)}
    feet = [block((0.05, 0.4, 0.03), (s * wide * 0.4, 0, 0), **frame(rng)) for s in (-1, 1)]
    return join(boxes([-wide / 2, -0.02, 0.05], [wide / 2, 0.02, high], **cloth), *feet)


def meeting(rng: Rng) -> Mesh:
    """A conference table with chairs around it."""
    x, y = rng.uniform(1.6, 3.0), rng.uniform(0.9, 1.2)
    parts = [
        bare_table(rng, x, y, 0.74),
        *scatter(rng, (-x * 0.4, -y * 0.35, x * 0.4, y * 0.35), 0.74, STATIONERY, 8),
    ]
    kind = int(rng.integers(2**31))
    for u in np.arange(-x / 2 + 0.4, x / 2 - 0.2, 0.7):
        for side in (-1, 1):
            place = (u, side * (y / 2 + rng.uniform(0.05, 0.35)), 0, (side > 0) * np.pi + rng.normal(0, 0.25))
            parts.append(chair(np.random.default_rng(kind)).at(*place))
            if rng.random() < 0.15:
                parts.append(person(rng, "sit").at(*place))
    return join(*parts)


def bin_(rng: Rng) -> Mesh:
    """Waste bin."""
    r, h = rng.uniform(0.12, 0.2), rng.uniform(0.28, 0.6)
    shape = [(r * 0.8, 0), (r, h), (r - 0.008, h), (r * 0.75, 0.02), (0, 0.02)]
    return spun(shape, 20, one_of(rng, (Surface.PLAIN, Surface.METAL)), paint(rng)).at(0, r)


def lockers(rng: Rng) -> Mesh:
    """Lockers."""
    return drawers(
        rng,
        rng.uniform(0.6, 2.0),
        0.5,
        rng.uniform(1.6, 1.95),
        int(rng.integers(1, 4)),
        int(rng.integers(2, 6)),
    )
