"""Depth back to points."""

import numpy as np
import pytest

from depth_completion_ros import Camera
from depth_completion_ros.core import depth_to_cloud, depth_to_points

CAMERA = Camera(64, 48, [[50, 0, 31], [0, 52, 23], [0, 0, 1]], "plumb_bob", (-0.1, 0.02, 1e-3, 0))


def random_depth() -> np.ndarray:
    rng = np.random.default_rng(0)
    depth = rng.uniform(1, 30, (48, 64)).astype(np.float32)
    depth[rng.random(depth.shape) < 0.3] = np.nan
    return depth


@pytest.mark.parametrize("stride", [1, 2, 5])
def test_points_project_back_to_their_pixels(stride):
    depth = random_depth()
    points = depth_to_points(depth, CAMERA, stride)
    v, u = np.nonzero(np.isfinite(depth[::stride, ::stride]))
    pixels, seen = CAMERA.project(points)
    assert seen.all() and len(points) == len(v)
    assert np.abs(pixels - np.stack([u, v], 1) * stride).max() < 2e-3
    assert np.allclose(points[:, 2], depth[v * stride, u * stride])


@pytest.mark.parametrize("holes", [True, False])
def test_a_coloured_cloud_carries_the_colour_of_each_pixel(holes):
    depth = random_depth() if holes else np.full((48, 64), 3.0, np.float32)
    image = np.random.default_rng(1).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    cloud = depth_to_cloud(depth, CAMERA, image, stride=3)
    colours = image[::3, ::3][np.isfinite(depth[::3, ::3])].astype(np.uint32)
    assert np.array_equal(cloud["rgb"], colours[:, 0] << 16 | colours[:, 1] << 8 | colours[:, 2])
    assert np.array_equal(np.stack([cloud[f] for f in "xyz"], 1), depth_to_points(depth, CAMERA, 3))


def test_pixels_beyond_the_lens_model_give_no_points():
    fisheye = Camera(64, 48, [[15.0, 0, 32], [0, 15.0, 24], [0, 0, 1]], "equidistant", (0.1, 0, 0, 0))
    points = depth_to_points(np.ones((48, 64), np.float32), fisheye)
    assert 0 < len(points) < 48 * 64 and np.isfinite(points).all()


def test_unknown_depth_gives_an_empty_cloud():
    assert len(depth_to_cloud(np.full((48, 64), np.nan, np.float32), CAMERA)) == 0
    assert len(depth_to_points(np.zeros((48, 64), np.float32), CAMERA)) == 0


def test_wrong_size_and_stride_are_refused():
    with pytest.raises(ValueError, match="camera is 64 x 48"):
        depth_to_points(np.ones((10, 10), np.float32), CAMERA)
    with pytest.raises(ValueError, match="must be 1 or more"):
        depth_to_points(random_depth(), CAMERA, 0)
