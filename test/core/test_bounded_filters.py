"""The work of filters is bounded by the image, whatever the focal length and the scene."""

from __future__ import annotations

import numpy as np
import pytest
from memory import at_most

from depth_completion_ros.core import Camera, filters

UHD = 2160, 3840


def wall(number: int = 20_000, shape=UHD, depth: float = 8.0) -> np.ndarray:
    """A flat wall, hit at so many pixels."""
    plane = np.zeros(shape, np.float32)
    plane.flat[np.random.default_rng(1).choice(plane.size, number, replace=False)] = depth
    return plane


def test_isolated_points_before_a_flat_wall_at_4k_take_little_memory():
    plane = wall()
    alone = [(500, 700), (1500, 3000)]
    for v, u in alone:
        plane[v - 3 : v + 4, u - 3 : u + 4] = 0
        plane[v, u] = 2.0
    with at_most(200):
        found = filters.isolated(plane, focal=3840.0)
    assert sorted(zip(*np.nonzero(found), strict=True)) == alone


def test_isolated_finds_the_same_in_blocks_as_at_once(monkeypatch):
    random = np.random.default_rng(4)
    plane = wall(3000, (200, 300))
    known = np.flatnonzero(plane)
    plane.flat[random.choice(known, 60)] = random.uniform(1, 6, 60).astype(np.float32)
    expected = isolated_as_defined(plane, 250.0)
    assert 5 < np.count_nonzero(expected) < 60
    np.testing.assert_array_equal(filters.isolated(plane, 250.0), expected)
    monkeypatch.setattr(filters, "BLOCK_VALUES", 1)
    np.testing.assert_array_equal(filters.isolated(plane, 250.0), expected)


def isolated_as_defined(depth: np.ndarray, focal: float) -> np.ndarray:
    """Point by point, as the docstring says."""
    rows, columns = (round(angle * focal) for angle in filters.ISOLATION_WINDOW)
    found = np.zeros(depth.shape, bool)
    for v, u in zip(*np.nonzero(depth), strict=True):
        window = depth[max(v - rows, 0) : v + rows + 1, max(u - columns, 0) : u + columns + 1]
        around = window[window > 0]
        nearest = depth[v, u] <= around.min()
        alike = np.count_nonzero(around < depth[v, u] * filters.ISOLATION_RATIO)
        found[v, u] = nearest and alike == 1 and len(around) - 1 >= filters.ISOLATION_NEIGHBOURS
    return found


@pytest.mark.parametrize("focal", [1e4, 1e6, 1e7, 1e12])
@pytest.mark.parametrize("name", ["see_through", "isolated"])
def test_an_absurd_focal_length_takes_no_more_memory_than_the_image(name, focal):
    plane = wall(5000, (375, 1242))
    with at_most(100):
        found = getattr(filters, name)(plane, focal)
    assert found.shape == plane.shape


# Cameras -------------------------------------------------------------------------------------------


def camera(fx: float, fy: float, cx: float = 320, cy: float = 240) -> Camera:
    return Camera(640, 480, [[fx, 0, cx], [0, fy, cy], [0, 0, 1]])


@pytest.mark.parametrize("fx", [10.0, 500.0, 20_000.0])
def test_real_lenses_are_plausible(fx):
    assert camera(fx, fx).check_plausible().K[0, 0] == fx


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (camera(1e6, 500), r"focal length of 1e\+06 pixels in x, a view of 0.037 degrees"),
        (camera(500, 1e7), r"focal length of 1e\+07 pixels in y"),
        (camera(1, 500), r"focal length of 1 pixels in x, a view of 1.8e\+02 degrees"),
        (camera(500, 500, cx=1e9), r"principal point at x = 1e\+09"),
        (camera(500, 500, cy=-1e5), r"principal point at y = -100000"),
    ],
)
def test_other_views_mean_that_the_camera_is_not_calibrated(bad, words):
    with pytest.raises(ValueError, match=f"{words}.* so it is not calibrated"):
        bad.check_plausible()
