"""Parks and campuses: winding paths under many trees, with meadows, beds, stairs, ponds and playgrounds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, body, join

from ...surface import Surface
from .. import common
from ..buildings.buildings import building, canopy, ramp, stairs
from ..buildings.facades import Style
from ..ground import Ground, lines, rim, rolling
from ..objects import fences, vegetation
from ..shapes import pick, tinted
from ..site import Site
from ..stock import Stock


def make_park(rng: np.random.Generator) -> Site:
    """A path along x, one or two across it, and green between."""
    half, campus = rng.uniform(0.7, 3.0), rng.random() < 0.4
    across = np.sort(rng.uniform(-38, 38, rng.integers(1, 3)))
    wide = rng.uniform(0.7, 2.2)
    site = Site(_ground(rng, half, across, wide, campus), rng)
    stock = Stock(rng)
    if campus:
        _houses(site, half, across, wide)
    _beside_path(site, stock, half)
    _middles(site, stock, half, campus)
    _green(site, stock, half, across, wide)
    zone = (-40, 40, -half + 0.2, half - 0.2)
    common.people(site, stock, zone, int(rng.integers(3, 12)))
    site.scatter(
        [stock("cyclist"), stock("pram"), stock("scooter"), stock("person"), stock("bicycle")], zone, 5
    )
    site.zones += [(-42, 42, -half, half)] * 2 + [(x - wide, x + wide, -35, 35) for x in across]
    site.zones.append((-40, 40, -22, 22))
    common.horizon(site, stock, 55, 115, 0.3 if campus else 0.08, 0.9)
    return site


def _ground(rng, half: float, across, wide: float, campus: bool) -> Ground:
    hills, waves = rim(rng, 70, rng.uniform(3, 25)), rolling(rng, rng.uniform(0.1, 1.6), 38.0)
    bumps = rolling(rng, rng.uniform(0, 0.05), 3.0)
    slope = rng.normal(0, 0.02, 2)

    def terrain(x, y):
        return slope[0] * x + slope[1] * y + waves(x, y) + bumps(x, y) + hills(x, y)

    ys = [s * half for s in (1, -1)] + [s * (half + 0.12) for s in (1, -1)]
    xs = [v for x in across for v in (x - wide, x + wide)]
    bend = common.gentle_bend(rng, 3.0 if campus else 11.0)
    grass = tinted(rng, pick(rng, common.GRASSES))
    ground = Ground(
        lines(-52, 52, 1.3, xs, 165), lines(-34, 34, 1.3, ys, 165), terrain, Surface.GRASS, grass, bend
    )
    look = pick(
        rng,
        (
            (Surface.PAVING, (0.3, 0.28, 0.26)),
            (Surface.SOIL, (0.4, 0.34, 0.25)),
            (Surface.ASPHALT, (0.12, 0.12, 0.12)),
            (Surface.CONCRETE, (0.4, 0.39, 0.37)),
        ),
    )
    low = rng.choice([0.0, -0.03, -0.10])
    ground.paint((-300, 300), (-half, half), *look, low)
    for x in across:
        ground.paint((x - wide, x + wide), (-60, 60), *look, low)
    if rng.random() < 0.4:
        x, y = rng.uniform(-25, 15), rng.choice([-1, 1]) * (half + 1) + rng.uniform(-6, 6)
        ground.paint((x, x + rng.uniform(6, 14)), (y, y + rng.uniform(5, 10)), *common.paving(rng), low)
    return ground


def _houses(site: Site, half: float, across, wide: float) -> None:
    """Institutes and halls about the paths, with stairs and ramps at their doors."""
    rng, style = site.rng, Style.random(site.rng)
    for side in (1, -1):
        x = -50.0
        while x < 45:
            width = rng.uniform(14, 30)
            free = all(x + width < a - wide - 0.5 or x > a + wide + 0.5 for a in across)
            if rng.random() < 0.75 and free:
                heading, y = (0.0 if side > 0 else np.pi), side * (half + rng.uniform(4, 11))
                mesh = building(
                    rng,
                    width,
                    rng.uniform(10, 16),
                    int(rng.integers(2, 6)),
                    style,
                    pick(rng, ("plain", "arcade", "shop")),
                )
                if common.stand_building(site, mesh, x + width / 2, y, heading, width, force=False):
                    site.try_put(
                        stairs(rng, rng.uniform(2, 6), 3).at(-2, -3.2),
                        x + rng.uniform(3, width - 4),
                        y,
                        heading,
                        margin=-0.3,
                    )
                    site.try_put(
                        ramp(rng, 5, 1.6, 0.5).at(-4, -2.2),
                        x + rng.uniform(4, width - 4),
                        y,
                        heading,
                        margin=-0.3,
                    )
            x += width + rng.uniform(2, 10)


def _beside_path(site: Site, stock: Stock, half: float) -> None:
    """Benches, lamps, bins, hedges, beds and borders along the path."""
    rng = site.rng
    lamp, light = stock.lamps[0]
    for side in (1, -1):
        y, toward = side * (half + 0.5), -side * np.pi / 2
        for x in np.arange(-45 + rng.uniform(0, 12), 45, rng.uniform(11, 24)):
            if site.try_put(lamp, x, y, toward):
                site.lamps.append([x, y, light[2]])
        common.row(
            site,
            lambda: stock.any("bench", "bench", "bin", "sign", "flowers"),
            rng.uniform(-45, 45, int(rng.integers(4, 14))),
            y,
            toward,
        )
        if rng.random() < 0.5:
            a, make = rng.uniform(-40, 10), common.any_border(rng, stock)
            common.run(
                site, make, (a, side * (half + 0.7)), (a + rng.uniform(8, 35), side * (half + 0.7)), 3.0
            )
        if rng.random() < 0.5:
            common.row(
                site,
                lambda: stock("tree"),
                np.arange(-45, 46, rng.uniform(5, 10)),
                side * (half + rng.uniform(1.2, 2.5)),
                rng.uniform(0, 6),
            )
        if rng.random() < 0.4:
            a = rng.uniform(-35, 20)
            common.row(
                site,
                lambda: stock.any("low_bush", "grass", "low_bush"),
                a + np.arange(25) * 0.6,
                side * (half + 0.9),
                rng.uniform(0, 6),
            )
    if rng.random() < 0.3:
        common.row(site, lambda: stock("bollard"), [-40.0] * 3, 0.0, 0, half / 2)


def _middles(site: Site, stock: Stock, half: float, campus: bool) -> None:
    """One or two larger objects: a fountain, a statue, a playground, a pavilion, a bridge's rails, stalls."""
    rng = site.rng
    for side in rng.choice([-1, 1], 3):
        x, y = rng.uniform(-25, 25), side * (half + rng.uniform(4, 10))
        kind = rng.integers(6)
        if kind == 0:
            site.try_put(fountain(rng), x, y)
        elif kind == 1:
            site.try_put(canopy(rng, rng.uniform(4, 7), rng.uniform(3, 5)), x, y)
        elif kind == 2:
            for dx in (-5, 0, 5):
                site.try_put(stock.any("swing", "table", "rock"), x + dx, y, rng.uniform(0, 6))
        elif kind == 3:
            for dx in np.arange(-9, 9, 4.4):
                site.try_put(stock("kiosk"), x + dx, y, -side * np.pi / 2)
        elif kind == 4:
            site.try_put(statue(rng, stock), x, y, rng.uniform(0, 6))
        else:
            site.scatter(
                [stock("bicycle"), stock("cycle_stand"), stock("cabinet"), stock("table")],
                (x - 6, x + 6, y - 3, y + 3),
                9,
            )


