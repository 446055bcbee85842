"""The simulated camera: exact depth, light as it should fall, and poses that teach something."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from depth_completion_training.simulation.camera import World, random_camera, random_pose
from depth_completion_training.simulation.camera.ambient import open_sky
from depth_completion_training.simulation.camera.rig import looking
from depth_completion_training.simulation.camera.sensor import Sensor
from depth_completion_training.simulation.camera.shading import Shader, lamps_for
from depth_completion_training.simulation.camera.sky import sky
from depth_completion_training.simulation.camera.textures.atlas import MOST_PATTERNS, Atlas
from depth_completion_training.simulation.camera.textures.patterns import KINDS, OWN_COLOURS, pattern
from depth_completion_training.simulation.camera.textures.tiling import SIDE
from depth_completion_training.simulation.camera.view import render
from depth_completion_training.simulation.indoor import make_indoor
from depth_completion_training.simulation.outdoor import make_outdoor
from depth_completion_training.simulation.outdoor.objects import vegetation
from depth_completion_training.simulation.scene import Light, Scene
from depth_completion_training.simulation.surface import Surface

from depth_completion_ros import Camera
from depth_completion_ros.demo.scene.mesh import boxes, join, rectangles
from depth_completion_ros.extras.open3d import import_open3d

try:
    import_open3d()
except ModuleNotFoundError:
    pytest.skip("Open3D is not installed", allow_module_level=True)

CAMERA = Camera(96, 64, [[80, 0, 47.5], [0, 80, 31.5], [0, 0, 1]])
NOON = Light(
    sun=np.float32([0, 0, 1]),
    sun_light=np.float32([3, 3, 3]),
    sky_light=np.float32([0.3, 0.3, 0.3]),
    ground_light=np.float32([0.1, 0.1, 0.1]),
    haze=np.float32([0.8, 0.8, 0.8]),
    haze_m=float("inf"),
    lamps=np.zeros((0, 6), np.float32),
    sky_seed=0,
    overcast=0.0,
)
DARK = replace(NOON, sun=None, sky_light=NOON.sky_light * 0.05, ground_light=NOON.ground_light * 0.05)


def ground(surface: Surface = Surface.PLAIN, half: float = 30.0):
    return rectangles([[-half, -half, 0]], [[2 * half, 0, 0]], [[0, 2 * half, 0]], surface, (0.4, 0.4, 0.4))


def scene(*meshes, light: Light = NOON, indoor: bool = False, scale=(0.3, 2.0), seed: int = 1) -> Scene:
    return Scene(join(*meshes), light, np.zeros((1, 4)), seed, indoor, scale)


def pose(height: float = 1.0, pitch: float = 0.0) -> np.ndarray:
    """Looking along the world's x from above its origin."""
    T = np.eye(4)
    T[:3, :3], T[2, 3] = looking(0, np.deg2rad(pitch), 0), height
    return T


def view(world: World, T: np.ndarray, seed: int = 0):
    image, depth = render(world, CAMERA, T, np.random.default_rng(seed))
    return image.astype(float), depth


# Geometry ----------------------------------------------------------------------------------------


def test_depth_is_that_of_the_pixel_centres_along_z():
    wall = rectangles([[4, -50, -50]], [[0, 100, 0]], [[0, 0, 54]], Surface.PLASTER)
    image, depth = view(World(scene(wall, ground())), pose(1.0))
    assert image.shape == (64, 96, 3)
    assert depth.dtype == np.float32 and depth.shape == (64, 96)
    v = np.arange(64)
    with np.errstate(divide="ignore"):
        floor = np.where(v > 31.5, 80 / (v - 31.5), np.inf)
    expected = np.where(floor > 4, np.where((31.5 - v) / 80 * 4 + 1 < 4, 4.0, np.inf), floor)
    np.testing.assert_allclose(depth, np.broadcast_to(expected[:, None], depth.shape), rtol=1e-4)


def test_above_the_horizon_of_a_plain_is_sky():
    _, depth = view(World(scene(ground(half=2000))), pose(1.0))
    assert np.isinf(depth[:31]).all()
    assert np.isfinite(depth[34:]).all()


