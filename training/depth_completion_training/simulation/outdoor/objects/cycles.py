"""Bicycles, motorbikes and scooters with or without a rider, facing x, standing on z = 0."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, body, boxes, join, loft, tube

from ...surface import Surface
from ..shapes import any_colour, bars, disc
from .people import person

_DARK = (0.02, 0.02, 0.022)


def _rim(x: float, radius: float, thick: float, spokes: int) -> Mesh:
    """A wheel of tyre and spokes in the plane y = 0."""
    turn = np.linspace(0, 2 * np.pi, 21)[:-1]
    ring = np.stack([np.cos(turn), 0 * turn, np.sin(turn)], axis=1)
    round_ = np.arange(5) * (2 * np.pi / 5)
    tyre = np.stack(
        [ring * (radius - thick + thick * np.cos(a)) + (x, thick * np.sin(a), radius) for a in round_], axis=0
    )
    skin = loft(np.concatenate([tyre, tyre[:1]]), Surface.RUBBER, _DARK, caps=False)
    out = np.arange(spokes) * (2 * np.pi / spokes)
    ends = np.stack([np.cos(out), 0 * out, np.sin(out)], axis=1) * (radius - 2 * thick) + (x, 0, radius)
    hub = np.array([x, 0, radius])
    return join(
        skin, bars(hub, ends, 0.004 + 0.1 * thick, sides=3, material=Surface.METAL, colour=(0.4, 0.4, 0.4))
    )


def bicycle(rng: np.random.Generator, rider: bool = False) -> Mesh:
    """A bicycle of thin tubes."""
    r, colour = rng.uniform(0.3, 0.36), any_colour(rng)
    rear, front, crank = np.array([-0.52, 0, r]), np.array([0.55, 0, r]), np.array([-0.08, 0, 0.28])
    saddle, head, low_head = np.array([-0.24, 0, 0.85]), np.array([0.38, 0, 0.86]), np.array([0.43, 0, 0.66])
    top = saddle * 0.75 + crank * 0.25 if rng.random() < 0.7 else saddle * 0.3 + crank * 0.7
    start = np.array([crank, crank, top, head, rear, rear])
    end = np.array([saddle, low_head, head, low_head, crank, saddle * 0.8 + crank * 0.2])
    side = np.array([[0, s, 0] for s in (-0.05, 0.05)])
    bar = head + (0.06, 0, 0.16)
    parts = [
        _rim(-0.52, r, 0.018, 12),
        _rim(0.55, r, 0.018, 12),
        bars(start, end, 0.017, sides=5, material=Surface.PAINT, colour=colour),
        bars(low_head + side, front + side, 0.013, material=Surface.PAINT, colour=colour),
        bars(head, bar, 0.014),
        bars(bar - (0, 0.28, 0), bar + (0, 0.28, 0), 0.013, colour=_DARK),
        bars(
            bar + np.array([[0, -0.28, 0], [0, 0.28, 0]]),
            bar + np.array([[-0.12, -0.3, -0.02], [-0.12, 0.3, -0.02]]),
            0.015,
            colour=_DARK,
        ),
        boxes(saddle + (-0.12, -0.07, 0.0), saddle + (0.13, 0.07, 0.06), Surface.FABRIC, _DARK),
        bars(crank + (0.1, 0.08, -0.13), crank + (-0.1, -0.08, 0.13), 0.012),
        disc(crank + (0, 0.03, 0), 0.09, 0.01, material=Surface.METAL),
    ]
    if rng.random() < 0.5:
        parts.append(boxes([-0.75, -0.09, 0.7], [-0.32, 0.09, 0.72], Surface.METAL, (0.1,) * 3))
        parts.append(
            bars([[-0.6, y, 0.7] for y in (-0.07, 0.07)], [[-0.52, y, r] for y in (-0.07, 0.07)], 0.008)
        )
    if rng.random() < 0.3:
        parts.append(boxes([0.5, -0.17, 0.78], [0.85, 0.17, 1.02], Surface.WOOD, (0.3, 0.2, 0.1)))
    if rider:
        parts.append(person(rng, seated=True).at(-0.2, 0, 0.45))
    return join(*parts)


def motorbike(rng: np.random.Generator, rider: bool = False) -> Mesh:
    """A motorbike or a scooter."""
    scooter, colour = rng.random() < 0.4, any_colour(rng)
    r = 0.22 if scooter else rng.uniform(0.28, 0.34)
    x0, x1 = (-0.55, 0.65) if scooter else (-0.7, 0.75)
    paint = {"material": Surface.PAINT, "colour": colour}
    fork = np.array([[x1, s, r] for s in (-0.08, 0.08)])
    head = np.array([[x1 - 0.3, s, 0.95] for s in (-0.08, 0.08)])
    bar = np.array([x1 - 0.35, 0, 1.03])
    parts = [
        _rim(x0, r, 0.06, 7),
        _rim(x1, r, 0.055, 7),
        bars(fork, head, 0.028, material=Surface.METAL, colour=(0.4,) * 3),
        bars(bar - (0, 0.36, 0), bar + (0, 0.36, 0), 0.018, colour=_DARK),
        boxes([x1 - 0.22, -0.1, 0.78], [x1 - 0.1, 0.1, 0.95], Surface.REFLECTOR, (0.7, 0.7, 0.65)),
    ]
    if scooter:
        parts.append(boxes([-0.1, -0.17, 0.25], [0.35, 0.17, 0.31], **paint))
        parts.append(
            body(
                [(0.3, 0.4, 0.15, -0.45), (0.6, 0.42, 0.18, -0.45), (0.72, 0.36, 0.16, -0.42)],
                0.6,
                16,
                **paint,
            )
        )
        shield = np.array([[0.3, -0.2, 0.28], [0.3, 0.2, 0.28], [0.42, 0.2, 0.85], [0.42, -0.2, 0.85]])
        parts.append(loft([shield, shield + (0.05, 0, 0)], **paint))
        parts.append(boxes([-0.75, -0.14, 0.72], [0.0, 0.14, 0.8], Surface.FABRIC, _DARK))
    else:
        parts.append(
            body([(0.62, 0.26, 0.13, 0.18), (0.78, 0.3, 0.17, 0.18), (0.9, 0.2, 0.12, 0.2)], 0.7, 16, **paint)
        )
        parts.append(boxes([-0.22, -0.17, 0.3], [0.32, 0.17, 0.62], Surface.METAL, (0.2, 0.2, 0.2)))
        parts.append(boxes([-0.85, -0.13, 0.72], [0.0, 0.13, 0.82], Surface.FABRIC, _DARK))
        pipe = [[0.2, -0.18, 0.3], [-0.2, -0.2, 0.28], [-0.9, -0.22, 0.4]]
        parts.append(tube(pipe, [0.03, 0.04, 0.055], 7, material=Surface.METAL, colour=(0.4,) * 3))
        parts.append(bars([x0, 0.1, r], [0, 0.1, 0.45], 0.03))
    if rider:
        parts.append(person(rng, seated=True).at(-0.3, 0, 0.33))
    return join(*parts)


def kick_scooter(rng: np.random.Generator, rider: bool = False) -> Mesh:
    """A stand-up scooter."""
    colour = any_colour(rng)
    parts = [
        boxes([-0.45, -0.07, 0.1], [0.35, 0.07, 0.14], Surface.PLAIN, colour),
        bars([[0.45, 0, 0.1], [0.33, -0.22, 1.05]], [[0.35, 0, 1.05], [0.33, 0.22, 1.05]], 0.022),
        disc([-0.45, -0.025, 0.1], 0.1, 0.05, material=Surface.RUBBER, colour=_DARK),
        disc([0.47, -0.025, 0.1], 0.1, 0.05, material=Surface.RUBBER, colour=_DARK),
    ]
    if rider:
        parts.append(person(rng).at(-0.05, 0, 0.14))
    return join(*parts)
