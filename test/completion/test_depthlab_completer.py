"""DepthLab as a completer. Its weights are random and tiny: its depth means nothing, its behaviour does."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("diffusers", reason="diffusers is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

from synthetic import camera_image, points_of, slope  # noqa: E402

from depth_completion_ros import SparseDepth, create_completer  # noqa: E402
from depth_completion_ros.completion import Source  # noqa: E402
from depth_completion_ros.completion.depthlab.network import DepthLab  # noqa: E402
from depth_completion_ros.completion.diffusion.networks import make_unet  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")
SHAPE = (41, 70)


@pytest.fixture(scope="module")
def completer():
    return create_completer("depthlab", device="cpu", steps=3)


def some(number: int, shape=SHAPE) -> SparseDepth:
    return points_of(slope(shape), number)


def unlike(one, other) -> float:
    return float(np.nanmax(np.abs(one.depth - other.depth)))


def test_without_weights_a_tiny_random_network_runs_and_that_is_told(completer):
    (warning,) = completer.warnings
    assert warning.startswith("Completer 'depthlab' got no weights, so a tiny random network runs")
    assert "denoising_unet.pth" in warning
    report = completer.report()
    assert (report["variant"], report["weights"], report["steps"]) == ("tiny", "random", 3)
    assert sum(x.numel() for x in completer.network.estimation.parameters()) == 2_154_164
    asked_for = create_completer("depthlab", variant="tiny", device="cpu")
    assert asked_for.warnings == ["The weights of 'depthlab' are random: its depth is meaningless."]
    assert asked_for.report()["steps"] == 50


def test_the_official_network_has_the_published_sizes():
    with torch.device("meta"):
        estimation, reference = make_unet("official", 12), make_unet("official", 4, head=False)
        layer = torch.nn.Linear(1024, 1024)
    sizes = [sum(x.numel() * 4 for x in net.parameters()) for net in (estimation, reference, layer)]
    assert sizes == [3_463_735_056, 3_463_594_240, 4_198_400]
    assert estimation.conv_in.weight.shape == (320, 12, 3, 3)


@pytest.mark.parametrize("number", [1, 2, 3, 200])
def test_any_size_and_any_number_of_points_is_answered_and_twice_the_same(completer, number):
    sparse = some(number)
    before = sparse.depth.copy()
    completion, again = (completer.complete(camera_image(SHAPE), sparse) for _ in range(2))
    assert np.array_equal(sparse.depth, before), "the input was changed"
    np.testing.assert_array_equal(again.depth, completion.depth)
    measured, known = sparse.depth > 0, np.isfinite(completion.depth)
    assert np.array_equal(completion.depth[measured], sparse.depth[measured])
    assert (completion.depth[known] > 0).all() and known.mean() > 0.5
    assert (completion.source[measured] == Source.MEASURED).all()
    assert (completion.source[~known] == Source.UNKNOWN).all() and not completion.confidence[~known].any()
    inferred = completion.confidence[known & ~measured]
    assert inferred.min() > 0 and inferred.max() < 1 and (completion.confidence[measured] == 1).all()


def in_a_line() -> np.ndarray:
    sparse = np.zeros(SHAPE, np.float32)
    sparse[20, ::7] = np.linspace(2, 9, 10)
    return sparse


@pytest.mark.parametrize(
    "sparse", [in_a_line(), in_a_line().clip(max=1), np.full(SHAPE, 4, np.float32), slope(SHAPE)]
)
def test_points_in_a_line_one_depth_and_depth_everywhere_are_answered(completer, sparse):
    completion = completer.complete(camera_image(SHAPE), SparseDepth(sparse))
    assert np.array_equal(completion.depth[sparse > 0], sparse[sparse > 0])
    if len(np.unique(sparse[sparse > 0])) == 1:
        np.testing.assert_allclose(completion.depth, sparse.max(), rtol=1e-6)


@pytest.mark.parametrize("shape", [(90, 24), (8, 8), (9, 65)])
def test_portraits_and_small_images_are_answered(completer, shape):
    completion, rest = completer.complete(camera_image(shape), some(12, shape)), some(12, shape).depth == 0
    assert completion.depth.shape == shape and np.isfinite(completion.depth[rest]).mean() > 0.3


def test_without_a_point_all_is_unknown(completer):
    completion = completer.complete(camera_image(SHAPE), SparseDepth(np.zeros(SHAPE, np.float32)))
    assert np.isnan(completion.depth).all() and not completion.confidence.any()


def test_the_seed_makes_the_depth(completer, set_to):
    sparse = some(60)
    plain = completer.complete(camera_image(SHAPE), sparse)
    assert unlike(set_to(seed=1).complete(camera_image(SHAPE), sparse), plain) > 0.01
    again = create_completer("depthlab", device="cpu", steps=3, seed=1)
    np.testing.assert_array_equal(
        again.complete(camera_image(SHAPE), sparse).depth,
        set_to(seed=1).complete(camera_image(SHAPE), sparse).depth,
    )


@pytest.mark.parametrize(
    "change",
    [
        {"strength": 1.0},
        {"normalize_scale": 0.5},
        {"steps": 12},
        {"steps": 1},
        {"tile": 64},
        {"padded": False},
    ],
    ids=str,
)
def test_every_setting_changes_the_depth(completer, set_to, change):
    shape, sparse = (70, 99), some(120, (70, 99))
    plain = completer.complete(camera_image(shape), sparse)
    assert unlike(set_to(**change).complete(camera_image(shape), sparse), plain) > 1e-3


def test_blending_changes_the_depth_where_whole_latents_are_known(completer, set_to):
    depth = slope((64, 96))
    depth[:, 40:] = 0
    plain, blended = (
        set_to(blend=blend).complete(camera_image((64, 96)), SparseDepth(depth)) for blend in (False, True)
    )
    assert unlike(plain, blended) > 1e-3


def test_an_image_smaller_than_a_tile_is_one(completer, set_to):
    plain = completer.complete(camera_image(SHAPE), some(60))
    assert unlike(set_to(tile=512).complete(camera_image(SHAPE), some(60)), plain) == 0


def test_tiles_share_one_scale_and_leave_no_jump_at_their_borders(set_to):
    shape = (64, 200)
    sparse = some(500, shape)
    completer = set_to(tile=64)
    completer.keeps_measured = False
    try:
        depth = completer.complete(camera_image(shape), sparse).depth
    finally:
        completer.keeps_measured = True
    steps = np.abs(np.diff(depth, axis=1)).mean(axis=0)
    borders = [45, 61, 91, 107, 135, 151]
    assert steps[borders].mean() < 2 * np.median(steps)


def test_measured_depth_is_only_near_where_it_is_not_pasted_back():
    completer = create_completer("depthlab", device="cpu", steps=3, paste_back=False)
    sparse = some(100)
    depth = completer.complete(camera_image(SHAPE), sparse).depth
    assert not completer.keeps_measured
    assert np.nanmax(np.abs(depth - sparse.depth)[sparse.depth > 0]) > 0.01


def test_confidence_falls_with_what_the_network_misses_and_with_distance(completer):
    sparse = np.zeros(SHAPE, np.float32)
    sparse[:, :30:3] = slope(SHAPE)[:, :30:3]
    raw = slope(SHAPE)
    raw[:20] *= 1.3  # missed by a quarter in the upper half
    confidence = completer.completion(raw, np.ones(SHAPE, np.float32), sparse).confidence
    assert confidence[10, 10] < 0.3 < 0.7 < confidence[30, 10]
    assert confidence[30, 69] < confidence[30, 40] < confidence[30, 31]


def test_grey_images_are_taken_and_none_is_refused(completer):
    grey = camera_image(SHAPE)[..., 0]
    depth = completer.complete(grey, some(9)).depth
    assert np.isfinite(depth[some(9).depth == 0]).mean() > 0.3
    np.testing.assert_array_equal(depth, completer.complete(np.stack([grey] * 3, axis=2), some(9)).depth)
    with pytest.raises(ValueError, match="Completer 'depthlab' needs an image"):
        completer.complete(None, some(9))


def test_bfloat16_changes_the_depth_little(completer):
    rough = create_completer("depthlab", device="cpu", steps=3, precision="bfloat16")
    exact, other = (each.complete(camera_image(SHAPE), some(200)).depth for each in (completer, rough))
    assert 0 < np.nanmedian(np.abs(other / exact - 1)) < 0.1


def test_a_smaller_inner_size_still_keeps_measured_depth():
    completer = create_completer("depthlab", device="cpu", steps=2, inner_size=48)
    sparse = some(200, (80, 120))
    completion = completer.complete(camera_image((80, 120)), sparse)
    assert np.array_equal(completion.depth[sparse.depth > 0], sparse.depth[sparse.depth > 0])


def test_warming_up_takes_one_step_and_leaves_the_settings(completer, monkeypatch):
    taken = []
    velocity = DepthLab.velocity
    monkeypatch.setattr(DepthLab, "velocity", lambda *given: taken.append(1) or velocity(*given))
    completer.warm_up(32, 48)
    assert taken == [1] and completer.sampling.steps == 3
    assert completer.report()["warmed up"].startswith("at 48 x 32")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"steps": 0}, "number of steps is 0; it must be from 1 to 999"),
        ({"strength": 0}, "Strength is 0; it must be above 0"),
        ({"normalize_scale": 2}, "bound of normalised depth is 2; it must be above 0"),
        ({"tile": 8}, "Tile is 8; it must be 0, for one tile, or at least 64"),
        ({"colour": "red"}, "Completer 'depthlab' takes no colour, but got 'red'"),
        ({"prior": "midas"}, "takes no prior"),
        ({"variant": "large"}, "must be one of official, tiny"),
    ],
)
def test_a_wrong_option_is_refused_with_a_sentence(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        create_completer("depthlab", device="cpu", **options)


def test_settings_of_one_completer_are_refused_by_others():
    with pytest.raises(ValueError, match="Completer 'nearest' takes no steps, but got 4"):
        create_completer("nearest", steps=4)
