"""Streets between houses: of a city, of a suburb, with or without a crossing."""

from __future__ import annotations

import numpy as np

from ...surface import Surface
from .. import common
from ..buildings.buildings import building
from ..ground import Ground, Terrain, lines, rim, rolling
from ..objects import fences
from ..shapes import pick, tinted
from ..site import Site
from ..stock import Stock
from .lots import lots
from .pavements import kerbside, parked, wallside
from .street_plan import Plan


def make_street(rng: np.random.Generator, suburb: bool, crossing: bool) -> Site:
    """A street with lots on both sides."""
    plan = _plan(rng, suburb, crossing)
    site = Site(_ground(rng, plan), rng)
    stock = Stock(rng)
    _marks(site, plan)
    for side in (1, -1):
        lots(site, stock, plan, side)
        parked(site, stock, plan, side)
        kerbside(site, stock, plan, side)
        wallside(site, stock, plan, side)
        site.zones += [(-45.0, 45.0, *sorted((side * plan.walk[0], side * plan.walk[1])))] * 2
    if plan.cross:
        _crossing(site, stock, plan)
    _traffic(site, stock, plan)
    site.zones.append((-45.0, 45.0, -plan.road + 0.4, plan.road - 0.4))
    common.horizon(site, stock, 72, 125, 0.25 if suburb else 0.55, 0.8)
    return site


def _plan(rng, suburb: bool, crossing: bool) -> Plan:
    road = rng.uniform(2.3, 4.0) if suburb else rng.uniform(2.6, 7.5)
    parking = road if rng.random() < 0.75 else 0.0
    road += 2.1 * (parking > 0)
    verge = rng.choice([0.0, rng.uniform(0.8, 3.0)], p=[0.6, 0.4])
    walk = road + 0.15 + verge
    wide = rng.uniform(1.4, 2.6) if suburb else rng.uniform(1.9, 5.5)
    cross = None
    if crossing:
        middle, half = rng.uniform(-12, 12), rng.uniform(2.8, 6.5)
        cross = middle - half, middle + half
    return Plan(
        road,
        parking,
        (walk, walk + wide),
        rng.choice([0.02, rng.uniform(0.05, 0.18)]),
        cross,
        suburb,
        wide + 0.15,
    )


def _ground(rng, plan: Plan) -> Ground:
    start, end = plan.walk
    ys = [s * v for s in (1, -1) for v in (plan.road, plan.road + 0.15, start, end, plan.road - 2.1)] + [0.0]
    xs = [] if not plan.cross else [plan.cross[0] - plan.corner, *plan.cross, plan.cross[1] + plan.corner]
    ground = Ground(
        lines(-plan.half, plan.half, 1.6, xs, 170),
        lines(-20, 20, 1.3, ys, 150),
        _terrain(rng, plan.road),
        Surface.GRASS,
        tinted(rng, pick(rng, common.GRASSES)),
        common.gentle_bend(rng, 3.0 if plan.cross else 9.0),
    )
    ground.offset[:] = plan.kerb
    if not plan.suburb:
        ground.paint((-300, 300), (-45, 45), *common.paving(rng))
    walk, road = common.paving(rng), common.asphalt(rng)
    stone = Surface.CONCRETE, (0.33, 0.32, 0.3)
    for side in (1, -1):
        ground.paint((-300, 300), sorted((side * start, side * end)), *walk)
        ground.paint((-300, 300), sorted((side * plan.road, side * (plan.road + 0.15))), *stone)
    ground.paint((-300, 300), (-plan.road, plan.road), *road, 0.0)
    if plan.cross:
        low, high = plan.cross
        ground.paint((low - plan.corner, high + plan.corner), (-300, -plan.road), *walk)
        ground.paint((low - plan.corner, high + plan.corner), (plan.road, 300), *walk)
        ground.paint((low, high), (-300, 300), *road, 0.0)
    _patches(rng, ground, plan)
    return ground


def _terrain(rng, road: float) -> Terrain:
    """A slope along the street with waves, a domed carriageway, small bumps, hills far away."""
    slope, tilt = rng.normal(0, 0.025, 2)
    waves, hills = rolling(rng, rng.uniform(0, 0.5), 40.0), rim(rng, 75, rng.uniform(4, 30), 25.0)
    bumps, crown = rolling(rng, rng.uniform(0, 0.03), 4.0), rng.uniform(0, 0.03)

    def terrain(x, y):
        long = slope * x + tilt * y * np.exp(-((y / 60) ** 2)) + waves(x, 0 * y) + hills(x, y)
        return long + 0.3 * waves(x, y) + bumps(x, y) - crown * np.minimum(np.abs(y), road)

    return terrain


def _patches(rng, ground: Ground, plan: Plan) -> None:
    """Repairs of the road in another shade."""
    for _ in range(rng.integers(0, 7)):
        x, y = rng.uniform(-40, 40), rng.uniform(-plan.road, plan.road - 1)
        chosen = ground.patches((x, x + rng.uniform(2, 9)), (y, min(y + rng.uniform(1, 3), plan.road)))
        ground.paint_where(
            chosen & (ground.surface == Surface.ASPHALT), None, tinted(rng, pick(rng, common.ASPHALTS))
        )


