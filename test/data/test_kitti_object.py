"""KITTI object folders, written here in the official layout."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from depth_completion_ros.data import open_reader

CALIBRATION = """P0: 7.215377e+02 0 6.095593e+02 0 0 7.215377e+02 1.728540e+02 0 0 0 1 0
P2: 7.215377000000e+02 0.0 6.095593000000e+02 4.485728000000e+01 0.0 7.215377000000e+02 \
1.728540000000e+02 2.163791000000e-01 0.0 0.0 1.0 2.745884000000e-03
R0_rect: 9.999239000000e-01 9.837760000000e-03 -7.445048000000e-03 -9.869795000000e-03 \
9.999421000000e-01 -4.278459000000e-03 7.402527000000e-03 4.351614000000e-03 9.999631000000e-01
Tr_velo_to_cam: 7.533745000000e-03 -9.999714000000e-01 -6.166020000000e-04 -4.069766000000e-03 \
1.480249000000e-02 7.280733000000e-04 -9.998902000000e-01 -7.631618000000e-02 9.998621000000e-01 \
7.523790000000e-03 1.480755000000e-02 -2.717806000000e-01

"""
IMAGE = np.random.default_rng(5).integers(0, 256, (20, 40, 3), dtype=np.uint8)


def write_object(root: Path, split: str = "training", names=("000000", "000007")) -> Path:
    folder = root / split
    for name in ("image_2", "velodyne", "calib"):
        (folder / name).mkdir(parents=True)
    for name in names:
        cv2.imwrite(str(folder / "image_2" / f"{name}.png"), IMAGE[..., ::-1])
        np.arange(1, 21, dtype="<f4").tofile(folder / "velodyne" / f"{name}.bin")
        (folder / "calib" / f"{name}.txt").write_text(CALIBRATION)
    return folder


def test_frames_are_read_from_the_split_or_the_folder_above(tmp_path):
    folder = write_object(tmp_path)
    for path in (folder, tmp_path):
        frames = list(open_reader(path))
        assert [f.name for f in frames] == ["kitti_object_training_000000", "kitti_object_training_000007"]
    frame = frames[0]
    np.testing.assert_array_equal(frame.image, IMAGE)
    assert frame.points.shape == (5, 4) and len(frame.rings) == 5 and frame.stamp_image is None


def test_extrinsics_are_those_of_the_left_colour_camera(tmp_path, real_frames):
    frame = next(iter(open_reader(write_object(tmp_path))))
    (real,) = open_reader(real_frames / "kitti_obj_000001")
    np.testing.assert_allclose(frame.T_cam_lidar, real.T_cam_lidar, atol=2e-7)
    np.testing.assert_array_equal(frame.camera.K, real.camera.K)


def test_the_split_is_chosen_by_option(tmp_path):
    write_object(tmp_path)
    write_object(tmp_path, "testing", names=("000001",))
    assert len(open_reader(tmp_path)) == 2
    assert [f.name for f in open_reader(tmp_path, split="testing")] == ["kitti_object_testing_000001"]
    with pytest.raises(ValueError, match="Option split is 'val'; it must be training or testing"):
        open_reader(tmp_path, split="val")


def test_a_missing_image_leaves_out_its_frame_and_a_missing_calibration_is_named(tmp_path):
    folder = write_object(tmp_path)
    (folder / "image_2" / "000000.png").unlink()
    reader = open_reader(folder)
    assert len(list(reader)) == 1 and reader.skipped == {"no image": 1}
    (folder / "calib" / "000007.txt").unlink()
    with pytest.raises(FileNotFoundError, match="000007.txt' is missing"):
        list(reader)


def test_a_folder_without_scans_is_refused(tmp_path):
    folder = write_object(tmp_path, names=())
    with pytest.raises(FileNotFoundError, match="has no .bin scans"):
        open_reader(folder)
