"""Points to sparse depth."""

import numpy as np
import pytest

from depth_completion_ros import Camera, Frame, SparseDepth
from depth_completion_ros.core import Box
from depth_completion_ros.core.filters import isolated, see_through
from depth_completion_ros.core.sparse import check_same_view, z_buffer

CAMERA = Camera(640, 200, [[500, 0, 320], [0, 500, 100], [0, 0, 1]])


def frame_of(points, **fields) -> Frame:
    points = np.asarray(points, np.float32).reshape(-1, 3)
    return Frame(camera=CAMERA, points=points, T_cam_lidar=np.eye(4), **fields)


def test_a_point_lands_on_the_nearest_pixel_with_its_depth_along_z():
    sparse = SparseDepth.from_points(frame_of([[1.0, -0.5, 10.0]]))
    assert sparse.count == 1
    assert sparse.depth[100 - 25, 320 + 50] == 10
    assert sparse.depth.dtype == np.float32


def test_the_nearest_point_of_a_pixel_wins_and_the_other_is_counted():
    sparse = SparseDepth.from_points(frame_of([[0, 0, 8], [0, 0, 4], [0, 0, 6]]))
    assert sparse.depth[100, 320] == 4
    assert sparse.dropped["occluded"] == 2


def test_z_buffer_equals_a_slow_one_on_random_points():
    rng = np.random.default_rng(0)
    u, v, z = rng.integers(0, 20, 3000), rng.integers(0, 10, 3000), rng.uniform(1, 9, 3000)
    z = z.astype(np.float32)
    expected = np.zeros((10, 20), np.float32)
    for i in np.argsort(z)[::-1]:
        expected[v[i], u[i]] = z[i]
    depth, hidden = z_buffer(u, v, z, 10, 20)
    assert np.array_equal(depth, expected)
    assert hidden == 3000 - np.count_nonzero(expected)


def test_points_in_double_precision_are_those_in_single():
    """One that single precision rounds up is nearer than itself: the z-buffer once never ended on it."""
    points = np.random.default_rng(0).uniform((-3, -1, 2), (3, 1, 9), (500, 3))
    double = Frame(camera=CAMERA, points=points, T_cam_lidar=np.eye(4))
    sparse, expected = SparseDepth.from_points(double), SparseDepth.from_points(frame_of(points))
    assert sparse.depth.dtype == np.float32 and sparse.dropped == expected.dropped
    np.testing.assert_allclose(sparse.depth, expected.depth, rtol=1e-6)


def test_points_in_integers_are_refused_as_nothing_tells_their_unit():
    with pytest.raises(ValueError, match="points are int16; they must be floating point in metres"):
        Frame(camera=CAMERA, points=np.ones((5, 3), np.int16), T_cam_lidar=np.eye(4))


def test_every_point_is_kept_or_counted_once():
    rng = np.random.default_rng(0)
    points = rng.normal(scale=20, size=(5000, 3)).astype(np.float32)
    points[::7] = np.nan
    points[3::11, 1] = np.inf
    sparse = SparseDepth.from_points(frame_of(points), max_depth=30, isolated=True)
    assert sparse.count + sum(sparse.dropped.values()) == 5000
    assert sparse.dropped["not finite"] == np.count_nonzero(~np.isfinite(points).all(axis=1))
    assert min(sparse.dropped.values()) >= 0


@pytest.mark.parametrize("points", [[], [[np.nan] * 3] * 5, [[0, 0, -3]], [[50, 0, 1]], [[0, 0, 0]]])
def test_clouds_without_a_visible_point_give_an_empty_depth(points):
    sparse = SparseDepth.from_points(frame_of(points))
    assert sparse.count == 0
    assert sum(sparse.dropped.values()) == len(points)


def test_range_and_region_limit_the_depth():
    points = [[0, 0, 0.5], [0, 0, 50], [1, 0, 10], [-1, 0, 10]]
    sparse = SparseDepth.from_points(frame_of(points), min_depth=1, max_depth=20, region=(320, 0, 640, 200))
    assert np.argwhere(sparse.depth).tolist() == [[100, 370]]
    assert sparse.dropped["out of range"] == 2
    assert sparse.dropped["outside region"] == 1


def test_a_frame_that_brings_depth_instead_of_points_is_taken_within_the_same_limits():
    depth = np.zeros((200, 640), np.float32)
    depth[3, 4], depth[5, 6], depth[7, 8], depth[9, 9] = 2, 90, np.nan, -1
    sparse = SparseDepth.from_points(Frame(camera=CAMERA, sparse_depth=depth), max_depth=80)
    assert np.argwhere(sparse.depth).tolist() == [[3, 4]]


