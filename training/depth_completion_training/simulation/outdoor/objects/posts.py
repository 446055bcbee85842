"""What stands on a post: lamps, signs, boards, traffic lights, masts for wires."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, body, boxes, join, loft, rectangles, tube

from ...surface import Surface
from ..shapes import GREYS, any_colour, bars, block, pick, tinted

_SIGNS = (
    ((0.5, 0.01, 0.02), (0.7, 0.7, 0.7), 24),
    ((0.02, 0.06, 0.35), (0.02, 0.06, 0.35), 24),
    ((0.5, 0.01, 0.02), (0.7, 0.7, 0.7), 3),
    ((0.7, 0.7, 0.7), (0.65, 0.42, 0.01), 4),
    ((0.5, 0.01, 0.02), (0.5, 0.01, 0.02), 8),
    ((0.7, 0.7, 0.7), (0.02, 0.08, 0.42), 4),
)


def lamp(rng: np.random.Generator) -> tuple[Mesh, np.ndarray]:
    """A lamp post whose arm, if any, reaches along x; and where its light is (3,)."""
    h, r = rng.uniform(3.2, 9.5), rng.uniform(0.04, 0.09)
    look = {"material": Surface.METAL, "colour": tinted(rng, pick(rng, GREYS))}
    foot = [[0, 0, -0.2], [0, 0, 0.8], [0, 0, 0.82]]
    if h < 5:
        pole = tube([*foot, [0, 0, h]], [r * 1.4, r * 1.4, r, r * 0.8], 8, **look)
        if rng.random() < 0.5:
            head = body(
                [(h, 0.1, 0.1, 0), (h + 0.35, 0.2, 0.2, 0), (h + 0.45, 0.05, 0.05, 0)],
                1.0,
                8,
                material=Surface.GLASS,
                colour=(0.6, 0.6, 0.55),
            )
        else:
            head = body(
                [(h, 0.28, 0.28, 0), (h + 0.08, 0.3, 0.3, 0), (h + 0.16, 0.1, 0.1, 0)], 1.0, 14, **look
            )
        return join(pole, head), np.array([0, 0, h - 0.1])
    reach = rng.uniform(0.6, 2.5)
    line = [*foot, [0, 0, h - 0.6], [reach * 0.25, 0, h - 0.12], [reach, 0, h]]
    pole = tube(line, [r * 1.5, r * 1.5, r, r * 0.8, r * 0.6, r * 0.5], 8, **look)
    head = boxes(
        [reach - 0.2, -0.14, h - 0.06], [reach + 0.5, 0.14, h + 0.06], Surface.METAL, (0.2, 0.2, 0.21)
    )
    return join(pole, head), np.array([reach + 0.2, 0, h - 0.2])


def sign(rng: np.random.Generator) -> Mesh:
    """Traffic sign of one or two plates that faces back along x."""
    h, r = rng.uniform(2.0, 3.0), rng.uniform(0.2, 0.45)
    parts = [bars([0, 0, -0.2], [0, 0, h + r], 0.03, sides=8, material=Surface.METAL, colour=(0.4, 0.4, 0.4))]
    for lift in (0, -2 * r)[: rng.integers(1, 3)]:
        edge, face, sides = pick(rng, _SIGNS)
        angle = (np.pi / 2 if sides == 3 else np.pi / sides) + np.arange(sides) * (2 * np.pi / sides)
        circle = np.stack([0 * angle, np.cos(angle), np.sin(angle)], axis=1)
        for radius, x, colour in ((r, -0.045, edge), (r * 0.8, -0.05, face)):
            at = (x, 0, h + lift)
            parts.append(
                loft([circle * radius + at, circle * radius + at + (0.008, 0, 0)], Surface.REFLECTOR, colour)
            )
    return join(*parts)


def board(rng: np.random.Generator, width: float | None = None) -> Mesh:
    """A panel on legs that faces back along x: place names, adverts, notices, direction signs."""
    width = width or rng.uniform(0.6, 4.0)
    tall, low = rng.uniform(0.4, 0.9) * min(width, 2.2), rng.uniform(0.5, 2.4)
    y = np.array([-0.35, 0.35]) * width
    foot = np.stack([0 * y, y, 0 * y - 0.3], axis=1)
    surface = pick(rng, (Surface.POSTER, Surface.REFLECTOR, Surface.POSTER))
    return join(
        bars(foot, foot + (0, 0, low + tall + 0.3), rng.uniform(0.02, 0.06), sides=6, material=Surface.METAL),
        boxes([-0.06, -width / 2, low], [-0.03, width / 2, low + tall], surface, any_colour(rng)),
    )


def traffic_light(rng: np.random.Generator) -> Mesh:
    """A signal that faces back along x, on a pole or on an arm that reaches along -y."""
    h, r = rng.uniform(2.3, 3.2), 0.055
    at = [np.array([-0.12, 0, h])]
    parts = []
    if rng.random() < 0.4:
        reach, high = rng.uniform(2.5, 5), rng.uniform(5, 6)
        parts.append(
            tube(
                [[0, 0, -0.2], [0, 0, high - 0.4], [0, -0.4, high], [0, -reach, high + 0.15]],
                [0.1, 0.08, 0.07, 0.05],
                8,
                material=Surface.METAL,
                colour=(0.3,) * 3,
            )
        )
        at.append(np.array([-0.12, -reach + 0.2, high - 0.3]))
    else:
        parts.append(
            bars([0, 0, -0.2], [0, 0, h + 0.4], r, sides=8, material=Surface.METAL, colour=(0.3,) * 3)
        )
    for p in at:
        parts.append(boxes(p - (0.1, 0.16, 0.45), p + (0.05, 0.16, 0.45), Surface.PLAIN, (0.02, 0.03, 0.02)))
        lit = rng.integers(3)
        for i, tone in enumerate(((0.6, 0.02, 0.02), (0.6, 0.35, 0.02), (0.03, 0.5, 0.15))):
            q = p + (-0.1, 0, 0.29 - 0.29 * i)
            parts.append(
                body(
                    [(-0.1, 0.02, 0.1, 0), (0.1, 0.02, 0.1, 0)],
                    0.6,
                    10,
                    colour=np.array(tone) * (1 if i == lit else 0.15),
                    material=Surface.REFLECTOR,
                ).at(*q)
            )
    return join(*parts)


def mast(rng: np.random.Generator) -> Mesh:
    """A wooden or steel pole for wires, with cross arms along y."""
    h = rng.uniform(6.5, 9.5)
    look = pick(
        rng,
        (
            {"material": Surface.WOOD, "colour": (0.16, 0.12, 0.09)},
            {"material": Surface.CONCRETE, "colour": (0.4,) * 3},
        ),
    )
    arms = h - np.array([0.4, 1.2])[: rng.integers(1, 3)]
    return join(
        tube([[0, 0, -0.5], [0, 0, h]], [0.16, 0.10], 9, **look),
        block((-0.05, 0.05), (-0.9, 0.9), (arms - 0.06, arms + 0.06), Surface.WOOD, (0.14, 0.1, 0.08)),
        rectangles([0.11, -0.15, 1.6], [0, 0.3, 0], [0, 0, 0.2], Surface.REFLECTOR, (0.6, 0.5, 0.1)),
    )
