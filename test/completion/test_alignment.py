"""Alignment of a monocular prediction with measured depth, and its local correction."""

import cv2
import numpy as np
import pytest

from depth_completion_ros import SparseDepth
from depth_completion_ros.completion.prior import align, local_correction
from depth_completion_ros.completion.prior.alignment import FAR, relative_error
from depth_completion_ros.data.reader import open_reader

SHAPE = (120, 160)


def scene(shape=SHAPE) -> np.ndarray:
    """Depth of 2 to 60 m: a ground plane with boxes on it."""
    v, u = np.mgrid[: shape[0], : shape[1]]
    depth = 1 / (1 / 60 + 0.004 * v)
    depth[30:80, 20:60], depth[50:100, 90:110] = 12, 5
    return depth.astype(np.float32)


def distorted(depth: np.ndarray, space: str, scale: float, shift: float) -> np.ndarray:
    """The prediction that scale and shift take back to depth."""
    value = 1 / depth if space == "disparity" else depth
    return ((value - shift) / scale).astype(np.float32)


def sampled(depth: np.ndarray, number: int, outliers=0.0, seed=0) -> np.ndarray:
    """Depth at a number of pixels, a share of them of any depth between 1 and 80 m."""
    random = np.random.default_rng(seed)
    sparse = np.zeros_like(depth)
    pixel = random.choice(np.flatnonzero(depth > 0), number, replace=False)
    sparse.ravel()[pixel] = depth.ravel()[pixel]
    wrong = pixel[: round(outliers * number)]
    sparse.ravel()[wrong] = random.uniform(1, 80, len(wrong))
    return sparse


@pytest.mark.parametrize("outliers", [0, 0.3, 0.6])
@pytest.mark.parametrize(
    "space, scale, shift",
    [("disparity", 0.07, -0.02), ("disparity", 3e-6, 0.1), ("depth", 1.7, -3.0), ("metric", 1.3, 0.0)],
)
def test_scale_and_shift_come_back_within_a_percent(space, scale, shift, outliers):
    depth = scene()
    fit = align(distorted(depth, space, scale, shift), sampled(depth, 3000, outliers), space)
    assert fit.scale == pytest.approx(scale, rel=0.01)
    assert fit.shift == pytest.approx(shift, rel=0.01)
    assert fit.count == 3000
    assert fit.inliers == pytest.approx(1 - outliers, abs=0.06)


@pytest.mark.parametrize("name", ["kitti_seq_0005", "nyu_m3d_00000", "nyu_slambook_1"])
@pytest.mark.parametrize("space, scale, shift", [("disparity", 0.07, -0.02), ("depth", 1.7, -3.0)])
def test_on_real_depth_with_noise_and_outliers_depth_comes_back_within_a_percent(
    real_frames, name, space, scale, shift
):
    truth = next(iter(open_reader(real_frames / name))).ground_truth
    known = truth > 0
    random = np.random.default_rng(1)
    noisy = np.where(known, truth * np.exp(0.02 * random.normal(size=truth.shape)), np.nan)
    prediction = distorted(noisy, space, scale, shift)
    fit = align(prediction, sampled(truth, 5000, outliers=0.3), space)
    exact = distorted(np.where(known, truth, np.nan), space, scale, shift)
    assert np.nanmedian(relative_error(fit.apply(exact), truth)[known]) < 0.01
    assert fit.scale == pytest.approx(scale, rel=0.01)


def test_least_squares_minimises_the_relative_error():
    depth = scene()
    random = np.random.default_rng(0)
    prediction = distorted(depth, "disparity", 0.07, -0.02)
    prediction *= 1 + 0.05 * random.normal(size=SHAPE).astype(np.float32)
    sparse = sampled(depth, 500)
    fit = align(prediction, sparse, "disparity", "least_squares")
    p, z = prediction[sparse > 0], sparse[sparse > 0]

    def cost(scale, shift):
        return np.sum((z * (scale * p + shift) - 1) ** 2)

    for scale in (0.999, 1.001):
        for shift in (0.999, 1.001):
            assert cost(fit.scale, fit.shift) < cost(fit.scale * scale, fit.shift * shift)


@pytest.mark.parametrize("method", ["robust", "least_squares"])
def test_an_alignment_is_the_same_each_time(method):
    depth = scene()
    sparse = sampled(depth, 5000, outliers=0.5)
    prediction = distorted(depth, "disparity", 0.07, -0.02)
    assert align(prediction, sparse, "disparity", method) == align(prediction, sparse, "disparity", method)


def test_without_points_only_a_metric_prediction_is_known():
    depth = scene()
    nothing = np.zeros_like(depth)
    for space in ("disparity", "depth"):
        fit = align(depth, nothing, space)
        assert fit.count == 0 and fit.inliers == 0
        assert np.isnan(fit.apply(depth)).all()
    assert np.array_equal(align(depth, nothing, "metric").apply(depth), depth)


@pytest.mark.parametrize("method", ["robust", "least_squares"])
@pytest.mark.parametrize("space", ["disparity", "depth", "metric"])
def test_one_point_gives_the_scale(space, method):
    depth = scene()
    prediction = distorted(depth, space, 0.5, 0)
    fit = align(prediction, sampled(depth, 1), space, method)
    assert (fit.scale, fit.shift) == pytest.approx((0.5, 0))
    assert np.allclose(fit.apply(prediction), depth, rtol=1e-4)


@pytest.mark.parametrize("space, scale, shift", [("disparity", 0.07, -0.02), ("depth", 1.7, -3.0)])
def test_two_points_far_apart_give_scale_and_shift(space, scale, shift):
    depth = scene()
    sparse = np.zeros_like(depth)
    sparse[[0, -1], 0] = depth[[0, -1], 0]
    fit = align(distorted(depth, space, scale, shift), sparse, space)
    assert (fit.scale, fit.shift) == pytest.approx((scale, shift), rel=1e-3)


