"""The loss of MSPN-lite: each part against sums written out, and what has no truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("depth_completion_training", reason="the training tree is not installed")

from depth_completion_training.losses.mspn_lite import SCALES, MSPNLiteLoss  # noqa: E402

from depth_completion_ros.completion.mspn_lite.network import Prediction  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")
SHAPE = (21, 27)
PADDED = 32
FLOOR = 0.03
"""Added to the error of the first fill, in whose units errors count."""


def example(seed: int = 0) -> tuple[Prediction, torch.Tensor]:
    """A prediction in double precision, and a truth with sky and unknown pixels, for two images."""
    random = np.random.default_rng(seed)
    unit = random.uniform(3, 20, (2, 1, 1, 1))
    truth = unit * np.exp(random.uniform(-1, 1, (2, 1, *SHAPE)))
    depth, base = (truth * np.exp(random.normal(0, s, truth.shape)) for s in (0.2, 0.4))
    truth[random.random(truth.shape) < 0.3] = 0
    truth[0, 0, :4] = np.inf
    depth[1, 0, 5, 5] *= 40  # beyond the limits of the part in depth
    coarse = [random.normal(0, 1, (2, 1, PADDED // factor, PADDED // factor)) for factor in SCALES]
    numbers = depth, random.normal(-2, 1, depth.shape), np.log(base / unit), unit
    depth, spread, base, unit = (torch.from_numpy(x) for x in numbers)
    return Prediction(depth, spread, tuple(map(torch.from_numpy, coarse)), base, unit), torch.from_numpy(
        truth
    )


def places(mask: np.ndarray) -> list[tuple[int, int, int]]:
    """(image, row, column) where a mask is set."""
    return [(b, v, u) for b, _, v, u in zip(*np.nonzero(mask), strict=True)]


def pixels(truth: np.ndarray) -> list[tuple[int, int, int]]:
    """Those with a truth."""
    return places((truth > 0) & np.isfinite(truth))


def slow_parts(prediction: Prediction, truth: np.ndarray) -> dict[str, float]:
    """Each part of the loss, pixel by pixel."""
    depth, spread, base, unit = (
        x.detach().numpy() for x in (prediction.depth, prediction.spread, prediction.base, prediction.unit)
    )
    there = pixels(truth)
    error = {(b, v, u): math.log(depth[b, 0, v, u] / truth[b, 0, v, u]) for b, v, u in there}
    first = {
        (b, v, u): base[b, 0, v, u] - math.log(truth[b, 0, v, u] / unit[b, 0, 0, 0]) for b, v, u in there
    }
    weight = {
        b: 1 / (FLOOR + mean(abs(x) for at, x in first.items() if at[0] == b)) for b in range(len(truth))
    }
    return {
        "log": mean(weight[at[0]] * abs(x) for at, x in error.items()),
        "coarse": slow_coarse(prediction, truth, weight),
        "linear": slow_linear(prediction, truth),
        "edges": slow_edges(error, weight),
        "sky": slow_sky(depth, truth),
        "spread": slow_spread(error, spread, truth),
    }


def mean(values) -> float:
    values = list(values)
    return sum(values) / max(len(values), 1)


def slow_coarse(prediction: Prediction, truth: np.ndarray, weight: dict[int, float]) -> float:
    """Against the four pixels about the middle of each cell."""
    unit, total = prediction.unit.numpy(), 0.0
    for (factor, share), log in zip(SCALES.items(), prediction.coarse, strict=True):
        middle = factor // 2 - 1, factor // 2
        for row, column in ((row, column) for row in middle for column in middle):
            right = {(b, v, u): math.log(truth[b, 0, v, u] / unit[b, 0, 0, 0]) for b, v, u in pixels(truth)}
            errors = [
                weight[b] * abs(log[b, 0, v // factor, u // factor].item() - there)
                for (b, v, u), there in right.items()
                if (v % factor, u % factor) == (row, column)
            ]
            total += share * mean(errors) / 4
    return total


def slow_linear(prediction: Prediction, truth: np.ndarray) -> float:
    depth, first = prediction.depth.detach().numpy(), (prediction.base.exp() * prediction.unit).numpy()
    there, values = pixels(truth), []
    for b in range(len(truth)):
        here = [(v, u) for at, v, u in there if at == b]
        typical = mean(truth[b, 0, v, u] for v, u in here)
        before = mean(min(10, abs(first[b, 0, v, u] - truth[b, 0, v, u]) / typical) for v, u in here)
        for v, u in here:
            error = min(10, abs(depth[b, 0, v, u] - truth[b, 0, v, u]) / typical)
            values.append((error + 0.5 * min(3, error) ** 2) / (FLOOR + before))
    return mean(values)


def slow_edges(error: dict, weight: dict[int, float]) -> float:
    total = 0.0
    for stride in (1, 2, 4):
        for down, right in ((0, stride), (stride, 0)):
            pairs = [
                ((b, v, u), (b, v + down, u + right))
                for b, v, u in error
                if v % stride == u % stride == 0 and (b, v + down, u + right) in error
            ]
            total += mean(weight[one[0]] * abs(error[one] - error[other]) for one, other in pairs)
    return total / 3


def slow_sky(depth: np.ndarray, truth: np.ndarray) -> float:
    farthest = [x[np.isfinite(x)].max() for x in truth]
    sky = places(np.isinf(truth))
    return mean(max(0, math.log(farthest[b] / depth[b, 0, v, u])) for b, v, u in sky)


def slow_spread(error: dict, spread: np.ndarray, truth: np.ndarray) -> float:
    """Minus the log of a logistic distribution's density, of the log of the error."""
    seen = {at: abs(x) for at, x in error.items()} | dict.fromkeys(places(np.isinf(truth)), 1)
    distances = [math.log(x + 1e-4) - spread[b, 0, v, u] for (b, v, u), x in seen.items()]
    return mean(-math.log(math.exp(-z) / (1 + math.exp(-z)) ** 2) for z in distances)


