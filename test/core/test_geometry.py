"""Rigid transforms and the tree of frames."""

import numpy as np
import pytest

from depth_completion_ros.core import TransformError, TransformTree, check_rigid, invert, rigid
from depth_completion_ros.core.geometry import (
    interpolate,
    matrix_to_quaternion,
    quaternion_to_matrix,
    transform_points,
)


def random_pose(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rigid(quaternion_to_matrix(rng.normal(size=4)), rng.normal(size=3))


@pytest.mark.parametrize("seed", range(20))
def test_quaternions_and_matrices_convert_both_ways(seed):
    R = random_pose(seed)[:3, :3]
    assert np.allclose(quaternion_to_matrix(matrix_to_quaternion(R)), R, atol=1e-12)


def test_half_turns_convert_too():
    for axis in np.eye(3):
        R = 2 * np.outer(axis, axis) - np.eye(3)
        assert np.allclose(quaternion_to_matrix(matrix_to_quaternion(R)), R)


def test_a_quarter_turn_about_z_takes_x_to_y():
    R = quaternion_to_matrix([0, 0, np.sqrt(0.5), np.sqrt(0.5)])
    assert np.allclose(R @ [1, 0, 0], [0, 1, 0])


def test_interpolation_meets_both_ends_and_the_middle():
    T0, T1 = rigid(np.eye(3), [0, 0, 0]), rigid(quaternion_to_matrix([0, 0, 1, 1]), [2, 0, 0])
    assert np.allclose(interpolate(T0, T1, 0), T0)
    assert np.allclose(interpolate(T0, T1, 1), T1)
    half = interpolate(T0, T1, 0.5)
    assert np.allclose(half[:3, :3] @ [1, 0, 0], [np.sqrt(0.5), np.sqrt(0.5), 0])
    assert np.allclose(half[:3, 3], [1, 0, 0])


def test_points_are_transformed_and_extra_columns_ignored():
    T = random_pose(3)
    points = np.random.default_rng(0).normal(size=(10, 5))
    assert np.allclose(transform_points(invert(T), transform_points(T, points)), points[:, :3])


@pytest.mark.parametrize(
    ("T", "sentence"),
    [
        (np.eye(3), "4 x 4"),
        (np.diag([1, 1, -1, 1]), "not rigid"),
        (np.diag([2, 1, 1, 1]), "not rigid"),
        (np.eye(4) + np.eye(4)[[3, 0, 1, 2]] * [[0], [0], [0], [1]], "last row"),
    ],
)
def test_what_is_not_rigid_is_refused(T, sentence):
    with pytest.raises(ValueError, match=f"extrinsic.*{sentence}"):
        check_rigid(T, "extrinsic")


def tree() -> TransformTree:
    t = TransformTree(history_s=5)
    t.set("base_link", "lidar", random_pose(1))
    t.set("base_link", "/camera", random_pose(2))
    for second in range(10):
        t.set("odom", "base_link", rigid(np.eye(3), [second, 0, 0]), stamp_ns=second * 10**9)
    return t


def test_siblings_are_joined_through_their_parent():
    T = tree().lookup("camera", "lidar", 0)
    assert np.allclose(T, invert(random_pose(2)) @ random_pose(1))


def test_dynamic_transforms_are_interpolated():
    T = tree().lookup("odom", "base_link", 7_250_000_000)
    assert np.allclose(T[:3, 3], [7.25, 0, 0])


def test_lookup_of_a_frame_in_itself_is_identity_even_if_unknown():
    assert np.array_equal(tree().lookup("x", "x", 0), np.eye(4))


@pytest.mark.parametrize(
    ("target", "source", "stamp", "sentence"),
    [
        ("camera", "radar", 0, "frame 'radar' is unknown"),
        ("odom", "lidar", 9_500_000_000, "0.500 s after the last"),
        ("odom", "lidar", 1_000_000_000, "3.000 s before the first"),
    ],
)
def test_what_cannot_be_looked_up_is_an_error_that_says_why(target, source, stamp, sentence):
    with pytest.raises(TransformError, match=sentence):
        tree().lookup(target, source, stamp)


def test_two_trees_that_are_not_connected_are_an_error():
    t = tree()
    t.set("map2", "thing", np.eye(4))
    with pytest.raises(TransformError, match="not connected"):
        t.lookup("thing", "camera", 0)


def test_clearing_keeps_what_is_static():
    t = tree()
    t.clear()
    assert np.allclose(t.lookup("camera", "lidar", 0), invert(random_pose(2)) @ random_pose(1))
    with pytest.raises(TransformError):
        t.lookup("odom", "lidar", 0)


def test_late_transforms_are_sorted_in_and_history_is_bounded():
    t = TransformTree(history_s=1)
    for ms in (0, 900, 300, 600, 5000):
        t.set("a", "b", rigid(np.eye(3), [ms, 0, 0]), stamp_ns=ms * 10**6)
    assert t.lookup("a", "b", 5_000_000_000)[0, 3] == 5000
    with pytest.raises(TransformError, match="before the first"):
        t.lookup("a", "b", 900_000_000)


def test_frames_without_a_name_have_no_transform():
    for target, source in (("", ""), ("camera", ""), ("/", "lidar")):
        with pytest.raises(TransformError, match="a message has an empty frame_id"):
            TransformTree().lookup(target, source, 0)


@pytest.mark.parametrize("stamp", [None, 0])
def test_frames_in_a_circle_are_an_error(stamp):
    tree = TransformTree()
    tree.set("camera", "lidar", random_pose(1), stamp)
    tree.set("lidar", "camera", random_pose(2), stamp)
    with pytest.raises(
        TransformError, match="Frames hang in a circle: (lidar, camera, lidar|camera, lidar, cam)"
    ):
        tree.lookup("camera", "lidar", 0)


def test_a_frame_with_two_parents_is_told_where_no_transform_is_found():
    tree = TransformTree()
    tree.set("camera", "lidar", random_pose(1))
    tree.set("base", "lidar", random_pose(2))
    with pytest.raises(
        TransformError, match="'lidar' was in 'camera' before it was in 'base'; a frame may have one"
    ):
        tree.lookup("camera", "lidar", 0)
