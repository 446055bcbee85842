"""Objects of one world, made when first asked for and then used several times."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh

from .objects import cars, cycles, furniture, lorries, people, posts, vegetation, works, yard_goods
from .shapes import pick

Make = Callable[[np.random.Generator], Mesh]

# How many different ones a world has at most, and what makes one.
_KINDS: dict[str, tuple[int, Make]] = {
    "car": (9, cars.car),
    "person": (12, people.person),
    "pram": (2, people.with_pram),
    "bicycle": (4, cycles.bicycle),
    "cyclist": (2, lambda rng: cycles.bicycle(rng, True)),
    "motorbike": (3, cycles.motorbike),
    "rider": (2, lambda rng: cycles.motorbike(rng, True)),
    "scooter": (2, lambda rng: cycles.kick_scooter(rng, rng.random() < 0.4)),
    "lorry": (3, lorries.lorry),
    "bus": (2, lorries.bus),
    "forklift": (2, lorries.forklift),
    "tractor": (1, lorries.tractor),
    "trailer": (2, lorries.trailer),
    "barrow": (2, lorries.barrow),
    "rock": (6, lambda rng: vegetation.rock(rng, np.exp(rng.uniform(np.log(0.2), np.log(2.0))))),
    "flowers": (3, lambda rng: vegetation.flower_box(rng, rng.uniform(0.5, 1.3))),
    "sign": (5, posts.sign),
    "board": (4, posts.board),
    "signal": (2, posts.traffic_light),
    "mast": (1, posts.mast),
    "bench": (2, furniture.bench),
    "bin": (4, furniture.bin_),
    "bollard": (3, furniture.bollard),
    "table": (3, furniture.table),
    "shelter": (1, furniture.shelter),
    "cabinet": (4, furniture.cabinet),
    "kiosk": (2, furniture.kiosk),
    "cycle_stand": (2, furniture.cycle_stand),
    "swing": (1, furniture.swing),
    "hydrant": (1, furniture.hydrant),
    "pallet": (6, yard_goods.loaded_pallet),
    "drum": (3, yard_goods.drum),
    "pipes": (3, yard_goods.pipes),
    "rack": (3, yard_goods.rack),
    "heap": (3, works.heap),
    "barrier": (3, works.barrier),
}


class Stock:
    """`stock(name)` is a mesh of a name: each time one of a few that this world has of it.

    Its plants are of few species and of the same season.
    """

    def __init__(self, rng: np.random.Generator):
        self._rng = rng
        self._made: dict[str, list[Mesh]] = {}
        tones = vegetation.AUTUMN if rng.random() < 0.15 else vegetation.GREEN
        self.tones = [np.array(pick(rng, tones)) * rng.uniform(0.75, 1.25) for _ in range(3)]
        species, share = ["round", "tall", "bare", "fir", "palm"], [0.6, 0.12, 0.12, 0.13, 0.03]
        self._species = rng.choice(species, size=3, p=share)
        self.lamps = [posts.lamp(rng) for _ in range(2)]
        self._kinds = _KINDS | {
            "tree": (5, self._tree(2100, 5.0, 11.0)),
            "small_tree": (4, self._tree(1100, 2.5, 5.0)),
            "far_tree": (5, self._tree(200, 7.0, 15.0)),
            "bush": (5, self._bush(420, 2.2, 2.2)),
            "low_bush": (4, self._bush(220, 1.2, 0.6)),
            "grass": (6, self._grass),
        }

    def __call__(self, name: str) -> Mesh:
        limit, make = self._kinds[name]
        made = self._made.setdefault(name, [])
        if not made or (len(made) < limit and self._rng.random() < 0.65):
            made.append(make(self._rng))
            return made[-1]
        return pick(self._rng, made)

    def any(self, *names: str) -> Mesh:
        """One of several names."""
        return self(pick(self._rng, names))

    def _tree(self, leaves: int, least: float, most: float) -> Make:
        def make(rng):
            kind = pick(rng, self._species)
            tone = pick(rng, vegetation.GREEN if kind in ("fir", "palm") else self.tones)
            return vegetation.tree(rng, kind, rng.uniform(least, most), leaves, tone)

        return make

    def _bush(self, leaves: int, width: float, height: float) -> Make:
        def make(rng):
            size = rng.uniform(0.35, 1.0, 2) * (width, height)
            return vegetation.bush(rng, *size, leaves, pick(rng, self.tones))

        return make

    def _grass(self, rng) -> Mesh:
        return vegetation.grass(
            rng, 45, rng.uniform(0.15, 0.5), rng.uniform(0.15, 0.9), pick(rng, self.tones)
        )