def fountain(rng: np.random.Generator) -> Mesh:
    """A basin with a bowl in its middle."""
    r = rng.uniform(1.3, 3.0)
    look = {"material": Surface.CONCRETE, "colour": tinted(rng, (0.42, 0.4, 0.36))}
    wall = body(
        [
            (-0.3, r, r, 0),
            (0.45, r, r, 0),
            (0.5, r * 1.06, r * 1.06, 0),
            (0.5, r * 0.93, r * 0.93, 0),
            (0.2, r * 0.9, r * 0.9, 0),
        ],
        1.0,
        24,
        **look,
    )
    water = body(
        [(0.3, r * 0.95, r * 0.95, 0), (0.31, r * 0.95, r * 0.95, 0)],
        1.0,
        24,
        material=Surface.GLASS,
        colour=(0.03, 0.05, 0.05),
    )
    bowl = body(
        [
            (0, 0.25, 0.25, 0),
            (0.9, 0.15, 0.15, 0),
            (1.1, 0.6 * r, 0.6 * r, 0),
            (1.18, 0.62 * r, 0.62 * r, 0),
            (1.2, 0.1, 0.1, 0),
            (1.8, 0.06, 0.06, 0),
        ],
        1.0,
        18,
        **look,
    )
    return join(wall, water, bowl)


