"""People of many sizes, clothes and poses, facing x, standing on z = 0."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, body, boxes, join, tube

from ...surface import Surface
from ..shapes import any_colour, bars, pick, scaled

SKINS = ((0.45, 0.27, 0.19), (0.55, 0.36, 0.27), (0.25, 0.14, 0.09), (0.12, 0.07, 0.05))
HAIRS = ((0.05, 0.035, 0.02), (0.02, 0.02, 0.02), (0.25, 0.15, 0.06), (0.4, 0.38, 0.35), (0.18, 0.07, 0.03))
_SHOE = (0.03, 0.03, 0.03)


def person(rng: np.random.Generator, seated: bool = False) -> Mesh:
    """A man, woman or child who stands or walks; `seated` with the hip at z = 0.45."""
    shirt, trousers = any_colour(rng, 0.8), any_colour(rng, 0.6) * 0.6
    skin, hair = pick(rng, SKINS), pick(rng, HAIRS)
    stout = rng.uniform(0.85, 1.3)
    hip = 0.45 if seated else 0.88
    parts = [_trunk(rng, hip, stout, shirt, trousers), _head(rng, hip, skin, hair)]
    stride = 0.0 if seated else rng.choice([0.03, rng.uniform(0.15, 0.5)])
    for side in (-1, 1):
        parts.append(
            _leg(side, hip, side * stride, seated, trousers, skin if rng.random() < 0.15 else trousers)
        )
        parts.append(_arm(rng, side, hip, -side * stride, shirt, skin))
    if not seated and rng.random() < 0.2:
        parts.append(
            body(
                [(0.35, 0.26, 0.28, 0), (0.6, 0.22, 0.24, 0), (0.95, 0.12, 0.17, 0)],
                0.9,
                12,
                material=Surface.CLOTH,
                colour=trousers,
            )
        )
    if rng.random() < 0.35:
        parts.append(_bag(rng, hip))
    size = rng.uniform(0.92, 1.07) if rng.random() < 0.85 else rng.uniform(0.55, 0.8)
    return scaled(join(*parts), size)


def _trunk(rng, hip: float, stout: float, shirt, trousers) -> Mesh:
    s = stout
    rows = [(-0.10, 0.11 * s, 0.17 * s, 0), (0.06, 0.12 * s, 0.175 * s, 0), (0.14, 0.12 * s, 0.16 * s, 0.0)]
    chest = [
        (0.04, 0.125 * s, 0.18 * s, 0),
        (0.28, 0.13 * s, 0.19 * s, 0),
        (0.46, 0.12 * s, 0.22, 0),
        (0.56, 0.08, 0.17, 0),
        (0.60, 0.055, 0.06, 0),
    ]
    coat = rng.random() < 0.25
    if coat:
        chest = [(-0.35, 0.17 * s, 0.23 * s, 0), *chest]
    lift = [(z + hip, x, y, shift) for z, x, y, shift in chest]
    return join(
        body(
            [(z + hip, x, y, shift) for z, x, y, shift in rows],
            0.8,
            12,
            material=Surface.CLOTH,
            colour=trousers,
        ),
        body(lift, 0.8, 14, material=Surface.CLOTH, colour=shirt),
    )


def _head(rng, hip: float, skin, hair) -> Mesh:
    z = hip + 0.58
    head = body(
        [
            (z, 0.05, 0.05, 0),
            (z + 0.08, 0.075, 0.062, 0.01),
            (z + 0.17, 0.10, 0.08, 0.01),
            (z + 0.25, 0.095, 0.08, 0),
            (z + 0.30, 0.05, 0.05, -0.01),
        ],
        1.0,
        12,
        material=Surface.SKIN,
        colour=skin,
    )
    if rng.random() < 0.25:
        colour = any_colour(rng)
        hat = body(
            [(z + 0.21, 0.11, 0.095, 0), (z + 0.33, 0.085, 0.075, 0), (z + 0.345, 0.03, 0.03, 0)],
            1.0,
            12,
            material=Surface.CLOTH,
            colour=colour,
        )
        brim = body(
            [(z + 0.205, 0.16, 0.14, 0.02), (z + 0.215, 0.16, 0.14, 0.02)],
            1.0,
            12,
            material=Surface.CLOTH,
            colour=colour,
        )
        return join(head, hat, brim)
    low = z + (0.02 if rng.random() < 0.3 else 0.19)
    return join(
        head,
        body(
            [(low, 0.075, 0.09, -0.045), (z + 0.25, 0.10, 0.088, -0.018), (z + 0.315, 0.05, 0.05, -0.01)],
            1.0,
            12,
            material=Surface.CLOTH,
            colour=hair,
        ),
    )


def _leg(side: int, hip: float, swing: float, seated: bool, upper, lower) -> Mesh:
    y = side * 0.095
    joint = np.array([0, y, hip])
    if seated:
        knee, foot = np.array([0.43, y, hip + 0.03]), np.array([0.46, y, 0.07])
    else:
        knee = joint + (0.44 * np.sin(swing) + 0.03, 0, -0.44 * np.cos(swing))
        foot = np.array([knee[0] + 0.4 * np.sin(swing * 0.8) - 0.03, y, 0.08])
    shoe = boxes(foot - (0.08, 0.045, 0.08), foot + (0.18, 0.045, 0.02), Surface.RUBBER, _SHOE)
    return join(
        tube(
            [joint, (joint + knee) / 2, knee], [0.095, 0.085, 0.065], 9, material=Surface.CLOTH, colour=upper
        ),
        tube([knee, (knee + foot) / 2, foot], [0.065, 0.06, 0.048], 9, material=Surface.CLOTH, colour=lower),
        shoe,
    )


def _arm(rng, side: int, hip: float, swing: float, shirt, skin) -> Mesh:
    shoulder = np.array([0, side * 0.215, hip + 0.51])
    bent = rng.random() < 0.35
    raised = rng.random() < 0.06
    angle = swing + rng.normal(0, 0.1)
    if raised:
        angle = rng.uniform(1.2, 2.8)
    elbow = shoulder + (0.28 * np.sin(angle), side * 0.05, -0.28 * np.cos(angle))
    angle += rng.uniform(0.9, 1.9) if bent else 0.15
    hand = elbow + (0.27 * np.sin(angle), -side * 0.03, -0.27 * np.cos(angle))
    cuff = elbow + 0.85 * (hand - elbow)
    return join(
        tube(
            [shoulder + (0, -side * 0.03, 0.03), shoulder, elbow],
            [0.05, 0.058, 0.045],
            8,
            material=Surface.CLOTH,
            colour=shirt,
        ),
        tube([elbow, cuff], [0.045, 0.035], 8, material=Surface.CLOTH, colour=shirt),
        bars(cuff, hand + 0.25 * (hand - elbow), 0.035, 0.025, 6, Surface.SKIN, skin),
    )


def _bag(rng, hip: float) -> Mesh:
    colour = any_colour(rng)
    if rng.random() < 0.5:
        return boxes([-0.32, -0.15, hip + 0.08], [-0.11, 0.15, hip + 0.5], Surface.FABRIC, colour)
    side = rng.choice([-1, 1])
    low = [-0.14, side * 0.27 - 0.05, hip - 0.32]
    return boxes(low, [0.14, side * 0.27 + 0.05, hip - 0.05], Surface.FABRIC, colour)


def with_pram(rng: np.random.Generator) -> Mesh:
    """A grown-up who pushes a pram or a trolley."""
    colour = any_colour(rng)
    basket = body(
        [(0.42, 0.34, 0.2, 0.75), (0.6, 0.4, 0.24, 0.75), (0.75, 0.4, 0.24, 0.75)],
        0.6,
        16,
        material=Surface.FABRIC,
        colour=colour,
    )
    legs = bars(
        [[0.45, y, 0.1] for y in (-0.22, 0.22)] + [[1.05, y, 0.1] for y in (-0.22, 0.22)],
        [[0.9, y, 0.5] for y in (-0.22, 0.22)] + [[0.3, y, 1.0] for y in (-0.22, 0.22)],
        0.015,
    )
    rims = [
        tube(
            [[x + 0.09 * np.cos(a), y, 0.1 + 0.09 * np.sin(a)] for a in np.linspace(0, 6.4, 11)],
            0.018,
            5,
            material=Surface.RUBBER,
            colour=_SHOE,
        )
        for x in (0.45, 1.05)
        for y in (-0.22, 0.22)
    ]
    return join(person(rng), basket, legs, *rims)
