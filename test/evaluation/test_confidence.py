from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from depth_completion_ros.completion import Completer, Completion, create_completer
from depth_completion_ros.core import SparseDepth
from depth_completion_ros.evaluation.confidence import (
    BINS,
    RANKINGS,
    ConfidenceScore,
    distance_to_measurement,
    reliability,
    score_confidence,
    sparsification,
)
from depth_completion_ros.evaluation.report import confidence_table, metrics_json, write_report
from depth_completion_ros.evaluation.runner import evaluate


def slow_curve(error, confidence):
    """RMSE and MAE after removing one pixel after the other; for confidences that all differ."""
    order = sorted(range(len(error)), key=lambda at: confidence[at])
    curve = []
    for percent in range(100):
        rest = [float(error[at]) for at in order[percent * len(error) // 100 :]]
        curve.append((np.sqrt(sum(e * e for e in rest) / len(rest)), sum(rest) / len(rest)))
    return np.array(curve).T


def scored(error, confidence, spread=1):
    """Score of a row of pixels of true depth 10 m; the only measured pixel, at the left, is not scored."""
    width = len(error) * spread + 1
    truth, depth = np.zeros((1, width), np.float32), np.full((1, width), 10, np.float32)
    certain = np.ones((1, width), np.float32)
    truth[0, 1::spread] = 10
    depth[0, 1::spread] += np.asarray(error, np.float32)
    certain[0, 1::spread] = confidence
    fed = np.zeros((1, width), np.float32)
    fed[0, 0] = 10
    completion = Completion(depth, certain, np.full((1, width), 2, np.uint8))
    return score_confidence(completion, SparseDepth.from_depth(fed), truth)


@pytest.mark.parametrize("pixels", [1, 2, 7, 99, 100, 101, 250, 1003])
def test_the_curve_is_that_of_removing_pixel_after_pixel(pixels):
    random = np.random.default_rng(pixels)
    error, confidence = random.exponential(size=pixels), random.permutation(pixels) / pixels
    np.testing.assert_allclose(sparsification(error, confidence), slow_curve(error, confidence), rtol=1e-12)


def test_equal_confidence_counts_as_its_mean_over_all_orders():
    random = np.random.default_rng(0)
    error, confidence = random.exponential(size=200), random.integers(0, 4, 200) / 4
    absolute, square = np.zeros(100), np.zeros(100)
    draws = 400
    for _ in range(draws):
        rmse, mae = slow_curve(error, confidence + 0.1 * random.permutation(200) / 200)
        absolute, square = absolute + mae / draws, square + rmse**2 / draws
    rmse, mae = sparsification(error, confidence)
    np.testing.assert_allclose(mae, absolute, rtol=0.08)
    np.testing.assert_allclose(rmse**2, square, rtol=0.15)


def test_a_perfect_ranking_has_no_area_and_the_reverse_one_the_most():
    error = np.random.default_rng(1).exponential(size=500)
    rank = np.argsort(np.argsort(error)) / 500
    perfect, reverse = scored(error, 1 - rank), scored(error, rank)
    assert perfect.ause() == (0, 0)
    assert all(a > b > 0.5 for a, b in zip(reverse.ause(), reverse.ause("random"), strict=True))


def test_a_random_ranking_has_the_area_that_one_computes_by_hand():
    """Errors 1 to 4 m, one pixel each: nothing changes on average, and the oracle keeps 4, 3, 2, 1 pixels."""
    score = scored([1, 2, 3, 4], 0.5)
    rmse = 1 - np.mean(np.sqrt([30 / 4, 14 / 3, 5 / 2, 1])) / np.sqrt(30 / 4)
    mae = 1 - np.mean([2.5, 2, 1.5, 1]) / 2.5
    assert score.ause() == score.ause("random") == pytest.approx((rmse, mae), rel=1e-5)
    many = scored(np.random.default_rng(2).exponential(size=20000), np.random.default_rng(3).random(20000))
    assert many.ause() == pytest.approx(many.ause("random"), abs=0.02)


def test_distance_ranks_by_the_nearest_measured_pixel():
    growing = np.arange(1, 101) / 100
    score = scored(growing, growing)  # sure where it is wrong, but the error does grow with distance
    assert score.ause("distance") == (0, 0)
    assert score.ause()[0] > score.ause("random")[0]
    fed = np.zeros((9, 12), np.float32)
    fed[2, 3] = fed[8, 11] = 1
    v, u = np.mgrid[:9, :12]
    expected = np.minimum(np.hypot(v - 2, u - 3), np.hypot(v - 8, u - 11))
    np.testing.assert_allclose(distance_to_measurement(fed), expected, atol=1e-5)
    assert not distance_to_measurement(np.zeros((3, 4), np.float32)).any()


def test_one_pixel_and_no_error_at_all_have_no_area():
    one, right = scored([0.7], [0.2]), scored(np.zeros(50), np.linspace(0, 1, 50))
    assert all(one.ause(name) == right.ause(name) == (0, 0) for name in RANKINGS)


def test_what_has_no_truth_or_no_prediction_is_not_scored():
    score, dense = scored([1, 2, 3], [0.9, 0.8, 0.1], spread=3), scored([1, 2, 3], [0.9, 0.8, 0.1])
    np.testing.assert_array_equal(score.curves["confidence"], dense.curves["confidence"])
    unknown = Completion.unknown((4, 5))
    feed = SparseDepth.from_depth(np.ones((4, 5), np.float32))
    assert score_confidence(unknown, feed, np.ones((4, 5), np.float32)) is None


def test_reliability_is_that_of_counting_pixels():
    random = np.random.default_rng(4)
    confidence = np.concatenate([random.random(300), [0, 0.1, 0.3, 1, 1]])
    right = random.random(305) < 0.4
    slow = np.zeros((3, BINS))
    for c, r in zip(confidence, right, strict=True):
        slow[:, min(int(c * BINS), BINS - 1)] += np.array([1, c, r]) / 305
    np.testing.assert_allclose(reliability(confidence, right), slow, atol=1e-12)


def test_calibration_compares_confidence_with_the_share_within_5_per_cent():
    error = np.r_[np.full(20, 0.4), np.full(80, 0.6)]  # of 10 m
    honest, boastful = scored(error, 0.2), scored(error, 0.9)
    assert honest.right == boastful.right == pytest.approx(0.2)
    assert honest.calibration_error == pytest.approx(0, abs=1e-6)
    assert boastful.confidence == pytest.approx(0.9)
    assert boastful.calibration_error == pytest.approx(0.7)


def test_the_mean_counts_frames_alike():
    few, many = scored([0, 1], [1, 0.1]), scored(np.arange(400) / 100, np.random.default_rng(5).random(400))
    mean = ConfidenceScore.mean([few, many])
    assert mean.ause() == pytest.approx(np.mean([few.ause(), many.ause()], axis=0))
    assert mean.right == pytest.approx((few.right + many.right) / 2)
    with pytest.raises(ValueError, match="no scores"):
        ConfidenceScore.mean([])


# Evaluation --------------------------------------------------------------------------------------


class Nothing(Completer):
    """Knows nothing anywhere."""

    name = "nothing"

    def complete(self, image, sparse, camera=None, name=""):
        return Completion.unknown(sparse.depth.shape)


def test_an_evaluation_scores_confidence_when_asked_to(streets, tmp_path):
    completers = {"linear": create_completer("linear"), "nothing": Nothing()}
    plain = evaluate(streets, completers, ["truth", "lines:4"])
    result = evaluate(streets, completers, ["truth", "lines:4"], confidence=True)
    assert plain.confidence == [] and "confidence" not in json.loads(metrics_json(plain))
    assert len(result.confidence) == 6
    means = result.confidence_means()
    assert list(means) == [("truth", "linear"), ("lines:4", "linear")]
    files = write_report(result, tmp_path)
    assert tmp_path / "confidence.png" in files
    assert cv2.imread(str(tmp_path / "confidence.png")).std() > 5
    headings, rows = confidence_table(means)
    assert f"| {' | '.join(rows[0])} |" in files[0].read_text() and len(headings) == len(rows[0])
    stored = json.loads((tmp_path / "metrics.json").read_text())["confidence"]
    assert [entry["protocol"] for entry in stored] == ["truth", "lines:4"]
    assert stored[0]["ause_rmse"]["confidence"] == pytest.approx(means["truth", "linear"].ause()[0])
    assert len(stored[0]["reliability"][0]) == BINS
