"""KITTI-like folders as people make them: every one is read as the official layout is."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import test_kitti_object as objects
import test_kitti_raw as raw
from test_scan import COLUMNS

from depth_completion_ros.data import open_reader


def only_frame(path: Path, **options):
    (frame,) = open_reader(path, **options)
    return frame


@pytest.fixture
def official(tmp_path):
    return only_frame(objects.write_object(tmp_path / "official", names=("000000",)))


@pytest.fixture
def folder(tmp_path):
    return objects.write_object(tmp_path / "made", names=("000000",))


def is_same(frame, official):
    np.testing.assert_array_equal(frame.camera.K, official.camera.K)
    np.testing.assert_allclose(frame.T_cam_lidar, official.T_cam_lidar, atol=1e-12)
    np.testing.assert_array_equal(frame.points, official.points)
    assert frame.image.shape == official.image.shape


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg"])
def test_images_may_be_jpegs(folder, official, suffix):
    image = folder / "image_2" / "000000.png"
    cv2.imwrite(str(image.with_suffix(suffix)), cv2.imread(str(image)))
    image.unlink()
    is_same(only_frame(folder), official)


@pytest.mark.parametrize("where", ["calib/calib.txt", "calib.txt", "../calib.txt"])
def test_one_calibration_may_serve_all(folder, official, where):
    (folder / "calib" / "000000.txt").rename((folder / where).resolve())
    is_same(only_frame(folder), official)


@pytest.mark.parametrize(
    "changed",
    [
        lambda text: text.replace("R0_rect:", "R_rect").replace("Tr_velo_to_cam:", "Tr_velo_cam"),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace(": ", ":\t"),
    ],
    ids=["names of tracking", "lines of Windows", "mark of Windows", "tabs"],
)
def test_calibrations_are_read_as_they_are_written(folder, official, changed):
    (folder / "calib" / "000000.txt").write_bytes(changed(objects.CALIBRATION).encode())
    is_same(only_frame(folder), official)


def test_an_entry_that_is_missing_is_named_with_those_there_are(folder):
    (folder / "calib" / "000000.txt").write_text(objects.CALIBRATION.replace("R0_rect", "R_other"))
    with pytest.raises(
        ValueError, match="has no entry R0_rect or R_rect or R_rect_00; it has P0, P2, R_other"
    ):
        only_frame(folder)


def test_a_folder_without_any_frame_says_what_it_looked_for(folder):
    (folder / "image_2" / "000000.png").unlink()
    with pytest.raises(
        ValueError, match=r"no frame in kitti_object_training: 1 x no image; .*000000.png' \(or"
    ):
        list(open_reader(folder))


def test_scans_of_five_columns_are_read_by_option(folder):
    COLUMNS[5].astype("<f4").tofile(folder / "velodyne" / "000000.bin")
    with pytest.raises(ValueError, match="give the option columns=5"):
        only_frame(folder)
    np.testing.assert_array_equal(only_frame(folder, columns=5).points, COLUMNS[5][:, :4].astype("<f4"))


def test_sequences_of_odometry_have_stamps_and_no_rectification(tmp_path, official):
    for name in ("00", "01"):
        sequence = tmp_path / "sequences" / name
        made = objects.write_object(tmp_path / name, names=("000000", "000001"))
        (made / "calib" / "000000.txt").unlink(), (made / "calib" / "000001.txt").unlink()
        (made / "calib").rmdir()
        sequence.parent.mkdir(exist_ok=True)
        made.rename(sequence)
        text = objects.CALIBRATION.replace("Tr_velo_to_cam", "Tr")
        text = "".join(line for line in text.splitlines(keepends=True) if "R0" not in line)
        (sequence / "calib.txt").write_text(text)
        (sequence / "times.txt").write_text("0.000000e+00\n1.037875e-01\n")
    first, second = open_reader(tmp_path / "sequences" / "00")
    assert (first.stamp_image, second.stamp_points) == (1_000_000_000, 1_103_787_500)
    np.testing.assert_array_equal(first.camera.K, official.camera.K)
    velo = np.array(objects.CALIBRATION.split("Tr_velo_to_cam: ")[1].split(), float).reshape(3, 4)
    np.testing.assert_allclose(first.T_cam_lidar[:3, :3], velo[:, :3], atol=1e-6)
    with pytest.raises(ValueError, match="has the sequences 00, 01: choose with the option sequence"):
        open_reader(tmp_path)
    assert open_reader(tmp_path, sequence="01").name == "kitti_odometry_01"
    assert open_reader(tmp_path, sequence=1).name == "kitti_odometry_01"
    with pytest.raises(ValueError, match="Option sequence is '07'; .* has 00, 01"):
        open_reader(tmp_path, sequence="07")
    (tmp_path / "sequences" / "00" / "times.txt").write_text("0\ninf\n")
    with pytest.raises(ValueError, match="must have a number of seconds in each line"):
        open_reader(tmp_path, sequence="00")


def test_sequences_of_tracking_are_read(tmp_path, folder, official):
    training = tmp_path / "tracking" / "training"
    for name, old in (("image_02", "image_2"), ("velodyne", "velodyne")):
        (training / name).mkdir(parents=True)
        (folder / old).rename(training / name / "0003")
    (training / "calib").mkdir()
    (folder / "calib" / "000000.txt").rename(training / "calib" / "0003.txt")
    frame = only_frame(tmp_path / "tracking")
    is_same(frame, official)
    assert frame.name == "kitti_tracking_0003_000000"


# Raw drives ------------------------------------------------------------------------------------------


@pytest.fixture
def drive(tmp_path):
    return raw.write_drive(tmp_path / "made")


def rename_all(folder: Path, name):
    for file in sorted(folder.iterdir()):
        file.rename(folder / name(int(file.stem), file.suffix))


def test_names_of_six_digits_and_jpegs_are_found(drive):
    rename_all(drive / "velodyne_points" / "data", lambda number, suffix: f"{number:06d}{suffix}")
    for file in (drive / "image_02" / "data").iterdir():
        cv2.imwrite(str(file.with_suffix(".jpg")), cv2.imread(str(file)))
        file.unlink()
    frames = list(open_reader(drive))
    assert [frame.name[-10:] for frame in frames] == [f"{i:010d}" for i in range(3)]
    np.testing.assert_array_equal(frames[2].points, raw.scan())


@pytest.mark.parametrize(
    "text",
    [
        "2011-09-26T13:02:25.02Z",
        "2011-09-26 13:02:25,020000 UTC",
        "2011-09-26T15:02:25.020000+02:00",
        "1317042145.020000000",
        "1317042145020",
        "1317042145020000",
        "1317042145020000000",
        "1.31704214502e9",
    ],
)
def test_stamps_of_iso_8601_and_since_1970_are_read(drive, text):
    (drive / "image_02" / "timestamps.txt").write_text(f"{text}\n" * 3)
    assert next(iter(open_reader(drive))).stamp_image == 1_317_042_145_020_000_000


@pytest.mark.parametrize("text", ["yesterday", "nan", "2011-13-26 13:02:25.0"])
def test_a_line_that_is_no_stamp_is_named(drive, text):
    (drive / "image_02" / "timestamps.txt").write_text(f"{text}\n" * 3)
    with pytest.raises(ValueError, match=f"Line '{text}' of .*timestamps.txt' is no stamp like"):
        open_reader(drive)


def test_a_drive_without_stamps_is_read_and_has_none(drive):
    (drive / "image_02" / "timestamps.txt").unlink()
    with pytest.raises(
        FileNotFoundError, match="image_02/timestamps.txt' is missing; the other sensor has one"
    ):
        open_reader(drive)
    (drive / "velodyne_points" / "timestamps.txt").unlink()
    frames = list(open_reader(drive))
    assert len(frames) == 3 and {f.stamp_image for f in frames} == {f.T_world_lidar for f in frames} == {None}


@pytest.mark.parametrize("missing", ["../calib_imu_to_velo.txt", "oxts/timestamps.txt"])
def test_a_drive_without_the_calibration_of_its_imu_has_frames_without_poses(drive, missing):
    (drive / missing).resolve().unlink()
    with pytest.warns(UserWarning, match=r"has oxts but no '.*.txt', so frames have no poses"):
        reader = open_reader(drive)
    frames = list(reader)
    assert len(frames) == 3 and all(f.T_world_lidar is None and f.T_image_points is None for f in frames)


def test_a_calibration_with_tabs_and_marks_of_windows_is_read(drive):
    expected = next(iter(open_reader(drive))).T_cam_lidar
    for name in ("calib_cam_to_cam.txt", "calib_velo_to_cam.txt"):
        file = drive.parent / name
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b": ", b":\t").replace(b"\n", b"\r\n"))
    np.testing.assert_array_equal(next(iter(open_reader(drive))).T_cam_lidar, expected)


# Depth completion ------------------------------------------------------------------------------------


def write_selection(root: Path, units: int, metres: float = 50.0) -> Path:
    folder = root / "test_depth_completion_anonymous"
    for name in ("image", "velodyne_raw", "intrinsics"):
        (folder / name).mkdir(parents=True)
    depth = np.zeros((20, 40), np.uint16)
    depth[::4, ::4] = metres * units
    cv2.imwrite(str(folder / "image" / "0000000000.jpg"), objects.IMAGE)
    cv2.imwrite(str(folder / "velodyne_raw" / "0000000000.png"), depth)
    (folder / "intrinsics" / "0000000000.txt").write_text("500 0 20 0 500 10 0 0 1")
    return folder


def test_a_selection_may_have_jpegs_but_not_depth_in_millimetres(tmp_path):
    frame = only_frame(write_selection(tmp_path / "right", 256))
    assert frame.sparse_depth.max() == 50 and frame.image.shape == (20, 40, 3)
    with pytest.raises(
        ValueError, match="has depth of up to 195 m .* as KITTI stores it; is it in millimetres"
    ):
        only_frame(write_selection(tmp_path / "wrong", 1000))