@pytest.mark.parametrize(
    ("angles", "axes"),
    [
        ((0, 0, 0), [[0, -1, 0], [0, 0, -1], [1, 0, 0]]),
        ((90, 0, 0), [[1, 0, 0], [0, 0, -1], [0, 1, 0]]),
        ((0, 90, 0), [[0, -1, 0], [-1, 0, 0], [0, 0, -1]]),
        ((0, 0, 90), [[0, 0, -1], [0, 1, 0], [1, 0, 0]]),
    ],
    ids=["level", "to the left", "down", "rolled clockwise"],
)
def test_looking_turns_the_optical_frame(angles, axes):
    R = looking(*np.deg2rad(angles))
    np.testing.assert_allclose(R.T, axes, atol=1e-12)
    assert np.linalg.det(R) == pytest.approx(1)


def test_cast_takes_one_origin_or_one_a_ray():
    world = World(scene(ground(), boxes([[2, -1, 0]], [[3, 1, 1]], Surface.WOOD, (0.3, 0.2, 0.1))))
    directions = np.float32([[1, 1, 0], [0, 0.1, 0], [0, -0.5, 1]])
    one = world.cast(np.array([0, 0, 0.5]), directions)
    each = world.cast(np.tile([[0.0], [0.0], [0.5]], 3), directions)
    np.testing.assert_allclose(one.distance, [2, 1, np.inf], rtol=1e-5)
    np.testing.assert_array_equal(each.distance, one.distance)
    assert one.material[:2].tolist() == [Surface.WOOD, Surface.PLAIN]
    np.testing.assert_allclose(one.colour[:, 0], [0.3, 0.2, 0.1])
    np.testing.assert_allclose(one.normals[:, :2].T, [[-1, 0, 0], [0, 0, 1]], atol=1e-6)
    np.testing.assert_allclose(one.points[:, 1], [1, 0.1, 0], atol=1e-6)


# Light -------------------------------------------------------------------------------------------


def test_a_roof_throws_its_shadow():
    roof = boxes([[2.5, -3, 3.0]], [[5.5, 3, 3.1]], Surface.PLAIN)
    T = pose(2.0, 25)
    open_ground, _ = view(World(scene(ground())), T)
    below, depth = view(World(scene(ground(), roof)), T)
    assert np.isfinite(depth[40]).all()
    lit, dark = (
        below[60, 48].mean() / open_ground[60, 48].mean(),
        below[32, 48].mean() / open_ground[32, 48].mean(),
    )
    assert dark < 0.6 * lit


def test_corners_are_darker_than_the_open_floor_without_any_lamp():
    wall = rectangles([[4, -30, 0]], [[0, 60, 0]], [[0, 0, 20]], Surface.PLAIN, (0.4, 0.4, 0.4))
    overcast = replace(NOON, sun=None, overcast=1.0)
    T = pose(1.5, 10)
    corner, depth = view(World(scene(ground(), wall, light=overcast)), T)
    plain, _ = view(World(scene(ground(), light=overcast)), T)
    row = np.flatnonzero(np.abs(depth[:, 48] - 4) > 0.02)[0]  # the first of the floor
    near_wall = corner[row : row + 2].mean() / corner[-4:].mean()
    assert near_wall < 0.95 * plain[row : row + 2].mean() / plain[-4:].mean()


def test_a_lamp_lights_what_is_near_and_a_screen_hides_it():
    lamp = np.float32([[4, 0, 2.5, 3, 3, 3]])
    lit = scene(ground(), light=replace(DARK, lamps=lamp), indoor=True)
    shade = boxes([[3.2, -0.8, 1.8]], [[4.8, 0.8, 1.9]])
    hidden = scene(ground(), shade, light=replace(DARK, lamps=lamp), indoor=True)
    T = pose(1.2, 15)
    open_view, depth = view(World(lit), T)
    dark_view, _ = view(World(hidden), T)
    row = int(np.argmin(np.abs(depth[:, 48] - 4.0)))
    assert open_view[row, 48].mean() > 1.3 * open_view[row, 2].mean()
    assert dark_view[row, 48].mean() < open_view[row, 48].mean()


def test_a_mirror_shows_what_is_behind_the_camera():
    mirror = rectangles([[3, -9, 0]], [[0, 18, 0]], [[0, 0, 9]], Surface.MIRROR, (0.5, 0.5, 0.5))
    red = rectangles([[-5, -9, 0]], [[0, 18, 0]], [[0, 0, 9]], Surface.PLAIN, (0.8, 0.05, 0.05))
    image, depth = view(World(scene(ground(), mirror, red)), pose(3.0))
    np.testing.assert_allclose(depth[20:30], 3, rtol=1e-4)  # of the mirror itself, not of what it shows
    upper = image[5:30].mean(axis=(0, 1))
    assert upper[0] > 1.5 * upper[2]


