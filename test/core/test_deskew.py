"""Scans that took time while the LiDAR moved."""

from __future__ import annotations

import numpy as np
import pytest

from depth_completion_ros.core import TransformError, invert, rigid
from depth_completion_ros.core.deskew import deskew

SPEED, TURN = 12.0, 0.8  # m/s, rad/s


def pose_at(seconds: float) -> np.ndarray:
    """A car on a circle, some time after it began."""
    angle = TURN * (seconds + 3.0)
    c, s = np.cos(angle), np.sin(angle)
    R = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    return rigid(R, np.array([s, -c, 0]) * SPEED / TURN + (100.0, 200.0, 1.0))


def scan(first: float, last: float, count: int = 2000, seed: int = 0):
    """Points as measured, their times, and where they are in the LiDAR frame at the stamp."""
    rng = np.random.default_rng(seed)
    times = rng.uniform(first, last, count).astype(np.float32)
    there = rng.uniform((-40, -40, -2), (40, 40, 6), (count, 3))
    world = there @ pose_at(0.0)[:3, :3].T + pose_at(0.0)[:3, 3]
    to_lidar = np.stack([invert(pose_at(float(t))) for t in times])
    measured = np.einsum("nij,nj->ni", to_lidar[:, :3, :3], world) + to_lidar[:, :3, 3]
    intensity = rng.random((count, 1))
    return np.hstack([measured, intensity]).astype(np.float32), times, there


@pytest.mark.parametrize(("first", "last"), [(0.0, 0.1), (-0.1, 0.0), (-0.05, 0.05), (0.2, 0.9)])
def test_points_are_where_they_were_at_the_stamp(first, last):
    points, times, there = scan(first, last)
    assert np.linalg.norm(points[:, :3] - there, axis=1).max() > 1.0
    moved = deskew(points, times, pose_at)
    assert np.linalg.norm(moved[:, :3] - there, axis=1).max() < 2e-3
    assert np.array_equal(moved[:, 3], points[:, 3]) and moved.dtype == np.float32


def test_points_without_return_stay_without():
    points, times, there = scan(0.0, 0.1, 50)
    points[7, :3], times[7] = np.nan, 0.0
    moved = deskew(points, times, pose_at)
    assert np.isnan(moved[7, :3]).all() and np.isfinite(np.delete(moved, 7, axis=0)).all()


def test_a_scan_of_one_moment_or_none_is_moved_as_a_whole():
    points, _, there = scan(0.05, 0.05, 20)
    assert np.allclose(deskew(points, np.full(20, 0.05, np.float32), pose_at)[:, :3], there, atol=1e-3)
    assert deskew(points[:0], np.zeros(0, np.float32), pose_at).shape == (0, 4)


def jump(seconds: float) -> np.ndarray:
    return rigid(np.eye(3), (0.0 if seconds < 0.05 else 30.0, 0.0, 0.0))


def spin(seconds: float) -> np.ndarray:
    c, s = np.cos(60 * seconds), np.sin(60 * seconds)
    return rigid(np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]), np.zeros(3))


def broken(seconds: float) -> np.ndarray:
    return np.full((4, 4), np.nan)


@pytest.mark.parametrize(
    ("motion", "words"),
    [
        (jump, r"would have moved at 60\d\d m/s; it must be at most 100 m/s\."),
        (spin, "would have moved at 60 rad/s; it must be at most 35 rad/s"),
        (broken, "would have moved at nan m/s"),
    ],
)
def test_a_motion_that_no_robot_makes_is_refused(motion, words):
    points, times, _ = scan(0.0, 0.1)
    with pytest.raises(ValueError, match=words):
        deskew(points, times, motion)


def test_times_that_do_not_fit_are_refused_and_a_missing_pose_is_told():
    points, times, _ = scan(0.0, 0.1)
    with pytest.raises(ValueError, match="one for each of 2000 points"):
        deskew(points, times[1:], pose_at)
    times[3] = np.nan
    with pytest.raises(ValueError, match="not all finite"):
        deskew(points, times, pose_at)

    def missing(seconds):
        raise TransformError("no odom")

    with pytest.raises(TransformError, match="no odom"):
        deskew(points, np.zeros(2000, np.float32), missing)
