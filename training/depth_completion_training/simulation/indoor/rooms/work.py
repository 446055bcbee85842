"""Rooms for work: office, class room, corridor, laboratory and workshop."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, join

from ..layout import scatter
from ..objects.benches import (
    bin_,
    gas_bottles,
    lockers,
    machine,
    meeting,
    partition,
    printer,
    tool_wall,
    work_bench,
)
from ..objects.fixtures import board, cable_run, coat_rack, pipes
from ..objects.people import person
from ..objects.plants import plant
from ..objects.seats import bench, chair, stool
from ..objects.small import EVERYTHING, STATIONERY, STORES, carton
from ..objects.storage import bookcase, cupboard, ladder, metal_rack
from ..objects.tools import TOOLS
from ..palette import finish, frame, one_of
from ..solids import block, legs
from .homes import workplace
from .plan import Brief
from .site import Site

Rng = np.random.Generator


def office(rng: Rng) -> Site:
    """Desks with screens, partitions, shelves, boards."""
    brief = Brief((3.5, 10.0), (3.2, 8.0), (2.4, 3.2), "office", windows=(0, 3), attic=0.02)
    site = Site(rng, brief)
    if site.chance(0.5):
        _desk_islands(site)
    for _ in site.times(4, 10):
        site.to_walls(one_of(rng, (workplace, workplace, workplace, bookcase, cupboard, metal_rack, printer)))
    for _ in site.times(1, 6):
        site.about(one_of(rng, (partition, plant, chair, bin_, carton, meeting)))
    site.to_walls(plant, bin_, corner=0.9)
    site.dress_walls((0, 3), (board,))
    if site.chance(0.3):
        site.floor.along_wall(coat_rack(rng), z=1.7, corner=0.0)
    return _work_end(site, 2, 5)


def _desk_islands(site: Site) -> None:
    """Pairs of desks face to face in rows."""
    rng = site.rng
    low, high = site.room.outline.min(axis=0), site.room.outline.max(axis=0)
    wide, turn = rng.uniform(1.2, 1.6), rng.random() < 0.5
    step = np.array([wide + 0.05, 4.0])[:: -1 if turn else 1]
    start = low + rng.uniform(0.9, 1.5, 2) + step * 0.3
    for x in np.arange(start[0], high[0] - 1.0, step[0]):
        for y in np.arange(start[1], high[1] - 1.0, step[1]):
            for side in (0, np.pi):
                mesh = workplace(rng, wide)
                site.floor.claim(mesh.at(0, 0.02).at(x, y, 0, side + (np.pi / 2 if turn else 0)))
    if site.chance(0.4):
        site.about(partition)


def class_room(rng: Rng) -> Site:
    """Rows of tables with chairs, a board, a desk in front."""
    brief = Brief(
        (6.0, 10.0), (5.0, 8.0), (2.7, 3.6), "office", doors=(1, 2), windows=(1, 4), odd=0.1, attic=0.0
    )
    site = Site(rng, brief, 3)
    room, one_kind = site.room, int(rng.integers(2**31))
    (x0, y0), (x1, y1) = room.outline.min(axis=0), room.outline.max(axis=0)
    site.floor.claim(room.at_wall(board(rng), 3, (y1 - y0) / 2, 1.5))
    site.floor.claim(workplace(rng).at(x0 + 1.9, (y0 + y1) / 2 + rng.normal(0, 0.8), 0, np.pi / 2))
    look, under = finish(rng), frame(rng)
    wide = one_of(rng, (0.7, 1.3))
    for x in np.arange(x0 + 3.0, x1 - 0.8, rng.uniform(1.25, 1.6)):
        for y in np.arange(y0 + 0.9, y1 - 0.6, wide + rng.uniform(0.15, 0.5)):
            if site.chance(0.9):
                seat = np.random.default_rng(one_kind)
                mesh = _school_desk(rng, wide, chair, seat, look, under)
                site.floor.claim(mesh.at(x, y, 0, np.pi / 2 + rng.normal(0, 0.05)))
    for _ in site.times(1, 4):
        site.to_walls(one_of(rng, (bookcase, cupboard, plant, metal_rack, bench)))
    site.dress_walls((2, 8), (board,))
    return _work_end(site, 3, 8)


def _school_desk(rng: Rng, wide: float, seat, seat_rng: Rng, look: dict, under: dict) -> Mesh:
    """A table with one or two chairs behind it, facing y."""
    z, deep = 0.72, 0.5
    parts = [
        block((wide, deep, 0.025), (0, 0, z), **look),
        legs(wide / 2 - 0.04, deep / 2 - 0.04, z, 0.028, **under),
    ]
    count = 1 if wide < 1 else 2
    one = seat(seat_rng)
    for u in (np.arange(count) - (count - 1) / 2) * wide / 2:
        place = (u, -deep / 2 - rng.uniform(0.05, 0.35), 0, rng.normal(0, 0.2))
        parts.append(one.at(*place))
        if rng.random() < 0.1:
            parts.append(person(rng, "sit").at(*place))
    parts += scatter(
        rng, (-wide * 0.46, -0.22, wide * 0.46, 0.22), z + 0.025, STATIONERY, int(rng.integers(0, 4))
    )
    return join(*parts)


def corridor(rng: Rng) -> Site:
    """A long narrow room with many doors."""
    brief = Brief(
        (7.0, 25.0),
        (1.5, 2.8),
        (2.3, 3.2),
        one_of(rng, ("office", "home", "bare", "wet")),
        doors=(4, 9),
        windows=(0, 2),
        odd=0.45,
        attic=0.0,
    )
    site = Site(rng, brief, 4)
    for _ in site.times(2, 10):
        site.to_walls(
            one_of(rng, (bench, cupboard, plant, lockers, metal_rack, bin_, chair, printer)), gap=0.02
        )
    site.dress_walls((1, 8), tuple(board for _ in site.times(0, 1)))
    for _ in site.times(0, 2):
        edge = int(np.argmax([site.room.edge(i)[2] for i in range(len(site.room.outline))]))
        length = site.room.edge(edge)[2]
        site.floor.claim(site.room.at_wall(pipes(rng, length - 0.1, site.room.height), edge, 0.05))
    site.litter(0, 3)
    return _work_end(site, 3, 7, people=0.5)


def laboratory(rng: Rng) -> Site:
    """Benches crowded with devices and tools, racks, cables, pipes."""
    brief = Brief(
        (4.0, 9.0), (3.5, 7.0), (2.5, 3.8), one_of(rng, ("bare", "office", "wet")), windows=(0, 2), attic=0.05
    )
    site = Site(rng, brief)
    for _ in site.times(2, 4):
        site.to_walls(work_bench)
    for _ in site.times(0, 2):
        site.about(work_bench, square=0.9)
    for _ in site.times(2, 5):
        site.to_walls(one_of(rng, (metal_rack, metal_rack, cupboard, machine, bookcase, gas_bottles, ladder)))
    for _ in site.times(2, 8):
        site.about(one_of(rng, (stool, machine, bin_, carton, stool, chair)))
    if site.chance(0.7):
        site.floor.claim(site.room.at_wall(pipes(rng, site.room.edge(0)[2] - 0.1, site.room.height), 0, 0.05))
    low, high = site.room.outline.min(axis=0), site.room.outline.max(axis=0)
    for _ in site.times(0, 4):
        a, b = rng.uniform(low, high, (2, 2))
        if site.room.inside(np.linspace(a, b, 9)).all():
            z = site.room.height - 0.02
            site.loose.append(cable_run(rng, (*a, z), (*b, z), rng.uniform(0.05, 0.4)))
    site.dress_walls((0, 3), (tool_wall, board))
    site.litter(2, 12, (*TOOLS, *STORES, carton))
    return _work_end(site, 2, 4)


def _work_end(site: Site, least: int, most: int, people: float = 0.35) -> Site:
    site.light(least, most)
    site.people(people, 3)
    site.litter(0, 3, (carton, *EVERYTHING))
    return site