def awkward_points() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Prediction and sparse depth from which no line can be told."""
    depth, random = scene(), np.random.default_rng(0)
    sparse = sampled(depth, 300)
    noise = random.uniform(1, 80, SHAPE).astype(np.float32)
    gaps = np.where(random.random(SHAPE) < 0.5, np.nan, 1 / depth).astype(np.float32)
    row = np.zeros_like(depth)
    row[90, ::5] = depth[90, ::5]
    return {
        "constant prediction": (np.full_like(depth, 3), sparse),
        "constant depth": (1 / depth, np.where(sparse > 0, np.float32(7), 0)),
        "two equal points": (1 / depth, np.where(np.arange(160) < 2, depth, 0) * (depth == depth[0, 0])),
        "a row of one depth": (1 / depth, row),
        "upside down": (depth, sparse),
        "only outliers": (1 / depth, np.where(sparse > 0, noise, 0)),
        "gaps in the prediction": (gaps, sparse),
        "an absurd depth": (1 / depth, np.where(np.arange(160) == 3, np.float32(1e30), sparse)),
        "a negative prediction": (-depth, sparse),
        "zero prediction": (np.zeros_like(depth), sparse),
    }


@pytest.mark.parametrize("method", ["robust", "least_squares"])
@pytest.mark.parametrize("space", ["disparity", "depth", "metric"])
@pytest.mark.parametrize("case", awkward_points())
def test_awkward_points_give_a_positive_scale_or_no_alignment(case, space, method):
    prediction, sparse = awkward_points()[case]
    fit = align(prediction, sparse, space, method)
    depth = fit.apply(prediction)
    assert fit.scale > 0 or np.isnan(depth).all()
    assert depth.dtype == np.float32
    known = np.isfinite(depth)
    assert not np.isinf(depth).any() and (depth[known] > 0).all() and (depth[known] <= FAR).all()
    assert 0 <= fit.inliers <= 1 and fit.count <= np.count_nonzero(sparse)


def test_a_constant_prediction_lands_where_most_points_are():
    prediction, sparse = awkward_points()["constant prediction"]
    sparse = np.where((sparse > 0) & (np.arange(SHAPE[1]) % 3 > 0), np.float32(7), sparse)
    assert np.allclose(align(prediction, sparse, "disparity").apply(prediction), 7, rtol=0.1)


def test_disparity_of_zero_and_below_is_at_the_far_limit():
    depth = scene()
    prediction = distorted(depth, "disparity", 0.07, -0.02)
    sparse = sampled(depth, 300)
    prediction[:5] = 0
    sparse[:5] = 0
    assert (align(prediction, sparse, "disparity").apply(prediction)[:5] == np.float32(FAR)).all()


def test_a_metric_prediction_stays_as_it_is_if_asked_for():
    depth = scene()
    fit = align(2 * depth, sampled(depth, 100), "metric", "none")
    assert np.array_equal(fit.apply(2 * depth), 2 * depth)
    assert fit.inliers == 0, "the points say that it is wrong by a factor of two"


def test_unknown_options_are_refused_in_a_sentence():
    depth = scene()
    with pytest.raises(ValueError, match="must be one of disparity, depth, metric"):
        align(depth, depth, "inverse")
    with pytest.raises(ValueError, match="must be one of robust, least_squares, none"):
        align(depth, depth, "depth", "ransac")
    with pytest.raises(ValueError, match="needs an alignment"):
        align(depth, depth, "depth", "none")
    with pytest.raises(ValueError, match="must be equal"):
        align(depth[1:], depth, "depth")


def bent(depth: np.ndarray, amount=0.1) -> np.ndarray:
    """Depth times a smooth field."""
    coarse = np.random.default_rng(3).normal(size=(4, 5)).astype(np.float32)
    return depth * np.exp(amount * cv2.resize(coarse, depth.shape[::-1], interpolation=cv2.INTER_CUBIC))


def error_of(depth: np.ndarray, truth: np.ndarray) -> float:
    known = truth > 0
    return float(np.mean(np.abs(depth[known] / truth[known] - 1)))


def test_the_local_correction_takes_a_smooth_error_away_and_leaves_a_right_depth():
    truth = scene((240, 320))
    sparse = sampled(truth, 2000)
    assert error_of(local_correction(bent(truth), sparse), truth) < 0.15 * error_of(bent(truth), truth)
    assert np.allclose(local_correction(truth, sparse), truth, rtol=1e-6)


def test_the_local_correction_takes_most_of_a_smooth_error_away_at_the_points_of_a_real_scan(real_frames):
    frame = next(iter(open_reader(real_frames / "kitti_seq_0005")))
    sparse = SparseDepth.from_points(frame).depth
    truth = np.where(sparse > 0, 0, frame.ground_truth)
    before = bent(np.where(truth > 0, truth, 1))
    assert error_of(local_correction(np.where(sparse > 0, bent(sparse + 1e-9), before), sparse), truth) < (
        0.3 * error_of(before, truth)
    )


def test_the_local_correction_fades_far_from_the_points_and_ignores_outliers():
    depth = np.full((100, 600), 10, np.float32)
    sparse = np.zeros_like(depth)
    sparse[50, 20] = 11
    corrected = local_correction(depth, sparse)
    assert corrected[50, 20] == pytest.approx(11, rel=0.02)
    assert np.allclose(corrected[:, 300:], 10, rtol=1e-4)
    sparse[50, 20] = 40
    assert np.array_equal(local_correction(depth, sparse), depth)
    depth[0] = np.nan
    assert np.array_equal(np.isnan(local_correction(depth, sparse)), np.isnan(depth))
