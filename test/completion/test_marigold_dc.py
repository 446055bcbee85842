"""Marigold-DC with tiny random networks: its depth means nothing, what guidance does to it does."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("diffusers", reason="diffusers is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

from marigold_dc_reference import slow_run  # noqa: E402
from synthetic import camera_image, points_of, slope  # noqa: E402

from depth_completion_ros import SparseDepth, create_completer  # noqa: E402
from depth_completion_ros.completion import Source  # noqa: E402
from depth_completion_ros.completion.marigold_dc.guidance import (  # noqa: E402
    Measured,
    Sampling,
    combined,
    draw,
    guided,
    predict,
)
from depth_completion_ros.completion.marigold_dc.network import Marigold  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")
SHAPE = (41, 70)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return Marigold.of_size("tiny").eval().requires_grad_(False)


@pytest.fixture(scope="module")
def completer():
    return create_completer("marigold_dc", device="cpu", steps=2, side=64)


def some(number: int, shape=SHAPE) -> SparseDepth:
    return points_of(slope(shape), number)


def given(shape=SHAPE, number=150) -> tuple[torch.Tensor, torch.Tensor]:
    """Image and measured depth as the sampler takes them."""
    rgb = torch.from_numpy(camera_image(shape).transpose(2, 0, 1)[None] / np.float32(127.5) - 1)
    return rgb, torch.from_numpy(some(number, shape).depth)


def unlike(one, other) -> float:
    return float(np.nanmax(np.abs(one.depth - other.depth)))


# Guidance --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "side", "steps"), [((32, 48), 64, 1), (SHAPE, 96, 3), ((70, 41), 64, 3)], ids=str
)
def test_depth_is_that_of_the_slow_loop(network, shape, side, steps):
    rgb, sparse = given(shape)
    noise = torch.randn(1, 4, *(-(-int(x * side / max(shape)) // 8) for x in shape))
    expected, *scale = slow_run(network, rgb, sparse, noise, steps, side)
    found, agreement = predict(network, rgb, sparse, Sampling(steps, side=side), [noise])
    assert found.shape == shape and expected.std() > 0.1 and scale != [1, 1]
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-4)
    assert (agreement == 1).all()


@pytest.mark.parametrize("without", ["memory", "rescaling", "guidance"])
def test_each_part_of_the_method_counts(network, without):
    rgb, sparse = given((32, 48))
    noise = torch.randn(1, 4, 4, 6, generator=torch.Generator().manual_seed(1))
    found, _ = predict(network, rgb, sparse, Sampling(3, side=0), [noise])
    lacking, *_ = slow_run(network, rgb, sparse, noise, 3, 48, without)
    assert (found - lacking).abs().max() > 0.02


def test_more_steps_come_nearer_to_the_measured_depth(network):
    rgb, sparse = given((64, 96))
    noise = draw((1, 4, 8, 12), Sampling())[0]
    known = sparse > 0

    def residual(depth) -> float:
        return float((depth - sparse)[known].abs().mean())

    unguided = residual(slow_run(network, rgb, sparse, noise, 10, 96, "guidance")[0])
    two, ten, fifty = (
        residual(predict(network, rgb, sparse, Sampling(steps, side=0), [noise])[0]) for steps in (2, 10, 50)
    )
    assert two < unguided and ten < 0.9 * two and fifty < 0.6 * two


def test_points_that_are_cut_off_leave_the_latents_alone(network):
    """Where the decoder's values lie beyond [-1, 1] there is no gradient, and none is made up."""
    rgb, sparse = given((32, 48))
    measured = Measured(sparse, (32, 48))
    last = network.vae.decoder.conv_out.bias
    kept = last.clone()
    try:
        last.fill_(9)
        depth = guided(network, network.encode(rgb), measured, torch.randn(1, 4, 4, 6), 2)
    finally:
        last.copy_(kept)
    assert torch.isfinite(depth).all() and depth.std() < 1e-5
    assert depth.mean() < measured.high, "the scale was not guided"


def test_relative_depth_becomes_metres_by_the_square_of_alpha_and_beta():
    sparse = torch.tensor([[2.0, 0], [0, 6]])
    measured = Measured(sparse, (4, 6))
    relative = torch.full((1, 1, 8, 8), 9.0)  # beyond the inner size, which counts nowhere
    relative[..., :4, :6] = 0.5
    depth = measured.metres(relative, torch.tensor([-2.0, 3.0]))
    torch.testing.assert_close(depth, torch.full((2, 2), 4 * (6 - 2) * 0.5 + 9 * 2.0))
    torch.testing.assert_close(measured.loss(sparse + 3), torch.tensor(3.0 + 9))


def test_measured_depth_counts_at_the_image_s_own_resolution(network):
    """Points that fall into one pixel of the inner size all take part."""
    rgb, sparse = given((64, 96), 3000)
    measured = Measured(sparse, (32, 48))
    assert len(measured.depth) == 3000
    depth = measured.metres(network.decode(torch.randn(1, 4, 4, 6)), torch.ones(2))
    assert depth.shape == (64, 96)


