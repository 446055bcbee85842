"""Chairs, sofas, beds and the like: middle or back at y = 0, facing y."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, boxes, join, tube

from ...surface import Surface
from ..palette import CHARCOAL, WHITE, cloth, finish, frame, metal, paint, upholstery
from ..solids import ball, bar, block, drum, legs, ring, sheet, spun, tilted

Rng = np.random.Generator


def cushion(x: float, y: float, z: float, **look) -> Mesh:
    """Soft block of full size x, y, z that lies on z = 0."""
    return ball((x / 2, y / 2, z / 2), (0, 0, z / 2), 9, 20, 0.45, **look)


def chair(rng: Rng) -> Mesh:
    """Chair of one of several kinds, its seat's middle above the origin."""
    kind = rng.integers(5)
    if kind == 0:
        return office_chair(rng)
    if kind == 1:
        return stool(rng)
    look = frame(rng)
    x, y, seat = rng.uniform(0.38, 0.5), rng.uniform(0.38, 0.48), rng.uniform(0.42, 0.48)
    back, lean = rng.uniform(0.8, 1.05), rng.uniform(0.02, 0.12)
    thick = rng.uniform(0.018, 0.045)
    at_x, at_y = x / 2 - thick / 2, y / 2 - thick / 2
    soft = upholstery(rng) if rng.random() < 0.4 else finish(rng)
    parts = [legs(at_x, at_y, seat, thick, rng.random() < 0.4, **look),
             block((x, y, rng.uniform(0.015, 0.06)), (0, 0, seat), **soft)]  # fmt: skip
    for side in (-1, 1):
        parts.append(
            tube([[side * at_x, -at_y, seat], [side * at_x, -at_y - lean, back]], thick * 0.6, 6, **look)
        )
    if kind == 2:  # slats between the posts
        for t in np.linspace(0.35, 0.97, int(rng.integers(2, 5))):
            z, high = seat + (back - seat) * t, rng.uniform(0.03, 0.07)
            parts.append(block((x, 0.018, high), (0, -at_y - lean * t, z - high), **look))
    elif kind == 3:  # thin upright bars
        top = [[-at_x, -at_y - lean, back], [at_x, -at_y - lean, back]]
        parts.append(bar(*top, 0.016, **look))
        for u in np.linspace(-at_x, at_x, int(rng.integers(4, 8)))[1:-1]:
            parts.append(bar([u, -at_y, seat], [u, -at_y - lean, back], 0.007, 5, **look))
    else:
        pad = block((x * 0.98, 0.03, (back - seat) * 0.6), (0, 0, 0), **soft)
        parts.append(
            tilted(pad, np.arctan2(lean, back - seat)).at(0, -at_y - lean * 0.4, seat + (back - seat) * 0.38)
        )
    if rng.random() < 0.3:
        for side in (-1, 1):
            rest = [
                [side * at_x, -at_y, seat + 0.22],
                [side * at_x, at_y * 0.7, seat + 0.22],
                [side * at_x, at_y, seat],
            ]
            parts.append(tube(rest, 0.014, 6, **look))
    return join(*parts)


def stool(rng: Rng) -> Mesh:
    """Stool, low or at bar height."""
    high, r = rng.choice([0.45, 0.65, 0.78]), rng.uniform(0.15, 0.2)
    look, count = frame(rng), int(rng.integers(3, 5))
    parts = [drum(r, high - 0.04, high, 18, **(upholstery(rng) if rng.random() < 0.5 else finish(rng)))]
    angle = np.arange(count) * 2 * np.pi / count + 0.4
    for c, s in zip(np.cos(angle), np.sin(angle), strict=True):
        parts.append(
            bar([c * r * 1.15, s * r * 1.15, 0], [c * r * 0.7, s * r * 0.7, high - 0.03], 0.012, **look)
        )
    parts.append(ring(r, 0.008, 1, 20, 5, **look).at(0, 0, high * 0.35))
    return join(*parts)


