"""Error measures."""

import numpy as np
import pytest

from depth_completion_ros.core import Metrics, compute_metrics


def test_values_worked_out_by_hand():
    truth = np.array([[2.0, 4.0, 0.0, 10.0]])
    prediction = np.array([[2.5, 3.0, 7.0, np.nan]])
    m = compute_metrics(prediction, truth)
    assert m.rmse_mm == pytest.approx(1000 * np.sqrt((0.25 + 1) / 2))
    assert m.mae_mm == pytest.approx(750)
    assert m.irmse_per_km == pytest.approx(1000 * np.sqrt((0.1**2 + (1 / 12) ** 2) / 2))
    assert m.imae_per_km == pytest.approx(1000 * (0.1 + 1 / 12) / 2)
    assert m.rel == pytest.approx((0.25 + 0.25) / 2)
    assert (m.delta1, m.delta2, m.delta3) == (0.0, 1.0, 1.0)
    assert m.pixels == 2
    assert m.coverage == pytest.approx(2 / 3)


def test_delta_is_strict_at_its_threshold():
    assert compute_metrics(np.array([[1.25]]), np.array([[1.0]])).delta1 == 0


def test_a_perfect_prediction_has_no_error():
    truth = np.random.default_rng(0).uniform(1, 80, (20, 30))
    m = compute_metrics(truth, truth)
    assert (m.rmse_mm, m.mae_mm, m.irmse_per_km, m.rel, m.delta1, m.coverage) == (0, 0, 0, 0, 1, 1)


def test_a_mask_limits_what_is_scored():
    truth, prediction = np.ones((2, 2)), np.array([[1.0, 3.0], [1.0, 1.0]])
    mask = np.array([[True, False], [True, True]])
    assert compute_metrics(prediction, truth, mask).rmse_mm == 0


def test_nothing_to_score_gives_nan_and_no_error():
    m = compute_metrics(np.full((2, 2), np.nan), np.ones((2, 2)))
    assert np.isnan(m.rmse_mm) and m.pixels == 0 and m.coverage == 0
    assert np.isnan(compute_metrics(np.ones((2, 2)), np.zeros((2, 2))).coverage)


def test_frames_count_alike_in_the_mean():
    small = compute_metrics(np.full((1, 1), 2.0), np.ones((1, 1)))
    large = compute_metrics(np.ones((10, 10)), np.ones((10, 10)))
    mean = Metrics.mean([small, large])
    assert mean.rmse_mm == 500 and mean.pixels == 101


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="Prediction is"):
        compute_metrics(np.ones((2, 2)), np.ones((2, 3)))
