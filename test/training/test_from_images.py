"""Frames of real images and their monocular depth."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest
from depth_completion_training.generation.from_images import (
    OpenChoices,
    find_images,
    frame_from_image,
    metric_depth,
)
from depth_completion_training.simulation.frame_file import read_frame

from depth_completion_ros.extras.open3d import import_open3d

try:
    import_open3d()
except ModuleNotFoundError:
    pytest.skip("Open3D is not installed", allow_module_level=True)


def test_metric_depth_keeps_metres_and_order():
    rng = np.random.default_rng(0)
    prediction = rng.uniform(0.2, 9, (30, 40)).astype(np.float32)
    prediction[0] = np.nan
    metric = metric_depth(prediction, "metric", rng)
    np.testing.assert_array_equal(metric[1:], prediction[1:])
    assert not metric[0].any()
    for space, sign in (("depth", 1), ("disparity", -1)):
        depth = metric_depth(prediction, space, rng)
        assert not depth[0].any() and (depth[1:] > 0).all()
        order = np.argsort(prediction[1:], axis=None)
        assert (sign * np.diff(depth[1:].ravel()[order]) >= 0).all()
        assert 3.9 < depth[1:].max() / depth[1:].min() < 151
        assert 1 <= np.median(depth[1:]) <= 25
    with pytest.raises(ValueError, match="knows no pixel"):
        metric_depth(np.full((3, 3), np.nan), "depth", rng)
    with pytest.raises(ValueError, match="same everywhere"):
        metric_depth(np.ones((3, 3)), "disparity", rng)


def test_an_image_with_depth_becomes_a_frame_with_scans_of_it():
    rng = np.random.default_rng(4)
    image = cv2.resize(rng.integers(0, 256, (5, 6, 3), np.uint8), (160, 100))
    depth = np.linspace(12, 3, 100, dtype=np.float32)[:, None] + np.zeros((100, 160), np.float32)
    there = frame_from_image(image, depth, (64, 96), 3, rng)
    assert there.image.shape == (64, 96, 3) and len(there.scans) == 3
    assert there.depth.min() > 2.9 and there.depth.max() < 12.1
    errors = [np.abs(s.z / there.depth.ravel()[s.pixel] - 1) for s in there.scans if len(s.z)]
    assert len(errors) >= 2 and np.median(np.concatenate(errors)) < 0.05


def test_a_bad_image_is_reported_and_left_out(tmp_path):
    images, maps, out = (tmp_path / name for name in ("images", "maps", "out"))
    (images / "a").mkdir(parents=True)
    (maps / "a").mkdir(parents=True)
    image = cv2.resize(np.random.default_rng(0).integers(0, 256, (5, 6, 3), np.uint8), (96, 64))
    for name in ("one", "a/two"):
        cv2.imwrite(str(images / f"{name}.png"), image)
        np.save(
            maps / f"{name}.npy", np.linspace(1, 4, 64, dtype=np.float32)[:, None] + np.zeros((64, 96), "f4")
        )
    np.save(maps / "bad.npy", np.zeros((64, 96), np.float32))
    (images / "bad.jpg").write_bytes(b"no image")
    module = "depth_completion_training.generation.from_images"
    options = [images, f"{maps}@disparity", out, "--size", "48x64", "--workers", "1"]
    result = subprocess.run(
        [sys.executable, "-m", module, *map(str, options)], capture_output=True, text=True
    )
    assert result.returncode == 1, result.stderr
    assert "2 frames of 2 images" in result.stdout and "1 images failed." in result.stdout
    assert "Image 'bad.jpg' failed: ImageError: " in result.stderr
    assert sorted(file.name for file in out.iterdir()) == ["image-a-two_00.npz", "image-one_00.npz"]
    assert read_frame(out / "image-one_00.npz").depth.shape == (48, 64)


def test_the_open_choices_of_stage_1_are_followed_and_checked():
    rng = np.random.default_rng(3)
    prediction = rng.uniform(0.2, 9, (30, 40)).astype(np.float32)
    choices = OpenChoices(median=(6, 6), ratio=(10, 10), sensor="VLP-16", cut=None)
    depth = metric_depth(prediction, "disparity", rng, choices)
    assert np.median(depth) == pytest.approx(6, rel=1e-5)
    assert depth.max() / depth.min() == pytest.approx(10, rel=1e-4)
    image = np.full((64, 96, 3), 128, np.uint8)
    step = np.where(np.arange(96) < 48, 3, 9).astype(np.float32) + np.zeros((64, 96), np.float32)
    frames = [
        frame_from_image(
            image, step, (64, 96), 4, np.random.default_rng(1), OpenChoices(sensor="VLP-16", cut=cut)
        )
        for cut in (1.1, None)
    ]
    assert {scan.sensor for frame in frames for scan in frame.scans} == {"VLP-16"}
    between = [
        sum(((scan.z > 4) & (scan.z < 8)).sum() for scan in frame.scans) for frame in frames
    ]  # on the step itself there is a surface only where all is joined
    assert between[0] == 0 < between[1]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"median": (5, 1)}, "median of depth is drawn from 5 to 1"),
        ({"ratio": (1, 4)}, "must be above 1"),
        ({"sensor": "VLP-99"}, "'VLP-99' is unknown; it must be one of VLP-16"),
        ({"cut": 0.5}, "Cut is 0.5"),
    ],
)
def test_a_choice_that_is_none_is_refused(given, said):
    with pytest.raises(ValueError, match=said):
        OpenChoices(**given)


def test_images_whose_frames_would_have_one_name_are_refused(tmp_path):
    for name in ("a.jpg", "a.png"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(ValueError, match="'a.jpg' and 'a.png' would give frames of one name"):
        find_images(tmp_path)
