"""Devices and tools: screens, keyboards, hand tools, cables, machines; all on z = 0."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, boxes, join, tube

from ...surface import Surface
from ..palette import CHARCOAL, STEEL, WHITE, metal, one_of, paint, wood
from ..solids import ball, bar, block, crates, drum, landed, panel, prism, ring, spun, tilted

Rng = np.random.Generator
SHELL = {"material": Surface.PLAIN, "colour": CHARCOAL}


def _shell(rng: Rng) -> dict:
    """Plastic of a device."""
    colour = one_of(rng, (CHARCOAL, CHARCOAL, WHITE, (0.3, 0.3, 0.31)))
    return {"material": Surface.PLAIN, "colour": colour if rng.random() < 0.85 else paint(rng)}


def monitor(rng: Rng) -> Mesh:
    """Screen on a foot, facing y."""
    wide = rng.uniform(0.42, 0.75)
    high, foot, shell = wide * rng.uniform(0.52, 0.65), rng.uniform(0.08, 0.18), _shell(rng)
    glow = paint(rng) * 0.6 + 0.2
    face = [
        boxes([-wide / 2, -0.02, 0], [wide / 2, 0.015, high], **shell),
        panel(wide - 0.03, high - 0.03, 0.0165, 0.015, material=Surface.SCREEN, colour=glow),
    ]
    face = tilted(join(*face), rng.uniform(-0.02, 0.2)).at(0, 0, foot)
    stem = block((0.05, 0.03, foot + high * 0.4), (0, -0.05, 0), **shell)
    base = block((0.24, 0.18, 0.012), (0, -0.03, 0), **shell)
    return join(face, stem, base if rng.random() < 0.6 else drum(0.12, 0, 0.012, 20, **shell).at(0, -0.03))


def television(rng: Rng) -> Mesh:
    """Flat screen on two feet, facing y, middle at y = 0."""
    wide = rng.uniform(0.8, 1.6)
    high = wide * 0.57
    parts = [
        boxes([-wide / 2, -0.03, 0.07], [wide / 2, 0.01, 0.07 + high], **SHELL),
        panel(wide - 0.02, high - 0.02, 0.011, 0.08, material=Surface.SCREEN, colour=paint(rng) * 0.5 + 0.1),
    ]
    for u in (-0.3, 0.3):
        parts.append(bar([u * wide, 0, 0.08], [u * wide, 0.1, 0], 0.008, **SHELL))
        parts.append(bar([u * wide, 0, 0.08], [u * wide, -0.1, 0], 0.008, **SHELL))
    return join(*parts)


def keyboard(rng: Rng) -> Mesh:
    """Keyboard with keys, and a mouse."""
    shell, cap = _shell(rng), _shell(rng)
    wide = rng.choice([0.3, 0.44])
    x, y = (
        a.ravel()
        for a in np.meshgrid(np.arange(-wide / 2 + 0.006, wide / 2 - 0.02, 0.019), np.arange(5) * 0.019)
    )
    low = np.stack([x, y - 0.05, 0 * x + 0.012], axis=1)
    keys = crates(low, low + (0.0155, 0.0155, 0.007), Surface.PLAIN, cap["colour"])
    mouse = ball((0.03, 0.055, 0.022), (wide / 2 + 0.08, 0.0, 0.012), 7, 12, **shell)
    return join(boxes([-wide / 2, -0.062, 0], [wide / 2, 0.055, 0.013], **shell), keys, mouse)


def laptop(rng: Rng) -> Mesh:
    """Open laptop facing y."""
    x, y, angle = rng.uniform(0.29, 0.37), rng.uniform(0.2, 0.25), rng.uniform(0.0, 0.5)
    shell = {"material": Surface.METAL, "colour": metal(rng)} if rng.random() < 0.6 else SHELL
    u, v = (
        a.ravel() for a in np.meshgrid(np.arange(-x / 2 + 0.02, x / 2 - 0.03, 0.019), np.arange(5) * 0.018)
    )
    low = np.stack([u, v - y / 2 + 0.02, 0 * u + 0.016], axis=1)
    keys = crates(low, low + (0.015, 0.015, 0.002), Surface.PLAIN, CHARCOAL)
    lid = join(
        boxes([-x / 2, -0.006, 0], [x / 2, 0, y], **shell),
        panel(x - 0.02, y - 0.02, 0.001, 0.012, material=Surface.SCREEN, colour=paint(rng) * 0.6 + 0.2),
    )
    return join(block((x, y, 0.016), **shell), keys, tilted(lid, angle).at(0, -y / 2, 0.014))


def hammer(rng: Rng) -> Mesh:
    """Hammer lying."""
    long_, r = rng.uniform(0.22, 0.35), rng.uniform(0.01, 0.015)
    grip = {"material": Surface.WOOD, "colour": wood(rng)} if rng.random() < 0.6 else {"colour": paint(rng)}
    steel = {"material": Surface.METAL, "colour": metal(rng)}
    head = [
        bar([long_, -0.05, 0], [long_, 0.03, 0], 0.014, 10, **steel),
        prism([[-0.02, 0], [0.02, 0], [0.004, 0.05], [-0.004, 0.05]], -0.012, 0.012, **steel).at(long_, 0.03),
    ]
    handle = tube([[0, 0, 0], [long_ * 0.4, 0, 0], [long_, 0, 0]], [r * 1.25, r, r * 0.8], 8, **grip)
    return landed(join(handle, *head))


def screwdriver(rng: Rng) -> Mesh:
    """Screwdriver, file or chisel lying."""
    long_, handle = rng.uniform(0.08, 0.18), rng.uniform(0.07, 0.11)
    grip = tube(
        [[0, 0, 0], [handle * 0.2, 0, 0], [handle * 0.7, 0, 0], [handle, 0, 0]],
        [0.01, 0.015, 0.014, 0.008],
        8,
        colour=paint(rng),
    )
    return landed(
        join(
            grip, bar([handle, 0, 0], [handle + long_, 0, 0], 0.0035, 6, material=Surface.METAL, colour=STEEL)
        )
    )


def pliers(rng: Rng) -> Mesh:
    """Pliers or scissors lying, more or less open."""
    steel, grip = {"material": Surface.METAL, "colour": metal(rng)}, {"colour": paint(rng)}
    parts, angle = [], rng.uniform(0.05, 0.5)
    loops = rng.random() < 0.5
    for sign in (-1, 1):
        jaw = tube(
            [[0, 0, 0], [0.03, sign * 0.008, 0], [0.075, 0.002 * sign, 0]], [0.011, 0.009, 0.003], 6, **steel
        )
        if loops:
            hold = join(
                bar([0, 0, 0], [-0.05, -sign * 0.012, 0], 0.004, **steel),
                ring(0.025, 0.005, 1, 16, 6, **grip).at(-0.07, -sign * 0.022),
            )
        else:
            hold = tube(
                [[0, 0, 0], [-0.04, -sign * 0.02, 0], [-0.13, -sign * 0.022, 0]],
                [0.009, 0.009, 0.007],
                6,
                **grip,
            )
        parts.append(tilted(join(jaw, hold), yaw=sign * angle / 2))
    return landed(join(*parts))


def spanner(rng: Rng) -> Mesh:
    """Spanner or spoon lying."""
    long_ = rng.uniform(0.12, 0.26)
    steel = {"material": Surface.METAL, "colour": metal(rng)}
    parts = [
        block((long_, rng.uniform(0.01, 0.02), 0.006), **steel),
        ring(0.014, 0.005, 0.8, 14, 6, **steel).at(long_ / 2 + 0.014, 0, 0.004, 0.6),
    ]
    if rng.random() < 0.5:
        parts.append(ball((0.03, 0.02, 0.006), (-long_ / 2, 0, 0.006), 5, 12, **steel))
    return landed(join(*parts))


def tape(rng: Rng) -> Mesh:
    """Roll of tape, lying or upright."""
    r, h = rng.uniform(0.025, 0.06), rng.uniform(0.012, 0.05)
    inner = r * rng.uniform(0.55, 0.8)
    mesh = spun(
        [(inner, 0), (r, 0), (r, 0.0005), (r, h), (inner, h), (inner, h - 0.0005), (inner, 0)],
        24,
        colour=paint(rng),
    )
    return landed(tilted(mesh, np.pi / 2)) if rng.random() < 0.3 else mesh


def cable(rng: Rng) -> Mesh:
    """Loose or coiled cable on a top."""
    look = {"material": Surface.RUBBER, "colour": CHARCOAL if rng.random() < 0.6 else paint(rng)}
    r = rng.uniform(0.002, 0.005)
    if rng.random() < 0.5:
        t = np.linspace(0, rng.uniform(2, 6) * 2 * np.pi, 70)
        radius = rng.uniform(0.04, 0.1) * (1 + 0.1 * np.sin(t * 0.37))
        line = np.stack([radius * np.cos(t), radius * np.sin(t), r + t * r * 0.35], axis=1)
    else:
        turn = np.cumsum(rng.normal(0, 0.35, 40))
        step = rng.uniform(0.008, 0.018)
        line = np.stack(
            [np.cumsum(np.cos(turn)) * step, np.cumsum(np.sin(turn)) * step, 0 * turn + r], axis=1
        )
    return landed(tube(line, r, 5, **look))


def pencils(rng: Rng) -> Mesh:
    """Pot with pencils, brushes or spoons in it."""
    r, h = rng.uniform(0.03, 0.045), rng.uniform(0.08, 0.12)
    parts = [
        spun([(0, 0), (r, 0), (r, h), (r - 0.003, h), (r - 0.003, 0.005), (0, 0.005)], 18, colour=paint(rng))
    ]
    for _ in range(int(rng.integers(3, 10))):
        foot, angle = rng.uniform(-0.5, 0.5, 2) * r, rng.uniform(0, 6.28)
        top = np.array([np.cos(angle) * r * 0.85, np.sin(angle) * r * 0.85]) * (1.0 + rng.uniform(0, 0.7))
        long_ = rng.uniform(1.15, 1.9) * h
        parts.append(bar([*foot, 0.006], [*top, long_], 0.0035, 6, colour=paint(rng)))
    return join(*parts)


def drill(rng: Rng) -> Mesh:
    """Cordless drill standing on its battery."""
    colour, dark = {"colour": paint(rng)}, SHELL
    parts = [
        block((0.11, 0.07, 0.05), **dark),
        tube([[0, 0, 0.05], [0.01, 0, 0.12], [0.0, 0, 0.17]], [0.02, 0.018, 0.022], 8, **colour),
        tube(
            [[-0.06, 0, 0.18], [-0.055, 0, 0.18], [0.07, 0, 0.18], [0.09, 0, 0.18]],
            [0.015, 0.03, 0.03, 0.02],
            12,
            **colour,
        ),
        tube(
            [[0.09, 0, 0.18], [0.13, 0, 0.18], [0.14, 0, 0.18], [0.2, 0, 0.18]],
            [0.018, 0.014, 0.004, 0.003],
            8,
            material=Surface.METAL,
            colour=STEEL,
        ),
    ]
    return join(*parts)


def desk_lamp(rng: Rng) -> Mesh:
    """Jointed lamp."""
    look = {"material": Surface.METAL if rng.random() < 0.5 else Surface.PAINT, "colour": paint(rng)}
    a, b = rng.uniform(0.2, 0.35), rng.uniform(0.18, 0.3)
    knee = np.array([-0.3 * a, 0, 0.95 * a])
    head = knee + np.array([0.85 * b, 0, 0.5 * b])
    shade = spun([(0.02, 0.07), (0.03, 0.05), (0.065, 0), (0.06, 0.0), (0.025, 0.048)], 16, **look)
    return join(
        drum(0.075, 0, 0.02, 18, **look),
        bar([0, 0, 0.02], knee, 0.007, **look),
        bar(knee, head, 0.007, **look),
        tilted(shade, 0, -0.4).at(head[0] + 0.02, 0, head[2] - 0.05),
    )


def instrument(rng: Rng) -> Mesh:
    """Measuring device, amplifier, toaster: a box with knobs, a window and feet; faces y."""
    x, y, z = rng.uniform(0.18, 0.45), rng.uniform(0.15, 0.4), rng.uniform(0.1, 0.25)
    shell = _shell(rng)
    parts = [block((x, y, z), (0, 0, 0.012), **shell), legs_under(x, y)]
    parts.append(
        panel(x * 0.4, z * 0.5, y / 2 + 0.001, z * 0.35, material=Surface.SCREEN, colour=paint(rng)).at(
            -x * 0.22, 0
        )
    )
    for u in np.linspace(0.06, 0.42, int(rng.integers(2, 5))):
        for v in (0.3, 0.7):
            knob = tilted(drum(0.012, 0, 0.018, 10, colour=paint(rng)), -np.pi / 2)
            parts.append(knob.at(u * x, y / 2, v * z + 0.012))
    if rng.random() < 0.4:
        parts.append(
            tube(
                [[-x * 0.3, 0, z], [-x * 0.3, 0, z + 0.05], [x * 0.3, 0, z + 0.05], [x * 0.3, 0, z]],
                0.008,
                6,
                **SHELL,
            )
        )
    return join(*parts)


def legs_under(x: float, y: float) -> Mesh:
    """Four short feet of a device."""
    at = np.array([[sx * x * 0.4, sy * y * 0.4, 0] for sx in (-1, 1) for sy in (-1, 1)])
    return boxes(at - (0.012, 0.012, 0), at + (0.012, 0.012, 0.013), Surface.RUBBER, CHARCOAL)


def toolbox(rng: Rng) -> Mesh:
    """Tool box with a handle."""
    x, y, z = rng.uniform(0.3, 0.5), rng.uniform(0.16, 0.24), rng.uniform(0.12, 0.2)
    look = {"material": Surface.PAINT, "colour": paint(rng)}
    handle = tube(
        [[-x * 0.3, 0, z], [-x * 0.28, 0, z + 0.09], [x * 0.28, 0, z + 0.09], [x * 0.3, 0, z]],
        0.012,
        6,
        **SHELL,
    )
    return join(block((x, y, z), **look), block((x * 1.02, y * 1.03, 0.02), (0, 0, z * 0.7), **SHELL), handle)


TOOLS = (hammer, screwdriver, pliers, spanner, tape, cable, drill, toolbox, pencils)
DEVICES = (instrument, laptop, desk_lamp, cable, pencils, keyboard)
