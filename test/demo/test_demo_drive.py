"""The demo drive: official layout, truth, image and scan that agree, the same bytes every time."""

from __future__ import annotations

import hashlib
import sys
from datetime import UTC

import numpy as np
import pytest

from depth_completion_ros.core import invert
from depth_completion_ros.data import open_reader
from depth_completion_ros.demo.drive import MARKER, make_demo_drive
from depth_completion_ros.demo.drive.files import START
from depth_completion_ros.demo.drive.rig import Rig


@pytest.fixture(scope="module")
def drive(open3d, tmp_path_factory):
    """Two small frames and what was reported while they were made."""
    reports = []
    path = make_demo_drive(
        tmp_path_factory.mktemp("demo"), frames=2, width=414, height=125,
        progress=lambda done, total: reports.append((done, total)),
    )  # fmt: skip
    return path, reports


@pytest.fixture(scope="module")
def frames(drive):
    return list(open_reader(drive[0]))


def digest(path):
    files = sorted(p for p in path.parent.rglob("*") if p.is_file())
    return {str(p.relative_to(path.parent)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_files_are_those_of_a_kitti_raw_drive(drive):
    path, reports = drive
    assert reports == [(1, 2), (2, 2)]
    assert path.name == "2011_09_26_drive_0001_sync" and path.parent.name == "2011_09_26"
    for file in ("calib_cam_to_cam.txt", "calib_velo_to_cam.txt", "calib_imu_to_velo.txt"):
        assert (path.parent / file).is_file()
    for folder, suffix in (("image_02", "png"), ("velodyne_points", "bin"), ("oxts", "txt")):
        assert len((path / folder / "timestamps.txt").read_text().splitlines()) == 2
        names = [p.name for p in sorted((path / folder / "data").iterdir())]
        assert names == [f"0000000000.{suffix}", f"0000000001.{suffix}"]
    assert len((path / "oxts" / "data" / "0000000000.txt").read_text().split()) == 30
    start, middle, end = (
        (path / "velodyne_points" / f"timestamps{part}.txt").read_text() for part in ("_start", "", "_end")
    )
    assert start < middle < end


def test_frames_have_image_scan_truth_and_small_time_offset(frames):
    assert len(frames) == 2
    for frame in frames:
        assert frame.image.shape == (125, 414, 3) and frame.image.std() > 30
        assert 90_000 < len(frame.points) < 133_312
        assert 0.75 < (frame.ground_truth > 0).mean() < 0.99
        assert 0 < frame.stamp_points - frame.stamp_image < 10_000_000
    assert 0.09e9 < frames[1].stamp_image - frames[0].stamp_image < 0.11e9


def test_rings_are_64_and_follow_the_hdl64_pattern(frames):
    points, rings = frames[0].points.astype(float), frames[0].rings
    assert rings.max() == 63
    elevation = np.rad2deg(np.arctan2(points[:, 2], np.hypot(points[:, 0], points[:, 1])))
    steps = -np.diff([np.median(elevation[rings == ring]) for ring in range(64)])
    assert np.allclose(steps[:31], 1 / 3, atol=1e-3)
    assert np.allclose(steps[31:], 1 / 2, atol=1e-3)
    assert np.median(elevation[rings == 0]) == pytest.approx(2, abs=1e-3)


def test_camera_sees_the_scene_from_in_front_of_and_below_the_lidar(frames):
    in_lidar = invert(frames[0].T_cam_lidar)[:3, 3]
    assert in_lidar[0] == pytest.approx(0.27, abs=0.02)
    assert in_lidar[2] == pytest.approx(-0.08, abs=0.02)


def test_scan_projected_with_the_calibration_agrees_with_the_true_depth(frames):
    for frame in frames:
        T = frame.T_cam_lidar @ frame.T_image_points
        points = frame.points[:, :3].astype(float) @ T[:3, :3].T + T[:3, 3]
        pixels, seen = frame.camera.project(points)
        u, v = np.round(np.where(seen[:, None], pixels, -1)).astype(int).T
        height, width = frame.size
        inside = (u >= 2) & (v >= 2) & (u < width - 2) & (v < height - 2)
        z, u, v = points[inside, 2], u[inside], v[inside]
        around = np.stack([frame.ground_truth[v + i, u + j] for i in range(-2, 3) for j in range(-2, 3)])
        truth = around[12]
        # Away from edges, and not behind what the camera sees but the LiDAR looks past.
        flat = (around.min(axis=0) > 0) & (around.max(axis=0) < 1.15 * around.min(axis=0))
        visible = flat & (z < 1.15 * truth)
        error = np.abs(z[visible] / truth[visible] - 1)
        assert visible.sum() > 5000 and visible.sum() > 0.9 * flat.sum()
        assert np.median(error) < 0.01
        assert (error < 0.03).mean() > 0.95


def test_ego_motion_from_the_gps_packets_is_how_the_car_drove(frames):
    start = int(START.replace(tzinfo=UTC).timestamp()) * 10**9
    for frame in frames:
        at_image, at_points = (
            Rig(414, 125).T_world_lidar((stamp - start) / 1e9)
            for stamp in (frame.stamp_image, frame.stamp_points)
        )
        assert np.allclose(frame.T_image_points, invert(at_image) @ at_points, atol=2e-3)
        assert frame.T_image_points[0, 3] > 0.015


def test_same_seed_gives_the_same_bytes_and_another_seed_another_street(drive, tmp_path):
    path, _ = drive
    again = make_demo_drive(tmp_path / "again", frames=2, width=414, height=125)
    assert digest(again) == digest(path)
    other = make_demo_drive(tmp_path / "other", frames=2, seed=1, width=64, height=32)
    assert digest(other).keys() == digest(path).keys()
    assert digest(other) != digest(path)


def test_a_whole_drive_is_used_again_and_a_half_one_is_made_anew(drive):
    path, _ = drive
    image = path / "image_02" / "data" / "0000000001.png"
    folder, before = path.parent.parent, image.stat().st_mtime_ns
    size = {"frames": 2, "width": 414, "height": 125}
    assert make_demo_drive(folder, **size, progress=lambda *_: pytest.fail("made again")) == path
    assert image.stat().st_mtime_ns == before
    content = image.read_bytes()
    (path / MARKER).unlink()
    image.write_bytes(b"")
    make_demo_drive(folder, **size)
    assert image.read_bytes() == content


@pytest.mark.parametrize("wrong", [{"frames": 1}, {"width": 8}, {"seed": -1}])
def test_wrong_arguments_are_refused_with_a_sentence(tmp_path, wrong):
    with pytest.raises(ValueError, match=f"Argument {next(iter(wrong))} of the demo drive is"):
        make_demo_drive(tmp_path, **wrong)


def test_without_open3d_one_sentence_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "open3d", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "depth-completion-ros\[demo\]"'):
        make_demo_drive(tmp_path, frames=2)
