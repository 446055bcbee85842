"""The losses of BP-Net and DMD3C: against NumPy and loops over pixels and patches, and where all is flat."""

from __future__ import annotations

import math
from statistics import median_low
from typing import NamedTuple

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from depth_completion_training.losses.distillation import (  # noqa: E402
    DMD3CLoss,
    DMD3CReleasedLoss,
    MultiScaleMSE,
    PretrainingLoss,
    depth_of_mono,
    inverse_in_metres,
)
from depth_completion_training.losses.random_patches import RandomPatchLoss  # noqa: E402
from depth_completion_training.losses.scale_shift import SSILoss, gradient_term, residual  # noqa: E402
from depth_completion_training.networks.toy_network import Prediction, ToyNetwork  # noqa: E402
from depth_completion_training.task import CompletionTask  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


class Pyramid(NamedTuple):
    """A prediction of several outputs, as that of BP-Net."""

    depth: torch.Tensor
    outputs: tuple[torch.Tensor, ...]


def example(shape=(3, 1, 19, 23), seed=0, dtype=torch.float32):
    """A prediction, a map that follows it roughly, and a mask."""
    random = torch.Generator().manual_seed(seed)
    depth = 2 + 20 * torch.rand(shape, generator=random, dtype=dtype)
    mono = 0.3 + 0.02 * depth + 0.1 * torch.rand(shape, generator=random, dtype=dtype)
    return depth, mono, torch.rand(shape, generator=random) < 0.7


def distillation_batch(seed=0):
    random = torch.Generator().manual_seed(seed)
    depth = 2 + 20 * torch.rand(2, 1, 32, 48, generator=random)
    depth[torch.rand(depth.shape, generator=random) < 0.6] = 0
    mono = torch.rand(2, 1, 32, 48, generator=random)
    mono[0, 0, :4] = 0
    image = torch.randint(0, 256, (2, 3, 32, 48), generator=random, dtype=torch.uint8)
    sparse = depth.where(torch.rand(depth.shape, generator=random) < 0.2, 0.0)
    return {"image": image, "sparse": sparse, "depth": depth, "mono": mono}


def outputs(count=6, seed=1):
    random = torch.Generator().manual_seed(seed)
    return tuple((1 + 20 * torch.rand(2, 1, 32, 48, generator=random)).requires_grad_() for _ in range(count))


# Scale and shift ---------------------------------------------------------------------------------


def test_a_map_is_aligned_by_least_squares_as_numpy_has_them():
    depth, mono, mask = example()
    rest = residual(depth, mono.where(mask, math.nan), mask)
    for image in range(3):
        inside = mask[image].numpy()
        m, d = mono[image].numpy()[inside].astype(float), depth[image].numpy()[inside].astype(float)
        solution = np.linalg.lstsq(np.column_stack([m, np.ones_like(m)]), d, rcond=None)[0]
        expected = d - (solution[0] * m + solution[1])
        np.testing.assert_allclose(rest[image].numpy()[inside], expected, atol=2e-5)
        assert not rest[image].numpy()[~inside].any()


@pytest.mark.parametrize(("factor", "shift"), [(7.0, 0.0), (1.0, -3.0), (-0.01, 0.4), (300.0, 1000.0)])
def test_scale_and_shift_of_the_map_do_not_matter(factor, shift):
    depth, mono, mask = example(dtype=torch.float64)
    mono = mono.float().double()  # so that both maps are exact
    one = SSILoss()(depth, mono, mask)
    other = SSILoss()(depth, factor * mono + shift, mask)
    assert all(other[name].item() == pytest.approx(one[name].item(), rel=1e-9) for name in one)
    single = SSILoss()(depth.float(), (factor * mono + shift).float(), mask)
    assert all(single[name].item() == pytest.approx(one[name].item(), rel=1e-3) for name in one)
    if abs(shift) < 10 * abs(factor):  # else the map itself has too few digits left in float32
        assert all(single[name].item() == pytest.approx(one[name].item(), rel=1e-5) for name in one)


