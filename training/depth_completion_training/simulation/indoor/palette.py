"""Colours (linear reflectance) and materials of rooms and what stands in them."""

from __future__ import annotations

import numpy as np

from ..surface import Surface

WOODS = ((0.42, 0.26, 0.13), (0.28, 0.15, 0.07), (0.55, 0.40, 0.24), (0.12, 0.06, 0.035), (0.34, 0.17, 0.08),
         (0.62, 0.50, 0.34), (0.20, 0.12, 0.08), (0.65, 0.62, 0.56))  # fmt: skip
WALLS = ((0.72, 0.70, 0.65), (0.75, 0.74, 0.72), (0.68, 0.60, 0.46), (0.48, 0.55, 0.58), (0.55, 0.62, 0.50),
         (0.62, 0.45, 0.36), (0.30, 0.36, 0.42), (0.60, 0.52, 0.56), (0.66, 0.64, 0.40))  # fmt: skip
METALS = ((0.55, 0.55, 0.56), (0.30, 0.31, 0.33), (0.08, 0.08, 0.085), (0.62, 0.50, 0.28), (0.7, 0.7, 0.7))
WHITE = (0.72, 0.71, 0.69)
CHARCOAL = (0.03, 0.03, 0.033)
CARDBOARD = (0.38, 0.26, 0.15)
STEEL = METALS[0]
CERAMIC = (0.78, 0.78, 0.76)


def one_of(rng: np.random.Generator, choices):
    """One of a sequence."""
    return choices[int(rng.integers(len(choices)))]


def paint(rng: np.random.Generator, count: int | None = None) -> np.ndarray:
    """Any colour that objects are painted or printed in: 3, or count x 3."""
    n = count or 1
    hue, rest = rng.random((n, 1)) * 6, rng.random((n, 2))
    grey = rng.random((n, 1)) < 0.3
    saturation = np.where(grey, 0.08, 0.25 + 0.7 * rest[:, :1])
    value = 0.03 + 0.7 * rest[:, 1:] ** 1.5
    k = (hue + np.array([[5.0, 3.0, 1.0]])) % 6
    colours = value * (1 - saturation * np.clip(np.minimum(k, 4 - k), 0, 1))
    return colours if count else colours[0]


def wood(rng: np.random.Generator) -> np.ndarray:
    """A kind of wood."""
    return np.clip(np.array(one_of(rng, WOODS)) * rng.uniform(0.8, 1.2), 0, 0.8)


def metal(rng: np.random.Generator) -> np.ndarray:
    """Bare or lacquered metal."""
    return np.array(one_of(rng, METALS)) * rng.uniform(0.85, 1.1)


def cloth(rng: np.random.Generator) -> np.ndarray:
    """Upholstery, curtains and clothes: duller than paint."""
    colour = paint(rng)
    return colour * 0.7 + colour.mean() * 0.3 + 0.02


def finish(rng: np.random.Generator) -> dict:
    """Look of furniture: wood mostly, or lacquered board."""
    if rng.random() < 0.6:
        return {"material": Surface.WOOD, "colour": wood(rng)}
    white = rng.random() < 0.5
    return {"material": Surface.PLAIN, "colour": np.array(WHITE) if white else paint(rng)}


def frame(rng: np.random.Generator) -> dict:
    """Look of legs, rails and handles: metal or wood."""
    if rng.random() < 0.6:
        return {"material": Surface.METAL, "colour": metal(rng)}
    return {"material": Surface.WOOD, "colour": wood(rng)}


def upholstery(rng: np.random.Generator) -> dict:
    """Look of what is soft: cloth, or leather."""
    return {"material": Surface.FABRIC if rng.random() < 0.8 else Surface.PLAIN, "colour": cloth(rng)}


def wall_look(rng: np.random.Generator, wet: bool = False, bare: bool = False) -> dict:
    """Look of walls; `wet` rooms are tiled more often, `bare` ones are brick and concrete."""
    colour = np.clip(np.array(one_of(rng, WALLS)) * rng.uniform(0.8, 1.1), 0, 0.8)
    kind = rng.random()
    if wet and kind < 0.7:
        return {"material": Surface.TILES, "colour": colour}
    if kind < (0.6 if bare else 0.12):
        brick = kind < (0.25 if bare else 0.05)
        stone = (0.33, 0.16, 0.11) if brick else (0.42, 0.41, 0.39)
        return {"material": Surface.BRICK if brick else Surface.CONCRETE, "colour": stone}
    if 0.12 <= kind < 0.18:
        return {"material": Surface.WOOD, "colour": wood(rng)}
    return {"material": Surface.PLASTER if kind < 0.85 else Surface.PLAIN, "colour": colour}


def floor_look(rng: np.random.Generator, kind: str = "home") -> dict:
    """Look of a floor: `home`, `wet`, `office` or `bare`."""
    odds = {
        "home": (6, 2, 3, 0, 1),
        "wet": (1, 8, 0, 1, 1),
        "office": (2, 1, 6, 1, 2),
        "bare": (0, 1, 0, 8, 1),
    }
    material = rng.choice(
        [Surface.WOOD, Surface.TILES, Surface.CARPET, Surface.CONCRETE, Surface.PLAIN],
        p=np.array(odds[kind]) / sum(odds[kind]),
    )
    if material == Surface.WOOD:
        return {"material": material, "colour": wood(rng)}
    grey = rng.uniform(0.12, 0.55)
    tint = paint(rng) if material == Surface.CARPET else np.array(one_of(rng, WALLS))
    return {"material": material, "colour": np.clip(tint * 0.4 + grey * 0.6, 0.02, 0.8)}


def fruit(rng: np.random.Generator):
    """A fruit's colour."""
    return one_of(rng, ((0.5, 0.04, 0.03), (0.6, 0.25, 0.02), (0.25, 0.4, 0.05), (0.6, 0.5, 0.05)))
