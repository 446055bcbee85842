"""Frame folders, made up and real."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from depth_completion_ros.core import SparseDepth
from depth_completion_ros.data import open_reader
from depth_completion_ros.data.frame_folder import scatter

IMAGE = np.random.default_rng(3).integers(0, 256, (12, 16, 3), dtype=np.uint8)
T_CAM_LIDAR = [[0, -1, 0, 0.1], [0, 0, -1, 0.2], [1, 0, 0, 0.3], [0, 0, 0, 1]]


def write_frame(folder: Path, **changes) -> Path:
    folder.mkdir(parents=True)
    calibration = {
        "kind": "lidar",
        "K": [[20, 0, 8], [0, 20, 6], [0, 0, 1]],
        "D": [],
        "T_cam_lidar": T_CAM_LIDAR,
        "width": 16,
        "height": 12,
        "image": "image.png",
        "points": "points.bin",
    }
    (folder / "calib.json").write_text(json.dumps(calibration | changes))
    cv2.imwrite(str(folder / "image.png"), IMAGE[..., ::-1])
    np.arange(20, dtype="<f4").tofile(folder / "points.bin")
    return folder


def test_lidar_frame_has_image_points_and_extrinsics(tmp_path):
    (frame,) = open_reader(write_frame(tmp_path / "one"))
    np.testing.assert_array_equal(frame.image, IMAGE)
    np.testing.assert_array_equal(frame.points, np.arange(20).reshape(5, 4))
    np.testing.assert_array_equal(frame.T_cam_lidar, T_CAM_LIDAR)
    assert frame.name == "one" and frame.camera.is_rectified
    assert frame.stamp_image is None and frame.T_image_points is None


def test_the_pose_of_the_lidar_is_read_where_it_is_known(tmp_path):
    T = [[0, -1, 0, 5.0], [1, 0, 0, 6.0], [0, 0, 1, 7.0], [0, 0, 0, 1]]
    (frame,) = open_reader(write_frame(tmp_path / "known", T_world_lidar=T))
    np.testing.assert_array_equal(frame.T_world_lidar, T)
    (frame,) = open_reader(write_frame(tmp_path / "unknown", T_world_lidar=None))
    assert frame.T_world_lidar is None


def test_rotation_of_few_digits_becomes_exact(tmp_path):
    T = np.array(T_CAM_LIDAR, float)
    T[0, 0] = 1e-5
    (frame,) = open_reader(write_frame(tmp_path / "one", T_cam_lidar=T.tolist()))
    R = frame.T_cam_lidar[:3, :3]
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-15)
    np.testing.assert_allclose(frame.T_cam_lidar, T, atol=1e-5)


def test_frames_of_a_sequence_get_stamps_that_ros_accepts(tmp_path):
    for number in range(3):
        write_frame(tmp_path / f"seq_{number}", rate_hz=10, frame=number)
    write_frame(tmp_path / "other")
    reader = open_reader(tmp_path, select="seq_*")
    assert [f.stamp_image for f in reader] == [1_000_000_000, 1_100_000_000, 1_200_000_000]
    assert all(f.stamp_points == f.stamp_image for f in reader)
    assert len(reader) == 3 and len(open_reader(tmp_path)) == 4
    with pytest.raises(ValueError, match=r"called 'nothing\*'; there are other, seq_0"):
        open_reader(tmp_path, select="nothing*")


def test_low_resolution_depth_lands_on_the_centres_of_its_pixels(tmp_path):
    folder = write_frame(
        tmp_path / "one", kind="lowres_depth", K=None, depth={"file": "d.png", "units_per_metre": 1000}
    )
    cv2.imwrite(str(folder / "d.png"), np.array([[1000, 0, 0, 0], [0, 2500, 0, 0], [0] * 4], np.uint16))
    (frame,) = open_reader(folder)
    assert frame.camera is None and frame.points is None and frame.sparse_depth.shape == (12, 16)
    assert {tuple(p) for p in np.argwhere(frame.sparse_depth)} == {(2, 2), (6, 6)}
    np.testing.assert_allclose(frame.sparse_depth[[2, 6], [2, 6]], [1, 2.5])


@pytest.mark.parametrize("entry", ["depth", "gt_depth"])
@pytest.mark.parametrize("shape", [(16, 12), (24, 32)], ids=["turned", "larger"])
def test_depth_that_cannot_be_of_the_view_of_the_image_is_refused(tmp_path, entry, shape):
    """A turned one was spread over the image, and of a larger one the last depth of a pixel won."""
    depth = {"file": "d.png", "units_per_metre": 1000}
    folder = write_frame(tmp_path / "one", kind="rgbd", **{entry: depth})
    cv2.imwrite(str(folder / "d.png"), np.full(shape, 1000, np.uint16))
    with pytest.raises(ValueError, match="its image is 16 x 12; it must be of the same view"):
        list(open_reader(folder))


def test_scattering_to_the_same_size_changes_nothing():
    depth = np.arange(12, dtype=np.float32).reshape(3, 4)
    np.testing.assert_array_equal(scatter(depth, 4, 3), depth)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"kind": "radar"}, "is 'radar'; it must be one of lidar, rgbd"),
        ({"points": "gone.bin"}, r"gone.bin' is missing"),
        ({"T_cam_lidar": np.ones((4, 4)).tolist()}, "T_cam_lidar of .* is not rigid"),
        ({"T_world_lidar": np.ones((4, 4)).tolist()}, "T_world_lidar of .* is not rigid"),
        ({"width": 99}, "Frame image is 16 x 12 but its camera is 99 x 12"),
        ({"points": "calib.json"}, "make a multiple of 16"),
        ({"image": "points.bin"}, r"points.bin' \(80 bytes\) cannot be decoded"),
        ({"rings": "points.bin"}, "is no array of NumPy"),
        (
            {"T_cam_lidar": [[1, 0, 0, 120], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]},
            "is 120 m from the LiDAR",
        ),
        ({"width": float("inf")}, "Camera size is inf x 12; both must be positive whole numbers"),
        ({"width": None}, "Frame '.*one' cannot be read"),
        ({"K": "f"}, "Frame '.*one' cannot be read"),
        ({"kind": "rgbd", "depth": "d.png"}, "Frame '.*one' cannot be read"),
        ({"kind": "rgbd", "depth": {"file": "image.png"}}, "lacks the entry 'units_per_metre'"),
        ({"depth": {"file": "image.png", "units_per_metre": 1}}, "must be a 16-bit grey PNG"),
    ],
)
def test_a_wrong_folder_is_refused_with_a_sentence(tmp_path, changes, sentence):
    reader = open_reader(write_frame(tmp_path / "one", **changes))
    with pytest.raises((ValueError, FileNotFoundError), match=sentence):
        list(reader)


def test_rings_that_are_not_those_of_the_points_are_refused(tmp_path):
    folder = write_frame(tmp_path / "one", rings="short.npy")
    np.save(folder / "short.npy", np.zeros(2, np.uint8))
    with pytest.raises(ValueError, match=r"rings have shape \(2,\), its points are 5"):
        list(open_reader(folder))


def test_broken_calibration_is_refused(tmp_path):
    folder = write_frame(tmp_path / "one")
    (folder / "calib.json").write_text("{")
    with pytest.raises(ValueError, match="is no JSON"):
        list(open_reader(folder))
    (folder / "calib.json").write_text("[]")
    with pytest.raises(ValueError, match="calib.json has no entries"):
        list(open_reader(folder))


def test_all_real_frames_are_read(real_frames):
    frames = {frame.name: frame for frame in open_reader(real_frames)}
    kinds = {n: json.loads((real_frames / n / "calib.json").read_text())["kind"] for n in frames}
    for name, frame in frames.items():
        height, width = frame.size
        assert frame.image.shape == (height, width, 3)
        if kinds[name] == "lidar":
            assert SparseDepth.from_points(frame).count > 500, name
        if frame.ground_truth is not None:
            assert frame.ground_truth.shape == (height, width) and frame.ground_truth.max() < 200
        if frame.rings is not None:
            elevation = frame.points[:, 2] / np.hypot(frame.points[:, 0], frame.points[:, 1])
            top, bottom = frame.rings == 0, frame.rings == frame.rings.max()
            assert np.nanmean(elevation[top]) > np.nanmean(elevation[bottom]), name
    assert frames["acfr_vlp16_pose1"].camera.distortion_model == "equidistant"
    assert frames["kitti_seq_0009"].ground_truth is not None
    assert frames["nyu_m3d_00000"].sparse_depth is None
    sparse = frames["arkit_promptda"].sparse_depth
    assert 256 * 192 * 0.9 < np.count_nonzero(sparse) <= 256 * 192


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"T_lidar_cam": np.eye(4).tolist()},
            "calib.json has the entry 'T_lidar_cam', which is not known; known are",
        ),
        ({"units": 1000}, "the entry 'units', which is not known"),
        (
            {"depth": {"file": "d.png", "scale": 1000}},
            "entry 'depth' of calib.json has 'scale', which is not known",
        ),
    ],
)
def test_an_entry_that_is_not_known_is_refused(tmp_path, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        list(open_reader(write_frame(tmp_path / "one", **changes)))


def test_entries_for_people_are_allowed_and_columns_are_read(tmp_path):
    points = np.arange(30, dtype="<f4").reshape(6, 5)
    folder = write_frame(tmp_path / "one", points="five.bin", columns=5, note="in the rain", licence="CC0")
    points.tofile(folder / "five.bin")
    (frame,) = open_reader(folder)
    np.testing.assert_array_equal(frame.points, points[:, :4])