def test_a_map_that_differs_by_scale_and_shift_alone_has_no_error():
    depth, _, mask = example()
    values = SSILoss()(depth, 0.03 * depth - 0.5, mask)
    assert values["ssi"] < 2e-5 and values["gradient"] < 2e-4


def test_the_loss_does_not_push_at_scale_and_shift_of_the_prediction():
    depth, mono, mask = example(dtype=torch.float64)
    depth.requires_grad_()
    SSILoss()(depth, mono, mask)["loss"].backward()
    for direction in (torch.ones_like(mono), mono):
        along = (depth.grad * direction).sum((1, 2, 3))
        assert torch.allclose(along, torch.zeros_like(along), atol=1e-12)
    assert not depth.grad[~mask].any() and depth.grad[mask].any()


def test_gradients_are_those_of_small_differences():
    depth, mono, mask = example((2, 1, 5, 6), dtype=torch.float64)
    loss = SSILoss(gradient=0.5)
    assert torch.autograd.gradcheck(
        lambda d: loss(d, mono, mask)["loss"], depth.requires_grad_(), eps=1e-7, atol=1e-5
    )


def slow_gradient_term(rest, mask):
    images = []
    for image in range(len(rest)):
        total = 0.0
        for step in (1, 2, 4, 8):
            r, m = rest[image, 0, ::step, ::step].tolist(), mask[image, 0, ::step, ::step].tolist()
            height, width, here = len(r), len(r[0]), 0.0
            for y in range(height):
                for x in range(width):
                    if x + 1 < width and m[y][x] and m[y][x + 1]:
                        here += abs(r[y][x + 1] - r[y][x])
                    if y + 1 < height and m[y][x] and m[y + 1][x]:
                        here += abs(r[y + 1][x] - r[y][x])
            total += here / max(sum(map(sum, m)), 1)
        if mask[image].any():
            images.append(total)
    return sum(images) / max(len(images), 1)


@pytest.mark.parametrize("shape", [(3, 1, 19, 23), (2, 1, 8, 5), (1, 1, 1, 1)])
def test_the_gradient_term_is_that_of_a_loop_over_pixels_at_four_scales(shape):
    depth, mono, mask = example(shape)
    mask[0] = False
    rest = residual(depth, mono, mask)
    assert gradient_term(rest, mask).item() == pytest.approx(slow_gradient_term(rest, mask), rel=1e-5)


def test_the_gradient_term_is_optional_and_counts_by_its_weight():
    depth, mono, mask = example()
    without, half = SSILoss(gradient=0)(depth, mono, mask), SSILoss(gradient=0.5)(depth, mono, mask)
    assert set(without) == {"loss", "ssi"} and without["loss"] == half["ssi"]
    assert torch.isclose(half["loss"], half["ssi"] + 0.5 * half["gradient"])


CASES = {
    "flat map": lambda d, m, k: (d, torch.full_like(m, 0.7), k),
    "flat prediction": lambda d, m, k: (torch.full_like(d, 5.0), m, k),
    "both flat": lambda d, m, k: (torch.full_like(d, 5.0), torch.zeros_like(m), k),
    "no pixel": lambda d, m, k: (d, m, torch.zeros_like(k)),
    "one pixel": lambda d, m, k: (d, m, torch.zeros_like(k).index_fill(3, torch.tensor([2]), True) & only(k)),
    "unknown outside": lambda d, m, k: (d, m.where(k, torch.tensor(math.inf)), k),
}


def only(mask):
    row = torch.zeros_like(mask)
    row[:, :, 1] = True
    return row


