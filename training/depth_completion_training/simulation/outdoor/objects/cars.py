"""Cars, pick-ups and vans of many proportions, facing x, standing on z = 0."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, body, boxes, copies, join, loft

from ...surface import Surface
from ..shapes import any_colour, bars, block, pick

PAINTS = (
    (0.55, 0.56, 0.58),
    (0.02, 0.02, 0.025),
    (0.40, 0.015, 0.02),
    (0.02, 0.06, 0.22),
    (0.70, 0.70, 0.68),
    (0.13, 0.14, 0.15),
    (0.03, 0.11, 0.08),
    (0.45, 0.33, 0.16),
    (0.75, 0.75, 0.74),
    (0.25, 0.26, 0.28),
)
DARK = (0.015, 0.015, 0.016)
KINDS = ("small", "hatchback", "saloon", "estate", "suv", "van", "pickup")

# Length, width, height, height of the bonnet in metres; then where the cabin's front and its roof begin,
# and where its roof and its rear end, as shares of the length from the rear bumper.
_SHAPES = {
    "small": (3.5, 1.60, 1.50, 0.88, 0.76, 0.60, 0.10, 0.02),
    "hatchback": (4.1, 1.76, 1.46, 0.92, 0.72, 0.54, 0.14, 0.03),
    "saloon": (4.6, 1.82, 1.43, 0.93, 0.70, 0.53, 0.32, 0.13),
    "estate": (4.7, 1.82, 1.47, 0.93, 0.71, 0.54, 0.08, 0.02),
    "suv": (4.6, 1.90, 1.75, 1.08, 0.73, 0.58, 0.09, 0.03),
    "van": (5.0, 1.95, 2.05, 1.12, 0.90, 0.70, 0.03, 0.01),
    "pickup": (5.3, 1.90, 1.80, 1.08, 0.70, 0.56, 0.42, 0.38),
}


def car(rng: np.random.Generator, kind: str | None = None, colour=None) -> Mesh:
    """A car of the given kind with proportions of its own."""
    kind = kind or pick(rng, KINDS)
    stretch = rng.uniform([0.92, 0.96, 0.96], [1.08, 1.05, 1.06])
    length, width, height = np.array(_SHAPES[kind][:3]) * stretch
    bonnet, front, roof_front, roof_rear, rear = _SHAPES[kind][3:]
    colour = np.array(pick(rng, PAINTS) if colour is None else colour) * rng.uniform(0.85, 1.1)
    if rng.random() < 0.15:
        colour = any_colour(rng)
    hl, hw = length / 2, width / 2
    paint = {"material": Surface.PAINT, "colour": colour}
    x = np.array([rear, front, roof_rear, roof_front]) * length + rng.normal(0, 0.04, 4) - hl
    high = kind in ("suv", "pickup")
    radius = {"small": 0.28, "suv": 0.37, "pickup": 0.38, "van": 0.34}.get(kind, 0.31)
    parts = [
        _hull(rng, hl, hw, bonnet, rng.uniform(0.17, 0.24) + 0.06 * high, paint),
        _cabin(bonnet, height, hw, x, kind == "van" and rng.random() < 0.6, paint),
        wheels([0.62 * hl, -0.62 * hl], hw - 0.10, radius * rng.uniform(0.95, 1.06), 0.2),
        _fittings(rng, hl, hw, bonnet, colour, x[1]),
    ]
    if kind == "pickup":
        parts.append(_load_bed(hl, hw, bonnet, x[0], colour))
    if rng.random() < 0.12:
        parts.append(_roof_load(rng, height, hw))
    return join(*parts)


def _hull(rng, hl: float, hw: float, bonnet: float, floor: float, paint: dict) -> Mesh:
    """The body below the windows."""
    levels = [
        (floor, hl * 0.93, hw * 0.87, 0),
        (floor + 0.14, hl * 0.985, hw * 0.96, 0),
        (0.6 * bonnet, hl, hw, 0),
        (0.8 * bonnet, hl * 0.98, hw, -0.01),
        (0.94 * bonnet, hl * 0.93, hw * 0.96, -0.03),
        (bonnet, hl * 0.86, hw * 0.90, -0.05),
    ]
    return body(levels, rng.uniform(0.26, 0.44), 30, **paint)


def _load_bed(hl: float, hw: float, bonnet: float, cabin: float, colour) -> Mesh:
    """A pick-up's bed from its rear to the cabin, with low sides."""
    y, z, back = np.array([-0.9 * hw, 0.9 * hw - 0.07]), bonnet - 0.02, -0.95 * hl
    paint = Surface.PAINT, colour
    return join(
        block((back, cabin), (-hw * 0.82, hw * 0.82), (z, z + 0.03), Surface.PLAIN, DARK),
        block((back, cabin), (y, y + 0.07), (z - 0.1, z + 0.24), *paint),
        block((back, back + 0.06), (-hw * 0.85, hw * 0.85), (z - 0.1, z + 0.22), *paint),
    )


