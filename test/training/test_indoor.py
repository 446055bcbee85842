"""Made-up rooms: sound meshes, closed shells, free places to look from, objects that keep apart."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

pytest.importorskip("cv2", reason="OpenCV is not installed")

from depth_completion_training.simulation.indoor import FAMILIES, make_indoor, solids
from depth_completion_training.simulation.indoor.layout import Floor, scatter
from depth_completion_training.simulation.indoor.objects.small import EVERYTHING
from depth_completion_training.simulation.indoor.room import Opening, Room, inside
from depth_completion_training.simulation.indoor.rooms.plan import Brief, make_plan
from depth_completion_training.simulation.surface import Surface

from depth_completion_ros.demo.scene.mesh import Mesh
from depth_completion_ros.extras.open3d import import_open3d

L_SHAPE = np.array([[0, 0], [5, 0], [5, 2], [3, 2], [3, 4], [0, 4]], np.float64)
LOOK = {"material": Surface.PLASTER, "colour": (0.5, 0.5, 0.5)}
SEEDS = (0, 1, 2)

scene_of = cache(make_indoor)
scenes = pytest.mark.parametrize(("family", "seed"), [(f, s) for f in FAMILIES for s in SEEDS])


def area(mesh: Mesh) -> float:
    a, b, c = mesh.triangles.astype(np.float64).transpose(1, 0, 2)
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


def nearest_hits(mesh: Mesh, origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """How far N rays go from each of P origins, P x N; inf where nothing is hit."""
    open3d = import_open3d()
    caster = open3d.t.geometry.RaycastingScene(1)
    vertices = np.ascontiguousarray(mesh.triangles.reshape(-1, 3))
    corners = np.arange(len(vertices), dtype=np.uint32).reshape(-1, 3)
    caster.add_triangles(open3d.core.Tensor(vertices), open3d.core.Tensor(corners))
    shape = (len(origins), len(directions), 3)
    rays = np.concatenate(
        [np.broadcast_to(origins[:, None], shape), np.broadcast_to(directions, shape)], axis=2
    )
    return caster.cast_rays(np.ascontiguousarray(rays, np.float32))["t_hit"].numpy()


def cameras(scene) -> np.ndarray:
    """Camera places at the least, a middle and the greatest height above each viewpoint."""
    heights = np.linspace(*scene.scale, 3)
    places = np.repeat(scene.viewpoints[:, :3], len(heights), axis=0)
    places[:, 2] += np.tile(heights, len(scene.viewpoints))
    return places


# Scenes ------------------------------------------------------------------------------------------


@scenes
def test_scene_is_sound(family, seed):
    scene = scene_of(seed, family)
    mesh, count = scene.mesh, len(scene.mesh.triangles)
    assert 2_000 < count < 200_000
    assert mesh.triangles.dtype == np.float32 and mesh.triangles.shape == (count, 3, 3)
    assert mesh.material.dtype == np.uint8 and mesh.material.max() <= max(Surface)
    assert all(np.isfinite(v).all() for v in (mesh.triangles, mesh.normals, mesh.colour))
    assert np.abs(np.linalg.norm(mesh.normals, axis=2) - 1).max() < 0.02
    assert mesh.colour.min() >= 0 and mesh.colour.max() <= 0.9
    assert scene.indoor and scene.seed == seed
    assert len(scene.viewpoints) >= 10
    assert len(scene.light.lamps) >= 1


@scenes
def test_nothing_stands_before_a_camera(family, seed):
    scene = scene_of(seed, family)
    angle = np.arange(24) * 2 * np.pi / 24
    level = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    nearest = nearest_hits(scene.mesh, cameras(scene), level).min(axis=1)
    assert nearest.min() > (0.08 if family == "tabletop" else 0.25)


@scenes
def test_no_camera_looks_out_of_the_shell(family, seed, rng):
    """A few rays leave through open windows; a missing wall, floor or ceiling would let out many."""
    scene = scene_of(seed, family)
    directions = rng.normal(size=(400, 3))
    missed = np.isinf(nearest_hits(scene.mesh, cameras(scene), directions)).mean(axis=1)
    assert missed.max() < 0.12


@scenes
def test_there_is_something_to_see(family, seed):
    """Straight ahead, a fan of rays meets near and far objects in most views."""
    scene = scene_of(seed, family)
    heading = scene.viewpoints[:, 3, None] + np.linspace(-0.5, 0.5, 21)
    middle = scene.viewpoints[:, :3] + (0, 0, np.mean(scene.scale))
    spread = []
    for place, turn in zip(middle, heading, strict=True):
        fan = np.stack([np.cos(turn), np.sin(turn), 0 * turn - 0.2], axis=1)
        far = nearest_hits(scene.mesh, place[None], fan)[0]
        spread.append(np.log(far.max() / far.min()))
    assert np.median(spread) > 0.2


def test_a_seed_is_one_scene():
    first, again, other = make_indoor(7), make_indoor(7), make_indoor(8)
    assert np.array_equal(first.mesh.triangles, again.mesh.triangles)
    assert np.array_equal(first.viewpoints, again.viewpoints)
    assert np.array_equal(first.light.lamps, again.light.lamps)
    assert first.mesh.triangles.shape != other.mesh.triangles.shape


def test_all_kinds_of_surface_occur():
    used = set()
    for family in FAMILIES:
        for seed in SEEDS:
            used |= set(np.unique(scene_of(seed, family).mesh.material))
    outdoors = {Surface.ASPHALT, Surface.ROOF}
    assert set(Surface) - outdoors <= {Surface(v) for v in used} | {Surface.PAVING, Surface.GRASS}


def test_table_tops_are_looked_at_from_close_by(rng):
    for seed in range(6):
        scene = scene_of(seed, "tabletop")
        assert scene.scale[1] < 0.6
        down = rng.normal(size=(300, 3)) * (1, 1, 0.3) - (0, 0, 0.5)
        nearest = nearest_hits(scene.mesh, cameras(scene), down).min(axis=1)
        assert np.median(nearest) < 0.6


@pytest.mark.parametrize(("seed", "family", "sentence"), [(-1, None, "-1"), (0, "castle", "castle")])
def test_refuses(seed, family, sentence):
    with pytest.raises(ValueError, match=sentence):
        make_indoor(seed, family)


# Rooms -------------------------------------------------------------------------------------------


def room_of(outline, *openings: Opening, **more) -> Room:
    return Room(np.asarray(outline, np.float64), 2.5, LOOK, LOOK, LOOK, openings=list(openings), **more)


def test_shell_has_the_area_of_its_sides():
    assert area(room_of(L_SHAPE).shell()) == pytest.approx(2 * 16 + 18 * 2.5, rel=1e-5)


def test_a_window_takes_its_area_from_the_wall_and_adds_its_reveal():
    hole = Opening(0, 1.0, 2.5, 0.9, 2.0, "window", deep=0.2)
    change = area(room_of(L_SHAPE, hole).shell()) - area(room_of(L_SHAPE).shell())
    assert change == pytest.approx(-1.5 * 1.1 + 2 * (1.5 + 1.1) * 0.2, rel=1e-3)


def test_a_slanted_roof_closes_the_room(rng):
    room = room_of([[0, 0], [4, 0], [4, 3], [0, 3]], knee=(1.0, 0.6))
    directions = rng.normal(size=(3000, 3))
    assert np.isfinite(nearest_hits(room.shell(), np.array([[2.5, 1.5, 1.0]]), directions)).mean() > 0.999
    assert room.top(np.array([[0.0, 1.0], [1.0, 1.0], [3.9, 1.0]])) == pytest.approx([1.0, 1.6, 2.5])


def test_inside_knows_the_notch():
    points = [[1, 1], [4, 1], [1, 3], [4, 3], [-1, 1], [5.1, 1]]
    assert inside(L_SHAPE, np.array(points)).tolist() == [True, True, True, False, False, False]


def test_rooms_behind_doors_do_not_overlap():
    found = 0
    for seed in range(30):
        plan = make_plan(np.random.default_rng(seed), Brief(doors=(2, 5)))
        rooms = [plan.room, *plan.others]
        found += len(plan.others)
        low = np.min([room.outline.min(axis=0) for room in rooms], axis=0)
        high = np.max([room.outline.max(axis=0) for room in rooms], axis=0)
        points = np.random.default_rng(seed).uniform(low, high, (2000, 2))
        assert np.sum([room.inside(points) for room in rooms], axis=0).max() <= 1
    assert found > 30


# Placing objects ----------------------------------------------------------------------------------


def test_things_along_walls_touch_them_and_not_each_other(rng):
    floor = Floor(rng, room_of(L_SHAPE), spots=1)
    for _ in range(12):
        floor.along_wall(solids.block(rng.uniform(0.2, 0.9, 3)), gap=0.01)
    boxes = np.array([solids.bounds(part) for part in floor.parts])
    assert len(boxes) > 5
    low, high = boxes[:, 0], boxes[:, 1]
    for i in range(len(boxes)):
        over = np.minimum(high[i], high) - np.maximum(low[i], low)
        assert (np.delete(over, i, axis=0).min(axis=1) < 1e-3).all()
        walls = [abs(low[i, 0]), abs(low[i, 1]), abs(high[i, 0] - 5), abs(high[i, 1] - 4),
                 abs(high[i, 0] - 3), abs(high[i, 1] - 2)]  # fmt: skip
        assert min(walls) == pytest.approx(0.01, abs=1e-4)


def test_spots_stay_free(rng):
    floor = Floor(rng, room_of(L_SHAPE), spots=2)
    for _ in range(60):
        floor.anywhere(solids.block((0.5, 0.5, 1.0)))
    boxes = np.array([solids.bounds(part)[0:2] for part in floor.parts])
    for spot in floor.spots:
        away = np.maximum(boxes[:, 0, :2] - spot, spot - boxes[:, 1, :2]).max(axis=1)
        assert away.min() > 0.4


def test_what_does_not_fit_is_left_out(rng):
    floor = Floor(rng, room_of(L_SHAPE), spots=0)
    assert floor.along_wall(solids.block((6.0, 0.5, 1.0))) is None
    assert floor.anywhere(solids.block((0.5, 0.5, 2.6))) is None
    assert floor.mesh() is None


def test_scattered_things_stay_on_their_top(rng):
    parts = scatter(rng, (-0.5, -0.3, 0.5, 0.3), 0.7, EVERYTHING, 40, heaped=0.3)
    assert len(parts) > 8
    low, high = np.array([solids.bounds(part) for part in parts]).transpose(1, 0, 2)
    assert (low[:, :2] > (-0.501, -0.301)).all() and (high[:, :2] < (0.501, 0.301)).all()
    assert low[:, 2].min() > 0.69


# Solids ------------------------------------------------------------------------------------------


def volume(mesh: Mesh) -> float:
    """Of a closed convex body about the origin: cones from its middle to all faces."""
    middle = mesh.triangles.reshape(-1, 3).mean(axis=0)
    a, b, c = (mesh.triangles - middle).astype(np.float64).transpose(1, 0, 2)
    return float(np.abs((np.cross(a, b) * c).sum(axis=1)).sum() / 6)


@pytest.mark.parametrize(
    ("mesh", "expected"),
    [
        (solids.block((1, 2, 3)), 6.0),
        (solids.drum(0.5, 0, 2, 64), np.pi * 0.5),
        (solids.ball((0.5, 1.0, 1.5), rings=41, sides=64), 4 / 3 * np.pi * 0.75),
        (solids.bar([1, 0, 0], [1, 3, 0], 0.2, sides=64), np.pi * 0.04 * 3),
        (solids.prism([[1, 0], [0, 1], [-1, 0], [0, -1]], 0, 3), 6.0),
        (solids.tilted(solids.block((1, 2, 3)), 0.3, 0.7, 2.0), 6.0),
        (solids.scaled(solids.block((1, 1, 1)), (1, 2, 3)), 6.0),
        (solids.landed(solids.block((1, 2, 3), (7, 8, 9))), 6.0),
    ],
)
def test_volume_of_solids(mesh, expected):
    assert volume(mesh) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("mesh", [solids.ball(1.0, power=0.45), solids.bar([0, 0, -1], [0, 0, 1], 0.3)])
def test_no_ray_looks_into_a_solid(mesh, rng):
    """From outside to the middle every ray meets the skin first, at its poles and ends too."""
    directions = np.concatenate([rng.normal(size=(2000, 3)), [[0.002, 0.003, 1], [-0.003, 0.002, -1]]])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    out = nearest_hits(mesh, np.zeros((1, 3)), directions)[0]
    assert np.isfinite(out).all()


def test_ring_keeps_its_thickness():
    points = solids.ring(2.0, 0.3, turns=64, sides=16).triangles.reshape(-1, 3)
    from_line = np.hypot(np.hypot(points[:, 0], points[:, 1]) - 2.0, points[:, 2])
    assert from_line == pytest.approx(0.3, abs=1e-3)


def test_crates_keep_their_colours():
    low = np.array([[0, 0, 0], [2, 0, 0]])
    mesh = solids.crates(low, low + 1, Surface.WOOD, [[1, 0, 0], [0, 0, 1]])
    red = mesh.triangles[:, :, 0].max(axis=1) < 1.5
    assert (mesh.colour[red] == (1, 0, 0)).all() and (mesh.colour[~red] == (0, 0, 1)).all()
    assert red.sum() == 12


def test_slivers_go():
    mesh = solids.quads(
        [[[0, 0, 0], [1, 0, 0], [1, 0, 0], [0, 0, 0]], [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]]
    )
    assert len(solids.without_slivers(mesh).triangles) == 2


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)
