"""What lines a street: houses, gardens and fences, parked cars, trees and street furniture."""

from __future__ import annotations

import numpy as np

from . import objects
from .buildings import house
from .mesh import Mesh
from .site import PAVEMENT_END_M, Site
from .traffic import person, standing_still

KINDS, SHARES = ("row", "garden", "gap"), (0.66, 0.24, 0.10)
LOT_M = 9.0, 15.0


def lots(rng, site: Site, side: int, start: float, end: float, fit: bool = False) -> list[Mesh]:
    """Houses in rows, houses behind gardens, and gaps, one after the other along one side.

    Args:
        side: 1 left, -1 right.
        fit: end at `end` exactly; else the last lot may reach beyond it.
    """
    parts, x = [], start
    heading = 0.0 if side > 0 else np.pi
    while x < end:
        kind = rng.choice(KINDS, p=SHARES)
        width = rng.uniform(*LOT_M)
        if fit and end - x - width < LOT_M[0]:
            width = end - x if end - x < LOT_M[1] + 2 else (end - x) / 2
        corner = x if side > 0 else x + width
        if kind == "row":
            mesh = house(rng, width, rng.uniform(9, 12), int(rng.integers(2, 5)))
            parts.append(site.stand(mesh, corner, side * PAVEMENT_END_M, heading))
        elif kind == "garden":
            mesh = house(rng, width - 3.0, rng.uniform(8, 10), int(rng.integers(1, 3)))
            parts.append(site.stand(mesh, corner + side * 1.5, side * (PAVEMENT_END_M + 5.5), heading))
            parts += _garden(rng, site, x, width, side)
        else:
            parts += _gap(rng, site, x, width, side)
        x += width
    return parts


def _garden(rng, site: Site, x: float, width: float, side: int) -> list[Mesh]:
    y = side * (PAVEMENT_END_M + 0.3)
    is_railing = rng.random() < 0.6
    border = objects.railing(width) if is_railing else objects.hedge(rng, width, rng.uniform(0.9, 1.4))
    parts = [site.stand(border, x, y)]
    small = objects.tree(rng, rng.uniform(3.5, 5.0), 700)
    return [*parts, site.stand(small, x + rng.uniform(2, width - 2), side * (PAVEMENT_END_M + 2.6))]


def _gap(rng, site: Site, x: float, width: float, side: int) -> list[Mesh]:
    """An open plot with a fence, and trees further back."""
    parts = [site.stand(objects.railing(width, 1.5), x, side * (PAVEMENT_END_M + 0.2))]
    for _ in range(2):
        mesh = objects.tree(rng, rng.uniform(7, 10), 1200, 1.4)
        parts.append(site.stand(mesh, x + rng.uniform(1, width - 1), side * rng.uniform(14, 24)))
    return parts


def kerbside(
    rng, site: Site, side: int, start: float, end: float, near: tuple[float, float] = (-np.inf, np.inf)
) -> list[Mesh]:
    """Parked cars, and trees, lamps, signs, bollards, bins and waiting people on the pavement.

    Args:
        near: x between which trees get all their leaves; elsewhere fewer and larger ones.
    """
    parts = []
    kinds = list(objects.HULLS)
    for x in np.arange(start + 3, end, 6.3):
        if rng.random() < 0.62:
            kind = kinds[rng.choice(3, p=[0.5, 0.38, 0.12])]
            mesh = objects.car(kind, objects.CAR_COLOURS[rng.integers(len(objects.CAR_COLOURS))])
            heading = (0.0 if side < 0 else np.pi) + rng.normal(0, 0.012)
            place = x + rng.uniform(-0.4, 0.4), side * (4.55 + rng.normal(0, 0.08))
            parts.append(site.stand(mesh, *place, heading, lift=-0.08))
    for x in np.arange(start + rng.uniform(0, 8), end, 15.0):
        is_near = near[0] < x < near[1]
        mesh = objects.tree(rng, rng.uniform(6.2, 8.5), 2600 if is_near else 900, 1.0 if is_near else 1.7)
        parts.append(site.stand(mesh, x + rng.normal(0, 1.0), side * 6.9))
    toward_road = -side * np.pi / 2
    for x in np.arange(start + (9 if side > 0 else 24), end, 30.0):
        parts.append(site.stand(objects.lamp(), x, side * 6.1, toward_road))
    for x in np.arange(start + rng.uniform(5, 12), end, 23.0):
        facing = 0.0 if side < 0 else np.pi
        parts.append(site.stand(objects.sign(int(rng.integers(3))), x, side * 6.05, facing))
        parts.append(site.stand(objects.bin_(), x + 4, side * 8.7, rng.uniform(0, 6)))
    for x in np.arange(start + rng.uniform(0, 9), end, 36.0):
        parts += [site.stand(objects.bollard(), x + 1.6 * i, side * 5.95) for i in range(5)]
    for x in np.arange(start + rng.uniform(0, 20), end, 27.0):
        walk = standing_still(x, side * rng.uniform(7.4, 8.6), rng.uniform(0, 6))
        parts += [part.moved(pose(0.0)) for part, pose in person(rng, site, walk, 0.0)]
    return parts