@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_are_finite_whatever_the_input(case):
    depth, mono, mask = CASES[case](*example())
    depth = depth.clone().requires_grad_()
    values = SSILoss()(depth, mono, mask)
    values["loss"].backward()
    assert all(torch.isfinite(value) for value in values.values()) and torch.isfinite(depth.grad).all()
    if case in ("no pixel", "one pixel", "both flat", "flat prediction"):
        assert values["loss"].item() == pytest.approx(0, abs=1e-5)
    if case == "flat map":  # the best that a flat map can be is the mean
        middle = [d[m].mean() for d, m in zip(depth, mask, strict=True)]
        errors = [(d[m] - c).abs().mean() for d, m, c in zip(depth, mask, middle, strict=True)]
        assert torch.isclose(values["ssi"], sum(errors) / 3)


# Random patches ----------------------------------------------------------------------------------


def normalised(values):
    """Values as the released code has them in a patch: median 0, MAD 1, of the lower middle value."""
    middle = median_low(values)
    spread = median_low([abs(value - middle) for value in values])
    return [(value - middle) / (spread + 1e-6) for value in values], spread


def slow_patches(outputs, target, windows, least_spread):
    losses = []
    for output in outputs:
        errors = []
        for top, left, height, width in windows:
            window = np.s_[0, top : top + height, left : left + width]
            for image in range(len(target)):
                wanted, spread = normalised(target[image][window].flatten().tolist())
                if spread > least_spread:
                    mine, _ = normalised(output[image][window].flatten().tolist())
                    errors.append(np.mean([abs(a - b) for a, b in zip(mine, wanted, strict=True)]))
        losses.append(np.mean(errors) if errors else 0.0)
    return losses


def test_patches_are_those_of_a_loop_over_outputs_patches_and_images():
    loss, target = RandomPatchLoss(patches=6), 1 / (distillation_batch()["mono"] + 0.5)
    target[0, 0, :, :20] = 1.3  # some patches have no structure
    torch.manual_seed(5)
    values = loss(outputs(3), target)
    torch.manual_seed(5)
    windows = loss.windows(32, 48)
    expected = slow_patches(outputs(3), target, windows, loss.least_spread)
    np.testing.assert_allclose(values.detach().numpy(), expected, rtol=1e-4)


def test_patches_are_as_large_as_released_inside_the_image_and_follow_the_seed():
    loss = RandomPatchLoss(patches=200)
    torch.manual_seed(3)
    windows, others = loss.windows(256, 1216), loss.windows(256, 1216)
    torch.manual_seed(3)
    assert loss.windows(256, 1216) == windows != others and len(windows) == 200
    for top, left, height, width in windows:
        assert 32 <= height <= 128 and 152 <= width <= 608 and abs(width / 1216 - height / 256) < 1 / 256
        assert 0 <= top <= 256 - height and 0 <= left <= 1216 - width
    tops, lefts = ([window[at] for window in windows] for at in (0, 1))
    assert min(tops) < 20 and max(tops) > 150 and min(lefts) < 100 and max(lefts) > 750


def test_patches_without_structure_in_the_target_take_no_part():
    """Where more than half of a patch is constant, the released loss divides by 1e-6."""
    torch.manual_seed(0)
    given = outputs(2)
    sky = torch.full((2, 1, 32, 48), 2.0)
    values = RandomPatchLoss()(given, sky)
    values.sum().backward()
    assert not values.any() and all(not output.grad.any() for output in given)
    half = sky.clone()
    half[..., 16:, :] = 1 / (0.5 + torch.rand(2, 1, 16, 48))
    values = RandomPatchLoss()(outputs(2), half)
    assert (values > 0).all() and (values < 20).all()


def test_scale_and_shift_of_an_output_do_not_matter_in_patches():
    (output,), target = outputs(1), 1 / (distillation_batch()["mono"] + 0.5)
    values = []
    for mine in (output, 3 * output + 10, target):
        torch.manual_seed(2)
        values.append(RandomPatchLoss()([mine], target).item())
    assert values[1] == pytest.approx(values[0], rel=1e-4) and values[2] < 1e-6