@pytest.mark.parametrize("seed", [0, 1])
def test_every_part_equals_the_slow_one_and_the_loss_is_their_weighted_sum(seed):
    prediction, truth = example(seed)
    values = MSPNLiteLoss(linear=0.5, edges=0.4, spread=0.1, sky=0.03)(prediction, {"depth": truth})
    expected = slow_parts(prediction, truth.numpy())
    assert values.keys() == {"loss", *expected}
    for name, value in expected.items():
        assert values[name].item() == pytest.approx(value, rel=1e-5), name
    shares = {"log": 1, "coarse": 1, "linear": 0.5, "edges": 0.4, "spread": 0.1, "sky": 0.03}
    assert values["loss"].item() == pytest.approx(
        sum(k * expected[name] for name, k in shares.items()), rel=1e-5
    )


@pytest.mark.parametrize("factor", [1.5, 0.9, 1])
def test_what_is_no_better_than_the_first_fill_costs_nearly_one_unless_that_is_nearly_right(factor):
    prediction, truth = example()
    known = (truth > 0) & truth.isfinite()
    first = torch.where(known, factor * truth, prediction.unit)
    same = prediction._replace(depth=first, base=torch.log(first / prediction.unit))
    values, error = MSPNLiteLoss()(same, {"depth": truth}), abs(math.log(factor))
    assert values["log"].item() == pytest.approx(error / (error + FLOOR), rel=1e-6)
    assert values["edges"].item() == pytest.approx(0, abs=1e-9)


def test_all_parts_are_the_same_in_a_world_of_another_scale():
    prediction, truth = example()
    larger = prediction._replace(depth=50 * prediction.depth, unit=50 * prediction.unit)
    values, others = (MSPNLiteLoss()(p, {"depth": t}) for p, t in ((prediction, truth), (larger, 50 * truth)))
    assert {name: x.item() for name, x in others.items()} == pytest.approx(
        {name: x.item() for name, x in values.items()}, rel=1e-6
    )


def gradients(truth: torch.Tensor, prediction: Prediction) -> tuple[dict, list[torch.Tensor]]:
    """Parts of the loss, and the gradient at depth, spread and the coarse depths."""
    leaves = [x.clone().requires_grad_() for x in (prediction.depth, prediction.spread, *prediction.coarse)]
    moved = prediction._replace(depth=leaves[0], spread=leaves[1], coarse=tuple(leaves[2:]))
    values = MSPNLiteLoss()(moved, {"depth": truth})
    return values, torch.autograd.grad(values["loss"], leaves)


def test_without_any_truth_the_loss_is_zero_and_moves_nothing():
    prediction, truth = example()
    values, moves = gradients(torch.zeros_like(truth), prediction)
    assert not any(value.item() for value in values.values())
    assert not any(move.any() for move in moves)


def test_sky_alone_moves_depth_away_and_the_expected_error_up_and_nothing_else():
    prediction, truth = example()
    prediction = prediction._replace(
        depth=torch.full_like(truth, 0.5) * prediction.unit, spread=torch.full_like(truth, -2)
    )
    values, (depth, spread, *coarse) = gradients(torch.full_like(truth, math.inf), prediction)
    assert all(value.isfinite() for value in values.values())
    assert (
        not values["log"]
        and not values["linear"]
        and not values["edges"]
        and not any(x.any() for x in coarse)
    )
    assert (depth < 0).all() and (spread < 0).all()


def test_pixels_without_truth_and_sky_that_is_far_enough_move_no_depth():
    prediction, truth = example()
    prediction.depth[0, 0, :4] = 1e4
    _, (depth, spread, *_) = gradients(truth, prediction)
    known = (truth > 0) & truth.isfinite()
    assert not depth[~known].any() and depth[known].any() and depth.isfinite().all()
    assert not spread[truth == 0].any() and (spread[truth > 0] != 0).any()


def test_the_expected_error_is_right_about_the_median_and_moves_no_depth():
    prediction, truth = example()
    error = (prediction.depth / truth).log().abs()
    known = (truth > 0) & truth.isfinite()
    typical = math.log(error[known].median())
    batch, parts = {"depth": torch.where(known, truth, 0.0)}, []
    for spread in (typical - 0.5, typical, typical + 0.5):
        said = prediction._replace(spread=torch.full_like(truth, spread))
        parts.append(MSPNLiteLoss()(said, batch)["spread"].item())
    assert parts[1] == min(parts)
    leaf = prediction.depth.clone().requires_grad_()
    value = MSPNLiteLoss()(prediction._replace(depth=leaf), {"depth": truth})["spread"]
    assert not value.requires_grad


def test_a_perfect_prediction_has_finite_gradients():
    prediction, truth = example()
    perfect = torch.where((truth > 0) & truth.isfinite(), truth, prediction.unit)
    first = prediction._replace(depth=perfect, base=torch.log(perfect / prediction.unit))
    values, moves = gradients(truth, first)
    assert values["log"] == 0 and values["linear"] == 0 and values["edges"] < 1e-9
    assert all(move.isfinite().all() for move in moves)
