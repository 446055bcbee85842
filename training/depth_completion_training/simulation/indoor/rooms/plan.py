"""Floor plans: a room of some shape, its doors and windows, and the further rooms behind its doors."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, join

from ...surface import Surface
from ..openings import blind, casing, curtains, door_leaf, outside, window
from ..palette import WHITE, finish, floor_look, wall_look, wood
from ..room import Opening, Room, ceiling_look

Rng = np.random.Generator


@dataclass(frozen=True)
class Brief:
    """What a plan should be like; pairs are least and greatest, metres where they are lengths.

    Args:
        kind: of floor and walls, `home`, `wet`, `office` or `bare`.
        odd: share of rooms that are not rectangles.
        attic: share of rectangles below a slanted roof.
    """

    wide: tuple[float, float] = (3.2, 7.5)
    deep: tuple[float, float] = (3.0, 6.0)
    height: tuple[float, float] = (2.3, 3.2)
    kind: str = "home"
    doors: tuple[int, int] = (1, 3)
    windows: tuple[int, int] = (0, 3)
    odd: float = 0.35
    attic: float = 0.08


@dataclass(eq=False)
class Plan:
    """A main room, the rooms behind it, and what is built into their openings."""

    room: Room
    others: list[Room] = field(default_factory=list)
    parts: list[Mesh] = field(default_factory=list)

    def mesh(self) -> Mesh:
        """Everything that is built in."""
        return join(*(room.shell() for room in (self.room, *self.others)), *self.parts)


def make_plan(rng: Rng, brief: Brief) -> Plan:
    """A plan by its brief."""
    rectangle = rng.random() >= brief.odd
    size = rng.uniform(*brief.wide), rng.uniform(*brief.deep)
    outline = _rectangle(*size) if rectangle else _odd_outline(rng, *size)
    plan = Plan(_room(rng, outline, brief))
    if rectangle and rng.random() < brief.attic:
        low = rng.uniform(0.7, 1.5)
        plan.room.knee = (low, (plan.room.height - low) / (size[0] * rng.uniform(0.35, 0.9)))
    storey = 0.15 if rng.random() < 0.4 else rng.uniform(2.5, 12)
    for _ in range(int(rng.integers(brief.windows[0], brief.windows[1] + 1))):
        _add_window(rng, plan, plan.room)
    for _ in range(int(rng.integers(brief.doors[0], brief.doors[1] + 1))):
        _add_door(rng, plan, brief)
    if rng.random() < 0.25:
        _add_niche(rng, plan.room)
    for room in plan.others:
        if rng.random() < 0.5:
            _add_window(rng, plan, room)
    for room in (plan.room, *plan.others):
        _fill_windows(rng, plan, room, storey)
        if rng.random() < 0.75:
            plan.parts.append(room.skirting(rng, **_trim(rng)))
    return plan


def _room(rng: Rng, outline: np.ndarray, brief: Brief) -> Room:
    kind = brief.kind
    room = Room(
        outline, rng.uniform(*brief.height), floor_look(rng, kind),
        wall_look(rng, kind == "wet", kind == "bare"), ceiling_look(rng),
    )  # fmt: skip
    if rng.random() < 0.2:
        room.dado = rng.uniform(0.9, 1.6)
        room.dado_look = wall_look(rng, wet=kind == "wet") if rng.random() < 0.6 else finish(rng)
    return room


def _trim(rng: Rng) -> dict:
    if rng.random() < 0.5:
        return {"material": Surface.PLAIN, "colour": WHITE}
    return {"material": Surface.WOOD, "colour": wood(rng)}


def _rectangle(wide: float, deep: float) -> np.ndarray:
    return np.array([[0, 0], [wide, 0], [wide, deep], [0, deep]], np.float64)


def _odd_outline(rng: Rng, wide: float, deep: float) -> np.ndarray:
    """An L, a T, a room with a pillar at its wall, or one with a cut or slanted corner."""
    kind = rng.integers(4)
    a, b = wide * rng.uniform(0.3, 0.6), deep * rng.uniform(0.3, 0.6)
    if kind == 0:
        points = [[0, 0], [wide, 0], [wide, b], [a, b], [a, deep], [0, deep]]
    elif kind == 1:
        left, right = wide * rng.uniform(0.15, 0.35), wide * rng.uniform(0.65, 0.85)
        points = [[0, 0], [wide, 0], [wide, b], [right, b], [right, deep], [left, deep], [left, b], [0, b]]
    elif kind == 2:
        u, w, d = wide * rng.uniform(0.25, 0.7), rng.uniform(0.3, 0.9), rng.uniform(0.15, 0.5)
        points = [[0, 0], [u, 0], [u, d], [u + w, d], [u + w, 0], [wide, 0], [wide, deep], [0, deep]]
    else:
        cut = min(wide, deep) * rng.uniform(0.2, 0.5)
        points = [
            [0, 0],
            [wide, 0],
            [wide, deep - cut],
            [wide - cut * rng.uniform(0.6, 1.4), deep],
            [0, deep],
        ]
    points = np.array(points, np.float64)
    if rng.random() < 0.5:
        points = (points * (-1, 1) + (wide, 0))[::-1]
    return points


def _gap(rng: Rng, room: Room, wide: float, high: float, low: float = 0.0) -> tuple[int, float] | None:
    """A wall and a start along it where a hole fits, by trial."""
    lengths = np.array([room.edge(i)[2] for i in range(len(room.outline))])
    for _ in range(8):
        index = int(rng.choice(len(lengths), p=lengths / lengths.sum()))
        start, heading, length = room.edge(index)
        if length < wide + 0.3:
            continue
        u = rng.uniform(0.15, length - wide - 0.15)
        along = np.array([np.cos(heading), np.sin(heading)])
        if room.top(start + np.array([[u], [u + wide]]) * along).min() < high + 0.04:
            continue
        if not any(o.edge == index and u < o.u1 + 0.25 and o.u0 - 0.25 < u + wide for o in room.openings):
            return index, u
    return None


def _beyond(room: Room, index: int, points: np.ndarray) -> bool:
    """Whether any of the points lies on the far side of a wall."""
    start, heading, _ = room.edge(index)
    return bool(((points - start) @ [-np.sin(heading), np.cos(heading)] < -0.35).any())


def _add_window(rng: Rng, plan: Plan, room: Room) -> None:
    """A window, where no part of the building stands in front of it."""
    low = 0.02 if rng.random() < 0.12 else rng.uniform(0.6, 1.2)
    high = min(rng.uniform(1.9, 2.5), room.height - 0.1)
    wide = rng.uniform(0.6, 1.6) if rng.random() < 0.6 else rng.uniform(1.6, 3.2)
    found = _gap(rng, room, wide, high)
    points = np.concatenate([r.outline for r in (plan.room, *plan.others)])
    if found is not None and not _beyond(room, found[0], points):
        index, u = found
        room.openings.append(Opening(index, u, u + wide, low, high, "window", rng.uniform(0.1, 0.35)))


def _add_niche(rng: Rng, room: Room) -> None:
    """A shallow recess with a back."""
    wide, low = rng.uniform(0.4, 1.2), rng.uniform(0.3, 1.2)
    high = min(low + rng.uniform(0.4, 1.0), room.height - 0.15)
    found = _gap(rng, room, wide, high)
    if found is not None:
        room.openings.append(
            Opening(found[0], found[1], found[1] + wide, low, high, "niche", rng.uniform(0.12, 0.3))
        )


def _add_door(rng: Rng, plan: Plan, brief: Brief) -> None:
    """A door or a passage with a further room behind it; a closed door where none fits."""
    room, passage = plan.room, rng.random() < 0.25
    wide = rng.uniform(1.2, 2.4) if passage else rng.uniform(0.75, 1.05)
    high = min(rng.uniform(1.97, 2.2), room.height - 0.12)
    found = _gap(rng, room, wide, high)
    if found is None:
        return
    index, u = found
    hole = Opening(index, u, u + wide, 0.0, high, "door", rng.uniform(0.1, 0.25))
    closed = not passage and rng.random() < 0.25
    behind = None if closed else _room_behind(rng, plan, hole, brief)
    if behind is None:
        hole.kind, hole.deep = "closed", 0.07
    else:
        plan.others.append(behind)
    room.openings.append(hole)
    look = _trim(rng)
    if rng.random() < 0.85:
        plan.parts.append(room.at_wall(casing(hole, rng.uniform(0.05, 0.12), **look), index, 0.0))
    if behind is None:
        plan.parts.append(room.at_wall(door_leaf(rng, hole, 0.0), index, 0.0, gap=-0.045))
    elif not passage and rng.random() < 0.8:
        angle = rng.uniform(0.05, 1.9)
        if rng.random() < 0.5:
            plan.parts.append(room.at_wall(door_leaf(rng, hole, angle), index, 0.0))
        else:
            leaf = door_leaf(rng, behind.openings[0], angle)
            plan.parts.append(behind.at_wall(leaf, behind.openings[0].edge, 0.0))


def _room_behind(rng: Rng, plan: Plan, hole: Opening, brief: Brief) -> Room | None:
    """A rectangular room at the far side of a hole, or None where it would cut into others."""
    start, heading, length = plan.room.edge(hole.edge)
    depth = rng.uniform(1.2, 6.0)
    u0 = max(hole.u0 - rng.uniform(0.1, 2.5), 0.0)
    u1 = min(hole.u1 + rng.uniform(0.1, 2.5), length)
    along, out = np.array([np.cos(heading), np.sin(heading)]), np.array([np.sin(heading), -np.cos(heading)])
    near, far = start + out * hole.deep, start + out * (hole.deep + depth)
    outline = np.array([far + along * u0, far + along * u1, near + along * u1, near + along * u0])
    u, v = np.meshgrid(np.linspace(0.02, 0.98, 7), np.linspace(0.02, 0.98, 7))
    grid = (
        outline[0]
        + u.reshape(-1, 1) * (outline[1] - outline[0])
        + v.reshape(-1, 1) * (outline[3] - outline[0])
    )
    if any(other.inside(grid).any() for other in (plan.room, *plan.others)):
        return None
    if any(o.kind == "window" and _beyond(plan.room, o.edge, outline) for o in plan.room.openings):
        return None
    room = _room(rng, outline, brief)
    room.height = max(room.height, hole.z1 + 0.1)
    a, b = u1 - hole.u1, u1 - hole.u0  # the wall behind the hole runs the other way
    room.openings.append(Opening(2, a, b, 0.0, hole.z1, "door", 0.0))
    return room


def _fill_windows(rng: Rng, plan: Plan, room: Room, storey: float) -> None:
    """Frames, panes, curtains or blinds, and one view outside for each wall with windows."""
    holes = [o for o in room.openings if o.kind == "window"]
    dressed, slats = rng.random() < 0.5, rng.random() < 0.4
    for o in holes:
        parts = [window(rng, o)]
        if rng.random() < 0.6:
            parts.append(casing(o, rng.uniform(0.03, 0.1), **_trim(rng)))
        if dressed:
            parts.append(curtains(rng, o, room.height))
        elif slats:
            parts.append(blind(rng, o))
        plan.parts.append(room.at_wall(join(*parts), o.edge, 0.0))
    for index in sorted({o.edge for o in holes}):
        middle = np.mean([(o.u0 + o.u1) / 2 for o in holes if o.edge == index])
        plan.parts.append(room.at_wall(outside(rng, storey), index, float(middle)))