def statue(rng: np.random.Generator, stock: Stock) -> Mesh:
    """A bronze figure on a plinth."""
    h = rng.uniform(0.6, 2.0)
    plinth = body(
        [(-0.2, 0.7, 0.7, 0), (0.15, 0.7, 0.7, 0), (0.16, 0.5, 0.5, 0), (h, 0.45, 0.45, 0)],
        0.1,
        12,
        material=Surface.CONCRETE,
        colour=(0.4, 0.38, 0.35),
    )
    figure = stock("person").at(0, 0, h)
    bronze = np.broadcast_to(np.float32(tinted(rng, (0.08, 0.11, 0.09))), figure.colour.shape)
    figure = replace(figure, colour=bronze, material=np.full_like(figure.material, Surface.METAL))
    return join(plinth, figure)


def _green(site: Site, stock: Stock, half: float, across, wide: float) -> None:
    """Trees, bushes, rocks and tufts on the meadows, thick in some worlds."""
    rng = site.rng
    thick = rng.uniform(0.3, 1.0)
    edges = [-50.0, *[v for x in across for v in (x - wide - 0.8, x + wide + 0.8)], 50.0]
    for low, high in zip(edges[::2], edges[1::2], strict=True):
        share = (high - low) / 100
        for side in (1, -1):
            near = (low, high, *sorted((side * (half + 0.9), side * (half + 10))))
            wider = (low, high, *sorted((side * (half + 1.5), side * 32)))
            site.scatter([stock("tree") for _ in range(5)], wider, int(70 * share * thick), 0.5)
            site.scatter(
                [stock("bush"), stock("low_bush"), stock("small_tree"), stock("bush")],
                near,
                int(50 * share * thick),
                0.2,
            )
            site.scatter(
                [stock("grass") for _ in range(6)], near, int(rng.uniform(0, 220) * share), 0.0, solid=False
            )
            site.scatter(
                [stock("rock"), stock("rock"), stock("rock")],
                near,
                int(rng.uniform(0, 14) * share),
                0.1,
                lift=-0.05,
            )
    if rng.random() < 0.4:
        y = rng.choice([-1, 1]) * rng.uniform(14, 26)
        common.run(
            site,
            lambda n: fences.fence(rng, pick(rng, ("railing", "mesh", "wall")), n),
            (-48, y),
            (48, y),
            4.0,
        )
    if rng.random() < 0.3:
        log = vegetation.tree(rng, "bare", 7.0, 0)
        T = np.array([[0, 0, 1.0, 0], [0, 1, 0, 0], [-1, 0, 0, 0.25], [0, 0, 0, 1]])
        site.try_put(log.moved(T), rng.uniform(-20, 20), half + 4, rng.uniform(0, 6))
