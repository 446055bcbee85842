"""Depth of a diffusion, corrected by what was measured."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic import points_of, slope

from depth_completion_ros.completion.diffusion.confidence import fit_confidence
from depth_completion_ros.completion.diffusion.paste_back import paste_back, spread

SHAPE = (70, 99)


def scene() -> tuple[np.ndarray, np.ndarray]:
    """True depth with an edge, and what a network makes of it: the edge in place, the rest bent."""
    truth = slope((96, 128))
    truth[30:70, 40:90] -= 3
    v, u = np.mgrid[:96, :128] / 100
    bent = 0.8 - u - 0.5 * v + 0.3 * np.sin(5 * u) * np.cos(4 * v)
    return truth, (truth + bent).astype(np.float32)


def holes() -> np.ndarray:
    known = np.ones((96, 128), bool)
    known[20:60, 30:70] = known[50:90, 95:120] = False
    return known


@pytest.mark.parametrize("number", [1, 2, 40, 3000])
def test_measured_pixels_come_back_exactly(number):
    truth, predicted = scene()
    sparse = points_of(truth, number).depth
    pasted = paste_back(predicted, sparse)
    measured = sparse > 0
    assert np.array_equal(pasted[measured], sparse[measured])
    assert np.isfinite(pasted).all() and pasted.dtype == np.float32
    miss = (sparse - predicted)[measured]
    correction = pasted - predicted
    assert miss.min() - 1e-5 <= correction.min() and correction.max() <= miss.max() + 1e-5


@pytest.mark.parametrize("number", [40, 3000])
def test_the_correction_brings_depth_between_measurements_nearer_to_the_truth(number):
    truth, predicted = scene()
    pasted = paste_back(predicted, points_of(truth, number).depth)
    assert np.abs(pasted - truth).mean() < 0.6 * np.abs(predicted - truth).mean()


def test_what_is_missed_by_the_same_everywhere_is_corrected_by_that():
    truth, _ = scene()
    sparse = points_of(truth, 30).depth
    np.testing.assert_allclose(paste_back(truth - 0.5, sparse), truth, atol=1e-5)


def test_there_is_no_seam_around_what_was_known():
    truth, predicted = scene()
    known = holes()
    sparse = np.where(known, truth, np.float32(0))

    def jumps(depth) -> tuple[float, float]:
        """Steps of what is not of the network, 99 % of them, across the border and inside the holes."""
        added = depth - predicted
        across, inside = [], []
        for axis in (0, 1):
            step = np.abs(np.diff(added, axis=axis))
            first, second = (np.delete(known, end, axis=axis) for end in (-1, 0))
            across.append(step[first != second])
            inside.append(step[~first & ~second])
        return tuple(np.quantile(np.concatenate(each), 0.99) for each in (across, inside))

    across, inside = jumps(paste_back(predicted, sparse))
    assert across < 1.5 * inside
    naive, _ = jumps(np.where(known, truth, predicted))
    assert across < 0.1 * naive


def test_a_large_miss_far_away_does_not_take_away_what_is_near():
    predicted = np.full((32, 64), 2, np.float32)
    predicted[:, 32:] = 30
    sparse = np.zeros_like(predicted)
    sparse[::4, 40::4] = 20  # 10 m less than predicted, and the near half is not measured at all
    pasted = paste_back(predicted, sparse)
    assert pasted[:, :32].min() >= 1 and abs(pasted[:, 44:].mean() - 20) < 1


def test_depth_that_is_not_finite_spoils_nothing_but_itself():
    truth, predicted = scene()
    sparse = points_of(truth, 40).depth
    first, second = np.flatnonzero(sparse)[:2]
    predicted.flat[first] = np.nan
    pasted = paste_back(predicted, sparse)
    assert np.isfinite(pasted).all() and pasted.flat[first] == sparse.flat[first]
    assert np.isfinite(fit_confidence(predicted, sparse)).all()
    nothing = np.full_like(predicted, np.nan)
    assert pasted.flat[second] == sparse.flat[second]
    assert np.isfinite(paste_back(nothing, sparse)).sum() == 40 and not fit_confidence(nothing, sparse).any()


def test_lone_points_leave_no_spikes():
    truth, predicted = scene()
    sparse = points_of(truth, 30).depth
    added = paste_back(predicted, sparse) - predicted
    miss = np.abs(sparse - predicted)[sparse > 0].max()
    steps = np.concatenate([np.abs(np.diff(added, axis=axis)).ravel() for axis in (0, 1)])
    assert steps.max() < 0.2 * miss


def test_without_measurements_depth_stays_and_with_all_of_them_it_is_theirs():
    truth, predicted = scene()
    np.testing.assert_array_equal(paste_back(predicted, np.zeros_like(truth)), predicted)
    np.testing.assert_array_equal(paste_back(predicted, truth), truth)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (37, 1), (2, 3), (65, 129)])
def test_one_known_value_is_spread_over_any_shape(shape):
    known = np.zeros(shape, bool)
    known[-1, 0] = True
    np.testing.assert_allclose(spread(np.full(shape, 3, np.float32), known), 3, rtol=1e-6)
