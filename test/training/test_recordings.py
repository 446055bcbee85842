"""Frames to train on from recordings."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

pytest.importorskip("depth_completion_training")

from depth_completion_training.data.simulator import SimulatedFrames  # noqa: E402
from depth_completion_training.recordings import convert, main, recorded_frame  # noqa: E402
from depth_completion_training.simulation.frame_file import read_frame  # noqa: E402

from depth_completion_ros import Camera, Frame, SparseDepth  # noqa: E402

HEIGHT, WIDTH = 96, 160
IMAGE = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
CAMERA = Camera(WIDTH, HEIGHT, [[100, 0, 79.5], [0, 100, 47.5], [0, 0, 1]])
RINGS = np.repeat(np.arange(8), 60)


def scan() -> np.ndarray:
    """Eight rings on a wall 5 m away, in the camera's frame, float32 480 x 3."""
    x = np.tile(np.linspace(-3.5, 3.5, 60), 8)
    y = np.repeat(np.linspace(-2, 2, 8), 60)
    return np.stack([x, y, np.full_like(x, 5)], axis=1).astype(np.float32)


def frame(**changes) -> Frame:
    given = {"image": IMAGE, "points": scan(), "rings": RINGS, "T_cam_lidar": np.eye(4), "name": "wall"}
    return Frame(camera=CAMERA, **given | changes)


def test_what_was_measured_is_the_truth_and_its_lines_are_kept():
    made = recorded_frame(frame())
    (lines,) = made.scans
    assert len(lines.z) == 480 and not lines.hidden.any()
    rows = lines.pixel // WIDTH
    assert [len(np.unique(rows[lines.line == ring])) for ring in range(8)] == [1] * 8
    assert (np.diff([rows[lines.line == ring][0] for ring in range(8)]) > 0).all()
    np.testing.assert_array_equal(made.depth.ravel()[lines.pixel], lines.z)
    assert np.count_nonzero(made.depth) == 480 and (lines.z == 5).all()


def test_every_point_has_its_line_however_the_lidar_is_mounted():
    T = np.array([[0, -1, 0, 0.1], [0, 0, -1, -0.2], [1, 0, 0, 0.3], [0, 0, 0, 1]])
    T[:3, :3] = cv2.Rodrigues(np.array([0.02, -0.01, 0.03]))[0] @ T[:3, :3]
    rng = np.random.default_rng(5)
    angles, rings = rng.uniform(-0.8, 0.8, 6000), rng.integers(0, 32, 6000)
    slope = np.tan(np.radians(12 - rings))
    reach = rng.uniform(4, 40, 6000)
    points = np.stack([reach * np.cos(angles), reach * np.sin(angles), reach * slope], 1).astype(np.float32)
    given = frame(points=points, rings=rings, T_cam_lidar=T)
    made = recorded_frame(given)
    assert len(made.scans[0].z) == SparseDepth.from_points(given, see_through=False).count > 1000


def test_neighbouring_frames_are_one_scene_and_those_without_an_image_are_left_out(tmp_path):
    frames = [
        frame(name="0"),
        frame(name="1", image=None),
        frame(name="2"),
        frame(name="3", points=None, rings=None),
    ]
    first, none, third, last = convert(frames, "drive", tmp_path)
    assert none is None and last is None
    assert first.name.split("_")[0] == third.name.split("_")[0] and first != third


def test_what_is_seen_through_a_nearer_surface_is_no_truth():
    x, y = np.meshgrid(np.linspace(-0.4, 0.4, 21), np.linspace(-0.2, 0.2, 11))  # a board 2 m away
    board = np.stack([x, y, np.full_like(x, 2)], axis=-1).reshape(-1, 3).astype(np.float32)
    rings = np.concatenate([RINGS, np.full(len(board), 8)])
    made = recorded_frame(frame(points=np.concatenate([scan(), board]), rings=rings))
    (lines,) = made.scans
    assert lines.hidden.any()
    assert (made.depth.ravel()[lines.pixel[lines.hidden]] == 0).all()
    assert (made.depth.ravel()[lines.pixel[~lines.hidden]] > 0).all()


def test_images_are_reduced_and_the_points_with_them():
    made = recorded_frame(frame(), shorter_side=48)
    assert made.image.shape == (48, 80, 3)
    np.testing.assert_allclose(made.K[:2, 2], [39.5, 23.5])
    whole = recorded_frame(frame())
    v, u = np.divmod(made.scans[0].pixel, 80)
    assert {(a, b) for a, b in zip(v, u, strict=True)} == {
        (a // 2, b // 2) for a, b in (divmod(int(p), WIDTH) for p in whole.scans[0].pixel)
    }


def test_ground_truth_counts_where_there_is_one():
    truth = np.full((HEIGHT, WIDTH), 5, np.float32)
    truth[:10], truth[50, 50] = np.nan, 2
    made = recorded_frame(frame(ground_truth=truth), shorter_side=48)
    assert (made.depth[:5] == 0).all() and made.depth[25, 25] == 2
    assert np.count_nonzero(made.depth == 5) == 48 * 80 - 5 * 80 - 1


def test_images_of_depth_need_no_points():
    depth = np.zeros((HEIGHT, WIDTH), np.float32)
    depth[20:60, 30:90] = 3
    made = recorded_frame(Frame(camera=CAMERA, image=IMAGE, sparse_depth=depth))
    np.testing.assert_array_equal(made.depth, depth)
    assert made.scans == []


def test_a_folder_of_frames_becomes_one_to_train_on(tmp_path):
    for number in range(3):
        folder = tmp_path / "recording" / f"frame_{number}"
        folder.mkdir(parents=True)
        cv2.imwrite(str(folder / "image.png"), IMAGE)
        scan().tofile(folder / "points.bin")
        np.save(folder / "rings.npy", RINGS)
        calibration = {"kind": "lidar", "K": CAMERA.K.tolist(), "T_cam_lidar": np.eye(4).tolist()}
        calibration |= {"width": WIDTH, "height": HEIGHT, "image": "image.png", "columns": 3}
        calibration |= {"points": "points.bin", "rings": "rings.npy"}
        (folder / "calib.json").write_text(json.dumps(calibration))
    main([str(tmp_path / "recording"), str(tmp_path / "frames"), "--every", "2"])
    files = sorted((tmp_path / "frames").iterdir())
    assert len(files) == 2 and len(read_frame(files[0]).scans) == 1
    frames = SimulatedFrames(tmp_path / "frames", "all", (64, 96))
    sample = frames[0]
    asked, fed = (sample[name].numpy() > 0 for name in ("depth", "sparse"))
    assert fed.any() and (asked | ~fed).all()


def test_what_cannot_be_used_is_said_in_a_sentence(tmp_path, capsys):
    with pytest.raises(ValueError, match="lacks its image or its camera"):
        recorded_frame(frame(image=None))
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path / "nothing"), str(tmp_path / "frames")])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("Error: ")
    with pytest.raises(SystemExit):
        main([str(tmp_path), str(tmp_path / "frames"), "--every", "0"])
    assert "it must be a whole number from 1 on" in capsys.readouterr().err