def office_chair(rng: Rng) -> Mesh:
    """Swivel chair on five castors."""
    seat, look = rng.uniform(0.42, 0.54), upholstery(rng)
    dark = {"material": Surface.PLAIN if rng.random() < 0.5 else Surface.METAL, "colour": CHARCOAL}
    if rng.random() < 0.3:
        dark = {"material": Surface.METAL, "colour": metal(rng)}
    parts = [bar([0, 0, 0.08], [0, 0, seat], 0.028, 8, **dark)]
    for angle in np.arange(5) * 2 * np.pi / 5:
        c, s = np.cos(angle), np.sin(angle)
        parts.append(tube([[0, 0, 0.12], [c * 0.3, s * 0.3, 0.08]], [0.028, 0.018], 6, **dark))
        parts.append(
            ball(
                (0.028, 0.028, 0.028),
                (c * 0.3, s * 0.3, 0.028),
                5,
                8,
                material=Surface.RUBBER,
                colour=CHARCOAL,
            )
        )
    parts.append(cushion(0.5, 0.48, 0.1, **look).at(0, 0.02, seat - 0.02))
    back = cushion(0.46, 0.62, 0.09, **look)
    parts.append(tilted(back, np.pi / 2 + 0.12).at(0, -0.2, seat + 0.42))
    if rng.random() < 0.7:
        for side in (-1, 1):
            parts.append(bar([side * 0.27, -0.05, seat], [side * 0.28, -0.05, seat + 0.2], 0.015, **dark))
            parts.append(block((0.07, 0.26, 0.03), (side * 0.28, 0, seat + 0.2), **dark))
    return join(*parts)


def sofa(rng: Rng, wide: float | None = None) -> Mesh:
    """Sofa or armchair with its back at y = 0."""
    wide = wide or (rng.uniform(0.75, 1.0) if rng.random() < 0.35 else rng.uniform(1.4, 2.4))
    deep, seat, back = rng.uniform(0.78, 0.98), rng.uniform(0.36, 0.46), rng.uniform(0.7, 0.95)
    arm, look = rng.uniform(0.1, 0.24), upholstery(rng)
    foot = 0.02 if rng.random() < 0.4 else rng.uniform(0.08, 0.16)
    parts = [boxes([-wide / 2 + arm, 0.03, foot], [wide / 2 - arm, deep - 0.02, seat - 0.12], **look)]
    if foot > 0.05:
        parts.append(legs(wide / 2 - 0.07, deep / 2 - 0.07, foot, 0.04, True, **frame(rng)).at(0, deep / 2))
    for side in (-1, 1):
        if rng.random() < 0.5:
            one = block((arm, deep, rng.uniform(0.55, 0.66) - foot), (0, deep / 2, foot), **look)
        else:
            one = cushion(arm, deep, 0.6 - foot, **look).at(0, deep / 2, foot)
        parts.append(one.at(side * (wide - arm) / 2, 0, 0))
    parts.append(cushion(wide - arm, 0.26, back - foot, **look).at(0, 0.13, foot))
    count = max(int(round((wide - 2 * arm) / 0.68)), 1)
    each = (wide - 2 * arm) / count
    for i in range(count):
        x = -wide / 2 + arm + (i + 0.5) * each
        parts.append(cushion(each, deep - 0.22, 0.19, **look).at(x, 0.2 + (deep - 0.22) / 2, seat - 0.15))
        parts.append(tilted(cushion(each, 0.5, 0.18, **look), np.pi / 2 + 0.2).at(x, 0.2, seat + 0.22))
    for _ in range(int(rng.integers(0, 4))):
        parts.append(_pillow(rng, 0.42).at(rng.uniform(-0.4, 0.4) * (wide - 0.5), 0.4, seat + 0.02))
    if rng.random() < 0.25:
        parts.append(
            throw(rng, 0.7, deep * 0.8, 0.35).at(rng.uniform(-0.2, 0.2) * wide, deep * 0.58, seat + 0.06)
        )
    return join(*parts)


def _pillow(rng: Rng, size: float) -> Mesh:
    """A cushion that leans back."""
    look = {"material": Surface.FABRIC, "colour": paint(rng) * 0.8 + 0.05}
    pad = ball((size / 2, size / 2, 0.075), (0, 0, 0), 9, 20, 0.7, **look)
    return tilted(pad, np.pi / 2 + rng.uniform(0.2, 0.6), 0, rng.normal(0, 0.25)).at(0, 0, size * 0.42)


def throw(rng: Rng, wide: float, deep: float, drop: float) -> Mesh:
    """A cloth laid over an edge towards y: flat over `deep`, then hanging by `drop`, with folds."""
    v = np.linspace(0, 1, 16)[:, None]
    u = np.linspace(-0.5, 0.5, 18)[None]
    length = deep + drop
    y = np.minimum(v * length, deep) - deep / 2
    z = -np.maximum(v * length - deep, 0)
    ripple = 0.012 * np.sin(u * rng.uniform(12, 40) + 3 * v + rng.uniform(0, 6)) + 0.008 * np.sin(
        9 * v + 7 * u
    )
    over = (v * length > deep).astype(float)
    shape = np.broadcast_arrays(u * wide * (1 + 0.1 * v), y + ripple * over + over * 0.02, z + 0.02 + ripple)
    return sheet(np.stack(shape, axis=2), Surface.CLOTH, cloth(rng))


