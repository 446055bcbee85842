"""A scene in the making: a plan, its floors that fill up, its lamps, and the finished scene."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, join

from ...scene import Light, Scene
from ..layout import Floor, Maker, scatter
from ..objects.fixtures import (
    ceiling_lamp,
    clock,
    floor_lamp,
    picture,
    radiator,
    rug,
    socket,
    wall_shelf,
    wood_beams,
)
from ..objects.people import person
from ..objects.plants import plant, small_plant
from ..objects.seats import chair, stool
from ..objects.small import EVERYTHING, carton, toy_ball
from ..objects.storage import bookcase, cupboard
from ..objects.tables import low_table
from ..palette import one_of
from ..solids import without_slivers
from .plan import Brief, Plan, make_plan
from .views import Ground, find_viewpoints

Rng = np.random.Generator
VIEWPOINTS = 14
ROOM_SCALE = (0.15, 1.9)


class Site:
    """Rooms that are being furnished.

    Args:
        brief: of the plan, or a ready plan.
        spots: how many places stay free for viewers.
    """

    def __init__(self, rng: Rng, brief: Brief | Plan, spots: int = 2):
        self.rng = rng
        self.plan = make_plan(rng, brief) if isinstance(brief, Brief) else brief
        self.room = self.plan.room
        self.floor = Floor(rng, self.room, spots)
        self.others = [Floor(rng, room, 0) for room in self.plan.others]
        self.lamps: list[np.ndarray] = []
        self.loose: list[Mesh] = []
        self.stands: list[tuple[float, float, float, float]] = []  # viewpoints above the floor

    def times(self, least: int, most: int) -> range:
        """A random number of rounds."""
        return range(int(self.rng.integers(least, most + 1)))

    def chance(self, share: float) -> bool:
        """True so often."""
        return bool(self.rng.random() < share)

    def to_walls(self, *makers: Maker, **where) -> bool:
        """One object of each maker with its back to a wall; whether all fitted."""
        return all([self.floor.along_wall(maker(self.rng), **where) is not None for maker in makers])

    def about(self, *makers: Maker, square: float = 0.5) -> None:
        """One object of each maker somewhere on the floor; `square` is how often along the walls' axes."""
        for maker in makers:
            turn = self.rng.integers(4) * np.pi / 2 if self.chance(square) else None
            self.floor.anywhere(maker(self.rng), heading=turn)

    def light(self, least: int = 1, most: int = 2) -> None:
        """Lamps below the ceiling of every room."""
        for floor, count in ((self.floor, self.times(least, most)), *((f, range(1)) for f in self.others)):
            for _ in count:
                mesh, below = ceiling_lamp(self.rng, max(floor.room.height - 1.95, 0.1))
                place = floor.hang(mesh)
                if place is not None:
                    self.lamps.append(place - (0, 0, below))

    def standing_lamp(self) -> None:
        """A lamp on the floor."""
        mesh, height = floor_lamp(self.rng)
        pose = self.floor.anywhere(mesh)
        if pose is not None:
            self.lamps.append(np.array([*pose[:2], height]))

    def dress_walls(self, pictures: tuple[int, int], makers: Sequence[Maker] = ()) -> None:
        """Radiators, pictures, sockets, shelves with objects."""
        rng, room = self.rng, self.room
        for o in [o for o in room.openings if o.kind == "window" and o.z0 > 0.75]:
            mesh = radiator(rng)
            if self.chance(0.6):
                self.floor.claim(room.at_wall(mesh, o.edge, (o.u0 + o.u1) / 2, 0.0, 0.01))
            if self.chance(0.4):
                area = (o.u0 + 0.05, -0.06, o.u1 - 0.05, 0.1)
                for mesh in scatter(rng, area, o.z0, (small_plant, *EVERYTHING), 3, o.z1 - o.z0):
                    self.floor.claim(room.at_wall(mesh, o.edge, 0.0, 0.0), within=False)
        for _ in self.times(*pictures):
            self.floor.along_wall(picture(rng), z=rng.uniform(1.25, 1.75), corner=0.0)
        for maker in (*makers, *((clock,) if self.chance(0.3) else ())):
            self.floor.along_wall(maker(rng), z=rng.uniform(1.4, 1.9), corner=0.0)
        for _ in self.times(0, 3):
            self.floor.along_wall(socket(rng), z=one_of(rng, (0.3, 1.1, 2.0)), gap=0.001, corner=0.0)
        for _ in self.times(0, 2):
            board, wide = wall_shelf(rng)
            objects = scatter(
                rng, (-wide * 0.48, 0.02, wide * 0.48, 0.15), 0.0, (small_plant, *EVERYTHING), 6, 0.4
            )
            self.floor.along_wall(join(board, *objects), z=rng.uniform(1.1, 1.7))

    def litter(
        self, least: int, most: int, makers: Sequence[Maker] = (carton, toy_ball, *EVERYTHING)
    ) -> None:
        """Small objects on the floor."""
        for _ in self.times(least, most):
            self.floor.anywhere(one_of(self.rng, makers)(self.rng), slack=0.0)

    def lay_rug(self) -> None:
        """A carpet, below objects."""
        mesh, low, high = rug(self.rng), self.room.outline.min(axis=0), self.room.outline.max(axis=0)
        x, y = low + (high - low) * self.rng.uniform(0.35, 0.65, 2)
        self.loose.append(mesh.at(x, y, 0.0, self.rng.choice([0.0, np.pi / 2, self.rng.uniform(0, 6)])))

    def people(self, share: float, most: int = 2) -> None:
        """Now and then people who stand or walk about."""
        if self.chance(share):
            for _ in self.times(1, most):
                pose = one_of(self.rng, ("stand", "walk", "stand", "crouch"))
                self.floor.anywhere(person(self.rng, pose))

    def furnish_others(self) -> None:
        """Some furniture in the rooms behind."""
        makers = (bookcase, cupboard, plant, chair, stool, low_table)
        for floor in self.others:
            for _ in self.times(2, 6):
                floor.along_wall(one_of(self.rng, makers)(self.rng))
            for _ in self.times(0, 4):
                floor.anywhere(one_of(self.rng, (chair, low_table, carton, plant, person))(self.rng))
            floor.along_wall(picture(self.rng), z=1.5, corner=0.0)

    def beams(self, share: float) -> None:
        """Now and then beams below a flat ceiling."""
        if self.room.knee is None and len(self.room.outline) == 4 and self.chance(share):
            (x0, y0), (x1, y1) = self.room.outline.min(axis=0), self.room.outline.max(axis=0)
            self.loose.append(wood_beams(self.rng, x0, x1, y0, y1, self.room.height))

    def mesh(self) -> Mesh:
        """All that stands in the rooms, and the rooms."""
        self.furnish_others()
        floors = [mesh for floor in (self.floor, *self.others) if (mesh := floor.mesh()) is not None]
        return without_slivers(join(self.plan.mesh(), *floors, *self.loose))

    def scene(self, seed: int, scale: tuple[float, float] = ROOM_SCALE) -> Scene:
        """The finished scene."""
        mesh = self.mesh()
        lamps = np.array(self.lamps) if self.lamps else self._hidden_lamp()
        views = self._viewpoints(mesh, scale[1] + 0.15)
        return Scene(mesh, Light.indoor(self.rng, lamps), views, seed, True, scale)

    def _hidden_lamp(self) -> np.ndarray:
        """Light just below the ceiling above a free spot."""
        spot = self.floor.spots[0]
        return np.array([[*spot, float(self.room.top(spot[None])[0]) - 0.1]])

    def _viewpoints(self, mesh: Mesh, head: float) -> np.ndarray:
        rooms, spots = [self.room, *self.plan.others], np.array(self.floor.spots)
        objects = [part for floor in (self.floor, *self.others) for part in floor.parts]
        outline = np.concatenate([room.outline for room in rooms])
        box, inner = (np.stack([o.min(axis=0), o.max(axis=0)]) for o in (outline, self.room.outline))
        ground = Ground(mesh, box, 0.06, head)

        def anywhere(xy):
            return np.any([room.inside(xy) for room in rooms], axis=0)

        most = find_viewpoints(self.rng, ground, self.room.inside, inner, spots, objects, VIEWPOINTS - 3)
        some = find_viewpoints(self.rng, ground, anywhere, box, spots, objects, 3)
        return np.concatenate([most, some, np.array(self.stands).reshape(-1, 4)])
