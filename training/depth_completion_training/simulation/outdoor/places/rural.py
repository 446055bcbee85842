"""Lanes and tracks through fields and woods, with ditches, rocks and tall grass."""

from __future__ import annotations

import numpy as np

from ...surface import Surface
from .. import common
from ..buildings.buildings import building, hall
from ..ground import Ground, lines, rim, rolling
from ..objects import fences, yard_goods
from ..objects.vegetation import rock
from ..shapes import pick, tinted
from ..site import Site
from ..stock import Stock


def make_rural(rng: np.random.Generator) -> Site:
    """A lane or a track through fields and woods with ditches, slopes, rocks and tall grass."""
    track = rng.random() < 0.55
    half = rng.uniform(1.2, 1.9) if track else rng.uniform(2.2, 3.6)
    site = Site(_field(rng, half, track), rng)
    stock = Stock(rng)
    for side in (1, -1):
        _verge(site, stock, side, half)
    if not track and rng.random() < 0.6:
        x = np.arange(-70, 70, 9.0)
        common.mark(site, x, x + 4, -0.05, 0.05)
    names = ["car", "tractor", "person", "cyclist", "trailer", "rider"]
    for _ in range(rng.integers(0, 6)):
        site.try_put(
            stock(pick(rng, names)),
            rng.uniform(-45, 45),
            rng.choice([-1, 1]) * half * 0.5,
            rng.choice([0, np.pi]),
            0.3,
            tilt=True,
        )
    if rng.random() < 0.5:
        _farm(site, stock, half)
    if rng.random() < 0.4:
        _line(site, stock, half)
    site.zones += [(-45, 45, -half, half)] * 2 + [(-40, 40, -18, 18)] * 2
    common.horizon(site, stock, 50, 120, 0.06, rng.uniform(0.5, 1.3))
    return site


def _field(rng, half: float, track: bool) -> Ground:
    hills, waves = rim(rng, 70, rng.uniform(4, 35), 12.0), rolling(rng, rng.uniform(0.3, 2.5), 45.0)
    rough, ruts = rolling(rng, rng.uniform(0.03, 0.16), 4.0), rng.uniform(0.02, 0.12) * track
    ditch, at, bank = rng.uniform(0, 0.9, 2), half + rng.uniform(1.0, 2.5), rng.uniform(-1.5, 2.5, 2)
    tilt, fine = rng.normal(0, 0.04, 2), rolling(rng, rng.uniform(0.01, 0.05), 1.6)

    def terrain(x, y):
        off = np.clip((np.abs(y) - half) / 2.0, 0, 1)
        hole = np.where(y > 0, ditch[0], ditch[1]) * np.exp(-(((np.abs(y) - at) / 0.6) ** 2))
        side = np.where(y > 0, bank[0], bank[1]) * np.clip((np.abs(y) - at - 0.8) / 6, 0, 1)
        wheel = ruts * np.exp(-(((np.abs(y) - 0.8) / 0.22) ** 2))
        return (
            tilt[0] * x
            + tilt[1] * y
            + waves(x, y)
            + off * rough(x, y)
            + (0.2 + off) * fine(x, y)
            - hole
            + side
            - wheel
            + hills(x, y)
        )

    ys = [s * v for s in (1, -1) for v in (half, at, at - 0.5, at + 0.5, 0.8, 0.5, 1.1)]
    ground = Ground(
        lines(-46, 46, 0.9, [], 165),
        lines(-26, 26, 0.9, ys, 165),
        terrain,
        Surface.GRASS,
        tinted(rng, pick(rng, common.GRASSES)),
        common.gentle_bend(rng, 12.0),
    )
    field = pick(
        rng,
        (
            (Surface.SOIL, (0.22, 0.16, 0.1)),
            (Surface.GRASS, (0.22, 0.19, 0.07)),
            (Surface.GRASS, (0.08, 0.12, 0.03)),
        ),
    )
    for side in (1, -1):
        if rng.random() < 0.6:
            ground.paint((-300, 300), sorted((side * (at + 3.5), side * 300)), *field)
    look = (Surface.SOIL, (0.32, 0.27, 0.19)) if track else common.asphalt(rng)
    ground.paint((-300, 300), (-half, half), *look)
    if track and rng.random() < 0.6:
        ground.paint((-300, 300), (-0.5, 0.5), Surface.GRASS, tinted(rng, common.GRASSES[0]))
    return ground