def bed(rng: Rng) -> Mesh:
    """Bed with its head at y = 0: mattress, blanket, pillows."""
    wide, long_ = rng.choice([0.9, 1.2, 1.4, 1.6, 1.8]), rng.uniform(1.95, 2.15)
    base, mattress = rng.uniform(0.22, 0.36), rng.uniform(0.14, 0.26)
    look = finish(rng) if rng.random() < 0.6 else upholstery(rng)
    low = rng.choice([0.02, 0.14])
    parts = [boxes([-wide / 2 - 0.03, 0.05, low], [wide / 2 + 0.03, long_ + 0.08, base], **look)]
    if low > 0.1:
        parts.append(legs(wide / 2 - 0.05, long_ / 2 - 0.05, low, 0.06, **look).at(0, long_ / 2 + 0.05))
    head = rng.uniform(0.6, 1.2)
    if rng.random() < 0.75:
        parts.append(boxes([-wide / 2 - 0.04, 0, 0], [wide / 2 + 0.04, 0.06, head], **look))
    else:
        rail = {"material": Surface.METAL, "colour": metal(rng)}
        for u in np.linspace(-wide / 2, wide / 2, int(wide / 0.12)):
            parts.append(bar([u, 0.03, 0.1], [u, 0.03, head], 0.009, 5, **rail))
        parts.append(bar([-wide / 2, 0.03, head], [wide / 2, 0.03, head], 0.016, **rail))
    white = {"material": Surface.FABRIC, "colour": WHITE}
    pad = ball(
        (wide / 2, long_ / 2, mattress / 2), (0, long_ / 2 + 0.06, base + mattress / 2), 9, 28, 0.25, **white
    )
    top = base + mattress
    parts += [pad, _blanket(rng, wide, long_ * rng.uniform(0.55, 0.85), long_ + 0.1, top)]
    count = 1 if wide < 1.3 else 2
    for i in range(count):
        x = (i - (count - 1) / 2) * wide / count
        soft = {"material": Surface.FABRIC, "colour": WHITE if rng.random() < 0.5 else cloth(rng)}
        pillow = ball((min(0.36, wide / count / 2.1), 0.24, 0.085), (0, 0, 0), 9, 20, 0.7, **soft)
        parts.append(tilted(pillow, rng.uniform(0, 0.5), 0, rng.normal(0, 0.2)).at(x, 0.36, top + 0.09))
    return join(*parts)


def _blanket(rng: Rng, wide: float, long_: float, end: float, top: float) -> Mesh:
    """A duvet over the foot of a bed that hangs down its sides."""
    u, v = np.meshgrid(np.linspace(-1, 1, 31), np.linspace(0, 1, 20))
    over = rng.uniform(0.1, 0.35)
    reach = u * (wide / 2 + over)
    x = np.clip(reach, -wide / 2 - 0.025, wide / 2 + 0.025)
    puff = 0.05 + 0.03 * np.sin(v * rng.uniform(5, 14) + u * 4 + rng.uniform(0, 6)) * np.sin(u * 7 + v * 5)
    side = np.maximum(np.abs(reach) - wide / 2, 0)
    z = top + puff * np.exp(-side * 6) - side
    x = x + np.sign(u) * 0.02 * np.sin(v * 30) * (side > 0)
    points = np.stack([x, end - long_ * (1 - v), z], axis=2)
    return sheet(points, Surface.CLOTH, paint(rng) * 0.6 + 0.2 * rng.random())


def armchair(rng: Rng) -> Mesh:
    """A sofa for one."""
    return sofa(rng, rng.uniform(0.75, 0.95))


def bench(rng: Rng) -> Mesh:
    """Long bench of slats."""
    wide, look = rng.uniform(0.9, 1.8), finish(rng)
    count = int(rng.integers(2, 5))
    y = (np.arange(count) - (count - 1) / 2) * 0.1
    slats = boxes(np.stack([0 * y - wide / 2, y - 0.04, 0 * y + 0.42], 1),
                  np.stack([0 * y + wide / 2, y + 0.04, 0 * y + 0.45], 1), **look)  # fmt: skip
    return join(slats, legs(wide / 2 - 0.15, y[-1], 0.42, 0.05, **frame(rng)))


def beanbag(rng: Rng) -> Mesh:
    """A bag that sags, or a round pouf."""
    r, look = rng.uniform(0.25, 0.42), upholstery(rng)
    if rng.random() < 0.5:
        return spun(
            [(r * 0.9, 0), (r, r * 0.2), (r * 1.02, r * 0.5), (r * 0.85, r * 0.8), (0, r * 0.85)], 22, **look
        )
    return spun(
        [(r * 0.8, 0), (r * 1.05, r * 0.25), (r, r * 0.6), (r * 0.6, r), (0.05, r * 1.35)], 20, **look
    )