def test_the_ensemble_is_the_median_of_runs_that_it_is_made_of(network):
    rgb, sparse = given((32, 48))
    sampling = Sampling(2, ensemble=3, side=0, seed=5)
    noises = draw((1, 4, 4, 6), sampling)
    runs = [predict(network, rgb, sparse, sampling, [noise])[0].numpy() for noise in noises]
    depth, agreement = predict(network, rgb, sparse, sampling)
    np.testing.assert_allclose(depth, np.median(runs, axis=0), rtol=1e-6)
    deviation = np.median(np.abs(runs - np.median(runs, axis=0)), axis=0)
    np.testing.assert_allclose(agreement, 0.05 / (0.05 + deviation / depth.numpy()), rtol=1e-4)
    assert agreement.min() < 0.95


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_the_median_of_an_even_number_lies_between_the_middle_two(number):
    runs = torch.rand(number, 5, 7, generator=torch.Generator().manual_seed(number)) + 1
    np.testing.assert_allclose(combined(runs)[0], np.median(runs, axis=0), rtol=1e-6)


# The completer ---------------------------------------------------------------------------------------


def test_without_weights_a_tiny_random_network_runs_and_that_is_told(completer):
    (warning,) = completer.warnings
    assert warning.startswith("Completer 'marigold_dc' got no weights, so a tiny random network runs")
    assert "text_encoder and tokenizer" in warning
    report = completer.report()
    assert (report["variant"], report["weights"], report["steps"]) == ("tiny", "random", 2)
    asked_for = create_completer("marigold_dc", variant="tiny", device="cpu")
    assert asked_for.warnings == ["The weights of 'marigold_dc' are random: its depth is meaningless."]
    assert asdict(asked_for.sampling).items() >= asdict(Sampling(50, ensemble=1, side=768, seed=2024)).items()


def test_the_official_network_is_that_of_marigold():
    with torch.device("meta"):
        network = Marigold.of_size("official")
    assert len(network.unet.state_dict()) == 686
    assert network.unet.conv_in.weight.shape == (320, 8, 3, 3)
    assert network.context.shape == (1, 2, 1024)


@pytest.mark.parametrize("number", [2, 3, 200])
def test_any_number_of_points_is_answered_and_twice_the_same(completer, number):
    sparse = some(number)
    before = sparse.depth.copy()
    completion, again = (completer.complete(camera_image(SHAPE), sparse) for _ in range(2))
    assert np.array_equal(sparse.depth, before), "the input was changed"
    np.testing.assert_array_equal(again.depth, completion.depth)
    measured = sparse.depth > 0
    assert np.array_equal(completion.depth[measured], sparse.depth[measured])
    known = np.isfinite(completion.depth)
    assert (completion.depth[known] > 0).all() and known.mean() > 0.5
    assert (completion.source[measured] == Source.MEASURED).all()
    inferred = completion.confidence[known & ~measured]
    assert inferred.min() > 0 and inferred.max() < 1 and (completion.confidence[measured] == 1).all()


def corners() -> np.ndarray:
    sparse = np.zeros(SHAPE, np.float32)
    sparse[[0, 0, -1, -1], [0, -1, 0, -1]] = 2, 4, 6, 8
    return sparse


@pytest.mark.parametrize("sparse", [corners(), slope(SHAPE)], ids=["corners", "everything"])
def test_points_on_the_border_and_everywhere_are_answered(completer, sparse):
    completion = completer.complete(camera_image(SHAPE), SparseDepth(sparse))
    assert np.array_equal(completion.depth[sparse > 0], sparse[sparse > 0])
    assert np.isfinite(completion.depth).mean() > 0.5


def one_point() -> np.ndarray:
    sparse = np.zeros(SHAPE, np.float32)
    sparse[20, 30] = 7
    return sparse


@pytest.mark.parametrize(
    "sparse", [one_point(), corners().clip(max=2), np.full(SHAPE, 4, np.float32)], ids=["1", "4", "all"]
)
@pytest.mark.parametrize("pasted", [True, False])
def test_one_depth_is_given_to_all(completer, sparse, pasted):
    try:
        completer.keeps_measured = pasted
        completion = completer.complete(camera_image(SHAPE), SparseDepth(sparse))
    finally:
        completer.keeps_measured = True
    assert (completion.depth == sparse.max()).all() and (completion.confidence > 0).all()


def test_without_a_point_all_is_unknown(completer):
    completion = completer.complete(camera_image(SHAPE), SparseDepth(np.zeros(SHAPE, np.float32)))
    assert np.isnan(completion.depth).all() and not completion.confidence.any()


@pytest.mark.parametrize("shape", [(90, 24), (8, 8), (9, 65), (70, 99)])
@pytest.mark.parametrize("side", [0, 64])
def test_portraits_small_and_odd_images_are_answered(set_to, shape, side):
    completion = set_to(side=side, steps=1).complete(camera_image(shape), some(12, shape))
    rest = some(12, shape).depth == 0
    assert completion.depth.shape == shape and np.isfinite(completion.depth[rest]).mean() > 0.3


