"""Stairwells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, boxes, copies, join, rectangles

from ...surface import Surface
from ..objects.people import person
from ..objects.plants import plant
from ..palette import finish, frame, one_of, wood
from ..solids import bar
from .plan import Brief
from .site import Site

Rng = np.random.Generator


@dataclass(frozen=True)
class _Stairs:
    """Measures and looks: `rise` of a storey, `wide` and `run` of a flight, `high` of the room, metres."""

    storeys: int
    rise: float
    wide: float
    run: float
    steps: int
    high: float
    solid: bool
    tread: dict
    rail: dict


def stairwell(rng: Rng) -> Site:
    """A tall room with flights of steps, landings and railings."""
    stairs = _random_stairs(rng)
    wide, run, high = stairs.wide, stairs.run, stairs.high
    kind = one_of(rng, ("bare", "office", "home"))
    brief = Brief((2 * wide + 0.2, 2 * wide + 0.9), (run + 3.2, run + 4.6), (high, high), kind,
                  doors=(1, 3), windows=(0, 2), odd=0.0, attic=0.0)  # fmt: skip
    site = Site(rng, brief, 3)
    x1, y1 = site.room.outline.max(axis=0)
    start = y1 - run - wide - 0.1
    for storey in range(stairs.storeys):
        _build_storey(site, stairs, x1, y1, start, storey * stairs.rise)
    site.stands = site.stands * 3
    site.floor.spots = [np.array([x1 * rng.uniform(0.35, 0.65), start * 0.5]) for _ in range(3)]
    site.lamps.append(np.array([x1 / 2, start / 2, min(stairs.rise, high) - 0.4]))
    if site.chance(0.4):
        site.floor.along_wall(plant(rng, 0.8), corner=1.0)
    if site.chance(0.3):
        site.floor.parts.append(person(rng, "walk").at(wide * 0.5, start + run / 2, stairs.rise / 4))
    site.dress_walls((0, 5))
    site.litter(0, 2)
    return site


def _random_stairs(rng: Rng) -> _Stairs:
    storeys, rise, steps = int(rng.integers(1, 4)), rng.uniform(2.6, 3.4), int(rng.integers(7, 11))
    treads = (
        {"material": Surface.CONCRETE, "colour": (0.42, 0.41, 0.39)},
        {"material": Surface.WOOD, "colour": wood(rng)},
        {"material": Surface.TILES, "colour": (0.5, 0.48, 0.45)},
        finish(rng),
    )
    return _Stairs(
        storeys, rise, rng.uniform(1.0, 1.5), rng.uniform(0.25, 0.3) * steps, steps,
        storeys * rise + rng.uniform(1.2, 2.6), bool(rng.random() < 0.5), one_of(rng, treads), frame(rng),
    )  # fmt: skip


def _build_storey(site: Site, stairs: _Stairs, x1: float, y1: float, start: float, z: float) -> None:
    """Two flights with a landing between them, and the floor above, in a room from the origin to (x1, y1)."""
    rng, wide, half, above = site.rng, stairs.wide, z + stairs.rise / 2, z + stairs.rise
    up, back = (_flight(stairs) for _ in range(2))
    site.floor.parts += [
        up.at(wide / 2, start, z),
        back.at(x1 - wide / 2, start + stairs.run, half, np.pi),
        boxes([0, start + stairs.run, half - 0.18], [x1, y1, half], **stairs.tread),
    ]
    site.stands.append((rng.uniform(0.6, x1 - 0.6), y1 - wide / 2, half, rng.normal(-np.pi / 2, 0.4)))
    site.lamps.append(np.array([x1 / 2, y1 - wide / 2, above + 0.3]))
    if above < (stairs.storeys - 0.5) * stairs.rise or site.chance(0.4):
        site.floor.parts.append(boxes([0, 0, above - 0.18], [x1, start, above], **stairs.tread))
        site.floor.parts.append(_rails(wide, x1 - 0.05, start - 0.03, above, stairs.rail))
        site.lamps.append(np.array([x1 / 2, start / 2, above - 0.3]))
        if stairs.high - above > 2.2:
            site.stands.append((x1 / 2, start / 2, above, rng.normal(np.pi / 2, 0.7)))


def _flight(stairs: _Stairs) -> Mesh:
    """Steps that go up along y from the origin by half a storey, with a railing at both sides."""
    wide, run, rise, rail, tread = stairs.wide, stairs.run, stairs.rise / 2, stairs.rail, stairs.tread
    i = np.arange(stairs.steps)
    zero, going, step = 0.0 * i, run / stairs.steps, rise / stairs.steps
    thick = step if stairs.solid else 0.05
    low = np.stack([zero - wide / 2, i * going - 0.02, (i + 1) * step - thick], axis=1)
    parts = [boxes(low, np.stack([zero + wide / 2, (i + 1) * going, (i + 1) * step], axis=1), **tread)]
    if stairs.solid:
        parts.append(rectangles([-wide / 2, 0, -0.16], [wide, 0, 0], [0, run, rise], **tread))
    y = np.arange(0.08, run, 0.13)
    for side in (-1, 1):
        x = side * (wide / 2 - 0.03)
        cheek = rectangles([x, 0, -0.1], [0, run, rise], [0, 0, 0.25], **rail)
        if stairs.solid:
            cheek = rectangles([side * wide / 2, 0, -0.16], [0, run, rise], [0, 0, 0.2], **tread)
        baluster = bar([x, 0, 0], [x, 0, 0.95], 0.009, 5, **rail)
        parts += [cheek, bar([x, 0, 0.95], [x, run, rise + 0.95], 0.022, 8, **rail)]
        parts.append(copies(baluster, np.stack([0 * y, y, y / run * rise], axis=1)))
    return join(*parts)


def _rails(x0: float, x1: float, y: float, z: float, rail: dict) -> Mesh:
    """A railing of bars along x."""
    x = np.arange(x0 + 0.05, x1, 0.13)
    bars = copies(bar([0, y, z], [0, y, z + 0.95], 0.009, 5, **rail), np.stack([x, 0 * x, 0 * x], axis=1))
    return join(bar([x0, y, z + 0.95], [x1, y, z + 0.95], 0.022, 8, **rail), bars)
