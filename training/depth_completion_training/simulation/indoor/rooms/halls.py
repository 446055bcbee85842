"""Storage halls."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, boxes, join

from ...surface import Surface
from ..objects.fixtures import ceiling_lamp, pipes
from ..objects.people import person
from ..objects.small import carton
from ..objects.storage import heavy_rack, ladder, loaded_pallet, metal_rack
from ..palette import STEEL, frame, metal, one_of, paint
from ..solids import bar, block, drum, spun, tilted
from .plan import Brief
from .site import Site

Rng = np.random.Generator


def warehouse(rng: Rng) -> Site:
    """Pallet racks in rows, pallets, trucks, pillars, roof girders."""
    high = rng.uniform(3.6, 8.0)
    brief = Brief(
        (9.0, 26.0), (8.0, 18.0), (high, high), "bare", doors=(1, 3), windows=(0, 2), odd=0.25, attic=0.0
    )
    site = Site(rng, brief, 5)
    low, top = site.room.outline.min(axis=0), site.room.outline.max(axis=0)
    levels, bays = rng.uniform(2.2, min(high - 0.6, 5.5)), max(int((top[0] - low[0] - 4.0) / 2.7), 1)
    if site.chance(0.8):
        for y in np.arange(low[1] + rng.uniform(0.3, 2.0), top[1] - 1.4, rng.uniform(2.4, 4.5)):
            start = low[0] + 1.0 + 1.35
            for k in range(bays):
                if site.chance(0.8):
                    site.floor.claim(heavy_rack(rng, 1, levels).at(start + 2.79 * k, y, 0, 0))
    for _ in site.times(3, 10):
        site.to_walls(one_of(rng, (_pallet_at_wall, metal_rack, ladder, _pallet_at_wall)))
    for _ in site.times(4, 14):
        site.about(
            one_of(rng, (loaded_pallet, loaded_pallet, fork_truck, hand_truck, drums, cone, traffic_barrier))
        )
    _girders(site, low, top, high)
    for _ in site.times(0, 3):
        edge = int(rng.integers(4))
        site.floor.claim(site.room.at_wall(pipes(rng, site.room.edge(edge)[2] - 0.1, high), edge, 0.05))
    site.litter(1, 8, (lambda r: carton(r, 0.2, 0.6), cone))
    for _ in site.times(4, 10):
        mesh, below = ceiling_lamp(rng, high * 0.35)
        place = site.floor.hang(mesh)
        if place is not None:
            site.lamps.append(place - (0, 0, below))
    site.light(1, 1)
    site.people(0.6, 3)
    return site


def _pallet_at_wall(rng: Rng) -> Mesh:
    return loaded_pallet(rng).at(0, 0.42)


def _girders(site: Site, low, top, high: float) -> None:
    """Lattice girders below the roof, and pillars."""
    steel = {"material": Surface.METAL, "colour": metal(site.rng)}
    step, deep = site.rng.uniform(3.0, 5.5), site.rng.uniform(0.3, 0.6)
    for x in np.arange(low[0] + step / 2, top[0], step):
        y = np.arange(low[1], top[1], 0.8)
        for z in (high - 0.06, high - deep):
            site.loose.append(boxes([x - 0.05, low[1], z - 0.06], [x + 0.05, top[1], z], **steel))
        for i, v in enumerate(y[:-1]):
            a, b = (high - 0.08, high - deep) if i % 2 else (high - deep, high - 0.08)
            site.loose.append(bar([x, v, a], [x, v + 0.8, b], 0.02, 4, **steel))
        if site.chance(0.4):
            size = site.rng.uniform(0.2, 0.4)
            pillar = block((size, size, high - deep), (0, 0, 0), Surface.CONCRETE, (0.4, 0.4, 0.38))
            site.floor.claim(pillar.at(x, (low + (top - low) * site.rng.uniform(0.3, 0.7))[1]))


def fork_truck(rng: Rng) -> Mesh:
    """Fork lift truck, facing y."""
    look = {
        "material": Surface.PAINT,
        "colour": one_of(rng, ((0.6, 0.4, 0.02), (0.55, 0.05, 0.03), (0.05, 0.2, 0.4))),
    }
    dark = {"material": Surface.RUBBER, "colour": (0.02, 0.02, 0.02)}
    parts = [
        boxes([-0.5, -1.0, 0.15], [0.5, 0.5, 0.8], **look),
        boxes([-0.48, -1.0, 0.8], [0.48, -0.55, 1.05], **look),
    ]
    for x in (-0.48, 0.48):
        for y in (-0.75, 0.35):
            parts.append(tilted(drum(0.25, -0.08, 0.08, 18, **dark), 0, np.pi / 2).at(x, y, 0.25))
        parts.append(bar([x * 0.92, -0.85, 0.8], [x * 0.85, -0.6, 2.05], 0.03, 5, **dark))
        parts.append(bar([x * 0.92, 0.45, 0.8], [x * 0.85, 0.2, 2.05], 0.03, 5, **dark))
        parts.append(boxes([x * 0.6 - 0.05, 0.52, 0.1], [x * 0.6 + 0.05, 0.6, rng.uniform(1.9, 2.3)], **dark))
    fork = rng.uniform(0.05, 1.0)
    for x in (-0.25, 0.25):
        parts.append(boxes([x - 0.06, 0.6, fork], [x + 0.06, 1.65, fork + 0.05], Surface.METAL, STEEL))
    parts.append(boxes([-0.45, 0.6, fork], [0.45, 0.65, fork + 0.6], **dark))
    bars = np.linspace(-0.55, 0.15, 6)
    parts += [boxes([-0.43, y, 2.03], [0.43, y + 0.04, 2.07], **dark) for y in bars]
    if rng.random() < 0.5:
        parts.append(person(rng, "sit").at(0, -0.4, 0.45))
    if rng.random() < 0.4:
        parts.append(loaded_pallet(rng, 1.0).at(0, 1.1, fork + 0.03))
    return join(*parts)


def hand_truck(rng: Rng) -> Mesh:
    """Pallet jack or trolley, facing y."""
    look = {"material": Surface.PAINT, "colour": paint(rng)}
    if rng.random() < 0.5:
        forks = [boxes([s * 0.19 - 0.08, 0, 0.04], [s * 0.19 + 0.08, 1.15, 0.1], **look) for s in (-1, 1)]
        handle = bar([0, -0.2, 0.2], [0, -0.5, 1.2], 0.02, 6, **look)
        grip = bar([-0.15, -0.5, 1.2], [0.15, -0.5, 1.2], 0.015, 6, **look)
        return join(*forks, boxes([-0.25, -0.25, 0.05], [0.25, 0, 0.4], **look), handle, grip)
    deck = boxes([-0.3, -0.45, 0.16], [0.3, 0.45, 0.2], **look)
    wheels = [
        tilted(drum(0.07, -0.02, 0.02, 12, colour=(0.03,) * 3), 0, np.pi / 2).at(x, y, 0.07)
        for x in (-0.25, 0.25)
        for y in (-0.35, 0.35)
    ]
    rail = [
        bar([-0.28, -0.44, 0.2], [-0.28, -0.48, 0.95], 0.015, 6, **look),
        bar([0.28, -0.44, 0.2], [0.28, -0.48, 0.95], 0.015, 6, **look),
        bar([-0.28, -0.48, 0.95], [0.28, -0.48, 0.95], 0.015, 6, **look),
    ]
    load = [carton(rng, 0.2, 0.45).at(0, rng.uniform(-0.15, 0.15), 0.2)]
    return join(deck, *wheels, *rail, *load)


def drums(rng: Rng) -> Mesh:
    """Barrels in a group."""
    parts = []
    for i in range(int(rng.integers(1, 5))):
        shape = [
            (0, 0),
            (0.29, 0),
            (0.29, 0.02),
            (0.30, 0.3),
            (0.29, 0.31),
            (0.30, 0.6),
            (0.29, 0.61),
            (0.29, 0.88),
            (0, 0.88),
        ]
        parts.append(spun(shape, 22, Surface.PAINT, paint(rng)).at((i % 2) * 0.63, (i // 2) * 0.63))
    return join(*parts)


def cone(rng: Rng) -> Mesh:
    """Traffic cone with a white band."""
    h = rng.uniform(0.3, 0.75)
    orange = {"material": Surface.PLAIN, "colour": (0.7, 0.15, 0.03)}
    body = spun([(0.35 * h * 0.55, 0.03), (0.03, h)], 16, **orange)
    band = spun(
        [(0.13 * h + 0.006, h * 0.45), (0.085 * h + 0.004, h * 0.65)], 16, Surface.REFLECTOR, (0.75,) * 3
    )
    return join(block((h * 0.5, h * 0.5, 0.03), **orange), body, band)


def traffic_barrier(rng: Rng) -> Mesh:
    """Striped barrier on two feet, or a guard rail."""
    wide, parts = rng.uniform(1.0, 2.2), []
    count = int(wide / 0.2)
    x = np.linspace(-wide / 2, wide / 2, count + 1)
    for i in range(count):
        colour = (0.6, 0.04, 0.03) if i % 2 else (0.72, 0.72, 0.7)
        parts.append(boxes([x[i], -0.02, 0.8], [x[i + 1], 0.02, 1.0], Surface.PAINT, colour))
    for s in (-0.42, 0.42):
        parts.append(bar([s * wide, -0.25, 0], [s * wide, 0, 0.9], 0.02, 5, **frame(rng)))
        parts.append(bar([s * wide, 0.25, 0], [s * wide, 0, 0.9], 0.02, 5, **frame(rng)))
    return join(*parts)