@pytest.mark.parametrize("wrong", [{"patches": 0}, {"least": 0.0}, {"least": 0.6}, {"greatest": 1.1}])
def test_patches_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match="Random patches are .* shares above 0"):
        RandomPatchLoss(**wrong)


# The losses of the recipes -----------------------------------------------------------------------


def test_the_squared_error_counts_all_pixels_and_the_finest_output_most():
    given, batch = outputs(), distillation_batch()
    batch["depth"][1, 0, 0] = math.inf
    truth = batch["depth"].numpy()
    expected = 0.0
    for at, output in enumerate(given):
        inside = (truth > 1e-3) & np.isfinite(truth)
        error = (output.detach().numpy() - np.where(inside, truth, 0))[inside]
        expected += 4.0 ** (at - 5) * (error.astype(float) ** 2).sum() / truth.size
    values = MultiScaleMSE()(Pyramid(given[-1], given), batch)
    assert values["loss"].item() == pytest.approx(expected, rel=1e-5)
    values["loss"].backward()
    assert all(torch.isfinite(output.grad).all() and output.grad.any() for output in given)


def test_a_network_with_one_output_is_that_of_a_pyramid_with_one():
    (depth,), batch = outputs(1), distillation_batch()
    for loss in (MultiScaleMSE(), DMD3CReleasedLoss()):
        values = []
        for prediction in (Prediction(depth), Pyramid(depth, (depth,))):
            torch.manual_seed(1)
            values.append(loss(prediction, batch)["loss"].item())
        assert values[0] == values[1] > 0


def test_the_loss_of_the_paper_is_the_sum_of_its_three_terms():
    (depth,), batch = outputs(1), distillation_batch()
    values = DMD3CLoss(ssi=0.2, gradient=0.5, space="depth")(Prediction(depth), batch)
    mono = batch["mono"]
    there = batch["depth"] > 0
    errors = [(d[t] - g[t]).abs().mean() for d, g, t in zip(depth, batch["depth"], there, strict=True)]
    assert torch.isclose(values["l1"], sum(errors) / 2)
    parts = SSILoss(gradient=0.5)(depth, 1 / (mono + 0.5), mono > 0)
    assert torch.isclose(values["ssi"], parts["ssi"]) and torch.isclose(values["gradient"], parts["gradient"])
    assert torch.isclose(values["loss"], values["l1"] + 0.2 * (parts["ssi"] + 0.5 * parts["gradient"]))


def test_in_inverse_depth_a_map_up_to_scale_and_shift_has_no_error():
    (depth,), batch = outputs(1), distillation_batch()
    depth = (1 + 30 * torch.rand_like(depth)).requires_grad_()
    batch["mono"] = 0.7 / depth.detach() + 0.1
    batch["mono"][..., 0] = 0  # sky, whatever is predicted there
    values = DMD3CLoss()(Prediction(depth), batch)
    assert values["ssi"] < 1e-4 and values["gradient"] < 1e-3
    assert DMD3CLoss(space="depth")(Prediction(depth), batch)["ssi"] > 0.5
    with pytest.raises(ValueError, match="space of the SSI loss is 'log'; it must be inverse or depth"):
        DMD3CLoss(space="log")


def test_inverse_depth_is_in_metres_near_the_usual_depth_and_finite_everywhere():
    depth = torch.full((1, 1, 4, 5), 8.0)
    mask = torch.ones_like(depth, dtype=torch.bool)
    moved = depth + torch.linspace(-0.01, 0.01, 20).view_as(depth)
    change = inverse_in_metres(moved, mask) - inverse_in_metres(depth, mask)
    assert torch.allclose(change, depth - moved, rtol=0.01, atol=1e-5)
    strange = torch.tensor([-3.0, 0.0, 1e-9, 8.0, 1e6]).reshape(1, 1, 1, 5).requires_grad_()
    inverse_in_metres(strange, torch.ones(1, 1, 1, 5, dtype=torch.bool)).sum().backward()
    assert strange.grad.isfinite().all()