def test_known_ego_motion_moves_the_points():
    forward = np.eye(4)
    forward[2, 3] = -1.5
    sparse = SparseDepth.from_points(frame_of([[0, 0, 10]], T_image_points=forward))
    assert sparse.depth[100, 320] == 8.5


def test_a_frame_without_extrinsics_is_an_error_and_never_identity():
    with pytest.raises(ValueError, match="lacks T_cam_lidar"):
        SparseDepth.from_points(Frame(camera=CAMERA, points=np.ones((1, 3), np.float32)))


def scan(z_of_row, step=(5, 2)) -> np.ndarray:
    depth = np.zeros((200, 640), np.float32)
    rows = np.arange(20, 180, step[0])
    depth[rows[:, None], np.arange(0, 640, step[1])] = np.broadcast_to(z_of_row, (len(rows), 320))
    return depth


def test_far_points_between_the_scan_lines_of_a_near_surface_are_found():
    depth = scan(6.0)
    ghosts = np.zeros_like(depth)
    ghosts[22:170:20, 101:500:20] = 30
    hidden = see_through(depth + np.where(depth == 0, ghosts, 0), focal=721)
    assert hidden[ghosts > 0].mean() > 0.95
    assert not hidden[ghosts == 0].any()


def test_a_background_beside_an_object_stays():
    depth = scan(30.0)
    near = scan(6.0)
    depth[:, 250:400] = near[:, 250:400]
    hidden = see_through(depth, focal=721)
    assert not hidden[:, :246].any() and not hidden[:, 404:].any(), "more than a rim was lost"
    assert not hidden[:, 250:400].any()


def test_a_slanted_ground_plane_stays():
    rows = np.arange(20, 180, 5)
    depth = scan((1.6 * 721 / (rows + 20.0))[:, None])
    assert not see_through(depth, focal=721).any()


def test_see_through_of_nothing_and_of_one_point_is_nothing():
    one = np.zeros((50, 60), np.float32)
    assert not see_through(one, 500).any()
    one[20, 30] = 5
    assert not see_through(one, 500).any() and not isolated(one, 500).any()


def test_a_drop_of_rain_before_a_wall_is_isolated_and_a_pole_is_not():
    depth = scan(20.0)
    depth[100, 301] = 3
    depth[20:180:5, 400] = 8
    mask = isolated(depth, focal=721)
    assert np.argwhere(mask).tolist() == [[100, 301]]


def test_what_lies_behind_rain_is_kept_once_the_rain_is_dropped():
    u, v = np.meshgrid(np.arange(200, 440, 4), np.arange(20, 180, 8))
    z = np.full(u.shape, 30.0)
    points = np.stack([(u - 320) * z / 500, (v - 100) * z / 500, z], axis=-1).reshape(-1, 3)
    rain = [[-0.08, 0, 4], [0.08, 0, 4]]
    both = SparseDepth.from_points(frame_of(np.vstack([points, rain])), isolated=True)
    assert both.dropped["isolated"] == 2 and both.dropped["see-through"] == 0
    alone = SparseDepth.from_points(frame_of(np.vstack([points, rain])))
    assert alone.dropped["see-through"] > 0, "drops on both sides pass for a surface"


def test_few_points_are_never_isolated():
    depth = np.zeros((200, 640), np.float32)
    depth[::50, ::160] = np.arange(1, 17).reshape(4, 4)
    assert not isolated(depth, focal=721).any()


def real_scan(folder):
    import json

    calib = json.loads((folder / "calib.json").read_text())
    points = np.fromfile(folder / "points.bin", np.float32).reshape(-1, 4)
    camera = Camera(calib["width"], calib["height"], calib["K"])
    return Frame(camera=camera, points=points, T_cam_lidar=np.array(calib["T_cam_lidar"]))


@pytest.mark.parametrize("index", range(5, 10))
def test_on_real_scans_see_through_finds_most_wrong_points_and_few_right_ones(real_frames, index):
    import cv2

    folder = real_frames / f"kitti_seq_{index:04d}"
    truth = cv2.imread(str(folder / "gt_accum.png"), cv2.IMREAD_UNCHANGED) / 256.0
    frame = real_scan(folder)
    depth = SparseDepth.from_points(frame, see_through=False).depth
    hidden = see_through(depth, frame.camera.K[0, 0])
    known = (depth > 0) & (truth > 0)
    right = known & (np.abs(depth - truth) < 0.05 * truth)
    through = known & (depth > 1.15 * truth)
    assert hidden[through].mean() > 0.8
    assert hidden[right].mean() < 0.01


