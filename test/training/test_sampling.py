"""Sparse depth drawn from frames."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from depth_completion_training.data.sparse.sampling import (
    SparseSampler,
    add_noise,
    add_outliers,
    every_line,
    grid_points,
    holes,
    random_points,
    scan_depth,
    some_lines,
)
from depth_completion_training.simulation.frame_file import SimulatedFrame, StoredScan
from simulated_frame import SIZE, make_frame


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(8)


@pytest.fixture
def frame() -> SimulatedFrame:
    return make_frame()


def assert_true_points(sparse: np.ndarray, depth: np.ndarray):
    hit = sparse > 0
    np.testing.assert_array_equal(sparse[hit], depth[hit])
    assert np.isfinite(sparse).all() and sparse.dtype == np.float32 and sparse.shape == depth.shape


# Kinds of sparse depth ---------------------------------------------------------------------------


def test_a_stored_scan_with_and_without_its_hidden_points(frame):
    scan = frame.scans[0]
    raw, filtered = (scan_depth(scan, SIZE, filtered=value) for value in (False, True))
    assert_true_points(raw, frame.depth)
    assert np.count_nonzero(raw) == 3000
    assert np.count_nonzero(filtered) == 3000 - scan.hidden.sum()
    assert not filtered.ravel()[scan.pixel[scan.hidden]].any()
    part = scan_depth(scan, SIZE, filtered=False, kept=scan.line < 9)
    assert np.count_nonzero(part) == (scan.line < 9).sum()


@pytest.mark.parametrize(("step", "left"), [(2, 32), (4, 16), (8, 8), (16, 4)])
def test_every_kth_line_is_left(step, left):
    line = np.repeat(np.arange(64, dtype=np.uint16), 3)
    for first in (0, step - 1):
        kept = every_line(line, step, first)
        assert np.unique(line[kept]).tolist() == list(range(first, 64, step))
        assert kept.sum() == 3 * left


def test_some_lines_are_whole_lines_at_random(rng):
    line = rng.integers(0, 40, 2000)
    kept = some_lines(line, 5, rng)
    lines = np.unique(line[kept])
    assert len(lines) == 5
    np.testing.assert_array_equal(kept, np.isin(line, lines))
    assert set(lines) != set(np.unique(line[some_lines(line, 5, rng)]))
    assert some_lines(line, 99, rng).all()


def test_random_points_are_as_many_as_asked_for_and_true(frame, rng):
    sparse = random_points(frame.depth, 500, rng)
    assert_true_points(sparse, frame.depth)
    assert np.count_nonzero(sparse) == 500
    known = (frame.depth > 0) & np.isfinite(frame.depth)
    np.testing.assert_array_equal(random_points(frame.depth, 10**6, rng) > 0, known)
    assert not random_points(np.full(SIZE, np.inf, np.float32), 5, rng).any()


def test_a_grid_has_one_point_a_cell_with_the_depth_of_a_pixel_in_it(frame, rng):
    pitch = 12.0
    sparse = grid_points(frame.depth, pitch, rng)
    v, u = np.nonzero(sparse)
    rows, columns = np.unique(v), np.unique(u)
    assert set(np.diff(rows)) == {12} and set(np.diff(columns)) == {12}
    for row, column in zip(v, u, strict=True):
        around = frame.depth[max(row - 7, 0) : row + 8, max(column - 7, 0) : column + 8]
        assert (around == sparse[row, column]).any()
    known = (frame.depth[rows[:, None], columns] > 0) & np.isfinite(frame.depth[rows[:, None], columns])
    assert abs(known.sum() - len(v)) <= len(rows) + len(columns)  # edges of sky and the unknown


def test_holes_are_cut_out_of_dense_depth(frame, rng):
    known = (frame.depth > 0) & np.isfinite(frame.depth)
    np.testing.assert_array_equal(holes(frame.depth, 0, rng) > 0, known)
    missing = [1 - np.count_nonzero(holes(frame.depth, 3, rng)) / known.sum() for _ in range(20)]
    assert min(missing) > 0.002 and max(missing) < 0.98
    assert_true_points(holes(frame.depth, 3, rng), frame.depth)


def test_noise_and_outliers_have_the_size_that_is_asked_for(frame, rng):
    sparse = random_points(frame.depth, 4000, rng)
    noisy, spoilt = sparse.copy(), sparse.copy()
    add_noise(noisy, 0.05, rng)
    add_outliers(spoilt, 0.1, rng)
    hit = sparse > 0
    np.testing.assert_array_equal(noisy > 0, hit)
    np.testing.assert_array_equal(spoilt > 0, hit)
    assert abs((noisy[hit] / sparse[hit]).std() - 0.05) < 0.004
    factor = spoilt[hit] / sparse[hit]
    assert 0.08 < (factor != 1).mean() < 0.12
    assert 0.199 < factor.min() < 0.3 and 3.5 < factor.max() < 5.01


# The mix -----------------------------------------------------------------------------------------


def only(kind: str, **changes) -> SparseSampler:
    shares = dict.fromkeys(("scan", "points", "grid", "corner", "hole"), 0.0) | {kind: 1.0}
    return SparseSampler(**({"spoilt": 0, "noisy": 0} | shares | changes))


def test_the_default_gives_every_amount_of_points(frame):
    counts = [np.count_nonzero(SparseSampler()(frame, np.random.default_rng(i))) for i in range(400)]
    assert min(counts) >= 1
    assert min(counts) < 5 and max(counts) > 0.5 * SIZE[0] * SIZE[1]
    assert np.mean([1000 < count <= 3000 for count in counts]) > 0.15


def test_a_draw_depends_on_its_generator_alone(frame):
    one, other, third = (SparseSampler()(frame, np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, other)
    assert not np.array_equal(one, third)


def test_scans_are_thinned_by_lines_and_filtered_as_often_as_asked(frame):
    alone = replace(frame, scans=frame.scans[:1])
    scan = alone.scans[0]
    whole = only("scan", thinned=0.0, filtered=1.0)(alone, np.random.default_rng(0))
    np.testing.assert_array_equal(whole, scan_depth(scan, SIZE, filtered=True))
    line_of = dict(zip(scan.pixel.tolist(), scan.line.tolist(), strict=True))
    lines = []
    for seed in range(60):
        sparse = only("scan", thinned=1.0, filtered=0.0)(alone, np.random.default_rng(seed))
        assert_true_points(sparse, frame.depth)
        found = {line_of[pixel] for pixel in np.flatnonzero(sparse).tolist()}
        assert np.count_nonzero(sparse) == np.isin(scan.line, list(found)).sum()
        lines.append(len(found))
    assert min(lines) <= 5 and max(lines) > 20


def test_as_many_scans_as_asked_for_tell_the_true_depth_of_their_pixels(frame):
    wrong = [replace(scan, pixel=scan.pixel.copy(), z=2 * scan.z) for scan in frame.scans]
    wrong[0].pixel[:5] = np.flatnonzero(np.isinf(frame.depth))[:5]  # seen by the sensor, not by the camera
    spoilt, true = replace(frame, scans=wrong), []
    for seed in range(60):
        sparse = only("scan", exact=0.5)(spoilt, np.random.default_rng(seed))
        true.append((sparse[sparse > 0] == frame.depth[sparse > 0]).all())
        assert true[-1] or not (sparse[sparse > 0] == frame.depth[sparse > 0]).any()
    assert 18 < sum(true) < 42


def test_a_scan_without_lines_is_thinned_by_points(frame):
    alone = replace(frame, scans=frame.scans[1:])
    counts = [
        np.count_nonzero(only("scan", thinned=1.0, filtered=0.0)(alone, np.random.default_rng(i)))
        for i in range(40)
    ]
    assert 30 < min(counts) < 120 and 500 < max(counts) < 800


def test_points_are_spread_over_magnitudes(frame):
    counts = np.array([np.count_nonzero(only("points")(frame, np.random.default_rng(i))) for i in range(400)])
    assert counts.min() <= 2 and 2000 < counts.max() <= 3000
    share = np.histogram(counts, [1, 14, 200, 3001])[0] / 400
    assert (np.abs(share - 1 / 3) < 0.08).all()


@pytest.mark.parametrize("kind", ["points", "grid", "hole"])
def test_what_is_not_spoilt_is_true(frame, kind):
    known = frame.depth[(frame.depth > 0) & np.isfinite(frame.depth)]
    for seed in range(5):
        sparse = only(kind)(frame, np.random.default_rng(seed))
        assert np.isin(sparse[sparse > 0], known).all()


def test_a_frame_without_any_point_of_a_scan_gets_points_at_random(frame, rng):
    empty = StoredScan(*(part[:0] for part in vars(frame.scans[0]).values() if not isinstance(part, str)))
    for scans in ([], [empty]):
        sparse = only("scan")(replace(frame, scans=scans), rng)
        assert sparse.any() and np.array_equal(sparse[sparse > 0], frame.depth[sparse > 0])


def test_as_many_samples_as_asked_for_have_no_point(frame, rng):
    sampler = SparseSampler(nothing=0.3)
    empty = [not sampler(frame, rng).any() for _ in range(800)]
    assert abs(np.mean(empty) - 0.3) < 0.06


@pytest.mark.parametrize("seed", range(4))
def test_corners_lie_where_the_image_has_some(frame, seed):
    image = np.full((*SIZE, 3), 90, np.uint8)
    image[60:90, 60:120] = 220
    image = cv2.GaussianBlur(image, (0, 0), 0.8)
    sparse = only("corner", most_points=5000)(replace(frame, image=image), np.random.default_rng(seed))
    v, u = np.nonzero(sparse)
    assert 1 <= len(v) <= 4
    assert (np.abs(np.abs(v - 74.5) - 15) < 3).all() and (np.abs(np.abs(u - 89.5) - 30) < 3).all()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"scan": -0.1}, "scan is -0.1; it must be from 0 to 1"),
        ({"filtered": 2}, "filtered is 2; it must be from 0 to 1"),
        (dict.fromkeys(("scan", "points", "grid", "corner", "hole"), 0), "has nothing to draw"),
        ({"most_points": 0}, "fewest_points is 1; it must be from 1 to its most_points, 0"),
        ({"fewest_points": 0}, "fewest_points is 0; it must be from 1"),
        ({"pitch": (9, 3)}, "pitch is \\(9, 3\\)"),
    ],
)
def test_a_mix_that_makes_no_sense_is_refused(wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        SparseSampler(**wrong)