def test_the_released_loss_is_the_sum_over_all_outputs_of_both_terms():
    given, batch = outputs(), distillation_batch()
    torch.manual_seed(4)
    values = DMD3CReleasedLoss(patches=0.5)(Pyramid(given[-1], given), batch)
    torch.manual_seed(4)
    patches = RandomPatchLoss()(given, depth_of_mono(batch["mono"]))
    expected = MultiScaleMSE()(Pyramid(given[-1], given), batch)["loss"]
    expected = expected + 0.5 * sum(4.0 ** (at - 5) * patch for at, patch in enumerate(patches))
    assert torch.isclose(values["loss"], expected) and torch.isclose(values["patch"], patches[-1])


def test_inverse_depth_in_the_unit_interval_becomes_depth_from_two_thirds_to_two():
    assert torch.allclose(depth_of_mono(torch.tensor([0.0, 0.5, 1.0])), torch.tensor([2.0, 1.0, 2 / 3]))


def test_pretraining_keeps_to_the_scale_of_the_points_or_not():
    _, batch = outputs(1), distillation_batch()
    batch["depth"][0, 0, 0] = math.inf
    batch["depth"][1] = 0
    prediction = Prediction(2 * batch["depth"].where(batch["depth"].isfinite(), 1.0) + 1)
    known = batch["depth"][0][(batch["depth"][0] > 0) & batch["depth"][0].isfinite()]
    assert torch.isclose(PretrainingLoss()(prediction, batch)["loss"], (known + 1).mean())
    assert PretrainingLoss("ssi")(prediction, batch)["loss"] < 1e-4
    rough = batch["depth"] * (1 + 0.1 * torch.rand_like(batch["depth"]))
    losses = {
        factor: PretrainingLoss("ssi")(Prediction(factor * rough.nan_to_num(posinf=1.0)), batch)["loss"]
        for factor in (1, 0.01)
    }
    flat = PretrainingLoss("ssi")(Prediction(torch.ones_like(rough)), batch)["loss"]
    assert torch.isclose(losses[1], losses[0.01], rtol=1e-3) and flat > 3 * losses[1] > 0
    with pytest.raises(ValueError, match="The loss of pretraining is 'l2'; it must be l1 or ssi."):
        PretrainingLoss("l2")


LOSSES = [
    DMD3CLoss(),
    DMD3CLoss(space="depth"),
    DMD3CReleasedLoss(),
    PretrainingLoss(),
    PretrainingLoss("ssi"),
    MultiScaleMSE(),
]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_every_loss_trains_a_network_with_a_depth_alone(loss):
    task = CompletionTask(ToyNetwork(4), loss)
    task.log = lambda *args, **kwargs: None
    torch.nn.init.normal_(task.network.layers[-1].weight)
    task.training_step(distillation_batch(), 0).backward()
    assert all(torch.isfinite(p.grad).all() and p.grad.any() for p in task.network.parameters())


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_without_truth_and_map_losses_are_zero_and_finite(loss):
    (depth,), batch = outputs(1), distillation_batch()
    batch["depth"].zero_()
    batch["mono"].zero_()
    values = loss.train()(Prediction(depth), batch)
    values["loss"].backward()
    assert values["loss"] == 0 and not depth.grad.any()


@pytest.mark.parametrize("loss", [DMD3CLoss(), DMD3CReleasedLoss()], ids=["paper", "released"])
def test_a_batch_without_a_map_is_refused_in_training_and_not_in_validation(loss):
    (depth,), batch = outputs(1), distillation_batch()
    del batch["mono"]
    with pytest.raises(ValueError, match="The batch has no 'mono'"):
        loss.train()(Prediction(depth), batch)
    values = loss.eval()(Prediction(depth), batch)
    assert values["loss"] > 0 and not {"ssi", "patch"} & values.keys()
