"""Close-ups: a table crowded with small objects, looked at from its edge."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, join

from ...scene import Light, Scene
from ...surface import Surface
from ..layout import scatter
from ..objects.plants import small_plant
from ..objects.seats import chair
from ..objects.small import EVERYTHING, STATIONERY, STORES, TABLEWARE, TOYS
from ..objects.storage import bookcase, cupboard
from ..objects.tables import bare_table
from ..objects.tools import DEVICES, TOOLS, monitor
from ..palette import one_of, paint
from ..solids import block, drum
from .homes import dining_group, workplace
from .plan import Brief
from .site import VIEWPOINTS, Site

Rng = np.random.Generator
_SAMPLES = np.array([(i, j, 6 - i - j) for i in range(7) for j in range(7 - i)]) / 6  # over a triangle
SCALE = (0.05, 0.4)
_SEEN_FROM_M = (0.13, 0.55)  # sideways from the nearest object
THEMES = (TABLEWARE, (*TABLEWARE, small_plant), STATIONERY + DEVICES, TOOLS, TOOLS + DEVICES, TOYS, STORES,
          EVERYTHING, (*EVERYTHING, *TOOLS, small_plant))  # fmt: skip


def tabletop(rng: Rng, seed: int) -> Scene:
    """A table in a furnished room; viewpoints lie at the height of its top."""
    site = Site(rng, Brief(wide=(3.2, 5.5), deep=(3.2, 5.0), windows=(0, 2), odd=0.0, attic=0.0), spots=0)
    x, y, z = rng.uniform(0.7, 1.6), rng.uniform(0.6, 1.0), rng.uniform(0.45, 0.95)
    middle = site.room.outline[2] * rng.uniform(0.4, 0.6, 2)
    pose = (*middle, 0.0, rng.uniform(0, 2 * np.pi))
    objects = [mesh.at(*pose) for mesh in _objects(rng, x, y, z)]
    site.floor.put(join(bare_table(rng, x, y, z), _cover(rng, x, y, z)).at(*pose), slack=0.3)
    site.floor.parts += objects
    for maker in (bookcase, cupboard, workplace, bookcase)[: int(rng.integers(1, 5))]:
        site.to_walls(maker)
    for maker in (chair, chair, dining_group)[: int(rng.integers(0, 4))]:
        site.about(maker)
    site.dress_walls((1, 5))
    site.light(1, 3)
    near = [*middle + rng.normal(0, 0.6, 2), z + rng.uniform(0.8, 1.3)]
    site.lamps.append(np.array(near))
    mesh = site.mesh()
    light = Light.indoor(rng, np.array(site.lamps))
    return Scene(mesh, light, _around(rng, mesh, objects, middle, z), seed, True, SCALE)


def _objects(rng: Rng, x: float, y: float, z: float) -> list[Mesh]:
    """10 to 40 objects on the table, crowded on a part of it or spread out."""
    theme, crowd = one_of(rng, THEMES), rng.uniform(0.55, 0.92)
    u, v = rng.uniform(crowd - 0.92, 0.92 - crowd, 2) / 2
    area = (x * (u - crowd / 2), y * (v - crowd / 2), x * (u + crowd / 2), y * (v + crowd / 2))
    objects = scatter(rng, area, z + 0.003, theme, int(rng.integers(14, 46)), heaped=0.35)
    if len(objects) < 8:
        objects += scatter(rng, area, z + 0.003, EVERYTHING, 20, heaped=0.8)
    if rng.random() < 0.2:
        objects.append(monitor(rng).at(rng.normal(0, 0.2) * x, 0.45 * y, z, np.pi))
    return objects


def _cover(rng: Rng, x: float, y: float, z: float) -> Mesh:
    """A cloth, mat or tray on the table, or a small foot below nothing."""
    look = {
        "material": one_of(rng, (Surface.FABRIC, Surface.CLOTH, Surface.WOOD, Surface.POSTER)),
        "colour": paint(rng),
    }
    if rng.random() < 0.2:
        return drum(min(x, y) * rng.uniform(0.2, 0.48), z, z + 0.003, 32, **look)
    share = rng.uniform(0.25, 1.0, 2) if rng.random() < 0.5 else (0.2, 0.15)
    return block((x * share[0], y * share[1], 0.0028), (0, 0, z), **look)


def _around(rng: Rng, mesh: Mesh, objects: list[Mesh], middle: np.ndarray, z: float) -> np.ndarray:
    """Places over and around the table with nothing near at the height of its objects, headed at them."""
    spots = np.concatenate([m.triangles[rng.integers(len(m.triangles), size=60), 0] for m in objects])
    low, high = z + 0.02, z + SCALE[1] + 0.1
    near = mesh.triangles[np.hypot(*(mesh.triangles[:, 0, :2] - middle).T) < 2.0]
    corners = np.einsum("pk,tkx->tpx", _SAMPLES, near).reshape(-1, 3)
    corners = corners[(corners[:, 2] > low) & (corners[:, 2] < high), :2]
    corners = np.concatenate([spots[:, :2], corners[rng.permutation(len(corners))[:6000]]]).astype(np.float32)
    angle, radius = rng.uniform(0, 2 * np.pi, 400), rng.uniform(0.05, 1.3, 400)
    places = middle + np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius[:, None]
    square = ((places[:, None].astype(np.float32) - corners) ** 2).sum(axis=2)
    near, to_things = np.sqrt(square.min(axis=1)), np.sqrt(square[:, : len(spots)].min(axis=1))
    good = np.flatnonzero((near > _SEEN_FROM_M[0]) & (to_things < _SEEN_FROM_M[1]))
    if len(good) < VIEWPOINTS:
        good = np.argsort(np.abs(near - 0.25))
    places = places[good[:VIEWPOINTS]]
    ways = spots[rng.integers(len(spots), size=(VIEWPOINTS, 8)), :2] - places[:, None]
    reach = rng.uniform(0.2, 0.7, (VIEWPOINTS, 1))
    best = np.argmin(np.abs(np.hypot(ways[..., 0], ways[..., 1]) - reach), axis=1)
    way = ways[np.arange(VIEWPOINTS), best]
    return np.column_stack([places, np.full(VIEWPOINTS, z), np.arctan2(way[:, 1], way[:, 0])])
