"""What hangs on walls and from ceilings: pictures, mirrors, boards, lamps, pipes, clocks."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, boxes, join, tube

from ...surface import Surface
from ..palette import CHARCOAL, STEEL, WHITE, cloth, finish, frame, metal, paint, wood
from ..solids import ball, bar, block, crates, drum, hollow, panel, ring, sheet, spun, tilted

Rng = np.random.Generator


def picture(rng: Rng) -> Mesh:
    """Framed picture or a bare poster, its middle at z = 0, back at y = 0."""
    wide, high = rng.uniform(0.2, 1.2), rng.uniform(0.2, 0.9)
    if rng.random() < 0.3:
        return panel(wide, high, 0.004, -high / 2, material=Surface.POSTER, colour=paint(rng) * 0.6 + 0.3)
    edge, thick = rng.uniform(0.015, 0.06), rng.uniform(0.015, 0.04)
    parts = [
        hollow(wide, high, edge, thick, **frame(rng)),
        panel(wide, high, 0.012, -high / 2, material=Surface.POSTER, colour=paint(rng) * 0.6 + 0.3),
    ]
    return join(*parts)


def mirror(rng: Rng) -> Mesh:
    """Mirror, its middle at z = 0, back at y = 0."""
    wide, high = rng.uniform(0.35, 1.1), rng.uniform(0.5, 1.4)
    parts = [panel(wide, high, 0.014, -high / 2, material=Surface.MIRROR, colour=(0.75,) * 3)]
    parts.append(hollow(wide, high, rng.uniform(0.01, 0.06), 0.02, **frame(rng)))
    return join(*parts)


def board(rng: Rng) -> Mesh:
    """White board, black board or pin board with notes, its middle at z = 0."""
    wide, high = rng.uniform(1.0, 3.2), rng.uniform(0.8, 1.25)
    colour = ((0.75, 0.75, 0.75), (0.02, 0.05, 0.035), (0.4, 0.27, 0.14))[rng.integers(3)]
    parts = [
        panel(wide, high, 0.012, -high / 2, material=Surface.PAINT, colour=colour),
        hollow(wide, high, 0.025, 0.022, material=Surface.METAL, colour=STEEL),
    ]
    for _ in range(int(rng.integers(0, 10))):
        note = panel(
            rng.uniform(0.07, 0.3),
            rng.uniform(0.07, 0.3),
            0.014,
            0,
            material=Surface.POSTER,
            colour=paint(rng) * 0.5 + 0.35,
        )
        parts.append(note.at(rng.uniform(-0.4, 0.4) * wide, 0, rng.uniform(-0.45, 0.15) * high))
    parts.append(block((wide * 0.6, 0.07, 0.015), (0, 0.045, -high / 2 - 0.02), Surface.METAL, STEEL))
    return join(*parts)


def clock(rng: Rng) -> Mesh:
    """Wall clock, its middle at z = 0."""
    r = rng.uniform(0.11, 0.2)
    rim = tilted(ring(r, 0.014, 1, 26, 6, **frame(rng)), np.pi / 2).at(0, 0.02, 0)
    face = tilted(drum(r, 0, 0.02, 26, colour=WHITE), -np.pi / 2)
    hands = [
        tilted(block((0.008, 0.004, r * k), colour=CHARCOAL), 0, rng.uniform(0, 6)).at(0, 0.025)
        for k in (0.55, 0.85)
    ]
    return join(rim, face, *hands)


def ceiling_lamp(rng: Rng, room: float = 0.9) -> tuple[Mesh, float]:
    """A lamp that hangs from z = 0 by at most `room`, and how far below the ceiling its light is."""
    kind, drop = rng.integers(6), min(rng.uniform(0.25, 1.1), room)
    bright = {"material": Surface.PLAIN, "colour": (0.82, 0.8, 0.76)}
    shade = {
        "material": Surface.FABRIC if rng.random() < 0.4 else Surface.PAINT,
        "colour": paint(rng) * 0.7 + 0.2,
    }
    cord = bar([0, 0, 0], [0, 0, -drop], 0.004, 5, colour=CHARCOAL)
    if kind == 0 or drop < 0.22:  # flat round or square
        if rng.random() < 0.5:
            return drum(rng.uniform(0.12, 0.24), -0.09, 0, 24, **bright), 0.16
        return block((rng.uniform(0.3, 1.2), rng.uniform(0.15, 0.6), 0.07), (0, 0, -0.07), **bright), 0.13
    if kind == 1:  # tubes
        long_ = rng.uniform(0.6, 1.5)
        parts = [block((long_, 0.14, 0.04), (0, 0, -drop), **bright)]
        for u in (-0.35, 0.35):
            parts.append(bar([u * long_, 0, 0], [u * long_, 0, -drop + 0.03], 0.003, 4, colour=STEEL))
        parts += [
            bar([-long_ / 2, y, -drop - 0.02], [long_ / 2, y, -drop - 0.02], 0.013, 8, **bright)
            for y in (-0.04, 0.04)
        ]
        return join(*parts), drop + 0.06
    if kind == 2:
        r = rng.uniform(0.1, 0.24)
        return join(cord, ball(r, (0, 0, -drop), 11, 18, **bright)), drop + min(r, 0.2)
    if kind == 3:  # candelabrum
        count, reach = int(rng.integers(3, 8)), rng.uniform(0.2, 0.45)
        look, parts = frame(rng), [cord]
        for angle in np.arange(count) * 2 * np.pi / count:
            way = np.array([np.cos(angle), np.sin(angle), 0])
            arm = [(0, 0, -drop), way * reach * 0.6 + (0, 0, -drop - 0.1), way * reach + (0, 0, -drop + 0.02)]
            parts.append(tube(arm, 0.008, 5, **look))
            parts.append(ball((0.035, 0.035, 0.05), way * reach + (0, 0, -drop + 0.07), 6, 10, **bright))
        return join(*parts), drop
    r, h = rng.uniform(0.12, 0.3), rng.uniform(0.1, 0.28)
    top = r * rng.uniform(0.15, 0.9)
    cone = spun(
        [(top, -drop), (r, -drop - h), (r - 0.004, -drop - h), (top * 0.97, -drop - 0.003)], 24, **shade
    )
    bulb = ball(0.04, (0, 0, -drop - h * 0.6), 7, 12, **bright)
    return join(cord, cone, bulb), drop + h * 0.8


def floor_lamp(rng: Rng) -> tuple[Mesh, float]:
    """Standing lamp, and the height of its light."""
    high, look = rng.uniform(1.3, 1.75), frame(rng)
    shade = {"material": Surface.FABRIC, "colour": paint(rng) * 0.5 + 0.35}
    r, h = rng.uniform(0.12, 0.24), rng.uniform(0.18, 0.3)
    skin = spun(
        [(r * 0.7, high), (r, high - h), (r - 0.005, high - h), (r * 0.69, high - 0.004)], 22, **shade
    )
    bulb = ball(0.035, (0, 0, high - h * 0.5), 6, 10, colour=(0.82, 0.8, 0.76))
    if rng.random() < 0.3:  # tripod
        feet = [
            bar([0, 0, high - h], [0.3 * np.cos(a), 0.3 * np.sin(a), 0], 0.012, **look)
            for a in (0.3, 2.4, 4.5)
        ]
        return join(skin, bulb, *feet), high - h * 0.5
    pole = bar([0, 0, 0.02], [0, 0, high - h * 0.4], 0.012, 8, **look)
    return join(skin, bulb, pole, drum(0.14, 0, 0.025, 22, **look)), high - h * 0.5


def pipes(rng: Rng, length: float, high: float) -> Mesh:
    """Pipes or ducts along a wall near its top, with bends down; x from 0, back at y = 0."""
    parts = []
    for i in range(int(rng.integers(1, 5))):
        r = np.exp(rng.uniform(np.log(0.012), np.log(0.09)))
        y, z = 0.03 + r + 0.08 * i * rng.random(), high - r - 0.03 - 0.14 * i
        look = (
            {"material": Surface.METAL, "colour": metal(rng)}
            if rng.random() < 0.6
            else {"colour": paint(rng)}
        )
        line = [[0, y, z], [length, y, z]]
        if rng.random() < 0.5:
            u = rng.uniform(0.2, 0.8) * length
            line = [[0, y, z], [u - 1.5 * r, y, z], [u, y, z - 1.5 * r], [u, y, 0.02]]
        parts.append(tube(line, r, 10, **look))
        for u in np.arange(0.4, line[1][0], 1.3):
            parts.append(block((0.02, y + r, 0.012), (u, (y + r) / 2, z + r), Surface.METAL, STEEL))
    return join(*parts)


def cable_run(rng: Rng, start, end, sag: float) -> Mesh:
    """A cable that sags between two points."""
    t = np.linspace(0, 1, 18)[:, None]
    line = np.asarray(start) * (1 - t) + np.asarray(end) * t
    line[:, 2] -= sag * 4 * (t * (1 - t))[:, 0]
    return tube(
        line,
        rng.uniform(0.003, 0.012),
        5,
        material=Surface.RUBBER,
        colour=CHARCOAL if rng.random() < 0.6 else paint(rng),
    )


def coat_rack(rng: Rng) -> Mesh:
    """Hooks on a board with coats and bags, its board at z = 0, back at y = 0."""
    wide = rng.uniform(0.5, 1.3)
    parts = [boxes([-wide / 2, 0, -0.05], [wide / 2, 0.02, 0.05], **finish(rng))]
    for u in np.linspace(-wide / 2 + 0.08, wide / 2 - 0.08, int(wide / 0.18)):
        parts.append(
            tube(
                [[u, 0.02, -0.02], [u, 0.07, -0.03], [u, 0.085, 0.02]],
                0.006,
                5,
                material=Surface.METAL,
                colour=STEEL,
            )
        )
        if rng.random() < 0.55:
            long_, half = rng.uniform(0.4, 1.0), rng.uniform(0.07, 0.16)
            t = np.linspace(0, 1, 9)
            a = np.linspace(0, 2 * np.pi, 16)
            spread = (
                half * (0.25 + 0.75 * np.sqrt(t))[:, None] * (1 + 0.12 * np.sin(a * 5 + rng.uniform(0, 6)))
            )
            x = u + spread * np.cos(a)
            y = 0.1 + spread * 0.4 * np.sin(a)
            points = np.stack(np.broadcast_arrays(x, y, -0.01 - (t * long_)[:, None]), axis=2)
            parts.append(sheet(points, Surface.CLOTH, cloth(rng)))
    return join(*parts)


def socket(rng: Rng) -> Mesh:
    """Switch, socket, vent or thermostat on a wall, its middle at z = 0."""
    size = rng.choice([0.08, 0.08, 0.15, 0.3])
    return boxes([-size / 2, 0, -size / 2], [size / 2, 0.012, size / 2], colour=WHITE)


def rug(rng: Rng) -> Mesh:
    """Carpet lying on the floor, its edges a little wavy, square or round."""
    x, y = rng.uniform(0.6, 2.6), rng.uniform(0.5, 1.8)
    look = {"material": Surface.CARPET, "colour": paint(rng) * 0.7 + 0.05}
    if rng.random() < 0.3:
        return drum(y * 0.7, 0.001, 0.012, 32, **look)
    return block((x, y, rng.uniform(0.006, 0.02)), (0, 0, 0.001), **look)


def wall_shelf(rng: Rng) -> tuple[Mesh, float]:
    """A board on brackets, its top at z = 0, and its length; back at y = 0."""
    wide, deep = rng.uniform(0.4, 1.6), rng.uniform(0.15, 0.3)
    parts = [boxes([-wide / 2, 0, -0.022], [wide / 2, deep, 0], **finish(rng))]
    if rng.random() < 0.6:
        look = {"material": Surface.METAL, "colour": metal(rng)}
        for u in (-0.38, 0.38):
            parts.append(tube([[u * wide, 0.008, -0.15], [u * wide, deep * 0.85, -0.025]], 0.007, 5, **look))
    return join(*parts), wide


def wood_beams(rng: Rng, x0: float, x1: float, y0: float, y1: float, z: float) -> Mesh:
    """Beams below a ceiling, along y."""
    wide, high = rng.uniform(0.08, 0.18), rng.uniform(0.1, 0.2)
    x = np.arange(x0 + rng.uniform(0.2, 0.6), x1 - 0.2, rng.uniform(0.6, 1.3))
    low = np.stack([x - wide / 2, 0 * x + y0, 0 * x + z - high], axis=1)
    high_ = np.stack([x + wide / 2, 0 * x + y1, 0 * x + z], axis=1)
    return boxes(low, high_, Surface.WOOD, wood(rng))


def radiator(rng: Rng) -> Mesh:
    """Radiator of fins or plates with its pipes; back at y = 0."""
    wide, high = rng.uniform(0.5, 1.6), rng.uniform(0.4, 0.75)
    look = {"material": Surface.PAINT if rng.random() < 0.3 else Surface.PLAIN, "colour": WHITE}
    low = rng.uniform(0.08, 0.16)
    if rng.random() < 0.5:
        x = np.arange(-wide / 2, wide / 2, 0.05)
        a = np.stack([x, 0 * x + 0.03, 0 * x + low], axis=1)
        fins = boxes(a, a + (0.032, 0.11, high), **look)
        parts = [
            fins,
            *(
                bar([-wide / 2, 0.085, z], [wide / 2, 0.085, z], 0.018, **look)
                for z in (low + 0.05, low + high - 0.05)
            ),
        ]
    else:
        parts = [boxes([-wide / 2, 0.03, low], [wide / 2, 0.1, low + high], **look)]
        x = np.arange(-wide / 2 + 0.03, wide / 2 - 0.03, 0.035)
        a = np.stack([x, 0 * x + 0.1, 0 * x + low + 0.03], axis=1)
        parts.append(crates(a, a + (0.018, 0.008, high - 0.06), look["material"], look["colour"]))
    parts.append(
        tube(
            [[wide / 2, 0.06, low + 0.05], [wide / 2 + 0.06, 0.06, low + 0.05], [wide / 2 + 0.06, 0.06, 0]],
            0.01,
            6,
            **look,
        )
    )
    return join(*parts)