def test_beams_without_return_at_the_origin_of_the_lidar_are_no_measurement():
    """The LiDAR is 0.6 m before the camera, so that its own origin is in view."""
    T = np.eye(4)
    T[2, 3] = 0.6
    points = np.float32([[0, 0, 9.4], [0, 0, 0], [0, 0, 0], [0.05, 0.05, 0.05], [0.2, 0, 0.25], [1, 0, 7.4]])
    frame = Frame(camera=CAMERA, points=points, T_cam_lidar=T)
    sparse = SparseDepth.from_points(frame, see_through=False)
    np.testing.assert_allclose(np.sort(sparse.depth[sparse.depth > 0]), [0.85, 8, 10])
    assert sparse.dropped["too near the LiDAR"] == 3
    assert SparseDepth.from_points(frame, lidar_min_range=0.4, see_through=False).count == 2
    nothing_left_out = SparseDepth.from_points(frame, lidar_min_range=0.0, see_through=False)
    assert nothing_left_out.dropped["too near the LiDAR"] == 0
    assert nothing_left_out.depth[nothing_left_out.depth > 0].min() == np.float32(0.6)


def test_points_on_the_robot_itself_are_left_out_and_counted():
    """The box is told in the robot's base, 1 m below the LiDAR and turned by a quarter."""
    T_base_lidar = np.array([[0.0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1]])
    robot = Box([-0.5, -0.5, 0], [0.5, 0.5, 4.0], T_base_lidar)
    points = [[0.4, 0.4, 2.9], [0.4, 0.4, 3.1], [0.6, 0.4, 2.9], [np.nan, 0, 2], [0, 0, 0]]
    sparse = SparseDepth.from_points(frame_of(points, robot=robot), see_through=False)
    np.testing.assert_allclose(sparse.depth[sparse.depth > 0], [3.1, 2.9])
    causes = ("too near the LiDAR", "on the robot", "not finite")
    assert [sparse.dropped[cause] for cause in causes] == [1, 1, 1]
    assert sparse.count + sum(sparse.dropped.values()) == len(points)


@pytest.mark.parametrize("corners", [([0, 0, 0], [1, 1, 0]), ([0, 0], [1, 1]), ([0, 0, np.nan], [1, 1, 1])])
def test_a_box_without_volume_is_refused(corners):
    with pytest.raises(ValueError, match="each of the first below that of the second"):
        Box(*corners)


@pytest.mark.parametrize("name", ["sparse_depth", "ground_truth"])
def test_depth_of_another_size_or_in_integers_is_refused(name):
    with pytest.raises(
        ValueError, match=r"has shape \(100, 320\); it must be that of the image, \(200, 640\)"
    ):
        Frame(camera=CAMERA, **{name: np.ones((100, 320), np.float32)})
    with pytest.raises(ValueError, match="is uint16; it must be floating point in metres"):
        Frame(camera=CAMERA, **{name: np.ones((200, 640), np.uint16)})


@pytest.mark.parametrize("marked", [1e9, 3e38])
def test_numbers_that_stand_for_no_return_are_no_depth(marked):
    sparse = SparseDepth.from_points(frame_of([[0, 0, 8], [0, 0, marked], [1, 0, marked]]))
    assert sparse.count == 1 and sparse.dropped["out of range"] == 2
    depth = np.array([[8, marked]], np.float32)
    frame = Frame(camera=Camera(2, 1, [[2, 0, 1], [0, 2, 0], [0, 0, 1]]), sparse_depth=depth)
    assert SparseDepth.from_points(frame).depth.tolist() == [[8, 0]]


@pytest.mark.parametrize(("rows", "columns"), [(375, 1242), (94, 310), (9, 31), (9, 30)])
def test_depth_of_rounded_proportions_is_of_the_view_of_its_image(rows, columns):
    check_same_view(rows, columns, 375, 1242)


@pytest.mark.parametrize(("rows", "columns"), [(94, 290), (310, 94), (376, 1242)])
def test_depth_of_other_proportions_or_larger_is_of_another_view(rows, columns):
    with pytest.raises(ValueError, match=r"^Sparse depth is \d+ x \d+ but its image is 1242 x 375"):
        check_same_view(rows, columns, 375, 1242)
