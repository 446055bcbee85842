"""Outdoor worlds: rich, different, on the ground, and with viewpoints that are free."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from depth_completion_training.simulation.outdoor import FAMILIES, make_outdoor
from depth_completion_training.simulation.outdoor.ground import Ground, lines, rolling
from depth_completion_training.simulation.outdoor.objects import vegetation
from depth_completion_training.simulation.outdoor.site import Site
from depth_completion_training.simulation.scene import Scene
from depth_completion_training.simulation.surface import Surface

from depth_completion_ros.demo.scene.mesh import Mesh, boxes, join
from depth_completion_ros.extras.open3d import import_open3d

_TURN = np.arange(40) * (2 * np.pi / 40)
_AROUND = np.stack([np.cos(_TURN), np.sin(_TURN), 0 * _TURN], axis=1)


@cache
def world(family: str) -> Scene:
    return make_outdoor(3, family)


@cache
def caster(family: str):
    return caster_of(world(family).mesh)


def caster_of(mesh: Mesh):
    open3d = import_open3d()
    scene = open3d.t.geometry.RaycastingScene()
    vertices = np.ascontiguousarray(mesh.triangles.reshape(-1, 3))
    corners = np.arange(len(vertices), dtype=np.uint32).reshape(-1, 3)
    scene.add_triangles(open3d.core.Tensor(vertices), open3d.core.Tensor(corners))
    return scene


def cast(scene, origins, directions) -> tuple[np.ndarray, np.ndarray]:
    """Distances and triangles of rays; origins and directions broadcast to ... x 3."""
    rays = np.concatenate(np.broadcast_arrays(origins, directions), axis=-1).astype(np.float32)
    answer = scene.cast_rays(rays)
    return answer["t_hit"].numpy(), answer["primitive_ids"].numpy().astype(np.int64)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_world_has_what_the_renderer_needs(family):
    scene = world(family)
    mesh = scene.mesh
    assert 30_000 <= len(mesh.triangles) <= 350_000
    assert np.isfinite(mesh.triangles).all() and np.isfinite(mesh.normals).all()
    assert set(np.unique(mesh.material)) <= {int(surface) for surface in Surface}
    assert mesh.colour.min() >= 0 and mesh.colour.max() <= 1
    assert len(scene.viewpoints) >= 12 and not scene.indoor
    assert np.abs(scene.viewpoints[:, :2]).max() < 70


@pytest.mark.parametrize("family", FAMILIES)
def test_viewpoints_lie_on_the_ground(family):
    place = world(family).viewpoints[:, :3] + (0, 0, 0.25)
    down, _ = cast(caster(family), place, (0, 0, -1))
    np.testing.assert_allclose(down, 0.25, atol=0.03)  # paint on a road is 1 cm thick


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_stands_at_a_viewpoint(family):
    scene = world(family)
    for height in (0.4, 1.0, 1.8):
        eyes = (scene.viewpoints[:, :3] + (0, 0, height))[:, None]
        distance, triangle = cast(caster(family), eyes, _AROUND)
        met = np.isfinite(distance)
        leaf = np.zeros_like(met)
        leaf[met] = scene.mesh.material[triangle[met]] == Surface.FOLIAGE  # grass and twigs may be touched
        assert distance[met & ~leaf].min() > 0.6


@pytest.mark.parametrize("family", FAMILIES)
def test_the_horizon_is_filled_and_the_sky_is_open(family):
    eyes = (world(family).viewpoints[:, :3] + (0, 0, 1.2))[:, None]
    level, _ = cast(caster(family), eyes, _AROUND)
    assert np.isinf(level).mean() < 0.12
    if family != "tunnel":
        up, _ = cast(caster(family), eyes, _AROUND + (0, 0, 1.5))
        assert np.isinf(up).mean() > 0.3


@pytest.mark.parametrize("family", FAMILIES)
def test_there_are_things_at_many_depths(family):
    x, y, z, heading = world(family).viewpoints.T
    turn = heading[:, None] + np.linspace(-0.5, 0.5, 60)
    rays = np.stack([np.cos(turn), np.sin(turn), 0 * turn - 0.02], axis=2)
    eyes = np.stack([x, y, z + 1.1], axis=1)[:, None]
    distance = np.minimum(cast(caster(family), eyes, rays)[0], 500)
    edges = (np.abs(np.diff(np.log(distance), axis=1)) > 0.1).sum(axis=1)
    assert np.median(edges) >= 4
    assert ((distance > 0.8) & (distance < 4)).any(axis=1).mean() > 0.15
    assert (distance > 15).any(axis=1).mean() > 0.4


def test_a_seed_makes_the_same_world_again_and_another_makes_another():
    first, again, other = make_outdoor(11), make_outdoor(11), make_outdoor(12)
    np.testing.assert_array_equal(first.mesh.triangles, again.mesh.triangles)
    np.testing.assert_array_equal(first.viewpoints, again.viewpoints)
    np.testing.assert_array_equal(first.light.sky_light, again.light.sky_light)
    assert first.mesh.triangles.shape != other.mesh.triangles.shape


def test_lamps_are_on_in_a_tunnel():
    light = world("tunnel").light
    assert light.lamps.shape[1] == 6 and len(light.lamps) >= 4
    assert light.lamps.dtype == np.float32


@pytest.mark.parametrize(("seed", "family", "words"), [(-1, None, "negative"), (0, "moon", "'moon'.*city")])
def test_wrong_requests_are_refused(seed, family, words):
    with pytest.raises(ValueError, match=words):
        make_outdoor(seed, family)


# The ground ----------------------------------------------------------------------------------------


@pytest.fixture
def hilly() -> Ground:
    """Ground with waves, a bend and a raised strip at 2 < y < 4."""
    terrain = rolling(np.random.default_rng(0), 1.0, 12.0)
    ground = Ground(
        lines(-20, 20, 1.0), lines(-20, 20, 1.0, [2, 4]), terrain, bend=lambda x: 3 * np.sin(x / 15)
    )
    ground.paint((-50, 50), (2, 4), Surface.PAVING, None, 0.2)
    return ground


def test_height_is_that_of_the_mesh(hilly):
    x, y = np.random.default_rng(1).uniform(-19, 19, (2, 500))
    world_x, world_y, _ = hilly.to_world(x, y)
    down, _ = cast(caster_of(hilly.mesh()), np.stack([world_x, world_y, 0 * x + 50], axis=1), (0, 0, -1))
    np.testing.assert_allclose(50 - down, hilly.height(x, y), atol=2e-3)


def test_street_coordinates_go_to_the_world_and_back(hilly):
    x, y = np.random.default_rng(2).uniform(-19, 19, (2, 50))
    world_x, world_y, _ = hilly.to_world(x, y)
    np.testing.assert_allclose(hilly.from_world(world_x, world_y), (x, y), atol=1e-9)


def test_a_kerb_is_closed(hilly):
    x = np.linspace(-19, 19, 77)
    world_x, world_y, _ = hilly.to_world(x, 0 * x + 1.5)
    z = np.minimum(hilly.height(x, 0 * x + 1.99), hilly.height(x, 0 * x + 2.0)) + 0.1
    across, _ = cast(caster_of(hilly.mesh()), np.stack([world_x, world_y, z], axis=1), (0, 1, 0))
    assert (across < 0.75).mean() > 0.95


def test_grid_lines_pass_through_all_breaks():
    grid = lines(-10, 10, 1.0, [0.33, 5.0], far=100)
    assert {0.33, 5.0} <= set(np.round(grid, 6))
    assert (np.diff(grid) > 0.2).all()
    assert grid[0] < -98 and grid[-1] > 98


# The site ------------------------------------------------------------------------------------------


def test_things_are_not_put_into_each_other(hilly):
    site = Site(hilly, np.random.default_rng(0))
    box = boxes([-1, -0.5, 0], [1, 0.5, 1])
    assert site.try_put(box, 0, 0, heading=0.4)
    assert not site.try_put(box, 1.2, 0)
    assert site.try_put(box, 8, 0)


def test_a_thing_stands_on_the_ground_and_leans_with_it(hilly):
    site = Site(hilly, np.random.default_rng(0))
    plate = boxes([-0.2, -0.2, 0], [0.2, 0.2, 0.5])
    site.put(plate, 6.0, -7.0)
    site.put(plate, -6.0, -7.0, heading=1.0, tilt=True)
    upright, leaning = site.mesh().triangles[-24:-12], site.mesh().triangles[-12:]
    assert upright[..., 2].min() == pytest.approx(float(hilly.height(6.0, -7.0)), abs=1e-5)
    foot = leaning[plate.triangles[..., 2] == 0]
    x, y = hilly.from_world(*foot[:, :2].T)
    np.testing.assert_allclose(foot[:, 2], hilly.height(x, y), atol=0.08)
    assert np.ptp(foot[:, 2]) > 0.005


def test_leaves_near_a_camera_are_small_and_many_and_cover_as_much():
    rng = np.random.default_rng(8)
    tree = vegetation.tree(rng, "round", 9.0, 200)
    trees = join(tree.at(4, 0), tree.at(80, 0))
    eyes = np.array([[0.0, 0.0, 0.0]])
    finer = vegetation.with_finer_leaves(rng, trees, eyes, 3.0)

    def leaves(mesh, near):
        x = mesh.triangles[..., 0].mean(axis=1)
        chosen = mesh.triangles[(mesh.material == Surface.FOLIAGE) & ((x < 40) == near)]
        sides = chosen[:, 1] - chosen[:, 0], chosen[:, 2] - chosen[:, 0]
        return np.linalg.norm(sides[0], axis=1), np.linalg.norm(np.cross(*sides), axis=1).sum() / 2

    before, after = leaves(trees, True), leaves(finer, True)
    assert len(after[0]) > 4 * len(before[0]) and np.median(after[0]) < 0.5 * np.median(before[0])
    assert after[1] == pytest.approx(before[1], rel=0.15)
    np.testing.assert_array_equal(leaves(finer, False)[0], leaves(trees, False)[0])
    wood = [np.count_nonzero(mesh.material == Surface.BARK) for mesh in (trees, finer)]
    assert wood[0] == wood[1]
