"""Worlds of plain solids, floating and lying at many depths in a room: edges of every kind."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, copies, join, tube

from ...surface import Surface
from ..layout import Floor
from ..objects.small import EVERYTHING
from ..openings import cloth_hanging
from ..palette import one_of, paint
from ..solids import (
    ball,
    bar,
    block,
    bounds,
    crates,
    hollow,
    panel,
    prism,
    ring,
    scaled,
    sheet,
    spun,
    tilted,
)
from .plan import Brief
from .site import Site

Rng = np.random.Generator
SURFACES = tuple(
    Surface[name]
    for name in "PLAIN PLAIN WOOD FABRIC METAL POSTER PLASTER TILES BRICK CARPET PAINT CONCRETE CLOTH".split()
)


def clutter(rng: Rng) -> Site:
    """A room or hall full of solids."""
    big = rng.uniform(4.0, 14.0)
    brief = Brief(
        (big, big * 1.5),
        (big * 0.8, big * 1.2),
        (2.5, 2.5 + big * 0.3),
        one_of(rng, ("home", "office", "bare")),
        doors=(0, 2),
        windows=(0, 2),
        attic=0.05,
    )
    site = Site(rng, brief, spots=4)
    floor, scale = site.floor, rng.uniform(0.5, 1.3) * max(1.0, big / 8)
    for _ in range(int(rng.integers(35, 130))):
        mesh = scaled(one_of(rng, SOLIDS)(rng), scale)
        if rng.random() < 0.6:
            mesh = tilted(mesh, *rng.uniform(-np.pi, np.pi, 3))
        low, high = bounds(mesh)
        mesh = mesh.at(0, 0, -low[2])
        room = site.room.height - (high - low)[2]
        z = rng.uniform(0, max(room, 0)) if rng.random() < 0.55 else 0.0
        floor.anywhere(mesh, slack=-0.05 if rng.random() < 0.3 else 0.02, z=z)
    for _ in range(int(rng.integers(0, 12))):
        mesh = scaled(one_of(rng, EVERYTHING)(rng), rng.uniform(1, 6) * scale)
        floor.anywhere(mesh)
    _strings(rng, site, floor)
    site.light(2, 5)
    site.people(0.2, 3)
    return site


def _strings(rng: Rng, site: Site, floor: Floor) -> None:
    """Thin bars and cables across the room, and cloths that hang from them."""
    low, high = site.room.outline.min(axis=0), site.room.outline.max(axis=0)
    for _ in range(int(rng.integers(0, 10))):
        a, b = rng.uniform(low, high, (2, 2))
        z = rng.uniform(0.2, site.room.height - 0.05, 2)
        t = np.linspace(0, 1, 12)[:, None]
        line = np.array([*a, z[0]]) * (1 - t) + np.array([*b, z[1]]) * t
        line[:, 2] -= rng.uniform(0, 0.15) * 4 * (t * (1 - t))[:, 0]
        mesh = tube(
            line,
            np.exp(rng.uniform(np.log(0.003), np.log(0.03))),
            6,
            material=one_of(rng, SURFACES),
            colour=paint(rng),
        )
        near = (np.hypot(*(line[:, None, :2] - np.array(floor.spots)).transpose(2, 0, 1)) < 0.6).any()
        if not near and line[:, 2].min() > 0.02 and (site.room.top(line[:, :2]) > line[:, 2]).all():
            floor.parts.append(mesh)


def _look(rng: Rng) -> dict:
    return {"material": one_of(rng, SURFACES), "colour": paint(rng)}


def _box(rng: Rng) -> Mesh:
    return block(np.exp(rng.uniform(np.log(0.08), np.log(1.2), 3)), **_look(rng))


def _ball(rng: Rng) -> Mesh:
    radii = rng.uniform(0.06, 0.5) * (np.ones(3) if rng.random() < 0.5 else rng.uniform(0.4, 1.2, 3))
    return ball(radii, (0, 0, 0), 15, 24, one_of(rng, (1.0, 1.0, 0.5, 0.3)), **_look(rng))


def _toroid(rng: Rng) -> Mesh:
    r = rng.uniform(0.1, 0.6)
    return ring(r, r * rng.uniform(0.06, 0.4), one_of(rng, (1.0, 1.0, 0.6)), 30, 12, **_look(rng))


def _panel(rng: Rng) -> Mesh:
    x, y = rng.uniform(0.3, 2.2, 2)
    return block((x, y, rng.uniform(0.004, 0.05)), **_look(rng))


def _pole(rng: Rng) -> Mesh:
    return bar(
        [0, 0, 0],
        [0, 0, rng.uniform(0.5, 2.4)],
        np.exp(rng.uniform(np.log(0.005), np.log(0.12))),
        12,
        **_look(rng),
    )


def _snake(rng: Rng) -> Mesh:
    """A tube that winds."""
    t = np.linspace(0, 1, 40)
    wave = sum(
        np.sin(t[:, None] * rng.uniform(2, 9, 3) + rng.uniform(0, 6, 3)) * rng.uniform(0.05, 0.4, 3)
        for _ in range(3)
    )
    return tube(wave, rng.uniform(0.01, 0.07), 9, **_look(rng))


def _grille(rng: Rng) -> Mesh:
    """Parallel thin bars in a frame, or a lattice of them."""
    x, z, gap, r = (
        rng.uniform(0.4, 1.8),
        rng.uniform(0.4, 1.6),
        rng.uniform(0.05, 0.2),
        rng.uniform(0.003, 0.014),
    )
    look = _look(rng)
    at = np.arange(-x / 2, x / 2, gap)
    parts = [copies(bar([0, 0, 0], [0, 0, z], r, 5, **look), np.stack([at, 0 * at, 0 * at], axis=1))]
    heights = np.arange(0, z, gap * rng.uniform(0.8, 3)) if rng.random() < 0.5 else np.array([0.0, z])
    parts.append(
        copies(
            bar([-x / 2, 0, 0], [x / 2, 0, 0], r, 5, **look),
            np.stack([0 * heights, 0 * heights, heights], axis=1),
        )
    )
    return join(*parts)


def _prism(rng: Rng) -> Mesh:
    """Prism over a polygon or a star."""
    count = int(rng.integers(3, 11))
    angle = np.arange(count) * 2 * np.pi / count
    radius = rng.uniform(0.1, 0.5) * np.where(np.arange(count) % 2, rng.uniform(0.35, 1.0), 1.0)
    outline = np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius[:, None]
    return prism(outline, 0, rng.uniform(0.03, 1.0), **_look(rng))


def _turned(rng: Rng) -> Mesh:
    """A body of rotation of any profile, open at the top."""
    z = np.sort(rng.uniform(0, rng.uniform(0.3, 1.2), 7))
    return spun(np.stack([rng.uniform(0.04, 0.4, 7), z], axis=1), 24, **_look(rng))


def _wavy(rng: Rng) -> Mesh:
    """A bent sheet or a hanging cloth."""
    if rng.random() < 0.4:
        return cloth_hanging(rng, -0.5, rng.uniform(0.6, 2.0), 0.0, rng.uniform(0.6, 2.0), 0.0, paint(rng))
    u, v = np.meshgrid(np.linspace(-1, 1, 22), np.linspace(-1, 1, 22))
    a, b = rng.uniform(1, 6, 2)
    z = 0.12 * np.sin(u * a + rng.uniform(0, 6)) + 0.12 * np.sin(v * b + u) + rng.uniform(-0.3, 0.3) * u * v
    return sheet(np.stack([u * rng.uniform(0.3, 1.0), v * rng.uniform(0.3, 1.0), z], axis=2), **_look(rng))


def _swarm(rng: Rng) -> Mesh:
    """Many little boxes close together."""
    count = int(rng.integers(10, 80))
    low = rng.normal(0, 0.25, (count, 3))
    return crates(low, low + rng.uniform(0.01, 0.15, (count, 3)), one_of(rng, SURFACES), paint(rng, count))


def _steps(rng: Rng) -> Mesh:
    """A staircase of slabs."""
    count, rise, tread, wide = (
        int(rng.integers(3, 10)),
        rng.uniform(0.06, 0.2),
        rng.uniform(0.08, 0.3),
        rng.uniform(0.3, 1.2),
    )
    i = np.arange(count)
    low = np.stack([0 * i - wide / 2, i * tread, 0.0 * i], axis=1)
    return crates(
        low,
        np.stack([0 * i + wide / 2, (i + 1) * tread, (i + 1) * rise], axis=1),
        one_of(rng, SURFACES),
        paint(rng),
    )


def _window(rng: Rng) -> Mesh:
    """A board with a hole."""
    wide, high = rng.uniform(0.2, 0.9, 2)
    return hollow(wide, high, rng.uniform(0.05, 0.5), rng.uniform(0.01, 0.1), **_look(rng))


def _poster(rng: Rng) -> Mesh:
    return panel(
        rng.uniform(0.3, 1.5), rng.uniform(0.3, 1.5), material=Surface.POSTER, colour=paint(rng) * 0.5 + 0.3
    )


SOLIDS = (
    _box,
    _box,
    _box,
    _ball,
    _toroid,
    _panel,
    _panel,
    _pole,
    _snake,
    _grille,
    _prism,
    _turned,
    _wavy,
    _swarm,
    _steps,
    _window,
    _poster,
)