def _cabin(bonnet: float, height: float, hw: float, ends: np.ndarray, blind: bool, paint: dict) -> Mesh:
    """Windows and roof over the hull; ends: x of rear foot, front foot, rear roof, front roof."""
    rear, front, roof_rear, roof_front = ends
    rise = height - bonnet + 0.04
    s = np.array([0.0, 0.45, 0.82, 0.94, 1.0])
    back = rear + (roof_rear - rear) * s
    ahead = front + (roof_front - front) * s
    back[-1] += 0.10
    ahead[-1] -= 0.14
    wide = hw * np.array([0.90, 0.84, 0.77, 0.70, 0.60])
    levels = np.stack([bonnet - 0.04 + rise * s, (ahead - back) / 2, wide, (ahead + back) / 2], axis=1)
    sides = 32
    skin = body(levels, 0.30, sides, **paint)
    patches = 2 * sides * (len(levels) - 1)
    centre = skin.triangles[:patches].mean(axis=1)
    row = np.repeat(np.arange(len(levels) - 1), 2 * sides)
    share = (centre[:, 0] - levels[row, 3]) / levels[row, 1]
    side = np.abs(centre[:, 1]) > 0.8 * levels[row, 2] * 0.95
    pillar = side & (
        (np.abs(np.abs(share) - 0.93) < 0.07) | (np.abs(share - 0.05) < 0.035) | (np.abs(share + 0.62) < 0.04)
    )
    glass = ~pillar & (row < 2)
    if blind:
        glass &= share > 0.45
    index = np.flatnonzero(glass)
    skin.material[index], skin.colour[index] = Surface.GLASS, 0.02
    return skin


def wheels(axles, track: float, radius: float, width: float) -> Mesh:
    """Tyres with rims at each axle's x on both sides, their outer faces at y = +-(track + width / 2)."""
    angle = np.arange(16) * (2 * np.pi / 16)
    circle = np.stack([np.cos(angle), np.zeros(16), np.sin(angle)], axis=1)
    profile = ((0.92, -0.5), (1.0, -0.36), (1.0, 0.36), (0.92, 0.5))
    tyre = loft([circle * radius * r + (0, width * y, 0) for r, y in profile], Surface.RUBBER, DARK)
    hub = loft(
        [circle * radius * 0.62 + (0, y, 0) for y in (-width / 2 - 0.006, width / 2 + 0.006)],
        Surface.METAL,
        (0.32, 0.32, 0.33),
    )
    at = [[x, side * track, radius] for x in axles for side in (-1, 1)]
    return copies(join(tyre, hub), at)


def _fittings(rng, hl: float, hw: float, bonnet: float, colour, mirror_x: float) -> Mesh:
    """Lamps, plates, bumpers, grille, mirrors."""
    x, y = np.array([hl * 0.975, hl * 0.975, -hl * 0.975, -hl * 0.975]), 0.72 * hw * np.array([-1, 1, -1, 1])
    z = bonnet * np.array([0.72, 0.72, 0.80, 0.80])
    tall, wide = rng.uniform(0.04, 0.10), rng.uniform(0.10, 0.2)
    middle = np.stack([x, y, z], axis=1)
    size = np.array([0.035, wide, tall])
    front = boxes(middle[:2] - size, middle[:2] + size, Surface.REFLECTOR, (0.75, 0.75, 0.70))
    rear = boxes(middle[2:] - size, middle[2:] + size, Surface.REFLECTOR, (0.35, 0.01, 0.01))
    plate = boxes(
        [[hl - 0.02, -0.26, 0.40], [-hl - 0.01, -0.26, 0.45]],
        [[hl + 0.01, 0.26, 0.51], [-hl + 0.02, 0.26, 0.56]],
        Surface.REFLECTOR,
        (0.7, 0.7, 0.6),
    )
    grille = boxes([hl * 0.96, -0.4, 0.55 * bonnet], [hl * 1.0, 0.4, 0.7 * bonnet], Surface.PLAIN, DARK)
    at = np.array([[mirror_x - 0.18, s * (hw + 0.04), bonnet + 0.08] for s in (-1, 1)])
    mirrors = boxes(at - (0.05, 0.1, 0.07), at + (0.05, 0.1, 0.07), Surface.PAINT, colour)
    return join(front, rear, plate, grille, mirrors)


def _roof_load(rng, height: float, hw: float) -> Mesh:
    """Bars on the roof, with a box on some."""
    x = np.array([-0.5, 0.25])
    rack = bars(
        np.stack([x, 0 * x - hw * 0.7, 0 * x + height + 0.06], 1),
        np.stack([x, 0 * x + hw * 0.7, 0 * x + height + 0.06], 1),
        0.02,
    )
    if rng.random() < 0.5:
        return rack
    chest = body(
        [(height + 0.06, 0.9, 0.35, -0.1), (height + 0.2, 0.95, 0.4, -0.1), (height + 0.38, 0.8, 0.33, -0.1)],
        0.4,
        20,
        material=Surface.PLAIN,
        colour=(0.05, 0.05, 0.055),
    )
    return join(rack, chest)
