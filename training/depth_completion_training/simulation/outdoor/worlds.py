"""Outdoor worlds of several families, another one for each seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..scene import Light, Scene
from .objects.vegetation import with_finer_leaves
from .places.alley import make_alley
from .places.car_park import make_car_park
from .places.highway import make_highway
from .places.park import make_park
from .places.rural import make_rural
from .places.square import make_square
from .places.streets import make_street
from .places.tunnel import make_tunnel
from .places.yard import make_yard
from .site import Site

# Each with its share of the worlds.
FAMILIES: dict[str, tuple[float, Callable[[np.random.Generator], Site]]] = {
    "city": (0.15, lambda rng: make_street(rng, suburb=False, crossing=False)),
    "crossing": (0.1, lambda rng: make_street(rng, suburb=rng.random() < 0.3, crossing=True)),
    "suburb": (0.13, lambda rng: make_street(rng, suburb=True, crossing=False)),
    "car_park": (0.1, make_car_park),
    "yard": (0.13, make_yard),
    "square": (0.09, make_square),
    "alley": (0.08, make_alley),
    "park": (0.13, make_park),
    "highway": (0.06, make_highway),
    "rural": (0.1, make_rural),
    "tunnel": (0.05, make_tunnel),
}
VIEWPOINTS = 24
_SCALE = (0.3, 3.0)
_LAMP_LIGHT = np.array([14.0, 10.5, 6.0])


def make_outdoor(seed: int, family: str | None = None) -> Scene:
    """An outdoor scene, the same for the same seed.

    Args:
        seed: not negative.
        family: one of `FAMILIES`; drawn by their shares by default.

    Raises:
        ValueError: unknown family, or a negative seed.
    """
    if seed < 0:
        raise ValueError(f"The seed of an outdoor scene is {seed}; it must not be negative.")
    rng = np.random.default_rng([seed, 71])
    shares = np.array([share for share, _ in FAMILIES.values()])
    drawn = str(rng.choice(list(FAMILIES), p=shares / shares.sum()))
    family = family or drawn
    if family not in FAMILIES:
        raise ValueError(f"Unknown family of outdoor scenes {family!r}; there are: {', '.join(FAMILIES)}.")
    site = FAMILIES[family][1](rng)
    light = _lit(Light.outdoor(rng), site, rng)
    viewpoints = site.viewpoints(VIEWPOINTS)
    mesh = with_finer_leaves(rng, site.mesh(), viewpoints[:, :3], _SCALE[1])
    return Scene(mesh, light, viewpoints, seed, indoor=False, scale=_SCALE)


def _lit(light: Light, site: Site, rng: np.random.Generator) -> Light:
    """The light with lamps on when it is dark or in a tunnel, nearest to the world's middle first."""
    dark = float(np.max(light.sky_light)) < 0.2
    if not site.lamps or not (dark or site.always_lit):
        return light
    near = sorted(site.lamps, key=lambda lamp: lamp[0] ** 2 + lamp[1] ** 2)[:12]
    rows = []
    for x, y, z in near:
        world_x, world_y, _ = site.ground.to_world(x, y)
        power = _LAMP_LIGHT * rng.uniform(0.6, 1.6)
        rows.append([world_x, world_y, float(site.ground.height(x, y)) + z, *power])
    return replace(light, lamps=np.array(rows, np.float32))
