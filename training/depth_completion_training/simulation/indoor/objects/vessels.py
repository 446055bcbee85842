"""Vessels, each standing on z = 0 above the origin: cups, bowls, plates, bottles, tins, vases, baskets."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, join, tube

from ...surface import Surface
from ..palette import CERAMIC, fruit, metal, paint, wood
from ..solids import ball, drum, landed, ring, spun, tilted

Rng = np.random.Generator


def _glaze(rng: Rng) -> dict:
    """Ceramic, plastic, metal, lacquer."""
    kind = rng.random()
    if kind < 0.08:
        return {"material": Surface.PAINT, "colour": paint(rng)}
    if kind < 0.2:
        return {"material": Surface.METAL, "colour": metal(rng)}
    return {"material": Surface.PLAIN, "colour": CERAMIC if kind < 0.5 else paint(rng)}


def cup(rng: Rng) -> Mesh:
    """Mug, tumbler or tea cup."""
    r, h, flare, wall = rng.uniform(0.03, 0.05), rng.uniform(0.06, 0.13), rng.uniform(0.65, 1.1), 0.004
    foot = r * min(flare, 1.0)
    look = _glaze(rng)
    profile = [
        (0, 0),
        (foot, 0),
        (foot, 0.002),
        ((foot + r) / 2 * 1.03, h / 2),
        (r, h),
        (r - wall, h),
        (r - wall, h - 0.002),
        ((foot + r) / 2 - wall, h / 2),
        (foot - wall, 0.008),
        (0, 0.008),
    ]
    parts = [spun(profile, 18, **look)]
    if rng.random() < 0.5:
        tea = h * rng.uniform(0.5, 0.85)
        parts.append(
            drum(r * 0.88 if flare > 0.9 else foot * 0.9, tea - 0.002, tea, 16, colour=(0.08, 0.04, 0.02))
        )
    if rng.random() < 0.65:
        handle = tilted(ring(h * 0.28, 0.005, 0.5, 20, 6, **look), np.pi / 2, 0, 0)
        handle = tilted(handle, 0, np.pi / 2, 0).at((foot + r) / 2, 0, h * 0.52)
        parts.append(handle)
    return join(*parts)


def bowl(rng: Rng) -> Mesh:
    """Bowl, at times with fruit."""
    r, h = rng.uniform(0.06, 0.15), rng.uniform(0.04, 0.09)
    angle = np.linspace(0.25, np.pi / 2, 6)
    out = np.stack([r * np.sin(angle), h * (1 - np.cos(angle)) / (1 - np.cos(angle[-1]))], axis=1)
    inner = out[::-1] * (0.95, 1.0) + (0, 0.003)
    parts = [spun([(0, 0), *out, *inner, (0, 0.01)], 22, **_glaze(rng))]
    if rng.random() < 0.45:
        size = r * 0.33
        for angle in np.arange(rng.integers(2, 6)) * 1.5:
            spot = (np.cos(angle) * r * 0.45, np.sin(angle) * r * 0.45, h * 0.35 + size)
            parts.append(ball(size, spot, colour=fruit(rng)))
    return join(*parts)


def plate(rng: Rng) -> Mesh:
    """Plate or a stack of them."""
    r, look = rng.uniform(0.08, 0.15), _glaze(rng)
    one = spun([(0, 0), (r * 0.6, 0), (r, 0.018), (r, 0.021), (r * 0.6, 0.006), (0, 0.006)], 24, **look)
    count = 1 if rng.random() < 0.6 else int(rng.integers(2, 9))
    return join(*(one.at(0, 0, 0.007 * i) for i in range(count)))


def bottle(rng: Rng) -> Mesh:
    """Bottle or flask with label and cap."""
    r, h = rng.uniform(0.025, 0.05), rng.uniform(0.14, 0.34)
    shoulder, neck = rng.uniform(0.5, 0.75) * h, r * rng.uniform(0.3, 0.55)
    colour, kind = paint(rng), rng.random()
    look = {"material": Surface.PAINT if kind < 0.25 else Surface.PLAIN, "colour": colour}
    profile = [
        (0, 0),
        (r * 0.95, 0),
        (r, 0.008),
        (r, shoulder),
        (r * 0.9, shoulder + 0.15 * (h - shoulder)),
        (neck, shoulder + 0.6 * (h - shoulder)),
        (neck, h - 0.02),
    ]
    parts = [spun(profile, 16, **look), drum(neck * 1.15, h - 0.025, h, 12, colour=paint(rng))]
    if rng.random() < 0.7:
        a, b = sorted(rng.uniform(0.15, 0.95, 2) * shoulder)
        parts.append(spun([(r + 0.001, a), (r + 0.001, b)], 16, Surface.POSTER, paint(rng)))
    return join(*parts)


def can(rng: Rng) -> Mesh:
    """Tin, jar or roll."""
    r, h = rng.uniform(0.025, 0.06), rng.uniform(0.05, 0.16)
    body = drum(r, 0.003, h - 0.003, 20, material=Surface.POSTER, colour=paint(rng))
    rim = {"material": Surface.METAL, "colour": metal(rng)}
    rims = [ring(r * 0.97, 0.003, 1, 20, 5, **rim).at(0, 0, z) for z in (0.003, h - 0.003)]
    mesh = join(body, *rims)
    return landed(tilted(mesh, np.pi / 2)) if rng.random() < 0.12 else mesh


def vase(rng: Rng) -> Mesh:
    """Turned body of any profile: vase, candlestick, chess man, bulb."""
    h, rows = rng.uniform(0.08, 0.35), int(rng.integers(4, 8))
    r = rng.uniform(0.012, 0.07, rows) * (0.6 + h * 1.5)
    t = np.linspace(0, rows - 1, 14)
    smooth = np.interp(t, np.arange(rows), r)
    z = np.linspace(0, h, 14)
    wall = [(smooth[-1] * 0.85, h), (smooth[-1] * 0.7, h * 0.8), (0, h * 0.75)]
    return spun([(0, 0), *zip(smooth, z, strict=True), *wall], 18, **_glaze(rng))


def basket(rng: Rng) -> Mesh:
    """Wire or wicker basket of thin bars, open between them."""
    r, h, n = rng.uniform(0.07, 0.16), rng.uniform(0.06, 0.25), int(rng.integers(10, 22))
    flare = rng.uniform(0.7, 1.0)
    look = {"material": Surface.METAL, "colour": metal(rng)}
    if rng.random() < 0.4:
        look = {"material": Surface.WOOD, "colour": wood(rng)}
    angle = np.arange(n) * 2 * np.pi / n
    bars = [
        tube([[c * r * flare, s * r * flare, 0.004], [c * r, s * r, h]], 0.0022, 4, **look)
        for c, s in zip(np.cos(angle), np.sin(angle), strict=True)
    ]
    hoops = [
        ring(r * (flare + (1 - flare) * t), 0.003, 1, 22, 5, **look).at(0, 0, max(h * t, 0.003))
        for t in (0, 0.5, 1)
    ]
    spokes = [
        tube(
            [[-c * r * flare, -s * r * flare, 0.003], [c * r * flare, s * r * flare, 0.003]], 0.002, 4, **look
        )
        for c, s in zip(np.cos(angle[: n // 2]), np.sin(angle[: n // 2]), strict=True)
    ]
    return join(*bars, *hoops, *spokes)