def test_images_repeat_with_their_seeds_and_differ_without():
    house = boxes([[5, -3, 0]], [[8, 3, 4]], Surface.BRICK, (0.4, 0.2, 0.15))
    T = pose(1.0)
    first, again, other = (
        render(World(scene(ground(Surface.PAVING), house, seed=seed)), CAMERA, T, np.random.default_rng(3))[0]
        for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first.astype(int) - other).mean() > 2


@pytest.mark.parametrize("seed", range(6))
def test_every_surface_can_be_seen_by_day_and_night(seed):
    rng = np.random.default_rng(seed)
    objects = [
        boxes(
            [[3 + (s % 5), (s // 5) * 1.2 - 3, 0]], [[3.8 + (s % 5), (s // 5) * 1.2 - 2, 1]], s, rng.random(3)
        )
        for s in Surface
    ]
    light = Light.outdoor(rng) if seed % 2 else Light.indoor(rng, rng.uniform(1, 3, (3, 3)))
    made = scene(ground(Surface.ASPHALT), *objects, light=light, indoor=seed % 2 == 0, seed=seed)
    image, depth = render(World(made), CAMERA, pose(1.5, 15), rng)
    assert image.dtype == np.uint8
    assert image.std() > 4 and 5 < image.mean() < 250
    assert not np.isnan(depth).any() and (depth > 0).all()


def test_lidar_reflectance_of_the_sky_is_nothing():
    world = World(scene(ground()))
    hits = world.cast(np.array([0, 0, 1.0]), np.float32([[0, 0], [0, 0], [1, -1]]))
    value = world.reflectance(hits, np.float32([0.01, 0.01]))
    assert value[0] == 0 and value[1] > 0.1


def test_lidar_reflectance_follows_the_material():
    rows = [Surface.REFLECTOR, Surface.PLASTER, Surface.RUBBER, Surface.MIRROR]
    objects = [boxes([[3, 2 * k, 0]], [[4, 2 * k + 1, 1]], s, (0.5, 0.5, 0.5)) for k, s in enumerate(rows)]
    world = World(scene(ground(), *objects))
    y = np.repeat(np.arange(4) * 2 + 0.5, 200) + np.tile(np.linspace(-0.4, 0.4, 200), 4)
    hits = world.cast(
        np.stack([np.zeros(800), y, np.full(800, 0.5)]),
        np.float32([[1], [0], [0]]) * np.ones((1, 800), np.float32),
    )
    value = world.reflectance(hits, np.full(800, 0.01, np.float32))
    assert value.shape == (800,) and (value >= 0).all() and (value <= 1).all()
    mean = value.reshape(4, 200).mean(axis=1)
    assert mean[0] > 0.75 and 0.2 < mean[1] < 0.75 and (mean[2:] < 0.15).all()


@pytest.mark.parametrize("seed", range(20))
def test_light_is_neither_negative_nor_unknown_and_images_are_well_exposed(seed):
    made = make_outdoor(seed) if seed % 2 else make_indoor(seed)
    world, rng = World(made), np.random.default_rng(seed)
    camera = random_camera(rng, 32, 48)
    T = random_pose(rng, world, camera)
    if T is None:
        pytest.skip("this camera sees nothing there")
    x, y = (part.ravel() for part in camera.rays)
    directions = T[:3, :3].astype(np.float32) @ np.stack([x, y, np.ones_like(x)])
    hits = world.cast(T[:3, 3], directions)
    shader = Shader(world, lamps_for(world, hits.points[:, np.isfinite(hits.distance)]), 0.01, rng)
    light = shader.light(hits, directions, open_sky(world, hits, (32, 48)))
    assert np.isfinite(light).all() and (light >= 0).all()
    image, _ = render(world, camera, T, rng)
    assert image.std() > 4 and 20 < image.mean() < 225


@pytest.mark.parametrize("overcast", [0.0, 0.5, 1.0])
def test_the_sky_is_never_negative(overcast):
    rng = np.random.default_rng(6)
    ways = rng.normal(size=(3, 4000)).astype(np.float32)
    ways /= np.linalg.norm(ways, axis=0)
    for _ in range(20):
        light = replace(Light.outdoor(rng), overcast=overcast, haze=np.float32([3, 3, 3]))
        assert sky(light, ways).min() >= 0


@pytest.mark.parametrize("bright", [1e-3, 0.05, 1.0, 40.0])
def test_exposure_brings_any_light_to_a_usual_brightness(bright):
    rng = np.random.default_rng(7)
    light = (bright * rng.uniform(0.02, 1, (3, 48 * 64)) ** 2).astype(np.float32)
    means = []
    for _ in range(60):
        sensor = Sensor.random(rng, light)
        means.append(sensor.develop(light.reshape(3, 48, 64).copy(), rng).mean())
    if bright > 0.1:
        assert 90 < np.median(means) < 130 and np.mean((np.array(means) > 50) & (np.array(means) < 170)) > 0.9
    if bright < 0.01:
        assert np.median(means) < 60  # a night stays dark


def test_asphalt_has_no_markings_of_its_own():
    spots = np.random.default_rng(9).uniform(-20, 20, (2, 4000))
    plain = 0
    for seed in range(12):
        world = World(scene(ground(Surface.ASPHALT), seed=seed))
        above = np.stack([*spots, np.ones(4000)])
        hits = world.cast(above, np.float32([[0], [0], [-1]]) * np.ones((1, 4000), np.float32))
        grey = world.looks.albedo(hits, np.full(4000, 0.02, np.float32)).mean(axis=0)
        plain += np.quantile(grey, 0.997) < 3 * np.median(grey)
    assert plain >= 11  # one may be anything at all


# Patterns ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_patterns_repeat_without_a_seam(kind):
    image = pattern(kind, 1).astype(float)
    assert image.shape == (SIDE, SIDE, 3)
    np.testing.assert_array_equal(image, pattern(kind, 1))
    if kind in OWN_COLOURS:
        return  # these have edges
    assert 95 < image.mean() < 135
    for axis in (0, 1):
        inside = np.abs(np.diff(image, axis=axis)).mean(axis=(1 - axis, 2))
        seam = np.abs(np.take(image, 0, axis) - np.take(image, -1, axis)).mean()
        assert seam <= max(1.2 * inside.max(), 3)


def test_a_look_up_is_exact_at_texels_and_the_mean_far_away():
    atlas = Atlas([("bricks", 0), ("planks", 3)])
    expected = pattern("planks", 3) / 255
    u = np.float32([0.5, 10.5, 255.5]) / SIDE
    v = np.float32([0.5, 200.5, 99.5]) / SIDE
    sharp = atlas.look_up(np.ones(3), u + 2, v - 5, np.zeros(3, np.float32))
    np.testing.assert_allclose(sharp.T, expected[[0, 200, 99], [0, 10, 255]], atol=0.01)
    far = atlas.look_up(np.ones(3), u, v, np.full(3, 30, np.float32))
    np.testing.assert_allclose(far.T, np.broadcast_to(expected.mean(axis=(0, 1)), (3, 3)), atol=0.01)


def test_unknown_patterns_and_too_many_are_refused():
    with pytest.raises(ValueError, match="no pattern 'moss'"):
        pattern("moss", 0)
    with pytest.raises(ValueError, match="at most"):
        Atlas([("noise", 0)] * (MOST_PATTERNS + 1))


# Cameras and poses -------------------------------------------------------------------------------


def test_random_cameras_have_the_views_of_robots():
    rng = np.random.default_rng(0)
    cameras = [random_camera(rng, 256, 384) for _ in range(300)]
    views = np.rad2deg([2 * np.arctan(192 / camera.K[0, 0]) for camera in cameras])
    assert views.min() > 24.9 and views.max() < 110.1
    assert np.mean(views < 55) == pytest.approx(0.53, abs=0.1)
    heights = np.array([camera.K[1, 2] for camera in cameras]) / 256
    assert (heights < 0.42).mean() > 0.15 and np.median(heights) == pytest.approx(0.5, abs=0.05)


def _room(width: float) -> Scene:
    half = width / 2
    walls = boxes([[-half, -half, 0]], [[half, half, 2.6]], Surface.PLASTER, (0.6, 0.6, 0.6))
    box = boxes([[half - 0.8, -0.4, 0]], [[half, 0.4, 1]], Surface.WOOD)
    return Scene(join(walls, box), DARK, [[0.0, 0.0, 0.0, 0.0]], 3, True, (0.2, 1.8))


def test_random_poses_stand_in_the_scene_and_look_ahead():
    world, rng = World(_room(6.0)), np.random.default_rng(1)
    poses = [random_pose(rng, world, random_camera(rng, 64, 96)) for _ in range(40)]
    poses = np.array([T for T in poses if T is not None])
    assert len(poses) > 30
    np.testing.assert_allclose(
        poses[:, :3, :3] @ poses[:, :3, :3].transpose(0, 2, 1),
        np.eye(3)[None].repeat(len(poses), 0),
        atol=1e-9,
    )
    assert (poses[:, 2, 3] >= 0.2).all() and (poses[:, 2, 3] <= 1.8).all()
    assert np.median(poses[:, 0, 2]) > 0.7


def test_no_pose_where_everything_is_too_near_or_all_sky():
    rng = np.random.default_rng(2)
    assert random_pose(rng, World(_room(0.4)), CAMERA) is None
    tower = boxes([[200, 0, 0]], [[201, 1, 1]])
    assert random_pose(rng, World(scene(tower)), CAMERA) is None


def test_poses_look_at_things_rather_than_at_bare_walls():
    half = 4.0
    walls = boxes([[-half, -half, 0]], [[half, half, 2.6]], Surface.PLASTER, (0.6, 0.6, 0.6))
    rng = np.random.default_rng(4)
    place = np.array([[2.5 + 0.4 * (k % 3), 0.35 * k - 1.2, 0.0] for k in range(8)])
    objects = join(*(boxes([a], [a + (0.2, 0.2, 0.9)], Surface.WOOD, rng.random(3)) for a in place))
    views = [
        [-1.0, 0.0, 0.0, turn] for turn in np.arange(4) * np.pi / 2
    ]  # the objects are ahead in one of four
    world = World(Scene(join(walls, objects), DARK, views, 3, True, (0.5, 1.5)))
    camera = Camera(96, 64, [[96, 0, 47.5], [0, 96, 31.5], [0, 0, 1]])
    poses = [T for T in (random_pose(rng, world, camera) for _ in range(40)) if T is not None]
    assert len(poses) > 35
    assert np.mean([T[0, 2] > 0.6 for T in poses]) > 0.75


def test_poses_are_not_in_the_leaves_of_a_crown():
    rng = np.random.default_rng(5)
    tree = vegetation.bush(rng, 3.0, 3.0, 3000)
    house = boxes([[9, -9, 0]], [[12, 9, 5]], Surface.BRICK)
    inside, outside = [0.0, 0.0, 0.0, 0.0], [-6.0, 0.0, 0.0, 0.0]
    made = Scene(join(ground(), tree, house), NOON, [inside, outside], 3, False, (0.8, 1.2))
    poses = [random_pose(rng, World(made), CAMERA) for _ in range(30)]
    places = np.array([T[:3, 3] for T in poses if T is not None])
    assert len(places) > 20 and (places[:, 0] < -5).mean() > 0.9


# Scenes ------------------------------------------------------------------------------------------


def test_lights_are_drawn_with_the_right_shapes():
    rng = np.random.default_rng(4)
    for light in [Light.outdoor(rng) for _ in range(40)] + [
        Light.indoor(rng, np.ones((2, 3))) for _ in range(10)
    ]:
        assert light.sun is None or np.linalg.norm(light.sun) == pytest.approx(1, abs=1e-5)
        for colour in (light.sun_light, light.sky_light, light.ground_light, light.haze):
            assert colour.shape == (3,) and colour.dtype == np.float32 and (colour >= 0).all()
        assert light.lamps.dtype == np.float32 and light.lamps.shape[1] == 6


def test_bad_scenes_are_refused():
    with pytest.raises(ValueError, match="L x 3"):
        Light.indoor(np.random.default_rng(0), np.zeros((2, 4)))
    with pytest.raises(ValueError, match="N x 4"):
        Scene(ground(), NOON, np.zeros((0, 4)), 0, False, (0.3, 2))
    empty = ground()
    for name in ("triangles", "normals", "material", "colour"):
        setattr(empty, name, getattr(empty, name)[:0])
    with pytest.raises(ValueError, match="no triangles"):
        scene(empty)
