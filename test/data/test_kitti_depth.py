"""KITTI depth completion folders, written here with the official names."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from depth_completion_ros.data import open_reader

DRIVE = "2011_09_26_drive_0002_sync"
IMAGE = np.random.default_rng(6).integers(0, 256, (20, 40, 3), dtype=np.uint8)
SPARSE = np.zeros((20, 40), np.uint16)
SPARSE[10, 20] = 2560
TRUTH = np.full((20, 40), 2562, np.uint16)
K = "7.215377e+02 0.0 5.960000e+02 0.0 7.215377e+02 1.498540e+02 0.0 0.0 1.0\n"


def write_png(file: Path, pixels: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(file), pixels)


def write_selection(folder: Path) -> Path:
    for camera in (2, 3):
        for index in (5, 8):
            end = f"{index:010d}_image_{camera:02d}"
            write_png(folder / "image" / f"{DRIVE}_image_{end}.png", IMAGE[..., ::-1])
            write_png(folder / "velodyne_raw" / f"{DRIVE}_velodyne_raw_{end}.png", SPARSE)
            write_png(folder / "groundtruth_depth" / f"{DRIVE}_groundtruth_depth_{end}.png", TRUTH)
            (folder / "intrinsics").mkdir(exist_ok=True)
            (folder / "intrinsics" / f"{DRIVE}_image_{end}.txt").write_text(K)
    return folder


def write_test(folder: Path) -> Path:
    for index in range(2):
        write_png(folder / "image" / f"{index:010d}.png", IMAGE[..., ::-1])
        write_png(folder / "velodyne_raw" / f"{index:010d}.png", SPARSE)
        (folder / "intrinsics").mkdir(exist_ok=True)
        (folder / "intrinsics" / f"{index:010d}.txt").write_text(K)
    return folder


def write_tree(root: Path, raw: Path | None = None) -> Path:
    for split, drive in (("train", "2011_09_26_drive_0001_sync"), ("val", DRIVE)):
        for camera in ("image_02", "image_03"):
            proj = root / split / drive / "proj_depth"
            for index in (5, 6):
                write_png(proj / "velodyne_raw" / camera / f"{index:010d}.png", SPARSE)
                write_png(proj / "groundtruth" / camera / f"{index:010d}.png", TRUTH)
                if raw is not None:
                    file = raw / drive[:10] / drive / camera / "data" / f"{index:010d}.png"
                    write_png(file, IMAGE[..., ::-1])
    if raw is not None:
        (raw / "2011_09_26" / "calib_cam_to_cam.txt").write_text(
            "S_rect_02: 40 20\nP_rect_02: 700 0 20 40 0 700 10 0 0 0 1 0\n"
            "S_rect_03: 40 20\nP_rect_03: 701 0 20 40 0 701 10 0 0 0 1 0\n"
        )
    return root


@pytest.mark.parametrize("inner", ["val_selection_cropped", "depth_selection/val_selection_cropped"])
def test_validation_selection_is_read(tmp_path, inner):
    folder = write_selection(tmp_path / inner)
    for path in (folder, tmp_path):
        frames = list(open_reader(path))
        assert len(frames) == 4 and frames[0].name == f"{DRIVE}_image_0000000005_image_02"
    frame = frames[0]
    np.testing.assert_array_equal(frame.image, IMAGE)
    np.testing.assert_allclose(frame.ground_truth, 2562 / 256)
    assert np.count_nonzero(frame.sparse_depth) == 1 and frame.sparse_depth[10, 20] == 10
    assert frame.camera.K[0, 2] == 596 and frame.camera.width == 40 and frame.points is None


def test_the_bottom_rows_of_a_selection_come_with_their_camera(tmp_path):
    folder = write_selection(tmp_path / "val_selection_cropped")
    whole = open_reader(folder)
    reader = open_reader(folder, rows=12)
    assert reader.name == "kitti_depth_val_selection_cropped, bottom 12 rows"
    for frame, full in zip(reader, whole, strict=True):
        np.testing.assert_array_equal(frame.image, IMAGE[8:])
        np.testing.assert_array_equal(frame.ground_truth, full.ground_truth[8:])
        np.testing.assert_array_equal(frame.sparse_depth, full.sparse_depth[8:])
        assert frame.sparse_depth[2, 20] == 10 and frame.size == (12, 40) and frame.name == full.name
        np.testing.assert_allclose(frame.camera.K, full.camera.K - [[0, 0, 0], [0, 0, 8], [0, 0, 0]])
    tree = write_tree(tmp_path / "tree")
    assert next(iter(open_reader(tree, rows=3))).size == (3, 40)  # without image and camera


def test_test_selection_has_no_truth(tmp_path):
    folder = write_test(tmp_path / "test_depth_completion_anonymous")
    frames = list(open_reader(folder))
    assert [f.name for f in frames] == ["0000000000", "0000000001"]
    assert all(f.ground_truth is None and f.camera and f.image is not None for f in frames)


def test_tree_takes_images_and_camera_from_the_raw_data(tmp_path):
    root = write_tree(tmp_path / "depth", tmp_path / "raw")
    reader = open_reader(root, raw_root=tmp_path / "raw", camera=3)
    frames = list(reader)
    assert [f.name for f in frames] == [f"{DRIVE}_{i:010d}_image_03" for i in (5, 6)]
    np.testing.assert_array_equal(frames[0].image, IMAGE)
    assert frames[0].camera.K[0, 0] == 701 and frames[0].ground_truth is not None
    assert "2 with image" in reader.describe()


def test_tree_without_raw_data_has_depth_alone(tmp_path):
    root = write_tree(tmp_path)
    for path in (root, root / "train", root / "train" / "2011_09_26_drive_0001_sync"):
        options = {"split": "train"} if path == root else {}
        frames = list(open_reader(path, **options))
        assert [f.name[:21] for f in frames] == ["2011_09_26_drive_0001"] * 2
        assert all(f.image is None and f.camera is None and f.sparse_depth is not None for f in frames)


def test_what_is_missing_or_wrong_is_named(tmp_path):
    root = write_tree(tmp_path / "tree")
    with pytest.raises(ValueError, match="Option split is 'test'; .* has val, train"):
        open_reader(root, split="test")
    with pytest.raises(ValueError, match="Option camera is 0"):
        open_reader(root, camera=0)
    for rows in (0, 2.5, "all"):
        with pytest.raises(ValueError, match="Option rows is .*; it must be a number of rows, 1 or more"):
            open_reader(root, rows=rows)
    with pytest.raises(ValueError, match=r"has 20 rows, fewer than the 21 of option rows"):
        next(iter(open_reader(root, rows=21)))
    with pytest.raises(FileNotFoundError, match="raw_root is '/nowhere'"):
        open_reader(root, raw_root="/nowhere")
    folder = write_test(tmp_path / "test_depth_completion_anonymous")
    (folder / "intrinsics" / "0000000000.txt").write_text("1 2 3")
    with pytest.raises(ValueError, match="must hold the nine numbers of K"):
        list(open_reader(folder))
    (folder / "image" / "0000000000.png").unlink()
    with pytest.raises(FileNotFoundError, match="0000000000.png' is missing"):
        list(open_reader(folder))