def _verge(site: Site, stock: Stock, side: int, half: float) -> None:
    """Tall grass, bushes, rocks, trees, fences and posts beside the lane."""
    rng = site.rng
    near = (-42, 42, *sorted((side * (half + 0.25), side * (half + 4))))
    field = (-45, 45, *sorted((side * (half + 3), side * 24)))
    site.scatter([stock("grass") for _ in range(8)], near, int(rng.integers(60, 420)), 0.0, solid=False)
    site.scatter([stock("grass") for _ in range(8)], field, int(rng.integers(0, 260)), 0.0, solid=False)
    site.scatter(
        [stock("low_bush"), stock("bush"), stock("rock"), stock("rock"), stock("small_tree")],
        near,
        int(rng.integers(2, 26)),
        0.1,
    )
    wood = rng.random() < 0.4
    site.scatter(
        [stock("tree") for _ in range(5)],
        field,
        int(rng.integers(18, 40) if wood else rng.integers(0, 9)),
        0.4,
    )
    site.scatter(
        [stock("bush"), rock(rng, 1.6), stock("rock"), stock("pipes"), stock("heap")],
        field,
        int(rng.integers(2, 26)),
        0.2,
    )
    if rng.random() < 0.55:
        kind, y = pick(rng, ("rails", "wire", "wire", "wall", "mesh")), side * (half + rng.uniform(2.6, 5))
        high = rng.uniform(0.8, 1.4)
        common.run(site, lambda n: fences.fence(rng, kind, n, high), (-45, y), (45, y), 5.0, 0.05)
    if rng.random() < 0.5:
        common.row(
            site,
            lambda: stock.any("sign", "bollard", "board"),
            np.arange(-40, 40, rng.uniform(9, 25)),
            side * (half + 0.5),
            0.0 if side < 0 else np.pi,
        )
    if rng.random() < 0.3:
        common.row(
            site,
            lambda: stock("tree"),
            np.arange(-45, 45, rng.uniform(6, 12)),
            side * (half + 1.4),
            rng.uniform(0, 6),
        )


def _farm(site: Site, stock: Stock, half: float) -> None:
    rng, side = site.rng, site.rng.choice([-1, 1])
    x, y, turn = rng.uniform(-25, 25), side * (half + rng.uniform(5, 12)), 0.0 if side > 0 else np.pi
    width = rng.uniform(10, 18)
    house = building(
        rng,
        width,
        rng.uniform(7, 11),
        int(rng.integers(1, 3)),
        None,
        "plain",
        pick(rng, ("gable", "hip", "cross")),
    )
    common.stand_building(site, house, x, y, turn, width, force=False)
    common.stand_building(
        site, hall(rng, 16.0, 11.0), x + 22, y + side * 3, turn + rng.normal(0, 0.2), 16.0, force=False
    )
    zone = (x - 8, x + 24, *sorted((side * (half + 1), y - side)))
    goods = [
        stock("trailer"),
        stock("tractor"),
        stock("barrow"),
        stock("pallet"),
        stock("pipes"),
        stock("drum"),
        stock("heap"),
        yard_goods.loaded_pallet(rng),
    ]
    site.scatter(goods, zone, 14, 0.2)


def _line(site: Site, stock: Stock, half: float) -> None:
    """A line of masts with wires along the lane."""
    rng, side, mast = site.rng, site.rng.choice([-1, 1]), stock("mast")
    top, last = float(mast.triangles[..., 2].max()) - 0.4, None
    for x in np.arange(-65, 70, rng.uniform(18, 30)):
        y = side * (half + 2.2)
        site.put(mast, x, y)
        wx, wy, _ = site.ground.to_world(x, y)
        here = np.array([wx, wy, float(site.ground.height(x, y)) + top])
        if last is not None:
            for dy in (-0.8, 0.8):
                site.add(fences.wire(last + (0, dy, 0), here + (0, dy, 0), rng.uniform(0.3, 1.2)))
        last = here
