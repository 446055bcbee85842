"""Made-up rooms of many kinds: `make_indoor(seed)`."""

from __future__ import annotations

import numpy as np

from ..scene import Scene
from .rooms.clutter import clutter
from .rooms.halls import warehouse
from .rooms.homes import bathroom, bedroom, kitchen, living_room
from .rooms.site import ROOM_SCALE
from .rooms.stairs import stairwell
from .rooms.tabletop import tabletop
from .rooms.work import class_room, corridor, laboratory, office

_SITES = {
    "living": (living_room, 0.12, ROOM_SCALE),
    "bedroom": (bedroom, 0.09, ROOM_SCALE),
    "kitchen": (kitchen, 0.09, ROOM_SCALE),
    "bathroom": (bathroom, 0.06, ROOM_SCALE),
    "office": (office, 0.10, ROOM_SCALE),
    "class_room": (class_room, 0.05, ROOM_SCALE),
    "corridor": (corridor, 0.07, ROOM_SCALE),
    "laboratory": (laboratory, 0.08, ROOM_SCALE),
    "warehouse": (warehouse, 0.07, (0.2, 2.2)),
    "stairwell": (stairwell, 0.04, ROOM_SCALE),
    "clutter": (clutter, 0.11, ROOM_SCALE),
}
"""Families that are sites: what makes them, how often, and heights of cameras."""
_TABLETOPS = 0.12
FAMILIES = (*_SITES, "tabletop")


def make_indoor(seed: int, family: str | None = None) -> Scene:
    """An indoor scene, another for each seed.

    Args:
        seed: 0 or more.
        family: one of `FAMILIES`; by the seed where it is None.

    Raises:
        ValueError: a family that there is not, or a seed below 0.
    """
    if seed < 0:
        raise ValueError(f"The seed of an indoor scene is {seed}; it must be 0 or more.")
    if family is not None and family not in FAMILIES:
        raise ValueError(f"There is no indoor family {family!r}; choose one of {', '.join(FAMILIES)}.")
    rng = np.random.default_rng([seed, 0x1D00])
    odds = np.array([*(share for _, share, _ in _SITES.values()), _TABLETOPS])
    drawn = FAMILIES[int(rng.choice(len(FAMILIES), p=odds / odds.sum()))]
    family = family or drawn
    if family == "tabletop":
        return tabletop(rng, seed)
    make, _, scale = _SITES[family]
    return make(rng).scene(seed, scale)
