"""Losses: against sums written out pixel by pixel, their gradients, and what has no truth."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from depth_completion_training.losses.masked import known, masked_mean, mean_of_images  # noqa: E402
from depth_completion_training.losses.mspn import L1L2, SILog  # noqa: E402
from depth_completion_training.networks.toy_network import Prediction  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


def example(seed=0, dtype=torch.float32):
    """Depths of three images with unknown pixels and sky; one prediction and one truth beyond 10 m."""
    random = torch.Generator().manual_seed(seed)
    truth = 1 + 8 * torch.rand(3, 1, 4, 5, generator=random, dtype=dtype)
    depth = truth * (0.7 + 0.6 * torch.rand(3, 1, 4, 5, generator=random, dtype=dtype))
    truth[torch.rand(truth.shape, generator=random) < 0.4] = 0
    truth[0, 0, 0], truth[1, 0, 0, 0], depth[2, 0, 1, 1], truth[2, 0, 1, 1] = math.inf, 12, 14, 5
    return depth, truth


def pairs(depth, truth):
    """(prediction, truth) of the pixels with a truth, a list for each image."""
    return [
        [
            (p, t)
            for p, t in zip(d.flatten().tolist(), g.flatten().tolist(), strict=True)
            if 1e-4 < t < math.inf
        ]
        for d, g in zip(depth, truth, strict=True)
    ]


def slow_l1_l2(depth, truth):
    images = []
    for image in pairs(depth, truth):
        errors = [min(max(p, 0), 10) - min(t, 10) for p, t in image]
        images.append((sum(map(abs, errors)) / len(errors), sum(e * e for e in errors) / len(errors)))
    return tuple(sum(values) / len(images) for values in zip(*images, strict=True))


def slow_silog(depth, truth):
    errors = [math.log(max(p, 1e-10)) - math.log(t) for image in pairs(depth, truth) for p, t in image]
    mean = sum(errors) / len(errors)
    return 10 * math.sqrt(sum(e * e for e in errors) / len(errors) - 0.85 * mean**2)


def test_l1_and_l2_are_means_over_the_pixels_of_each_image():
    depth, truth = example()
    values = L1L2()(Prediction(depth), {"depth": truth})
    l1, l2 = slow_l1_l2(depth, truth)
    assert values["l1"].item() == pytest.approx(l1, rel=1e-5)
    assert values["l2"].item() == pytest.approx(l2, rel=1e-5)
    assert values["loss"].item() == pytest.approx(l1 + l2, rel=1e-5)


def test_silog_is_over_all_pixels_of_the_batch():
    depth, truth = example()
    depth[0, 0, 2, 2] = -1
    assert SILog()(Prediction(depth), {"depth": truth})["loss"].item() == pytest.approx(
        slow_silog(depth, truth), rel=1e-4
    )


def test_without_its_share_silog_forgives_an_error_of_scale():
    depth, truth = example()
    depth = 2 * truth.where(known(truth), torch.ones(()))
    forgiving, exact = SILog(lambda_=1.0), SILog(lambda_=0.0)
    assert forgiving(Prediction(depth), {"depth": truth})["loss"] < 0.01
    assert exact(Prediction(depth), {"depth": truth})["loss"].item() == pytest.approx(
        10 * math.log(2), rel=1e-5
    )


@pytest.mark.parametrize("loss", [L1L2(), SILog()], ids=["l1+l2", "silog"])
def test_gradients_are_those_of_small_differences_and_none_where_there_is_no_truth(loss):
    depth, truth = example()
    depth = depth.clamp(0.5, 9.5).requires_grad_()
    loss(Prediction(depth), {"depth": truth})["loss"].backward()
    assert not depth.grad[~known(truth)].any()
    at = [tuple(index) for index in known(truth).nonzero().tolist()][::3]
    for index in at:
        moved = []
        for step in (-1e-2, 1e-2):
            other = depth.detach().clone()
            other[index] += step
            moved.append(loss(Prediction(other), {"depth": truth})["loss"].item())
        assert depth.grad[index].item() == pytest.approx((moved[1] - moved[0]) / 2e-2, rel=0.05, abs=2e-4)


@pytest.mark.parametrize("loss", [L1L2(), SILog()], ids=["l1+l2", "silog"])
@pytest.mark.parametrize("value", [0.0, math.inf], ids=["unknown", "sky"])
def test_without_any_truth_the_loss_is_zero_and_moves_nothing(loss, value):
    depth = torch.full((2, 1, 3, 3), 4.0, requires_grad=True)
    values = loss(Prediction(depth), {"depth": torch.full_like(depth, value)})
    values["loss"].backward()
    assert values["loss"] == 0 and not depth.grad.any()
    assert all(torch.isfinite(v) for v in values.values())


@pytest.mark.parametrize("loss", [L1L2(), SILog()], ids=["l1+l2", "silog"])
def test_a_perfect_prediction_has_finite_gradients(loss):
    truth = torch.tensor([[[[1.0, 2.0], [3.0, 0.0]]]])
    depth = truth.clone().requires_grad_()
    value = loss(Prediction(depth), {"depth": truth})["loss"]
    value.backward()
    assert value < 1e-3 and torch.isfinite(depth.grad).all()


def test_an_image_without_truth_does_not_count_in_the_mean_of_images():
    values = torch.tensor([[2.0, 4.0], [7.0, math.nan]]).reshape(2, 1, 1, 2)
    mask = torch.tensor([[True, True], [False, False]]).reshape(2, 1, 1, 2)
    assert mean_of_images(values, mask) == 3
    assert masked_mean(values, mask) == 3
    assert masked_mean(values, torch.zeros_like(mask)) == 0
