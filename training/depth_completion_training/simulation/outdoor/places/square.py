"""Squares in a town: stalls, cafe tables, statues, fountains, steps, and many people."""

from __future__ import annotations

import numpy as np

from ...surface import Surface
from .. import common
from ..buildings.buildings import building, canopy, stairs
from ..buildings.facades import Style
from ..ground import Ground, lines, rim, rolling
from ..objects import fences
from ..shapes import pick, tinted
from ..site import Site
from ..stock import Stock
from .park import fountain, statue

_LOOSE = (
    *("bench", "bin", "flowers", "table", "bollard", "bicycle", "cycle_stand", "board", "scooter"),
    *("cabinet", "sign", "tree", "small_tree", "pram", "barrier", "hydrant", "kiosk"),
)


def make_square(rng: np.random.Generator) -> Site:
    """A paved place of 30 to 60 metres with houses on its sides and a little of everything on it."""
    half_x, half_y = rng.uniform(14, 30, 2)
    terrace = rng.uniform(-0.7, 0.7) * half_x if rng.random() < 0.5 else None
    site = Site(_ground(rng, half_x, half_y, terrace), rng)
    stock = Stock(rng)
    _sides(site, half_x, half_y)
    if terrace is not None:
        _steps(site, stock, terrace, half_y)
    zone = (-half_x + 1.2, half_x - 1.2, -half_y + 1.2, half_y - 1.2)
    for make in rng.permutation([lambda: fountain(rng), lambda: statue(rng, stock)])[: rng.integers(0, 3)]:
        site.scatter([make()], tuple(0.6 * v for v in zone), 2, 1.0)
    _market(site, stock, half_x, half_y)
    for x in np.arange(-half_x + 4, half_x, rng.uniform(9, 16)):
        lamp, light = stock.lamps[0]
        y = rng.choice([-1, 1]) * rng.uniform(0.2, 0.9) * half_y
        if site.try_put(lamp, x, y, rng.uniform(0, 6)):
            site.lamps.append([x, y, light[2]])
    site.scatter([stock.any(*_LOOSE) for _ in range(16)], zone, int(rng.integers(25, 90)), 0.2)
    common.people(site, stock, zone, int(rng.integers(6, 28)))
    site.scatter(
        [stock("car"), stock("cyclist"), stock("lorry")], zone, int(rng.integers(0, 6)), 0.5, tilt=True
    )
    site.zones.append(zone)
    common.horizon(site, stock, 1.42 * max(half_x, half_y) + 16, 120, 0.6, 0.8)
    return site


def _ground(rng, half_x: float, half_y: float, terrace: float | None) -> Ground:
    hills, waves = rim(rng, 80, rng.uniform(3, 20)), rolling(rng, rng.uniform(0.05, 0.5), 40.0)
    bumps, slope = rolling(rng, 0.01, 4.0), rng.normal(0, 0.02, 2)
    rise = rng.uniform(0.4, 1.5) if terrace is not None else 0.0
    edge = terrace if terrace is not None else 0.0

    def terrain(x, y):
        level = rise * (x > edge)  # steps or a wall stand before it
        return slope[0] * x + slope[1] * y + waves(x, y) + bumps(x, y) + hills(x, y) + level

    xs = [-half_x, half_x] + ([] if terrace is None else [terrace, terrace + 0.02])
    ground = Ground(
        lines(-half_x - 20, half_x + 20, 1.4, xs, 165),
        lines(-half_y - 20, half_y + 20, 1.4, [-half_y, half_y], 165),
        terrain,
        *common.paving(rng),
    )
    for _ in range(rng.integers(0, 6)):
        x, y = rng.uniform(-half_x, half_x), rng.uniform(-half_y, half_y)
        patch = (x, x + rng.uniform(2, 12)), (y, y + rng.uniform(2, 12))
        look = common.paving(rng) if rng.random() < 0.6 else (Surface.GRASS, tinted(rng, common.GRASSES[0]))
        ground.paint(*patch, *look, rng.choice([0.0, 0.0, 0.12, 0.3]))
    return ground


def _steps(site: Site, stock: Stock, edge: float, half_y: float) -> None:
    """Stairs up to the higher part of the square, with a rail or a wall along its edge beside them."""
    rng, x = site.rng, edge - 0.05
    rise = float(site.ground.height(edge + 0.3, 0.0) - site.ground.height(edge - 0.3, 0.0))
    steps = max(int(round(rise / 0.16)), 2)
    width, y = rng.uniform(2.5, 10), rng.uniform(-0.5, 0.2) * half_y
    flight = stairs(rng, width, steps, rise / steps, 0.32).at(0, -steps * 0.32 - 0.4)
    site.put(flight, x + 0.4, y + width, -np.pi / 2)
    kind = pick(rng, ("railing", "wall", "rails"))
    for low, high in ((-half_y - 2, y - 0.4), (y + width + 0.4, half_y + 2)):
        if high - low > 2:
            make = fences.fence(rng, kind, 1.0, 0.9)
            common.run(site, lambda n, make=make: make, (edge + 0.3, low), (edge + 0.3, high), 1.0)
            site.block(edge - 0.2, edge + 0.2, low, high)


def _sides(site: Site, half_x: float, half_y: float) -> None:
    """Houses around, with gaps at some corners; many have arcades or shops."""
    rng = site.rng
    sides = (
        (0.0, half_y, half_x),
        (np.pi, half_y, half_x),
        (-np.pi / 2, half_x, half_y),
        (np.pi / 2, half_x, half_y),
    )
    for turn, reach, span in sides:
        u, style = -span, Style.random(rng)
        while u < span - 4:
            width = min(rng.uniform(8, 18), span - u)
            style = Style.random(rng) if rng.random() < 0.7 else style
            if rng.random() < 0.9:
                ground = str(rng.choice(["shop", "arcade", "plain"], p=[0.4, 0.3, 0.3]))
                mesh = building(rng, width, rng.uniform(8, 13), int(rng.integers(2, 7)), style, ground)
                middle = u + width / 2
                x = -np.sin(turn) * reach + np.cos(turn) * middle
                y = np.cos(turn) * reach + np.sin(turn) * middle
                common.stand_building(site, mesh, x, y, turn, width)
            u += width + rng.choice([0.0, 0.0, rng.uniform(1, 6)])


def _market(site: Site, stock: Stock, half_x: float, half_y: float) -> None:
    """Rows of stalls with goods, or tables of cafes, or pavilions."""
    rng = site.rng
    for _ in range(rng.integers(1, 4)):
        x, y = rng.uniform(-0.7, 0.2) * half_x, rng.uniform(-0.7, 0.7) * half_y
        kind = rng.integers(3)
        count = int(rng.integers(2, 8))
        if kind == 0:
            common.row(site, lambda: stock("kiosk"), x + np.arange(count) * rng.uniform(3, 4.5), y, np.pi / 2)
            common.row(
                site, lambda: stock.any("pallet", "drum", "flowers"), x + np.arange(count) * 2.1, y + 1.8
            )
        elif kind == 1:
            for k in range(int(rng.integers(1, 4))):
                common.row(
                    site, lambda: stock("table"), x + np.arange(count) * 2.2, y + 2.2 * k, rng.uniform(0, 6)
                )
        else:
            site.try_put(canopy(rng, rng.uniform(4, 9), rng.uniform(3, 5)), x, y)
            common.row(site, lambda: stock.any("rack", "table", "pallet"), x + np.arange(3) * 2.6, y + 1.5)