def test_the_seed_makes_the_depth(completer, set_to):
    sparse = some(60)
    plain = completer.complete(camera_image(SHAPE), sparse)
    other = set_to(seed=1).complete(camera_image(SHAPE), sparse)
    assert unlike(other, plain) > 0.01
    again = create_completer("marigold_dc", device="cpu", steps=2, side=64, seed=1)
    np.testing.assert_array_equal(again.complete(camera_image(SHAPE), sparse).depth, other.depth)


@pytest.mark.parametrize("change", [{"steps": 3}, {"side": 96}, {"side": 0}, {"ensemble": 2}], ids=str)
def test_every_setting_changes_the_depth(completer, set_to, change):
    plain = completer.complete(camera_image(SHAPE), some(60))
    assert unlike(set_to(**change).complete(camera_image(SHAPE), some(60)), plain) > 1e-3


def test_measured_depth_is_only_near_where_it_is_not_pasted_back():
    completer = create_completer("marigold_dc", device="cpu", steps=1, side=64, paste_back=False)
    sparse = some(100)
    depth = completer.complete(camera_image(SHAPE), sparse).depth
    assert not completer.keeps_measured
    assert np.nanmax(np.abs(depth - sparse.depth)[sparse.depth > 0]) > 0.01


def test_confidence_falls_with_disagreement_misses_and_distance(completer):
    sparse = np.zeros(SHAPE, np.float32)
    sparse[:, :30:3] = slope(SHAPE)[:, :30:3]
    raw = slope(SHAPE)
    raw[:20] *= 1.3  # missed by a quarter in the upper half
    whole, half = (
        completer.completion(raw.copy(), np.full(SHAPE, agreement, np.float32), sparse).confidence
        for agreement in (1, 0.5)
    )
    assert whole[10, 10] < 0.3 < 0.7 < whole[30, 10]
    assert whole[30, 69] < whole[30, 40] < whole[30, 31]
    np.testing.assert_allclose(half[sparse == 0], whole[sparse == 0] / 2, rtol=1e-6)


def test_the_inner_size_limits_what_the_networks_see(set_to):
    completer, sparse = set_to(side=768), some(200, (80, 120))
    try:
        completer.inner_size = 64
        limited = completer.complete(camera_image((80, 120)), sparse)
        same = set_to(side=64).complete(camera_image((80, 120)), sparse)
    finally:
        completer.inner_size = 0
    np.testing.assert_array_equal(limited.depth, same.depth)
    assert np.array_equal(limited.depth[sparse.depth > 0], sparse.depth[sparse.depth > 0])


def test_bfloat16_changes_the_depth_little(completer):
    rough = create_completer("marigold_dc", device="cpu", steps=2, side=64, precision="bfloat16")
    exact, other = (each.complete(camera_image(SHAPE), some(200)).depth for each in (completer, rough))
    assert rough.network.unet.dtype == torch.bfloat16
    assert 0 < np.nanmedian(np.abs(other / exact - 1)) < 0.1


def test_gradients_are_left_in_no_parameter(completer):
    completer.complete(camera_image(SHAPE), some(9))
    assert all(values.grad is None for values in completer.network.parameters())
    assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()


def test_warming_up_takes_one_step_of_one_run_and_leaves_the_settings(set_to, monkeypatch):
    taken, velocity = [], Marigold.velocity
    monkeypatch.setattr(Marigold, "velocity", lambda *given: taken.append(1) or velocity(*given))
    completer = set_to(ensemble=2)
    completer.warm_up(32, 48)
    assert completer.sampling.steps == 2 and completer.sampling.ensemble == 2
    assert completer.report()["warmed up"].startswith("at 48 x 32")
    assert taken == [1]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"steps": 0}, "number of steps is 0; it must be from 1 to 999"),
        ({"ensemble": 0}, "ensemble is of 0 runs; it must be 1 or more"),
        ({"side": 32}, "Side is 32; it must be 0, for that of the image, or at least 64"),
        ({"precision": "float16"}, "'float16' is too coarse for the gradients"),
        ({"strength": 0.5}, "Completer 'marigold_dc' takes no strength, but got 0.5"),
        ({"variant": "large"}, "must be one of official, tiny"),
    ],
)
def test_a_wrong_option_is_refused_with_a_sentence(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        create_completer("marigold_dc", device="cpu", **options)


def test_grey_images_are_taken_and_none_is_refused(completer):
    grey = camera_image(SHAPE)[..., 0]
    depth = completer.complete(grey, some(9)).depth
    assert np.isfinite(depth[some(9).depth == 0]).mean() > 0.3
    np.testing.assert_array_equal(depth, completer.complete(np.stack([grey] * 3, axis=2), some(9)).depth)
    with pytest.raises(ValueError, match="Completer 'marigold_dc' needs an image"):
        completer.complete(None, some(9))
