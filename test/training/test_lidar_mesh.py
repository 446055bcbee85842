"""Worlds made of an image of depth or of a mesh, which the simulated sensors scan again."""

from __future__ import annotations

import numpy as np
import pytest

from depth_completion_ros.core import Camera
from depth_completion_ros.core.geometry import rigid

pytest.importorskip("depth_completion_training", reason="the training package is not installed")

from depth_completion_training.simulation.lidar import (  # noqa: E402
    Faults,
    Pattern,
    project_scan,
    scan,
    to_depth,
    world_from_depth,
    world_from_mesh,
)  # fmt: skip
from depth_completion_training.simulation.lidar.rig import FORWARD  # noqa: E402
from depth_completion_training.simulation.lidar.spinning import SPINNERS, spinning  # noqa: E402

CAMERA = Camera(96, 64, np.array([[80.0, 0, 47.5], [0, 80.0, 31.5], [0, 0, 1]]))
HERE = rigid(FORWARD, np.zeros(3))


def hills() -> np.ndarray:
    """A smooth image of depth, 3 to 20 m."""
    v, u = np.mgrid[:64, :96] / 10.0
    return (6 + 2 * np.sin(u) * np.cos(v) + 12 * (6.4 - v) / 6.4).astype(np.float32)


def step() -> np.ndarray:
    """A near half and a far one."""
    depth = np.full((64, 96), 4.0, np.float32)
    depth[:, 48:] = 9.0
    return depth


def through_pixels(shift: float = 0.01) -> Pattern:
    """A ray through each pixel but those of the last row and column, so far from its centre."""
    x, y = CAMERA.rays
    rays = np.stack([x + shift / 80, y + shift / 80, np.ones_like(x)])
    rays = rays[:, :-1, :-1].reshape(3, -1)
    directions = FORWARD.T @ rays / np.linalg.norm(rays, axis=0)
    return Pattern("pixels", directions, np.zeros(rays.shape[1]), 100.0)


def rescanned(depth: np.ndarray, pattern: Pattern, T: np.ndarray = HERE, **options) -> np.ndarray:
    """Depth image of an ideal scan of the world that `depth` shows."""
    world = world_from_depth(depth, CAMERA, **options)
    found = scan(world, T, pattern, np.random.default_rng(0), Faults.none())
    return to_depth(project_scan(found, CAMERA, T), CAMERA, see_through=False)


def test_scan_from_the_same_place_gives_back_the_depth():
    depth = hills()
    again = rescanned(depth, through_pixels())
    hit = again > 0
    assert hit[1:-1, 1:-1].all()
    assert again[hit] == pytest.approx(depth[hit], rel=1e-3)


def test_between_the_pixels_the_surface_is_continued():
    depth = hills()
    again = rescanned(depth, through_pixels(0.49), cut=None)[:-1, :-1]
    corners = np.stack([depth[:-1, :-1], depth[1:, :-1], depth[:-1, 1:], depth[1:, 1:]])
    hit = again > 0
    assert hit.mean() > 0.99
    assert (again >= corners.min(axis=0) * 0.999)[hit].all()
    assert (again <= corners.max(axis=0) * 1.001)[hit].all()


def test_real_pattern_from_the_same_place_is_within_half_a_per_cent():
    depth = np.full((64, 96), 7.0, np.float32) + np.linspace(0, 3, 96, dtype=np.float32)
    pattern = spinning(SPINNERS["HDL-64E"], np.random.default_rng(0), (-0.7, 0.7))
    again = rescanned(depth, pattern)
    hit = again > 0
    assert hit.sum() > 1000
    assert np.abs(again[hit] / depth[hit] - 1).max() < 0.005


def test_cut_leaves_a_gap_and_joining_fills_it():
    pattern = through_pixels(0.5)
    cut, joined = (rescanned(step(), pattern, cut=ratio) for ratio in (1.2, None))
    between = (joined > 4.01) & (joined < 8.99)
    assert between[:, 47:49].any() and not between[:, :46].any()
    assert set(np.round(np.unique(cut), 3)) == {0, 4, 9}


def test_what_is_behind_a_near_thing_is_missing_from_beside_it():
    depth = np.full((64, 96), 12.0, np.float32)
    depth[20:45, 30:60] = 3.0
    pattern = through_pixels()
    beside = rigid(FORWARD, [-0.8, 0.0, 0.0])
    counts = [np.count_nonzero(rescanned(depth, pattern, T, cut=1.2)) for T in (HERE, beside)]
    assert counts[1] < 0.95 * counts[0]


@pytest.mark.parametrize("nothing", [0.0, np.inf, np.nan, -1.0])
def test_pixels_without_depth_are_holes(nothing):
    depth = hills()
    depth[10:30, 10:40] = nothing
    again = rescanned(depth, through_pixels())
    assert not again[11:29, 11:39].any()
    assert (again[31:-1, 1:-1] > 0).all()


def test_surfaces_take_the_brightness_of_the_image():
    image = np.zeros((64, 96, 3), np.uint8)
    image[:, 48:] = 255
    world = world_from_depth(np.full((64, 96), 5.0, np.float32), CAMERA, image)
    hits = world.cast(np.zeros(3), np.array([[-0.3, 0.3], [0, 0], [1, 1]], np.float32))
    assert hits.colour.tolist() == [[0, 1]] * 3
    faults = Faults(dropout=0, mixed=0)
    found = scan(world, HERE, through_pixels(), np.random.default_rng(0), faults)
    right = found.points[:, 1] < 0
    assert right.sum() > 20 * (~right).sum() and right.sum() > 2500


def test_normals_face_the_sensor_and_points_lie_on_the_rays():
    world = world_from_mesh(
        np.array([[5, -9, -9], [5, 9, -9], [5, 0, 20], [-5, -9, -9], [-5, 9, -9], [-5, 0, 20.0]]),
        np.array([[0, 1, 2], [3, 4, 5]]),
    )
    directions = np.array([[1, -1, 0], [0, 0.1, 1], [0, 0, 0]], np.float32)
    hits = world.cast(np.zeros(3), directions)
    assert hits.distance == pytest.approx([5, 5, np.inf])
    assert pytest.approx(np.array([[-1, 0, 0], [1, 0, 0]]), abs=1e-6) == hits.normals[:, :2].T
    assert hits.points[:, 1] == pytest.approx([-5, 0.5, 0])


TRIANGLE = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 1.0]])


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: world_from_depth(np.ones((4, 5)), CAMERA), "the camera's size is 64 x 96"),
        (lambda: world_from_depth(hills(), CAMERA, np.zeros((5, 5, 3))), "and image"),
        (lambda: world_from_depth(np.zeros((64, 96)), CAMERA), "no three neighbouring pixels"),
        (lambda: world_from_depth(hills(), CAMERA, cut=1.0), "must be above 1"),
        (lambda: world_from_mesh(np.zeros((3, 2)), np.array([[0, 1, 2]])), "must be N x 3"),
        (lambda: world_from_mesh(TRIANGLE, np.zeros((0, 3), int)), "at least one"),
        (lambda: world_from_mesh(TRIANGLE, np.array([[0, 1, 3]])), "vertices 0 to 3; there are 3"),
        (lambda: world_from_mesh(TRIANGLE * np.nan, np.array([[0, 1, 2]])), "not finite"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
