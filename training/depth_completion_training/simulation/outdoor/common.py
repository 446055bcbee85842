"""What several kinds of world do: rows of objects, marks on roads, groups of people, the horizon."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh

from ..surface import Surface
from .buildings.buildings import building, tower
from .buildings.facades import Style
from .objects import fences, vegetation
from .shapes import pick, tinted
from .site import Site
from .stock import Stock

ASPHALTS = ((0.085, 0.085, 0.09), (0.12, 0.12, 0.12), (0.05, 0.05, 0.055), (0.16, 0.155, 0.15))
PAVINGS = ((0.27, 0.26, 0.245), (0.35, 0.34, 0.32), (0.22, 0.2, 0.19), (0.3, 0.2, 0.16))
GRASSES = ((0.075, 0.115, 0.03), (0.10, 0.13, 0.04), (0.14, 0.14, 0.06), (0.05, 0.09, 0.03))
WHITE = (0.62, 0.62, 0.6)


def gentle_bend(rng: np.random.Generator, most: float = 9.0) -> Callable[[np.ndarray], np.ndarray]:
    """How far the street's middle lies off at x: straight, a wave, or a turn to one side."""
    size, length, phase = rng.uniform(-most, most), rng.uniform(35, 80), rng.uniform(0, 6)
    if rng.random() < 0.3:
        return lambda x: 0 * x
    return lambda x: size * (np.sin(x / length + phase) - np.sin(phase))


def asphalt(rng) -> tuple[Surface, np.ndarray]:
    """A kind of road surface with its colour."""
    if rng.random() < 0.12:
        return Surface.PAVING, tinted(rng, pick(rng, PAVINGS))
    return Surface.ASPHALT, tinted(rng, pick(rng, ASPHALTS))


def paving(rng) -> tuple[Surface, np.ndarray]:
    """A kind of pavement with its colour."""
    kind = rng.choice([Surface.PAVING, Surface.CONCRETE, Surface.ASPHALT], p=[0.65, 0.2, 0.15])
    return Surface(kind), tinted(rng, pick(rng, PAVINGS))


def mark(site: Site, x0, x1, y0, y1, colour=WHITE, lift: float = 0.012) -> None:
    """Paint rectangles on the ground, N at once, in pieces short enough to follow it."""
    x0, x1, y0, y1 = (np.atleast_1d(np.asarray(v, float)) for v in np.broadcast_arrays(x0, x1, y0, y1))
    pieces = max(int(np.ceil(max((x1 - x0).max(), (y1 - y0).max()) / 1.0)), 1)
    s = np.arange(pieces) / pieces
    along = (x1 - x0).max() >= (y1 - y0).max()
    if along:
        dx, dy = (x1 - x0)[:, None] / pieces, (y1 - y0)[:, None]
        a, b = x0[:, None] + s * (x1 - x0)[:, None], y0[:, None] + 0 * s
    else:
        dx, dy = (x1 - x0)[:, None], (y1 - y0)[:, None] / pieces
        a, b = x0[:, None] + 0 * s, y0[:, None] + s * (y1 - y0)[:, None]
    corner = [
        np.stack(np.broadcast_arrays(a + i * dx, b + j * dy), -1).reshape(-1, 2)
        for i, j in ((0, 0), (1, 0), (1, 1), (0, 1))
    ]
    points = []
    for p in corner:
        x, y, _ = site.ground.to_world(p[:, 0], p[:, 1])
        points.append(np.stack([x, y, site.ground.height(*p.T) + lift], axis=1))
    p, q, r, t = points
    site.add(Mesh.of(np.stack([p, q, r, p, r, t], axis=1), Surface.PLAIN, colour))


def run(site: Site, make: Callable[[float], Mesh], start, end, piece: float = 4.0, gap: float = 0.0) -> None:
    """Fences, hedges, walls and rails between two points, piece by piece so that they follow the ground."""
    start, end = np.asarray(start, float), np.asarray(end, float)
    length = float(np.linalg.norm(end - start))
    count = max(int(round(length / piece)), 1)
    step, heading = length / count, float(np.arctan2(*(end - start)[::-1]))
    cache = make(step)
    for i in range(count):
        if gap and site.rng.random() < gap:
            continue
        x, y = start + (end - start) * (i / count)
        site.put(_sheared(site, cache, x, y, heading, step), x, y, heading)


