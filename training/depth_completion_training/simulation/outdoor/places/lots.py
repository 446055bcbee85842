"""What stands along a street: houses in rows, houses behind gardens, gaps between them."""

from __future__ import annotations

import numpy as np

from .. import common
from ..buildings.buildings import building, stairs, tower
from ..buildings.facades import Style
from ..objects import works
from ..shapes import pick
from ..site import Site
from ..stock import Stock
from .street_plan import Plan


def lots(site: Site, stock: Stock, plan: Plan, side: int) -> None:
    """Houses one after the other along one side, and what stands in gardens and gaps."""
    rng, x = site.rng, -plan.half
    style = Style.random(rng)
    while x < plan.half:
        width = rng.uniform(11, 19) if plan.suburb else rng.uniform(8, 24)
        if plan.cross and x < plan.cross[1] + plan.corner and x + width > plan.cross[0] - plan.corner:
            if x < plan.cross[0] - plan.corner - 6:
                width = plan.cross[0] - plan.corner - x
            else:
                x = plan.cross[1] + plan.corner
                continue
        if plan.suburb:
            _garden_lot(site, stock, plan, side, x, width)
        elif rng.random() < 0.14:
            _gap(site, stock, plan, side, x, width)
        else:
            style = Style.random(rng) if rng.random() < 0.8 else style
            _row_house(site, plan, side, x, width, style)
        x += width


def _row_house(site: Site, plan: Plan, side: int, x: float, width: float, style: Style) -> None:
    rng = site.rng
    ground = rng.choice(["plain", "shop", "arcade", "garage"], p=[0.42, 0.36, 0.14, 0.08])
    floors = int(rng.integers(1, 8))
    back = rng.choice([0.0, rng.uniform(0.5, 4)], p=[0.75, 0.25])
    mesh = building(rng, width, rng.uniform(9, 15), floors, style, str(ground))
    heading = 0.0 if side > 0 else np.pi
    common.stand_building(site, mesh, x + width / 2, side * (plan.walk[1] + back), heading, width)
    if back > 2.5 and rng.random() < 0.7:
        site.try_put(
            stairs(rng, rng.uniform(1.5, 3), int(rng.integers(2, 6))),
            x + width * 0.4,
            side * (plan.walk[1] + 0.2),
            heading,
        )
    if rng.random() < 0.10:
        site.put(
            works.scaffold(rng, width - 1, min(floors + 1, 5)).at(-width / 2, -0.5),
            x + width / 2,
            side * (plan.walk[1] + back - 0.9),
            heading,
        )
    if rng.random() < 0.25:
        common.stand_building(
            site,
            tower(rng, False),
            x + width / 2,
            side * (plan.walk[1] + rng.uniform(20, 35)),
            heading,
            20,
            force=False,
        )


def _garden_lot(site: Site, stock: Stock, plan: Plan, side: int, x: float, width: float) -> None:
    """A detached house behind a garden with a border, a drive with a car, trees and bushes."""
    rng, edge = site.rng, plan.walk[1] + 0.25
    back, wide = rng.uniform(3, 9), width - rng.uniform(3.2, 6)
    floors, style = int(rng.integers(1, 4)), Style.random(rng, ("holes",))
    mesh = building(
        rng,
        wide,
        rng.uniform(7, 12),
        floors,
        style,
        rng.choice(["plain", "plain", "garage"]),
        pick(rng, ("gable", "cross", "hip", "shed", "gable", "flat")),
    )
    heading, left = (0.0, x + 0.7) if side > 0 else (np.pi, x + width - wide - 0.7)
    common.stand_building(site, mesh, left + wide / 2, side * (edge + back), heading, wide)
    drive = left + wide + 1.5 if side > 0 else left - 1.5
    site.try_put(
        stock("car"),
        drive,
        side * (edge + rng.uniform(2.6, 5)),
        side * np.pi / 2 * rng.choice([-1, 1]),
        tilt=True,
    )
    if rng.random() < 0.8:
        make = common.any_border(rng, stock)
        a, b = (x, x + width - 3.2) if side > 0 else (x + 3.2, x + width)
        common.run(site, make, (a, side * edge), (b, side * edge))
        if rng.random() < 0.6:
            common.run(site, make, (x, side * edge), (x, side * (edge + back + 6)))
    zone = (x + 0.8, x + width - 0.8, *sorted((side * (edge + 0.6), side * (edge + back - 0.6))))
    site.scatter([stock("small_tree"), stock("tree")], zone, int(rng.integers(0, 3)))
    site.scatter(
        [stock("bush"), stock("low_bush"), stock("low_bush"), stock("flowers")], zone, int(rng.integers(1, 8))
    )
    site.scatter(
        [stock("grass"), stock("bin"), stock("table"), stock("bench")], zone, int(rng.integers(0, 4))
    )
    behind = (x, x + width, *sorted((side * (edge + back + 11), side * (edge + back + 26))))
    site.scatter(
        [stock("tree"), stock("far_tree"), stock("far_tree"), stock("bush")], behind, int(rng.integers(1, 7))
    )


def _gap(site: Site, stock: Stock, plan: Plan, side: int, x: float, width: float) -> None:
    """An open lot: a little park, a place with parked cars, or building works."""
    rng, edge = site.rng, plan.walk[1] + 0.3
    zone = (x + 1, x + width - 1, *sorted((side * (edge + 1), side * (edge + 16))))
    kind = rng.integers(3)
    if kind < 2:
        common.run(site, common.any_border(rng, stock), (x, side * edge), (x + width, side * edge))
    if kind == 0:
        site.scatter([stock("tree"), stock("tree"), stock("bush")], zone, 12, 0.8)
    elif kind == 1:
        site.scatter(
            [stock("pallet"), stock("heap"), stock("pipes"), stock("barrier"), stock("drum")], zone, 16
        )
    else:
        for u in np.arange(x + 2, x + width - 2, 2.9):
            site.try_put(stock("car"), u, side * (edge + 4), np.pi / 2, tilt=True)
            site.try_put(stock("car"), u, side * (edge + 12), np.pi / 2, tilt=True)
    common.row(site, lambda: stock("far_tree"), np.arange(x, x + width, 4.5), side * (edge + 20), jitter=1.0)
