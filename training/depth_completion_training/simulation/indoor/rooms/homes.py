"""Rooms of a home: living room, bedroom, kitchen, bathroom."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, join

from ..layout import scatter
from ..objects.bath import bathtub, shower, sponge, toilet, towel_rail, wash_basin
from ..objects.fixtures import coat_rack, mirror
from ..objects.kitchen import fridge, kitchen_line
from ..objects.people import person
from ..objects.plants import plant
from ..objects.seats import armchair, beanbag, bed, bench, chair, office_chair, sofa, stool
from ..objects.small import TABLEWARE, TOYS, bottle, cup
from ..objects.storage import bookcase, cupboard, ladder
from ..objects.tables import desk, dining_table, drawers, low_table, side_table
from ..objects.tools import television
from ..palette import one_of
from .plan import Brief
from .site import Site

Rng = np.random.Generator


def living_room(rng: Rng) -> Site:
    """Sofas, low table, television, books, plants, dining corner."""
    site = Site(rng, Brief(wide=(3.6, 8.0), deep=(3.4, 6.5), windows=(1, 3), attic=0.12))
    if site.chance(0.7):
        site.lay_rug()
    site.to_walls(_seating, bookcase, media)
    for _ in site.times(2, 6):
        site.to_walls(one_of(rng, (bookcase, cupboard, sofa, armchair, cupboard, side_table, workplace)))
    if site.chance(0.6):
        site.about(dining_group, square=0.8)
    for _ in site.times(2, 7):
        site.about(one_of(rng, (armchair, beanbag, plant, low_table, side_table, chair, stool)))
    site.to_walls(*(plant for _ in site.times(1, 4)), corner=0.8)
    if site.chance(0.5):
        site.standing_lamp()
    site.dress_walls((2, 9))
    site.litter(1, 16, TOYS)
    return _home_end(site)


def bedroom(rng: Rng) -> Site:
    """Bed, wardrobe, bedside cabinets, mirror, clothes."""
    site = Site(rng, Brief(wide=(2.9, 5.5), deep=(2.8, 5.0), windows=(1, 2), attic=0.25))
    if site.chance(0.6):
        site.lay_rug()
    if not site.to_walls(_bed_group):
        site.to_walls(bed, corner=0.7)
    site.to_walls(cupboard, cupboard)
    if site.chance(0.3):
        site.to_walls(bed)
    if site.chance(0.5):
        site.to_walls(workplace)
    for _ in site.times(2, 6):
        site.to_walls(one_of(rng, (bookcase, side_table, armchair, plant, bench, cupboard, chair)))
    site.floor.along_wall(mirror(rng), z=1.1, corner=0.0)
    if site.chance(0.4):
        site.floor.along_wall(coat_rack(rng), z=1.7, corner=0.0)
    for _ in site.times(1, 4):
        site.about(one_of(rng, (chair, beanbag, stool, plant, low_table)))
    site.dress_walls((1, 7))
    site.litter(1, 16, TOYS)
    return _home_end(site)


def kitchen(rng: Rng) -> Site:
    """Counters on one or two walls, fridge, table with chairs."""
    site = Site(
        rng,
        Brief(wide=(2.6, 6.0), deep=(2.5, 5.0), kind="wet" if rng.random() < 0.7 else "home", windows=(1, 2)),
    )
    height = site.room.height
    for wide in (rng.uniform(1.8, 3.4), rng.uniform(1.2, 2.4), 1.2)[: int(rng.integers(1, 4))]:
        high = bool(rng.random() < 0.75)
        for share, wall_units in (
            (1.0, high),
            (0.7, high),
            (0.6, False),
            (0.35, False),
        ):  # the longest that fits
            if site.floor.along_wall(kitchen_line(rng, wide * share, wall_units, height), corner=0.6):
                break
    site.to_walls(fridge, corner=0.7)
    site.about(dining_group, square=0.8)
    if site.chance(0.4):
        site.to_walls(cupboard)
    if site.chance(0.3):
        site.about(_island)
    for _ in site.times(1, 5):
        site.about(one_of(rng, (stool, chair, plant)))
    site.to_walls(cupboard, bookcase if site.chance(0.5) else plant)
    site.dress_walls((0, 5))
    site.litter(0, 8, (*TABLEWARE, bottle))
    return _home_end(site)


def bathroom(rng: Rng) -> Site:
    """Basin with mirror, toilet, tub or shower, towels."""
    site = Site(
        rng, Brief(wide=(1.9, 4.0), deep=(1.9, 3.4), kind="wet", doors=(1, 1), windows=(0, 1), attic=0.12), 1
    )
    site.to_walls(bathtub if site.chance(0.6) else shower, corner=0.9)
    for maker in (wash_basin, toilet):
        site.to_walls(maker)
    if site.chance(0.4):
        site.to_walls(wash_basin)
    site.floor.along_wall(mirror(rng), z=1.5, corner=0.0)
    for _ in site.times(1, 2):
        site.floor.along_wall(towel_rail(rng), z=rng.uniform(1.2, 1.6), corner=0.0)
    for _ in site.times(1, 4):
        site.to_walls(one_of(rng, (cupboard, stool, plant, side_table)))
    site.dress_walls((0, 4))
    site.litter(0, 8, (bottle, sponge, cup))
    return _home_end(site)


def _home_end(site: Site) -> Site:
    site.light(1, 2)
    site.people(0.3)
    site.beams(0.08)
    if site.chance(0.05):
        site.to_walls(ladder)
    return site


def _seating(rng: Rng) -> Mesh:
    """A sofa with a table in front of it, at times with somebody on it."""
    couch = sofa(rng, rng.uniform(1.5, 2.4))
    parts = [couch, low_table(rng).at(rng.normal(0, 0.15), 1.55 + rng.uniform(0, 0.2), 0, rng.normal(0, 0.1))]
    if rng.random() < 0.25:
        parts.append(person(rng, "sit").at(rng.uniform(-0.3, 0.3), 0.5))
    return join(*parts)


def media(rng: Rng) -> Mesh:
    """Low board with a television and objects."""
    wide, high = rng.uniform(1.0, 1.9), rng.uniform(0.35, 0.6)
    parts = [drawers(rng, wide, 0.42, high, 1, 3), television(rng).at(rng.normal(0, 0.1), 0.2, high)]
    parts += scatter(rng, (-wide * 0.48, 0.25, wide * 0.48, 0.4), high, TABLEWARE, 4)
    return join(*parts)


def _bed_group(rng: Rng) -> Mesh:
    """A bed with a cabinet at one or both sides."""
    mesh = bed(rng)
    half = mesh.triangles[..., 0].max() + 0.3
    sides = [side_table(rng).at(sign * half, 0) for sign in (-1, 1) if rng.random() < 0.7]
    return join(mesh, *sides)


def dining_group(rng: Rng) -> Mesh:
    """A table with chairs around it, some pulled out, some taken."""
    table, (x, y) = dining_table(rng)
    parts = [table]
    kind = int(rng.integers(2**31))
    seats = [(u, sign * (y / 2 + 0.12), np.pi * (sign > 0)) for sign in (-1, 1)
             for u in (np.array([0.0]) if x < 1.2 else np.array([-0.25, 0.25]) * x)]  # fmt: skip
    if x > 1.5:
        seats += [(sign * (x / 2 + 0.12), 0.0, sign * np.pi / 2) for sign in (-1, 1)]
    for u, v, heading in seats:
        if rng.random() < 0.85:
            one = chair(np.random.default_rng(kind))  # all of one kind
            away = rng.uniform(0, 0.25)
            pose = (u + away * np.sin(heading), v - away * np.cos(heading), 0, heading + rng.normal(0, 0.12))
            parts.append(one.at(*pose))
            if rng.random() < 0.12:
                parts.append(person(rng, "sit").at(*pose))
    return join(*parts)


def workplace(rng: Rng, wide: float | None = None) -> Mesh:
    """A desk with its chair, at times with somebody at it."""
    table, deep = desk(rng, wide)
    pose = (rng.normal(0, 0.12), deep + rng.uniform(0.1, 0.4), 0, np.pi + rng.normal(0, 0.4))
    parts = [table, (office_chair if rng.random() < 0.7 else chair)(rng).at(*pose)]
    if rng.random() < 0.15:
        parts.append(person(rng, "sit").at(*pose))
    return join(*parts)


def _island(rng: Rng) -> Mesh:
    """A free-standing kitchen block with stools."""
    line = kitchen_line(rng, rng.uniform(1.2, 2.0), False, 2.4)
    seats = [stool(rng).at(u, -0.3) for u in (-0.4, 0.3) if rng.random() < 0.8]
    return join(line, *seats)
