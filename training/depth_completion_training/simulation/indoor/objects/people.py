"""People-like shapes, standing, walking, sitting or crouching; facing y, their hips above the origin."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, boxes, join, loft, superellipse, tube

from ...surface import Surface
from ..palette import CHARCOAL, cloth
from ..solids import ball, scaled

Rng = np.random.Generator
SKINS = ((0.45, 0.27, 0.19), (0.60, 0.42, 0.33), (0.28, 0.16, 0.10), (0.14, 0.08, 0.05), (0.5, 0.33, 0.22))
HAIRS = ((0.03, 0.02, 0.015), (0.1, 0.05, 0.025), (0.35, 0.24, 0.1), (0.4, 0.4, 0.4), (0.2, 0.06, 0.02))


def person(rng: Rng, pose: str | None = None) -> Mesh:
    """A person of 0.9 to 1.9 m; `pose` stand, walk, sit or crouch."""
    pose = pose or str(rng.choice(["stand", "walk", "sit", "crouch"], p=[0.4, 0.25, 0.25, 0.1]))
    size = rng.uniform(0.9, 1.08) if rng.random() < 0.85 else rng.uniform(0.55, 0.85)
    hip = {"stand": 0.92, "walk": 0.90, "sit": 0.52, "crouch": 0.38}[pose]
    lean = {"stand": 0.03, "walk": 0.06, "sit": -0.05, "crouch": 0.45}[pose] + rng.normal(0, 0.05)
    chest = np.array([0, 0.48 * np.sin(lean), hip + 0.48 * np.cos(lean)])
    skin = {"material": Surface.SKIN, "colour": SKINS[rng.integers(len(SKINS))]}
    shirt = {"material": Surface.CLOTH, "colour": cloth(rng)}
    trousers = {"material": Surface.CLOTH, "colour": cloth(rng)}
    parts = [
        _torso(np.array([0, 0, hip - 0.06]), chest, rng.uniform(0.85, 1.2), **shirt),
        *_head(rng, chest, skin),
    ]
    for side in (-1, 1):
        parts += _leg(rng, side, hip, pose, trousers)
        parts += _arm(rng, side, chest, pose, shirt if rng.random() < 0.7 else skin, skin)
    return scaled(join(*parts), size)


def _torso(low, chest, girth: float, **look) -> Mesh:
    t = np.array([0, 0.2, 0.5, 0.8, 0.97, 1.06])
    wide = np.array([0.165, 0.165, 0.155, 0.2, 0.17, 0.05])
    deep = np.array([0.11, 0.125, 0.11, 0.12, 0.085, 0.05]) * girth
    rings = superellipse(wide, deep, 0.85, 14)
    middle = low + (chest - low) * t[:, None]
    return loft(np.concatenate([rings, np.zeros((*rings.shape[:2], 1))], axis=2) + middle[:, None], **look)


def _head(rng: Rng, chest, skin: dict) -> list[Mesh]:
    way = np.array([0, 0.02, 0.0])
    neck = tube([chest, chest + way + (0, 0, 0.1)], 0.05, 8, **skin)
    centre = chest + way + (0, 0.01, 0.2)
    head = ball((0.075, 0.095, 0.12), centre, 10, 14, **skin)
    colour = HAIRS[rng.integers(len(HAIRS))]
    hair = ball((0.083, 0.1, 0.1), centre + (0, -0.02, 0.04), 8, 14, material=Surface.FABRIC, colour=colour)
    parts = [neck, head, hair]
    if rng.random() < 0.3:
        parts.append(tube([centre + (0, -0.07, 0.05), centre + (0, -0.1, -0.1), centre + (0, -0.08, -0.25)],
                          [0.07, 0.08, 0.03], 8, material=Surface.FABRIC, colour=colour))  # fmt: skip
    return parts


def _leg(rng: Rng, side: int, hip: float, pose: str, look: dict) -> list[Mesh]:
    start = np.array([side * 0.09, 0, hip])
    swing = {"stand": rng.normal(0, 0.05), "walk": side * rng.uniform(0.2, 0.45), "sit": 1.5, "crouch": 1.75}[
        pose
    ]
    bend = {"stand": 0.02, "walk": rng.uniform(0, 0.4), "sit": 1.5 + rng.normal(0, 0.2), "crouch": 2.1}[pose]
    splay = side * (0.03 + 0.04 * rng.random())
    knee = start + 0.44 * np.array([splay, np.sin(swing), -np.cos(swing)])
    shin = swing - bend
    ankle = knee + 0.43 * np.array([0, np.sin(shin), -np.cos(shin)])
    ankle[2] = max(ankle[2], 0.07)
    line = [start, (start + knee) / 2, knee, (knee + ankle) / 2, ankle]
    x, y, z = ankle
    shoe = boxes([x - 0.045, y - 0.08, z - 0.075], [x + 0.045, y + 0.17, z + 0.01], Surface.RUBBER, CHARCOAL)
    return [tube(line, [0.09, 0.08, 0.06, 0.055, 0.045], 9, **look), shoe]


def _arm(rng: Rng, side: int, chest, pose: str, sleeve: dict, skin: dict) -> list[Mesh]:
    start = chest + (side * 0.19, 0, -0.04)
    lift = rng.uniform(0.9, 1.3) if pose == "sit" and rng.random() < 0.6 else rng.normal(0.15, 0.3)
    if rng.random() < 0.12:
        lift = rng.uniform(1.4, 2.8)
    bend = rng.uniform(0.1, 1.4)
    out = side * rng.uniform(0.05, 0.35)
    elbow = start + 0.29 * np.array([out, np.sin(lift), -np.cos(lift)])
    hand = elbow + 0.27 * np.array([out * 0.3, np.sin(lift + bend), -np.cos(lift + bend)])
    upper = tube([start, (start + elbow) / 2, elbow], [0.055, 0.048, 0.042], 8, **sleeve)
    lower = tube(
        [elbow, (elbow + hand) / 2, hand],
        [0.042, 0.037, 0.028],
        8,
        **(sleeve if rng.random() < 0.6 else skin),
    )
    return [upper, lower, ball((0.035, 0.05, 0.045), hand, 6, 9, **skin)]