def _sheared(site: Site, mesh: Mesh, x: float, y: float, heading: float, step: float) -> Mesh:
    """A piece that rises along x with the ground, its uprights still upright."""
    c, s = np.cos(heading), np.sin(heading)
    here, there = site.ground.height(x, y), site.ground.height(x + c * step, y + s * step)
    T = np.eye(4)
    T[2, 0] = np.clip((there - here) / step, -0.6, 0.6)
    return mesh.moved(T) if abs(T[2, 0]) > 0.003 else mesh


def any_border(rng: np.random.Generator, stock: Stock) -> Callable[[float], Mesh]:
    """A maker of some fence, hedge or wall."""
    if rng.random() < 0.35:
        height, width, tone = rng.uniform(0.5, 2.0), rng.uniform(0.4, 0.9), pick(rng, stock.tones)
        return lambda length: vegetation.hedge(
            rng, length, height, width, int(170 * length * min(height, 1.2)), tone
        )
    kind = pick(rng, fences.KINDS)
    return lambda length: fences.fence(rng, kind, length)


def people(site: Site, stock: Stock, zone, groups: int) -> None:
    """Groups of one to four people in a zone (x0, x1, y0, y1)."""
    rng = site.rng
    for _ in range(groups):
        x, y = rng.uniform(zone[0], zone[1]), rng.uniform(zone[2], zone[3])
        heading, talk = rng.choice([0, np.pi, rng.uniform(0, 6)]), rng.random() < 0.4
        for turn in np.arange(rng.integers(1, 5)) * rng.uniform(1.2, 2.2):
            px, py = x + 0.65 * np.cos(turn), y + 0.65 * np.sin(turn)
            if zone[2] <= py <= zone[3]:
                site.try_put(
                    stock("person"),
                    px,
                    py,
                    turn + np.pi if talk else heading + rng.normal(0, 0.2),
                    margin=0.05,
                )


def row(
    site: Site, mesh: Callable[[], Mesh], xs, y: float, heading: float = 0.0, jitter: float = 0.2, **how
) -> None:
    """Objects one after the other along x where there is room."""
    for x in xs:
        dx, dy = site.rng.normal(0, jitter, 2)
        site.try_put(mesh(), x + dx, y + 0.3 * dy, heading + site.rng.normal(0, 0.03), **how)


def stand_building(
    site: Site, mesh: Mesh, x: float, y: float, heading: float, width: float, force: bool = True
) -> bool:
    """Put a building with its front's middle at x, y, at the front's mean height."""
    moved = mesh.at(-width / 2, 0.0)
    c, s = np.cos(heading) * width / 2, np.sin(heading) * width / 2
    ends = [float(site.ground.height(x + k * c, y + k * s)) for k in (-1, 0, 1)]
    lift = float(np.mean(ends)) - ends[1] + 0.02
    if force:
        site.put(moved, x, y, heading, lift)
        return True
    return site.try_put(moved, x, y, heading, lift=lift)


def horizon(site: Site, stock: Stock, near: float, far: float, built: float, density: float = 1.0) -> None:
    """Trees, houses and towers all around between two distances, `built` of them buildings."""
    rng = site.rng
    site.allow_horizon()
    copies = [_far_building(rng, built) for _ in range(4)] if built > 0 else []
    count = int(density * 70)
    turn = (np.arange(count) + rng.uniform(0, 1, count)) * (2 * np.pi / count)
    for angle in turn:
        r = near + (far - near) * rng.uniform(0, 1) ** 1.5
        x, y = r * np.cos(angle), r * np.sin(angle)
        x, y = site.ground.from_world(x, y)
        if rng.random() < built:
            mesh, width = pick(rng, copies)
            stand_building(site, mesh, x, y, angle - np.pi / 2 + rng.normal(0, 0.4), width, force=False)
        else:
            site.try_put(stock("far_tree"), x, y, rng.uniform(0, 6))
            for _ in range(2):
                dx, dy = rng.normal(0, 6, 2)
                site.try_put(stock("far_tree"), x + dx, y + dy, rng.uniform(0, 6))


def _far_building(rng, built: float) -> tuple[Mesh, float]:
    if built > 0.5 and rng.random() < 0.6:
        mesh = tower(rng, False)
    else:
        width = rng.uniform(9, 18)
        mesh = building(
            rng, width, rng.uniform(8, 12), int(rng.integers(1, 5)), Style.random(rng), detail=False
        )
    width = float(mesh.triangles[..., 0].max())
    return mesh, width