def _marks(site: Site, plan: Plan) -> None:
    rng, lane = site.rng, plan.road - 2.1 * (plan.parking > 0)
    if plan.suburb and rng.random() < 0.6:
        return
    dash = rng.uniform(1.5, 5)
    x = np.arange(-60, 60, dash * rng.uniform(1.6, 3))
    if plan.cross:
        x = x[(x + dash < plan.cross[0] - 3) | (x > plan.cross[1] + 3)]
    common.mark(site, x, x + dash, -0.06, 0.06)
    if plan.parking and rng.random() < 0.7:
        for side in (1, -1):
            u = np.arange(-58, 58, 6.0)
            common.mark(site, u, u + 0.1, *sorted((side * lane, side * (plan.road - 0.1))))
    if lane > 5.5:
        for y in (-lane / 2, lane / 2):
            common.mark(site, x, x + dash, y - 0.06, y + 0.06)


def _crossing(site: Site, stock: Stock, plan: Plan) -> None:
    """Houses along the cross street, zebra crossings, signals, cars that wait."""
    rng = site.rng
    low, high = plan.cross
    _cross_houses(site, plan)
    bars = np.arange(-plan.road + 0.4, plan.road - 0.5, 1.0)
    for x in (low - 4.2, high + 0.9):
        common.mark(site, x, x + 3.2, bars, bars + 0.5)
    rungs = np.arange(low + 0.3, high - 0.5, 1.0)
    for y in (plan.road + 0.8, -plan.road - 4.0):
        common.mark(site, rungs, rungs + 0.5, y, y + 3.2)
    corners = ((low, -1, 0.0), (high, 1, np.pi), (low, 1, -np.pi / 2), (high, -1, np.pi / 2))
    for x, side, heading in corners:
        out = 0.7 if x == high else -0.7
        site.try_put(stock.any("signal", "signal", "sign"), x + out, side * (plan.road + 0.7), heading)
    for y in (plan.road + 8, -plan.road - 8, plan.road + 22, -plan.road - 16, plan.road + 38):
        x, heading = low + (high - low) * rng.choice([0.27, 0.73]), np.pi / 2 * rng.choice([-1, 1])
        site.try_put(stock("car"), x, y, heading, tilt=True)
    site.zones.append((low, high, -40.0, 40.0))
    for x in (low - plan.corner, high):
        zone = (x + 0.3, x + plan.corner - 0.3, -38.0, 38.0)
        site.zones.append(zone)
        common.people(site, stock, zone, int(rng.integers(1, 6)))
        site.scatter([stock(name) for name in ("bin", "sign", "bicycle", "bollard", "tree")], zone, 10)


def _cross_houses(site: Site, plan: Plan) -> None:
    rng = site.rng
    low, high = plan.cross
    for side, edge in ((1, high + plan.corner), (-1, low - plan.corner)):
        for sign in (1, -1):
            y = plan.walk[1] + 17.0
            while y < 75:
                width = rng.uniform(10, 18)
                mesh = building(rng, width, rng.uniform(8, 12), int(rng.integers(1, 6)), detail=y < 40)
                middle, heading = sign * (y + width / 2), -side * np.pi / 2
                common.stand_building(site, mesh, edge, middle, heading, width, force=False)
                y += width + rng.uniform(0, 3)


def _traffic(site: Site, stock: Stock, plan: Plan) -> None:
    """Cars, buses and cyclists on the road, wires over it."""
    rng, lane = site.rng, plan.road - 2.1 * (plan.parking > 0)
    names, odds = ["car", "bus", "lorry", "cyclist", "rider"], [0.66, 0.09, 0.09, 0.1, 0.06]
    for _ in range(rng.integers(2, 12)):
        side, name = rng.choice([-1, 1]), str(rng.choice(names, p=odds))
        site.try_put(
            stock(name),
            rng.uniform(-55, 55),
            side * lane * rng.uniform(0.45, 0.55),
            0.0 if side < 0 else np.pi,
            0.6,
            tilt=True,
        )
    if rng.random() < 0.3:
        common.people(site, stock, (-30, 30, -lane, lane), 2)
    if rng.random() < 0.35:
        _wires(site, stock, plan)


def _wires(site: Site, stock: Stock, plan: Plan) -> None:
    """Masts along one side with wires between them and over to the houses."""
    rng, side = site.rng, site.rng.choice([-1, 1])
    y, mast = side * (plan.walk[0] + 0.4), stock("mast")
    top, last = float(mast.triangles[..., 2].max()) - 0.4, None
    for x in np.arange(-50, 55, 24.0):
        site.put(mast, x, y)
        wx, wy, _ = site.ground.to_world(x, y)
        here = np.array([wx, wy, float(site.ground.height(x, y)) + top])
        if last is not None:
            for dy in (-0.8, 0.0, 0.8):
                site.add(fences.wire(last + (0, dy, 0), here + (0, dy, 0), rng.uniform(0.2, 0.8)))
        site.add(
            fences.wire(
                here, here + (rng.uniform(-5, 5), -side * (plan.walk[1] * 2 - 1), -rng.uniform(0, 2)), 0.4
            )
        )
        last = here
