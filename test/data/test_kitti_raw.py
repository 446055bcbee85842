"""KITTI raw drives, written here in the official layout."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from depth_completion_ros.core import invert
from depth_completion_ros.core.geometry import transform_points
from depth_completion_ros.data import open_reader
from depth_completion_ros.data.bag.writer import write_bag
from depth_completion_ros.data.kitti_raw import rings_of_scan

DATE, DRIVE = "2011_09_26", "2011_09_26_drive_0005_sync"
# Numbers of the data set itself, as its calibration files have them.
CAM_TO_CAM = """calib_time: 09-Jan-2012 13:57:47
corner_dist: 9.950000e-02
R_rect_00: 9.999239e-01 9.837760e-03 -7.445048e-03 -9.869795e-03 9.999421e-01 -4.278459e-03 \
7.402527e-03 4.351614e-03 9.999631e-01
S_rect_02: 4.000000e+01 2.000000e+01
P_rect_02: 7.215377e+02 0.000000e+00 6.095593e+02 4.485728e+01 0.000000e+00 7.215377e+02 \
1.728540e+02 2.163791e-01 0.000000e+00 0.000000e+00 1.000000e+00 2.745884e-03
"""
VELO_TO_CAM = """calib_time: 15-Mar-2012 11:37:16
R: 7.533745e-03 -9.999714e-01 -6.166020e-04 1.480249e-02 7.280733e-04 -9.998902e-01 9.998621e-01 \
7.523790e-03 1.480755e-02
T: -4.069766e-03 -7.631618e-02 -2.717806e-01
delta_f: 0.000000e+00 0.000000e+00
"""
IMU_TO_VELO = """R: 9.999976e-01 7.553071e-04 -2.035826e-03 -7.854027e-04 9.998898e-01 -1.482298e-02 \
2.024406e-03 1.482454e-02 9.998881e-01
T: -8.086759e-01 3.195559e-01 -7.997231e-01
"""
IMAGE = np.random.default_rng(4).integers(0, 256, (20, 40, 3), dtype=np.uint8)


def scan(rings: int = 3) -> np.ndarray:
    """A few turns of a scanner, highest laser first, each from azimuth 0 to 360 degrees."""
    azimuth = np.tile(np.linspace(0.01, 6.27, 50), rings)
    height = np.repeat(-np.arange(rings), 50)
    ranges = [10 * np.cos(azimuth), 10 * np.sin(azimuth), height, np.full(height.size, 0.5)]
    return np.stack(ranges, axis=1).astype("<f4")


def stamps(first_ns: int, count: int) -> str:
    return "".join(f"2011-09-26 13:02:25.{first_ns + i * 100_000_000:09d}\n" for i in range(count))


def write_drive(root: Path, frames: int = 3, drive: str = DRIVE, speed: float = 10.0) -> Path:
    """A drive straight to the east at the equator."""
    folder = root / drive[:10] / drive
    for name, first in (("image_02", 20_000_000), ("velodyne_points", 10_000_000), ("oxts", 15_000_000)):
        (folder / name / "data").mkdir(parents=True)
        (folder / name / "timestamps.txt").write_text(stamps(first, frames))
    for i in range(frames):
        cv2.imwrite(str(folder / "image_02" / "data" / f"{i:010d}.png"), IMAGE[..., ::-1])
        scan().tofile(folder / "velodyne_points" / "data" / f"{i:010d}.bin")
        longitude = np.rad2deg(speed * 0.1 * i / 6378137.0)
        (folder / "oxts" / "data" / f"{i:010d}.txt").write_text(f"0 {longitude:.15f} 100 0 0 0 1 2 3\n")
    (folder.parent / "calib_cam_to_cam.txt").write_text(CAM_TO_CAM)
    (folder.parent / "calib_velo_to_cam.txt").write_text(VELO_TO_CAM)
    (folder.parent / "calib_imu_to_velo.txt").write_text(IMU_TO_VELO)
    return folder


def test_a_drive_is_read_from_its_folder_or_those_above(tmp_path):
    drive = write_drive(tmp_path)
    for path in (drive, drive.parent, tmp_path):
        frames = list(open_reader(path))
        assert [f.name for f in frames] == [f"{DRIVE}_{i:010d}" for i in range(3)]
    frame = frames[1]
    np.testing.assert_array_equal(frame.image, IMAGE)
    np.testing.assert_array_equal(frame.points, scan())
    np.testing.assert_array_equal(frame.rings, np.repeat([0, 1, 2], 50))
    assert frame.stamp_image - frame.stamp_points == 10_000_000
    assert frame.stamp_image == 1_317_042_145_120_000_000
    assert (frame.camera.width, frame.camera.height) == (40, 20) and frame.frame_id == "camera_2"


def test_extrinsics_fold_in_rectification_and_the_offset_of_the_camera(tmp_path, real_frames):
    frame = next(iter(open_reader(write_drive(tmp_path))))
    (real,) = open_reader(real_frames / "kitti_seq_0000")
    np.testing.assert_allclose(frame.T_cam_lidar, real.T_cam_lidar, atol=2e-7)
    np.testing.assert_array_equal(frame.camera.K, real.camera.K)
    R = frame.T_cam_lidar[:3, :3]
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-15)


def test_ego_motion_takes_points_to_the_time_of_the_image(tmp_path):
    frame = list(open_reader(write_drive(tmp_path, speed=10.0)))[1]
    # 10 ms at 10 m/s forward: what stands still comes nearer by 0.1 m along the vehicle's x axis.
    point = np.array([[5.0, 1.0, 0.0]])
    moved = transform_points(frame.T_image_points, point) - point
    np.testing.assert_allclose(np.linalg.norm(moved), 0.1, rtol=1e-6)
    np.testing.assert_allclose(moved[0, 0], -0.1, rtol=1e-3)


def test_poses_turn_with_the_heading(tmp_path):
    drive = write_drive(tmp_path, speed=0.0)
    for i in range(3):
        (drive / "oxts" / "data" / f"{i:010d}.txt").write_text(f"49 8 100 0 0 {0.1 * i}\n")
    frame = list(open_reader(drive))[1]
    (turn,) = np.arccos((np.trace(frame.T_image_points[:3, :3]) - 1) / 2).reshape(1)
    np.testing.assert_allclose(turn, 0.01, rtol=1e-6)
    # The vehicle turns left, so points turn right.
    assert frame.T_image_points[1, 0] < 0
    np.testing.assert_allclose(invert(frame.T_image_points) @ frame.T_image_points, np.eye(4), atol=1e-12)


def test_without_oxts_there_is_no_ego_motion(tmp_path):
    drive = write_drive(tmp_path)
    (drive / "oxts").rename(drive / "gone")
    frames = list(open_reader(drive))
    assert all(frame.T_image_points is None and frame.T_world_lidar is None for frame in frames)


def test_poses_start_near_zero_and_tell_the_way_driven(tmp_path):
    frames = list(open_reader(write_drive(tmp_path, speed=10.0)))
    positions = np.array([frame.T_world_lidar[:3, 3] for frame in frames])
    assert np.linalg.norm(positions[0]) < 0.1
    np.testing.assert_allclose(np.linalg.norm(np.diff(positions, axis=0), axis=1), 1.0, rtol=1e-6)
    np.testing.assert_allclose(positions[2, 0] - positions[0, 0], 2.0, rtol=1e-3)


def test_a_drive_converted_to_a_bag_keeps_its_ego_motion(tmp_path):
    drive = open_reader(write_drive(tmp_path))
    assert write_bag(drive, tmp_path / "bag") == 3
    for written, read in zip(drive, open_reader(tmp_path / "bag", fixed_frame="odom"), strict=True):
        np.testing.assert_allclose(read.T_image_points, written.T_image_points, atol=1e-9)
        np.testing.assert_allclose(read.T_world_lidar, written.T_world_lidar, atol=1e-9)


def test_missing_scans_and_images_leave_out_their_frames_and_are_counted(tmp_path):
    drive = write_drive(tmp_path, frames=5)
    (drive / "velodyne_points" / "data" / "0000000001.bin").unlink()
    (drive / "image_02" / "data" / "0000000003.png").unlink()
    (drive / "oxts" / "data" / "0000000002.txt").unlink()
    reader = open_reader(drive)
    for _ in range(2):
        frames = list(reader)
        assert [f.name[-1] for f in frames] == ["0", "2", "4"] and len(reader) == 5
        assert reader.skipped == {"no scan": 1, "no image": 1}
        assert all(f.T_image_points is not None for f in frames)


def test_frames_beyond_the_end_of_the_stamps_are_counted(tmp_path):
    """A file of stamps that was cut off takes no frame away in silence."""
    drive = write_drive(tmp_path, frames=5)
    (drive / "image_02" / "timestamps.txt").write_text(stamps(20_000_000, 3))
    (drive / "velodyne_points" / "timestamps.txt").write_text(stamps(10_000_000, 2))
    reader = open_reader(drive)
    assert [f.name[-1] for f in reader] == ["0", "1"] and len(reader) == 5
    assert reader.skipped == {"no stamp": 3}


def test_a_fix_of_the_gps_that_is_no_number_is_refused(tmp_path):
    drive = write_drive(tmp_path)
    (drive / "oxts" / "data" / "0000000001.txt").write_text("nan 8.4 100 0 0 0")
    with pytest.raises(ValueError, match="0000000001.txt' must start with six numbers"):
        open_reader(drive)


def test_ground_truth_beside_the_images_is_read(tmp_path):
    drive = write_drive(tmp_path)
    (drive / "ground_truth" / "data").mkdir(parents=True)
    truth = np.full((20, 40), 12.5 * 256, np.uint16)
    cv2.imwrite(str(drive / "ground_truth" / "data" / "0000000000.png"), truth)
    frames = list(open_reader(drive))
    np.testing.assert_array_equal(frames[0].ground_truth, np.full((20, 40), 12.5, np.float32))
    assert frames[1].ground_truth is None


def test_several_drives_are_listed(tmp_path):
    write_drive(tmp_path)
    write_drive(tmp_path, drive="2011_09_28_drive_0001_sync")
    with pytest.raises(ValueError, match=f"{DATE}/{DRIVE}, 2011_09_28/2011_09_28_drive_0001_sync"):
        open_reader(tmp_path)


def test_what_is_missing_or_wrong_is_named(tmp_path):
    drive = write_drive(tmp_path)
    with pytest.raises(FileNotFoundError, match="has no image_03/data; it has image_02"):
        open_reader(drive, camera=3)
    with pytest.raises(ValueError, match="Option camera is 7; it must be one of 0, 1, 2, 3"):
        open_reader(drive, camera=7)
    stamp_file = drive / "image_02" / "timestamps.txt"
    stamp_file.write_text("yesterday\n")
    with pytest.raises(ValueError, match="Line 'yesterday' of .*timestamps.txt' is no stamp"):
        open_reader(drive)
    calibration = drive.parent / "calib_velo_to_cam.txt"
    calibration.write_text("R: 1 2 3\n")
    with pytest.raises(ValueError, match="Entry R of .*calib_velo_to_cam.txt' has 3 numbers"):
        open_reader(drive)
    calibration.unlink()
    with pytest.raises(FileNotFoundError, match="calib_velo_to_cam.txt' is missing"):
        open_reader(drive)


@pytest.mark.parametrize(
    ("entry", "numbers", "said"),
    [
        ("P_rect_02", " 0" * 12, "has a projection of .*, which no camera has"),
        ("P_rect_02", " nan" * 12, "Entry P_rect_02 of .* has numbers that are not finite"),
        ("S_rect_02", " inf 20", "Entry S_rect_02 of .* has numbers that are not finite"),
        ("T", " 270 -80 -120", "T_cam_lidar of .*: The camera is 3.. m from the LiDAR"),
    ],
)
def test_numbers_of_a_calibration_that_are_none_are_named(tmp_path, entry, numbers, said):
    drive = write_drive(tmp_path)
    for name in ("calib_cam_to_cam.txt", "calib_velo_to_cam.txt"):
        file = drive.parent / name
        file.write_text(re.sub(rf"(?m)^{entry}:.*", f"{entry}:{numbers}", file.read_text()))
    with pytest.raises(ValueError, match=said):
        open_reader(drive)


def test_a_truncated_scan_is_refused(tmp_path):
    drive = write_drive(tmp_path)
    (drive / "velodyne_points" / "data" / "0000000000.bin").write_bytes(b"12345")
    with pytest.raises(ValueError, match="0000000000.bin' has 5 bytes"):
        next(iter(open_reader(drive)))


def test_rings_of_real_scans_come_from_the_order_of_points(real_frames):
    for name in ("kitti_seq_0000", "kitti_obj_000001", "kitti_obj_000008"):
        points = np.fromfile(real_frames / name / "points.bin", "<f4").reshape(-1, 4)
        np.testing.assert_array_equal(rings_of_scan(points), np.load(real_frames / name / "rings.npy"))
    assert rings_of_scan(points[:0]).size == 0
