"""Maps of scenes whose geometry is known: what is right, what stands where nothing is, what is missed."""

from __future__ import annotations

import numpy as np
import pytest

from depth_completion_ros import Camera
from depth_completion_ros.core import rigid
from depth_completion_ros.slam.mapping.occupancy import WINDOW, Box, OccupancyGrid, nearest_in_windows
from depth_completion_ros.slam.mapping.run import MapSettings
from depth_completion_ros.slam.mapping.score import score_map
from depth_completion_ros.slam.mapping.surface import SurfaceMap
from depth_completion_ros.slam.mapping.truth import MapTruth, grown

CAMERA = Camera(160, 120, [[80, 0, 79.5], [0, 80, 59.5], [0, 0, 1]])
CELL, RANGE, WALL = 0.2, 8.0, 5.13
BOX = Box.around(np.array([-6.0, -5, 0]), np.array([6.0, 5, 8]), CELL)
# Two triangles of a wall across the view.
SURFACE = np.array(
    [
        [[-20, -20, WALL], [20, -20, WALL], [20, 20, WALL]],
        [[-20, -20, WALL], [20, 20, WALL], [-20, 20, WALL]],
    ],
    np.float32,
)


def wall(distance: float = WALL) -> np.ndarray:
    return np.full((120, 160), distance, np.float32)


def at(grid: OccupancyGrid, x: float, y: float, z: float) -> str:
    (index,) = BOX.index_of(np.array([[x, y, z]], np.float32))
    return "occupied" if grid.occupied[index] else "free" if grid.free[index] else "unknown"


# Occupancy ---------------------------------------------------------------------------------------


def test_cells_before_a_wall_are_free_at_it_occupied_and_behind_it_unknown():
    grid = OccupancyGrid(CAMERA, BOX, RANGE)
    grid.add(wall(), np.eye(4))
    assert at(grid, 0, 0, 5.1) == "occupied" and at(grid, 2, -1, 5.1) == "occupied"
    assert at(grid, 0, 0, 3) == at(grid, 1, 1, 4.5) == "free"
    assert at(grid, 0, 0, 5.5) == at(grid, 0, 0, 7) == "unknown"
    assert at(grid, 5, 0, 2) == "unknown"  # beside the view


def test_a_pose_moves_what_is_seen():
    grid = OccupancyGrid(CAMERA, BOX, RANGE)
    right = rigid([[0, 0, 1], [0, 1, 0], [-1, 0, 0]], [-4, 0, 4])  # looks along x
    grid.add(wall(), right)
    assert (
        at(grid, 1.1, 0, 4) == "occupied" and at(grid, 0, 0, 4) == "free" and at(grid, 3, 0, 4) == "unknown"
    )


def test_unknown_depth_tells_nothing_and_depth_beyond_the_range_that_the_way_is_free():
    grid = OccupancyGrid(CAMERA, BOX, RANGE)
    hit, passed = grid.add(np.full((120, 160), np.nan, np.float32), np.eye(4))
    assert not len(hit) and not len(passed)
    hit, passed = grid.add(wall(np.inf), np.eye(4))
    assert not len(hit) and at(grid, 0, 0, 7) == "free"


def test_free_space_seen_often_becomes_occupied_when_something_comes_to_stay():
    grid = OccupancyGrid(CAMERA, BOX, RANGE)
    for _ in range(50):
        grid.add(wall(7), np.eye(4))
    assert at(grid, 0, 0, 5.1) == "free"
    for _ in range(4):
        grid.add(wall(), np.eye(4))
    assert at(grid, 0, 0, 5.1) == "occupied"


def test_a_cell_that_is_seen_past_the_edge_of_a_pole_is_not_free():
    depth = wall(7)
    depth[:, 80] = 4.9
    grid = OccupancyGrid(CAMERA, BOX, RANGE)
    grid.add(depth, np.eye(4))
    x = float(CAMERA.unproject(np.array([[80.0, 60]]))[0, 0] * 4.9)
    assert at(grid, x, 0, 4.9) == "occupied" and at(grid, x, 0, 5.5) == "unknown"


def test_a_window_has_the_nearest_known_depth_of_its_pixels():
    depth = np.full((WINDOW + 1, 2 * WINDOW), np.nan, np.float32)
    depth[1, 2], depth[3, 3], depth[WINDOW, WINDOW] = 5, 4, 9
    np.testing.assert_array_equal(nearest_in_windows(depth), [[4, np.nan], [np.nan, 9]])


def test_a_box_that_memory_cannot_hold_is_refused():
    with pytest.raises(ValueError, match="A map of 5000 x 5000 x 20 m in cells of 0.1 m"):
        Box.around(np.zeros(3), np.array([5000.0, 5000, 20]), 0.1)


