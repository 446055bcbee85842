"""Trajectories, their files, and the poses that they are compared with."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from depth_completion_ros import Camera, Frame
from depth_completion_ros.core import invert, rigid
from depth_completion_ros.data import open_reader
from depth_completion_ros.slam.plot import left_after_alignment
from depth_completion_ros.slam.reference import GROUND_TRUTH, KISS_ICP, ReferenceMaker
from depth_completion_ros.slam.trajectory import Trajectory

QUARTER = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]])
T_CAM_LIDAR = rigid([[0, -1, 0], [0, 0, -1], [1, 0, 0]], [0.1, -0.2, 0.3])
CAMERA = Camera(40, 30, [[30, 0, 20], [0, 30, 15], [0, 0, 1]])


def square() -> Trajectory:
    """Four corners of a square of 2 m, a quarter turn at each."""
    poses, T = [], np.eye(4)
    for _ in range(4):
        poses.append(T)
        T = T @ rigid(QUARTER, [2, 0, 0])
    return Trajectory.of([10**9 * 1_700_000_000 + 100_000_001 * n for n in range(4)], poses)


def test_a_file_has_stamps_to_the_nanosecond_positions_and_quaternions(tmp_path):
    lines = square().write(tmp_path / "new" / "a.tum").read_text().splitlines()
    assert lines[0].startswith("#") and len(lines) == 5
    assert lines[2].split()[0] == "1700000000.100000001"
    x, y, z, *quaternion = map(float, lines[2].split()[1:])
    assert (x, y, z) == (2, 0, 0)
    np.testing.assert_allclose(quaternion, [0, 0, np.sqrt(0.5), np.sqrt(0.5)], atol=1e-9)


def test_length_is_along_the_way_and_does_not_depend_on_where_it_is_seen_from():
    moved = Trajectory(square().stamps, rigid(QUARTER, [5, 6, 7]) @ square().poses)
    assert square().length == pytest.approx(6)
    np.testing.assert_allclose(moved.seen_from_first().poses, square().poses, atol=1e-12)


def test_alignment_undoes_a_rigid_motion_but_not_a_scale():
    moved = rigid(QUARTER, [5, 6, 7]) @ square().poses
    left = left_after_alignment(moved[:, :3, 3], square().positions)
    np.testing.assert_allclose(left, np.zeros((4, 3)), atol=1e-9)
    left = left_after_alignment(0.5 * moved[:, :3, 3], square().positions)
    np.testing.assert_allclose(np.linalg.norm(left, axis=1), 0.5 * np.sqrt(2))


# Reference ---------------------------------------------------------------------------------------


def frame_at(x: float, **others) -> Frame:
    return Frame(
        camera=CAMERA, T_cam_lidar=T_CAM_LIDAR, T_world_lidar=rigid(np.eye(3), [x, 0, 0]), **others
    )  # fmt: skip


def test_the_camera_pose_is_that_at_the_stamp_of_the_image():
    moved = rigid(np.eye(3), [0.5, 0, 0])
    frame = frame_at(3.0, T_image_points=moved)
    np.testing.assert_allclose(
        frame.T_world_cam, rigid(np.eye(3), [2.5, 0, 0]) @ invert(T_CAM_LIDAR), atol=1e-12
    )
    np.testing.assert_allclose(frame_at(3.0).T_world_cam, rigid(np.eye(3), [3, 0, 0]) @ invert(T_CAM_LIDAR))


def test_poses_of_the_data_are_the_reference_where_there_are_enough():
    maker = ReferenceMaker()
    for index in range(4):
        maker.add(frame_at(float(index)) if index else Frame(camera=CAMERA, T_cam_lidar=T_CAM_LIDAR), index)
    reference = maker.reference()
    assert reference.name == GROUND_TRUTH and reference.trajectory.stamps.tolist() == [1, 2, 3]
    assert reference.trajectory.length == pytest.approx(2)


def test_scans_tell_the_poses_where_the_data_has_them_for_some_frames_only(real_frames):
    """Frames 5 to 9 of the sequence have poses."""
    pytest.importorskip("kiss_icp", reason="KISS-ICP is not installed (extra slam)")
    maker = ReferenceMaker()
    for frame in open_reader(real_frames, select="kitti_seq_000[2-7]"):
        maker.add(frame, frame.stamp_image)
    reference = maker.reference()
    assert reference.name == KISS_ICP and len(reference.trajectory.stamps) == 6


def test_without_poses_and_scans_there_is_no_reference():
    maker = ReferenceMaker()
    for stamp in range(5):
        maker.add(Frame(camera=CAMERA), stamp)
    with pytest.raises(ValueError, match="0 of 5 frames have a pose, and there are no LiDAR scans"):
        maker.reference()


@pytest.mark.parametrize("kiss_icp", [True, False], ids=["KISS-ICP", "no KISS-ICP"])
def test_of_two_frames_with_scans_it_is_said_that_they_are_too_few(monkeypatch, kiss_icp):
    if kiss_icp:
        pytest.importorskip("kiss_icp", reason="KISS-ICP is not installed (extra slam)")
    else:
        monkeypatch.setitem(sys.modules, "kiss_icp.config.parser", None)
    maker, points = ReferenceMaker(), np.random.default_rng(0).uniform(-20, 20, (500, 3)).astype(np.float32)
    for stamp in range(2):
        maker.add(Frame(camera=CAMERA, T_cam_lidar=T_CAM_LIDAR, points=points), stamp)
    with pytest.raises(ValueError, match="0 of 2 frames have a pose, and 2 a LiDAR scan; at least 3 are nee"):
        maker.reference()


def test_two_frames_with_poses_are_too_few():
    maker = ReferenceMaker()
    for x in range(2):
        maker.add(frame_at(float(x), points=np.ones((9, 3), np.float32)), x)
    with pytest.raises(ValueError, match="2 of 2 frames have a pose, and 2 a LiDAR scan; at least 3 are nee"):
        maker.reference()


def test_without_poses_and_kiss_icp_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "kiss_icp.config.parser", None)
    maker = ReferenceMaker()
    for stamp in range(5):
        maker.add(Frame(camera=CAMERA, T_cam_lidar=T_CAM_LIDAR, points=np.ones((9, 3), np.float32)), stamp)
    with pytest.raises(ModuleNotFoundError, match=r"pip install \"depth-completion-ros\[slam\]\""):
        maker.reference()


def test_kiss_icp_finds_a_real_car_driving_straight_on(real_frames):
    pytest.importorskip("kiss_icp", reason="KISS-ICP is not installed (extra slam)")
    maker = ReferenceMaker()
    for frame in open_reader(real_frames, select="kitti_seq_000[0-5]"):
        maker.add(frame, frame.stamp_image)
    reference = maker.reference()
    assert reference.name == KISS_ICP and len(reference.trajectory.stamps) == 6
    right, down, forward = reference.trajectory.seen_from_first().positions[-1]
    assert 0.5 < forward < 10 and abs(right) < 0.5 and abs(down) < 0.5
