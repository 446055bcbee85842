"""Augmentation of frames: geometry of all their parts, and colours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from depth_completion_training.data.augmentation import (
    Augmentation,
    mirrored,
    moved,
    recoloured,
    scaled,
    window,
)
from depth_completion_training.simulation.frame_file import SimulatedFrame
from simulated_frame import SIZE, make_frame


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(8)


@pytest.fixture
def frame() -> SimulatedFrame:
    return make_frame()


def test_without_augmentation_a_frame_stays_as_it_is(frame, rng):
    same = Augmentation.none().geometry(frame, SIZE, rng)
    assert same is frame
    np.testing.assert_array_equal(Augmentation.none().appearance(frame.image, rng), frame.image)


@pytest.mark.parametrize(
    ("shape", "place"),
    [(SIZE, (7, 20)), ((156, 234), (30, 50)), ((200, 210), (0, 0)), ((161, 247), (61, 117))],
)
def test_a_window_keeps_points_depth_and_image_together(frame, shape, place):
    size = (100, 130)
    v, u = np.mgrid[: SIZE[0], : SIZE[1]]
    ramp = np.stack([v, u, u], axis=-1).astype(np.uint8)
    cut = window(replace(frame, image=ramp), shape, place, size)
    assert cut.image.shape == (*size, 3) and cut.depth.shape == size
    assert cut.image.flags.c_contiguous
    for scan in cut.scans:
        assert len(scan.pixel) == len(np.unique(scan.pixel)) > 50
        np.testing.assert_array_equal(cut.depth.ravel()[scan.pixel], scan.z)
    rows = (np.arange(size[0]) + place[0] + 0.5) * SIZE[0] / shape[0] - 0.5
    columns = (np.arange(size[1]) + place[1] + 0.5) * SIZE[1] / shape[1] - 0.5
    for channel, values, axis in ((0, rows, 1), (1, columns, 0)):
        expected = np.expand_dims(np.clip(values, 0, 255), axis)
        assert np.abs(cut.image[..., channel] - expected)[2:-2, 2:-2].max() < 1.01
    # The ray of a pixel is that of the place in the old image that it shows.
    x, y = (columns - frame.K[0, 2]) / frame.K[0, 0], (rows - frame.K[1, 2]) / frame.K[1, 1]
    np.testing.assert_allclose((np.arange(size[1]) - cut.K[0, 2]) / cut.K[0, 0], x, atol=1e-5)
    np.testing.assert_allclose((np.arange(size[0]) - cut.K[1, 2]) / cut.K[1, 1], y, atol=1e-5)


def test_a_smaller_image_keeps_the_nearest_of_the_points_that_meet(frame):
    half = window(frame, (60, 90), (0, 0), (60, 90))
    for old, new in zip(frame.scans, half.scans, strict=True):
        v, u = np.divmod(old.pixel, SIZE[1])
        cell = v // 2 * 90 + u // 2
        assert sorted(new.pixel.tolist()) == np.unique(cell).tolist()
        for pixel, z in list(zip(new.pixel.tolist(), new.z.tolist(), strict=True))[:50]:
            assert z == old.z[cell == pixel].min()


def test_a_mirrored_frame_is_mirrored_in_all_its_parts(frame):
    other = mirrored(frame)
    np.testing.assert_array_equal(other.depth, frame.depth[:, ::-1])
    np.testing.assert_array_equal(other.image, frame.image[:, ::-1])
    for scan in other.scans:
        np.testing.assert_array_equal(other.depth.ravel()[scan.pixel], scan.z)
    u = np.arange(SIZE[1])
    ray, mirrored_ray = (u - frame.K[0, 2]) / frame.K[0, 0], (u - other.K[0, 2]) / other.K[0, 0]
    np.testing.assert_allclose(mirrored_ray, -ray[::-1], atol=1e-6)


def test_a_scaled_world_looks_the_same(frame):
    double = scaled(frame, 2.0)
    np.testing.assert_array_equal(double.depth, frame.depth * 2)
    np.testing.assert_array_equal(double.scans[0].z, frame.scans[0].z * 2)
    assert np.isinf(double.depth[0]).all() and double.image is frame.image


def test_geometry_gives_one_size_whatever_the_frame(frame, rng):
    for size in ((64, 96), SIZE, (200, 150)):
        for _ in range(4):
            cut = Augmentation(scale=(0.5, 2.0)).geometry(frame, size, rng)
            assert cut.image.shape == (*size, 3) and cut.depth.shape == size
            for scan in cut.scans:
                np.testing.assert_array_equal(cut.depth.ravel()[scan.pixel], scan.z)


def test_appearance_changes_colours_and_nothing_else(frame):
    images = [Augmentation().appearance(frame.image, np.random.default_rng(seed)) for seed in range(40)]
    assert all(p.shape == frame.image.shape and p.dtype == np.uint8 for p in images)
    means = np.array([p.mean() for p in images])
    assert means.std() > 8
    corners = [np.corrcoef(p.mean(-1).ravel(), frame.image.mean(-1).ravel())[0, 1] for p in images]
    assert np.median(corners) > 0.9
    grey = Augmentation(colour=0, blur=0, noise=0, grey=1).appearance(frame.image, np.random.default_rng(0))
    np.testing.assert_array_equal(grey[..., 0], grey[..., 2])


def test_noise_has_the_deviation_that_is_drawn(rng):
    image = np.full((60, 80, 3), 128, np.uint8)
    changed = [Augmentation(colour=0, blur=0, grey=0, noise=1).appearance(image, rng) for _ in range(30)]
    deviations = np.array([image.std() for image in changed])
    assert deviations.max() < 8.5 and deviations.max() > 5 and deviations.min() < 3
    assert abs(np.mean([image.mean() for image in changed]) - 128) < 0.3
    assert not np.array_equal(changed[0], changed[1])


def test_a_misaligned_image_moves_by_pixels_while_measurements_and_truth_stay(frame):
    dull = Augmentation(colour=0, blur=0, grey=0, noise=0, misaligned=2.0)
    random = [np.random.default_rng(seed) for seed in range(60)]
    kept = [dull.geometry(frame, SIZE, np.random.default_rng(1)).depth for _ in range(2)]
    np.testing.assert_array_equal(*kept)
    ramp = np.repeat(np.arange(100, dtype=np.uint8)[None, :, None], 3, axis=2).repeat(20, axis=0)
    ways = np.array([ramp[10, 50, 0] - float(dull.appearance(ramp, rng)[10, 50, 0]) for rng in random])
    assert 0.5 < ways.std() < 2.0 and np.abs(ways).max() < 8 and abs(ways.mean()) < 0.6
    np.testing.assert_allclose(moved(ramp, np.array([3.0, 2.0]))[:, 3:], ramp[:, :-3])
    np.testing.assert_array_equal(moved(ramp, np.array([0.0, 0.0])), ramp)


def test_grey_stays_grey_when_it_is_recoloured(rng):
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    for _ in range(5):
        changed = recoloured(ramp, rng).astype(int)
        assert np.abs(np.diff(changed, axis=2)).max() <= 2  # a turn of hue leaves grey alone
        assert (np.diff(changed[0, :, 0]) >= 0).all()


@pytest.mark.parametrize(
    ("name", "value"), [("flip", 1.5), ("blur", -1), ("zoom", (0, 1)), ("scale", (2, 1)), ("misaligned", -1)]
)
def test_augmentation_that_makes_no_sense_is_refused(name, value):
    with pytest.raises(ValueError, match=f"Augmentation's {name} is"):
        Augmentation(**{name: value})
