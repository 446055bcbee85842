"""What stands on pavements: benches, tables, bins, bollards, shelters, kiosks, playground equipment."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, body, boxes, join, loft, tube

from ...surface import Surface
from ..shapes import GREYS, any_colour, bars, block, disc, pick, tinted


def bench(rng: np.random.Generator) -> Mesh:
    """A bench of slats along y that faces x."""
    length, wood = (
        rng.uniform(1.2, 2.4),
        tinted(rng, pick(rng, ((0.35, 0.2, 0.1), (0.2, 0.2, 0.2), (0.15, 0.25, 0.15)))),
    )
    x = np.array([0.0, 0.13, 0.26, 0.39])
    parts = [block((x - 0.05, x + 0.05), (-length / 2, length / 2), (0.43, 0.46), Surface.WOOD, wood)]
    if rng.random() < 0.75:
        z = np.array([0.58, 0.72, 0.86])
        parts.append(
            block(
                (-0.12 - 0.1 * (z - 0.5), -0.09 - 0.1 * (z - 0.5)),
                (-length / 2, length / 2),
                (z - 0.05, z + 0.05),
                Surface.WOOD,
                wood,
            )
        )
    y = np.array([-1, 1]) * (length / 2 - 0.15)
    parts.append(block((-0.05, 0.4), (y - 0.03, y + 0.03), (-0.15, 0.43), Surface.METAL, (0.05,) * 3))
    parts.append(block((-0.16, -0.08), (y - 0.03, y + 0.03), (0.0, 0.9), Surface.METAL, (0.05,) * 3))
    return join(*parts)


def table(rng: np.random.Generator) -> Mesh:
    """A table with chairs, perhaps below a parasol."""
    wide, look = rng.uniform(0.3, 0.5), (Surface.WOOD, tinted(rng, (0.35, 0.25, 0.16), 0.4))
    parts = [
        boxes([-wide, -wide, 0.71], [wide, wide, 0.74], *look),
        bars([0, 0, 0], [0, 0, 0.72], 0.03),
        boxes([-0.25, -0.25, 0], [0.25, 0.25, 0.02], Surface.METAL, (0.1,) * 3),
    ]
    for turn in np.arange(rng.integers(1, 5)) * (np.pi / 2) + rng.normal(0, 0.2):
        parts.append(chair(look[1]).at(-(wide + 0.25) * np.cos(turn), -(wide + 0.25) * np.sin(turn), 0, turn))
    if rng.random() < 0.5:
        angle = np.arange(8) * (np.pi / 4)
        ring = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
        r = rng.uniform(1.1, 1.8)
        parts.append(
            loft(
                [ring * r + (0, 0, 2.1), ring * 0.03 + (0, 0, 2.6)],
                Surface.CLOTH,
                any_colour(rng),
                caps=False,
            )
        )
        parts.append(bars([0, 0, 0], [0, 0, 2.6], 0.02))
    return join(*parts)


def chair(colour) -> Mesh:
    """A light chair that faces x."""
    legs = np.array([[x, y, 0] for x in (-0.2, 0.2) for y in (-0.2, 0.2)])
    return join(
        boxes([-0.22, -0.22, 0.43], [0.22, 0.22, 0.46], Surface.WOOD, colour),
        bars(legs, legs + np.array([[0, 0, 0.85], [0, 0, 0.85], [0, 0, 0.45], [0, 0, 0.45]]), 0.013),
        boxes([-0.22, -0.22, 0.65], [-0.19, 0.22, 0.86], Surface.WOOD, colour),
    )


def bin_(rng: np.random.Generator) -> Mesh:
    """A litter bin, a wheeled bin or a large container for glass or waste."""
    kind, colour = rng.integers(4), any_colour(rng, 0.8) * 0.7
    if kind == 0:
        h = rng.uniform(0.7, 1.0)
        return join(
            body([(0.05, 0.24, 0.22, 0), (h, 0.33, 0.28, 0)], 0.3, colour=(0.03, 0.035, 0.04)),
            boxes([-0.36, -0.3, h], [0.36, 0.3, h + 0.07], Surface.PLAIN, colour),
        )
    if kind == 1:
        r = rng.uniform(0.16, 0.3)
        bin_body = body(
            [(0.05, r * 0.9, r * 0.9, 0), (0.75, r, r, 0), (0.8, r * 1.05, r * 1.05, 0)],
            1.0,
            14,
            material=Surface.METAL,
            colour=colour,
        )
        return join(bin_body, bars([0, 0, 0], [0, 0, 0.06], r * 0.8, sides=10))
    if kind == 2:
        w, d, h = rng.uniform(1.0, 1.9), rng.uniform(0.7, 1.1), rng.uniform(0.9, 1.3)
        return join(
            body([(0.15, w * 0.42, d * 0.42, 0), (h, w / 2, d / 2, 0)], 0.2, 16, colour=colour),
            body(
                [(h, w / 2 + 0.02, d / 2 + 0.02, 0), (h + 0.15, w * 0.4, d * 0.3, 0)],
                0.3,
                16,
                colour=colour * 0.7,
            ),
            boxes([-w * 0.4, -d * 0.35, 0], [w * 0.4, d * 0.35, 0.15], Surface.RUBBER, (0.02,) * 3),
        )
    r = rng.uniform(0.5, 0.75)
    return body(
        [(0, r * 0.9, r * 0.9, 0), (0.7, r, r, 0), (1.3, r * 0.75, r * 0.75, 0), (1.6, r * 0.3, r * 0.3, 0)],
        0.9,
        18,
        colour=colour,
    )


def bollard(rng: np.random.Generator) -> Mesh:
    """A post of iron, stone or plastic; a ball or a cone at times."""
    kind, h, r = rng.integers(4), rng.uniform(0.5, 1.1), rng.uniform(0.035, 0.12)
    if kind == 0:
        cone = body(
            [(0.03, 0.15, 0.15, 0), (0.04, 0.12, 0.12, 0), (0.3, 0.07, 0.07, 0), (0.6, 0.025, 0.025, 0)],
            1.0,
            12,
            colour=(0.6, 0.12, 0.02),
        )
        band = body(
            [(0.3, 0.075, 0.075, 0), (0.4, 0.06, 0.06, 0)],
            1.0,
            12,
            material=Surface.REFLECTOR,
            colour=(0.7,) * 3,
        )
        return join(cone, band, boxes([-0.18, -0.18, 0], [0.18, 0.18, 0.03], Surface.RUBBER, (0.02,) * 3))
    if kind == 1:
        return body(
            [(0, r * 3, r * 3, 0), (2 * r, 4 * r, 4 * r, 0), (5 * r, 3.4 * r, 3.4 * r, 0), (7 * r, r, r, 0)],
            1.0,
            14,
            material=Surface.CONCRETE,
            colour=(0.42, 0.4, 0.37),
        )
    band = body(
        [(h * 0.8, r * 1.03, r * 1.03, 0), (h * 0.87, r * 1.03, r * 1.03, 0)],
        1.0,
        10,
        material=Surface.REFLECTOR,
        colour=(0.7,) * 3,
    )
    return join(
        body(
            [(-0.2, r, r, 0), (h, r * 0.9, r * 0.9, 0), (h + 0.03, r * 0.4, r * 0.4, 0)],
            1.0,
            10,
            material=Surface.METAL,
            colour=pick(rng, GREYS),
        ),
        band,
    )


def shelter(rng: np.random.Generator) -> Mesh:
    """A bus shelter of glass along y that is open towards x."""
    length, deep, h = rng.uniform(2.5, 5), rng.uniform(1.2, 1.8), rng.uniform(2.3, 2.7)
    y = np.linspace(-length / 2, length / 2, 3)
    post = np.stack([0 * y, y, 0 * y - 0.2], axis=1)
    steel = {"material": Surface.METAL, "colour": (0.1, 0.1, 0.11)}
    return join(
        bars(post, post + (0, 0, h), 0.035, **steel),
        bars(
            [[deep, -length / 2, 0], [deep, length / 2, 0]],
            [[deep, -length / 2, h], [deep, length / 2, h]],
            0.03,
            **steel,
        ),
        block((0, 0.015), (y[:-1] + 0.06, y[1:] - 0.06), (0.25, h - 0.1), Surface.GLASS, (0.05, 0.06, 0.06)),
        block((0.05, deep * 0.6), (y[:1], y[:1] + 0.015), (0.25, h - 0.1), Surface.GLASS, (0.05, 0.06, 0.06)),
        boxes(
            [-0.15, -length / 2 - 0.1, h],
            [deep + 0.1, length / 2 + 0.1, h + 0.09],
            Surface.METAL,
            (0.2, 0.2, 0.21),
        ),
        boxes(
            [deep * 0.2, length / 2 - 0.05, 0.3],
            [deep * 0.95, length / 2 + 0.08, 2.1],
            Surface.POSTER,
            any_colour(rng),
        ),
        bench(rng).at(0.3, 0),
    )


def cabinet(rng: np.random.Generator) -> Mesh:
    """A grey box: switch gear, a parking meter, a letter box, a vending machine."""
    size = rng.uniform([0.2, 0.25, 0.7], [0.7, 1.3, 1.9])
    colour = pick(rng, (tinted(rng, (0.35, 0.36, 0.33)), any_colour(rng)))
    top = size * (0.5, 0.5, 1)
    return join(
        boxes([-top[0], -top[1], -0.2], top, Surface.METAL, colour),
        boxes(
            [-top[0] - 0.03, -top[1] - 0.03, size[2]],
            [top[0] + 0.03, top[1] + 0.03, size[2] + 0.05],
            Surface.METAL,
            colour * 0.8,
        ),
        boxes(
            [top[0], -top[1] * 0.6, size[2] * 0.5],
            [top[0] + 0.01, top[1] * 0.6, size[2] * 0.85],
            Surface.POSTER,
            any_colour(rng),
        ),
    )


def kiosk(rng: np.random.Generator) -> Mesh:
    """A small stand with a counter and a wide roof, open towards x."""
    w, d, colour = rng.uniform(1.8, 4), rng.uniform(1.5, 2.5), any_colour(rng, 0.7)
    return join(
        boxes(
            [[-d, -w / 2, -0.2], [-d, -w / 2, -0.2], [-d, w / 2 - 0.08, -0.2], [-0.1, -w / 2, -0.2]],
            [[-d + 0.08, w / 2, 2.4], [0, -w / 2 + 0.08, 2.4], [0, w / 2, 2.4], [0, w / 2, 1.0]],
            Surface.WOOD,
            colour,
        ),
        boxes([-0.25, -w / 2, 1.0], [0.2, w / 2, 1.05], Surface.WOOD, (0.3, 0.2, 0.12)),
        boxes(
            [-d - 0.2, -w / 2 - 0.25, 2.4],
            [0.7, w / 2 + 0.25, 2.55],
            Surface.METAL,
            tinted(rng, (0.3, 0.3, 0.3)),
        ),
        boxes([0.62, -w / 2, 2.4], [0.68, w / 2, 2.9], Surface.POSTER, any_colour(rng)),
        boxes([-d + 0.1, -w * 0.4, 0.9], [-d + 0.4, w * 0.4, 2.0], Surface.POSTER, any_colour(rng)),
    )


def cycle_stand(rng: np.random.Generator) -> Mesh:
    """Hoops in a row along y."""
    y = np.arange(rng.integers(2, 7)) * rng.uniform(0.7, 1.0)
    line = np.array(
        [[-0.35, 0, -0.1], [-0.35, 0, 0.7], [-0.2, 0, 0.85], [0.2, 0, 0.85], [0.35, 0, 0.7], [0.35, 0, -0.1]]
    )
    hoop = tube(line, 0.024, 7, material=Surface.METAL, colour=(0.4, 0.41, 0.42))
    return join(*(hoop.at(0, v) for v in y))


def swing(rng: np.random.Generator) -> Mesh:
    """Playground: a frame with swings along y."""
    h, w = rng.uniform(1.9, 2.5), rng.uniform(2.2, 4)
    colour = any_colour(rng)
    ends = np.array([[0, s * w / 2, h] for s in (-1, 1) for _ in range(2)])
    feet = ends * (1, 1, 0) + np.array([[x, 0, -0.1] for _ in range(2) for x in (-0.8, 0.8)])
    y = np.array([-w / 4, w / 4])
    seat = np.stack([rng.normal(0, 0.2, 2), y, 0 * y + 0.5], axis=1)
    hooks = np.stack([0 * y, y, 0 * y + h], axis=1)
    side = np.array([0, 0.2, 0])
    return join(
        bars(feet, ends, 0.04, sides=6, material=Surface.PAINT, colour=colour),
        bars([0, -w / 2, h], [0, w / 2, h], 0.045, sides=6, material=Surface.PAINT, colour=colour),
        bars(
            np.concatenate([hooks - side, hooks + side]),
            np.concatenate([seat - side, seat + side]),
            0.008,
            sides=3,
        ),
        boxes(seat - (0.1, 0.22, 0.02), seat + (0.1, 0.22, 0.02), Surface.RUBBER, (0.03,) * 3),
    )


def hydrant(rng: np.random.Generator) -> Mesh:
    """A hydrant."""
    colour = pick(rng, ((0.5, 0.03, 0.02), (0.6, 0.4, 0.03), (0.1, 0.2, 0.4)))
    post = body(
        [
            (-0.1, 0.12, 0.12, 0),
            (0.05, 0.12, 0.12, 0),
            (0.07, 0.09, 0.09, 0),
            (0.6, 0.09, 0.09, 0),
            (0.7, 0.05, 0.05, 0),
        ],
        1.0,
        12,
        material=Surface.PAINT,
        colour=colour,
    )
    return join(post, disc([0, -0.16, 0.45], 0.05, 0.32, 10, material=Surface.PAINT, colour=colour))