def test_a_mask_grows_to_all_neighbours_and_not_around_the_edge():
    box = Box((0, 0, 0), (4, 4, 4), 1.0)
    mask = np.zeros(box.shape, bool)
    mask[0, 1, 3] = True
    expected = np.zeros(box.shape, bool)
    expected[0:2, 0:3, 2:4] = True
    np.testing.assert_array_equal(grown(mask.ravel(), box).reshape(box.shape), expected)


@pytest.mark.parametrize("name", ["voxel", "cell", "max_range"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("inf"), float("nan")])
def test_sizes_that_no_map_can_have_are_refused(name, value):
    with pytest.raises(ValueError, match=f"Map {name} is .*; it must be positive and finite"):
        MapSettings(**{name: value})


# Surface and scores ------------------------------------------------------------------------------


def mapped(*depths: np.ndarray):
    surface, grid = SurfaceMap(CAMERA, 0.05, RANGE), OccupancyGrid(CAMERA, BOX, RANGE)
    for depth in depths:
        surface.add(depth, np.eye(4))
        grid.add(depth, np.eye(4))
    return surface, grid


def truth_of(depth: np.ndarray, surface=SURFACE) -> MapTruth:
    truth = MapTruth(CAMERA, BOX, RANGE, surface)
    truth.add(depth, np.eye(4))
    return truth


def test_the_surface_of_a_wall_is_flat_and_where_it_stands(open3d, tmp_path):
    surface, _ = mapped(*[wall()] * 3)
    points = surface.points()
    assert len(points) > 1000
    np.testing.assert_allclose(points[:, 2], WALL, atol=2e-3)
    assert surface.write_mesh(tmp_path / "wall.ply")
    mesh = open3d.io.read_triangle_mesh(str(tmp_path / "wall.ply"))
    np.testing.assert_allclose(np.asarray(mesh.vertices)[:, 2], WALL, atol=2e-3)


def test_a_surface_of_nothing_or_of_too_few_images_has_no_points(open3d, tmp_path):
    for depths in ([], [np.full((120, 160), np.nan, np.float32)] * 3, [wall(20)] * 3, [wall()] * 2):
        surface, _ = mapped(*depths)
        assert surface.points().shape == (0, 3) and not surface.write_mesh(tmp_path / "none.ply")


@pytest.mark.parametrize("surface", [SURFACE, None], ids=["exact", "depth"])
def test_a_map_of_the_truth_is_right(open3d, surface):
    made, grid = mapped(*[wall()] * 3)
    score = score_map(made.points(), grid, truth_of(wall(), surface))
    assert score.near.completeness > 0.95 and score.wide.completeness == 1
    assert score.near.accuracy == (None if surface is None else 1)
    assert score.near.f_score is None if surface is None else score.near.f_score > 0.97
    assert score.phantom == score.phantom_m3 == score.told_free == score.not_known == 0


def test_a_wall_that_is_told_too_near_is_a_phantom_and_the_true_one_unknown(open3d):
    made, grid = mapped(*[wall(WALL - 2)] * 3)
    score = score_map(made.points(), grid, truth_of(wall()))
    assert score.wide.accuracy == score.wide.completeness == score.wide.f_score == 0
    assert score.not_known == 1 and score.told_free == 0
    assert score.phantom > 0.95  # some cells at the edge of the view have their centre outside
    assert score.phantom_m3 == pytest.approx(score.phantom * grid.occupied.sum() * CELL**3)


def test_a_wall_that_is_told_too_far_is_missed_and_called_free(open3d):
    made, grid = mapped(*[wall(WALL + 2)] * 3)
    score = score_map(made.points(), grid, truth_of(wall()))
    assert score.told_free > 0.9 and score.not_known < 0.1 and score.phantom == 0


def test_where_the_exact_surface_is_known_no_depth_is_free_space(open3d):
    """A hole in the truth is sky with it, and unknown without it; depth in it is a phantom or is not."""
    depth = wall()
    depth[:, :80] = 0
    made, grid = mapped(*[wall(WALL - 2)] * 3)
    exact = score_map(made.points(), grid, truth_of(depth, SURFACE))
    seen = score_map(made.points(), grid, truth_of(depth, None))
    assert exact.phantom > 0.95 and 0.4 < seen.phantom < 0.6


def test_what_moves_is_neither_surface_nor_phantom(open3d):
    passing = wall()
    passing[40:80, 60:100] = 3.0  # not part of the surface
    truth = truth_of(passing)
    made, grid = mapped(*[passing] * 3)
    score = score_map(made.points(), grid, truth)
    assert score.phantom == 0 and score.told_free == 0
    assert (truth.points[:, 2] > WALL - 0.1).all()


def test_an_empty_map_finds_nothing_and_says_nothing_wrong(open3d):
    made, grid = mapped()
    score = score_map(made.points(), grid, truth_of(wall()))
    assert score.near.f_score == 0 and score.phantom == 0 and score.not_known == 1
