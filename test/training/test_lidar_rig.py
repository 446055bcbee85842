"""Simulated range sensors beside a camera: where they sit, and which pixels they measure."""

from __future__ import annotations

import numpy as np
import pytest

from depth_completion_ros.core import Frame, SparseDepth
from depth_completion_ros.core.geometry import check_rigid, invert, rigid

pytest.importorskip("depth_completion_training", reason="the training package is not installed")

from depth_completion_training.simulation.lidar import (  # noqa: E402
    corners,
    from_depth,
    lidar_pose,
    project_scan,
    random_extrinsics,
    scan,
    to_depth,
    unblocked,
    view_sector,
)  # fmt: skip
from depth_completion_training.simulation.lidar.rig import FORWARD  # noqa: E402
from depth_completion_training.simulation.lidar.spinning import SPINNERS, spinning  # noqa: E402
from lidar_worlds import CAMERA, IDEAL, SAME_PLACE, board, boards, rng, wall  # noqa: E402


@pytest.mark.parametrize("indoor, low, high", [(True, 0.02, 0.2), (False, 0.05, 1.0)])
def test_extrinsics_are_near_and_look_forward_for_the_most_part(indoor, low, high):
    drawn = np.array([random_extrinsics(rng(seed), indoor) for seed in range(500)])
    for T in drawn:
        check_rigid(T)
    offset = np.linalg.norm(drawn[:, :3, 3], axis=1)
    assert low <= offset.min() and offset.max() <= high and offset.max() > 5 * offset.min()
    assert (drawn[:, 2, 0] > np.cos(np.deg2rad(15))).mean() > 0.85  # LiDAR's x along the camera's z
    upright = np.abs(drawn[:, 1, 2]) < 0.3  # LiDAR's z across the image
    assert 0.02 < upright.mean() < 0.2


def test_lidar_is_not_put_behind_a_wall():
    T_world_cam = invert(SAME_PLACE)
    T = rigid(FORWARD, [0, 0, 0.8])  # before the camera
    near = unblocked(wall(0.5), T_world_cam, T)
    assert near[:3, 3] == pytest.approx([0, 0, 0.45], abs=1e-4)
    assert np.array_equal(unblocked(wall(5), T_world_cam, T), T)


@pytest.mark.parametrize("see_through", [True, False])
def test_projection_is_that_of_the_package(see_through):
    world = boards(board(4, (-1, 1), (-1, 1)), board(12, (-99, 99), (-99, 99)))
    T = rigid(FORWARD, [0.1, -0.4, -0.2])
    pose = lidar_pose(invert(SAME_PLACE), T)
    found = scan(world, pose, spinning(SPINNERS["HDL-64E"], rng(), view_sector(CAMERA, T)), rng())
    frame = Frame(camera=CAMERA, points=found.points, T_cam_lidar=T)
    expected = SparseDepth.from_points(frame, see_through=see_through).depth
    depth = to_depth(project_scan(found, CAMERA, T), CAMERA, see_through=see_through)
    assert np.count_nonzero(depth) > 5000
    assert (depth > 0).tolist() == (expected > 0).tolist()
    assert depth == pytest.approx(expected, rel=1e-5)


def test_points_keep_their_line_through_the_projection():
    T = rigid(FORWARD, [0.0, -0.3, 0.0])
    pattern = spinning(SPINNERS["VLP-16"], rng(), view_sector(CAMERA, T))
    pose = lidar_pose(invert(SAME_PLACE), T)
    projected = project_scan(scan(wall(10), pose, pattern, rng(), IDEAL), CAMERA, T)
    row = projected.pixel // CAMERA.width
    means = [row[projected.line == line].mean() for line in np.unique(projected.line)]
    assert len(means) >= 12 and (np.diff(means) > 5).all()
    assert (np.diff(projected.pixel) > 0).all() and not projected.hidden.any()


def test_far_points_show_through_a_near_board_only_with_parallax():
    near, far = board(2, (-0.5, 0.5), (-0.4, 0.4)), board(15, (-99, 99), (-99, 99))
    world, hidden = boards(near, far), []
    for height in (0.0, 0.5):
        T = rigid(FORWARD, [0.0, -height, 0.0])
        pattern = spinning(SPINNERS["HDL-64E"], rng(), view_sector(CAMERA, T))
        pose = lidar_pose(invert(SAME_PLACE), T)
        projected = project_scan(scan(world, pose, pattern, rng(), IDEAL), CAMERA, T)
        v, u = np.divmod(projected.pixel, CAMERA.width)
        on_board = (np.abs(u - 191.5) < 73) & (np.abs(v - 127.5) < 58)
        through = on_board & (projected.z > 10)
        hidden.append((through.sum(), (projected.hidden & through).sum(), projected.hidden.sum()))
    assert hidden[0][:2] == (0, 0) and hidden[0][2] < 100  # the filter errs at corners
    through, found, marked = hidden[1]
    assert through > 300 and found > 0.5 * through and marked < 1.6 * through


def test_sparse_image_counts_as_projection():
    depth = np.zeros((256, 384), np.float32)
    depth[10, 20], depth[200, 5] = 3.0, 4.0
    projected = from_depth(depth, 300.0)
    assert projected.pixel.tolist() == [10 * 384 + 20, 200 * 384 + 5] and projected.z.tolist() == [3, 4]
    assert np.array_equal(to_depth(projected, CAMERA), depth)


def test_corners_lie_on_texture_and_get_worse_with_distance():
    image = np.full((256, 384, 3), 90, np.uint8)
    for v, u in rng().integers(0, (240, 320), (150, 2)):
        image[v : v + 9, u + 50 : u + 59] = rng(v * u).integers(150, 250)
    image[:, 48:] += rng().integers(0, 5, (256, 336, 1)).astype(np.uint8)  # alike corners are not found
    depth = np.broadcast_to(np.geomspace(2, 40, 256)[:, None], (256, 384)).astype(np.float32).copy()
    depth[:8] = np.inf
    errors = {False: [], True: []}
    for seed in range(20):
        sparse = corners(image, depth, 800, rng(seed))
        assert 100 < np.count_nonzero(sparse) <= 800
        assert not sparse[:, :40].any() and not sparse[:8].any() and np.isfinite(sparse).all()
        known = sparse > 0
        share = np.abs(sparse - depth)[known] / depth[known]
        for far, medians in errors.items():
            medians.append(np.median(share[(depth[known] > 12) == far]))
    assert np.mean(errors[True]) > 2 * np.mean(errors[False])


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: project_scan(None, CAMERA, np.eye(3)), "T_cam_lidar has shape"),
        (
            lambda: corners(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5)), 9, rng()),
            "must be uint8 H x W x 3",
        ),
        (lambda: corners(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4)), 0, rng()), "at least 1"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
