"""What stands at the kerb and on the pavements of a street."""

from __future__ import annotations

import numpy as np

from .. import common
from ..objects import fences
from ..site import Site
from ..stock import Stock
from .street_plan import Plan

_SMALL = (
    *("bin", "hydrant", "cabinet", "bicycle", "bicycle", "motorbike"),
    *("cycle_stand", "scooter", "flowers", "bench", "barrier"),
)


def parked(site: Site, stock: Stock, plan: Plan, side: int) -> None:
    """Cars along the kerb."""
    if not plan.parking:
        return
    rng, full = site.rng, site.rng.uniform(0.3, 0.95)
    for x in np.arange(-52, 52, rng.uniform(5.4, 6.4)):
        blocked = plan.cross and plan.cross[0] - 4 < x < plan.cross[1] + 4
        if blocked or rng.random() > full:
            continue
        heading = (0.0 if side < 0 else np.pi) + np.pi * (rng.random() < 0.15) + rng.normal(0, 0.02)
        name = rng.choice(["car", "lorry", "trailer", "motorbike", "bin"], p=[0.9, 0.02, 0.02, 0.04, 0.02])
        site.try_put(stock(str(name)), x, side * (plan.road - 1.05 + rng.normal(0, 0.08)), heading, tilt=True)


def kerbside(site: Site, stock: Stock, plan: Plan, side: int) -> None:
    """Lamps, trees, signs and small objects between road and pavement."""
    rng, y = site.rng, side * (plan.walk[0] + 0.35)
    toward = -side * np.pi / 2
    lamp, light = stock.lamps[0]
    for x in np.arange(-50 + rng.uniform(0, 15), 55, rng.uniform(16, 32)):
        if site.try_put(lamp, x, y, toward):
            site.lamps.append([x, y - side * light[0], light[2]])
    if rng.random() < 0.75:
        name, xs = "small_tree" if rng.random() < 0.2 else "tree", np.arange(-50, 52, rng.uniform(6, 16))
        common.row(site, lambda: stock(name), xs + rng.uniform(0, 9), y, rng.uniform(0, 6))
    facing = 0.0 if side < 0 else np.pi
    xs = np.arange(-50 + rng.uniform(0, 10), 52, rng.uniform(9, 22))
    common.row(site, lambda: stock.any("sign", "sign", "board"), xs, y, facing)
    if rng.random() < 0.5:
        xs = np.arange(-30, 30, rng.uniform(1.2, 3))[: int(rng.integers(4, 40))]
        common.row(site, lambda: stock("bollard"), xs, y, 0, 0.02)
    if rng.random() < 0.3:
        a = rng.uniform(-35, 15)
        common.run(site, lambda n: fences.fence(rng, "railing", n), (a, y), (a + rng.uniform(6, 25), y), 2.5)
    xs = rng.uniform(-48, 48, int(rng.integers(6, 22)))
    common.row(site, lambda: stock.any(*_SMALL), xs, y, rng.choice([0, np.pi, toward]))


def wallside(site: Site, stock: Stock, plan: Plan, side: int) -> None:
    """Cafe tables, boards, bins, bicycles and walkers on the pavement."""
    rng, wide = site.rng, plan.walk[1] - plan.walk[0]
    y = side * (plan.walk[1] - 0.45)
    away = -side * np.pi / 2
    small = ["bin", "cabinet", "bicycle", "flowers", "bench", "scooter", "board"]
    if wide > 2.6:
        small += ["table", "table", "kiosk"]
        if rng.random() < 0.5:
            site.try_put(stock("shelter"), rng.uniform(-30, 30), side * (plan.walk[0] + 2.0), away)
    count = int(rng.integers(2, 8)) if plan.suburb else int(rng.integers(6, 24))
    common.row(site, lambda: stock.any(*small), rng.uniform(-48, 48, count), y, away)
    zone = (-46, 46, *sorted((side * (plan.walk[0] + 0.3), side * (plan.walk[1] - 0.3))))
    common.people(site, stock, zone, int(rng.integers(1, 4)) if plan.suburb else int(rng.integers(3, 15)))
    site.scatter([stock("pram"), stock("cyclist"), stock("bicycle")], zone, 3)
