"""MSPN-SDR as a completer: first depth, prior, confidence and source. Its weights are random here."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from synthetic import camera_image, no_points, points_of, slope  # noqa: E402

from depth_completion_ros import Frame, SparseDepth, create_completer  # noqa: E402
from depth_completion_ros.completion import Source  # noqa: E402
from depth_completion_ros.completion.learned.completer import LearnedCompleter  # noqa: E402
from depth_completion_ros.completion.mspn.completer import MSPNCompleter  # noqa: E402

SHAPE = (40, 64)
VARIANTS = MSPNCompleter.variants


def some(number: int) -> SparseDepth:
    return points_of(slope(SHAPE), number)


@pytest.fixture
def maps(tmp_path):
    """A folder of predictions: `a`, half the depth and unknown in a corner; `b`, all unknown."""
    half = slope(SHAPE) / 2
    half[:8, :8] = np.nan
    np.save(tmp_path / "a.npy", half)
    np.save(tmp_path / "b.npy", np.full_like(half, np.nan))
    return tmp_path


# The contract of every completer --------------------------------------------------------------


@pytest.mark.parametrize(("variant", "number"), list(zip(VARIANTS, (1, 40, 40, 1), strict=True)))
def test_every_variant_answers_and_keeps_what_it_says_it_keeps(mspn, variant, number):
    completer, sparse = mspn(variant), some(number)
    before = sparse.depth.copy()
    completion = completer(camera_image(SHAPE), sparse)
    assert np.array_equal(sparse.depth, before), "the input was changed"
    measured = sparse.depth > 0
    kept = np.array_equal(completion.depth[measured], sparse.depth[measured])
    assert kept == completer.keeps_measured == variant.endswith("nyu")
    same = measured & (completion.depth == sparse.depth)
    assert np.array_equal(completion.source == Source.MEASURED, same), "measured is the measurement"
    assert (completion.confidence[same] == 1).all() and (not kept or same.sum() == number)
    assert completion.confidence.min() >= 0 and completion.confidence.max() <= 1
    known = np.isfinite(completion.depth)
    assert known[~measured].any() and (completion.depth[known] > 0).all()
    assert (completion.source[~known] == Source.UNKNOWN).all()
    planes = completion.depth, completion.confidence, completion.source
    assert [(p.shape, p.dtype) for p in planes] == [(SHAPE, np.float32)] * 2 + [(SHAPE, np.uint8)]


def test_depth_and_confidence_are_those_of_the_network(mspn):
    completer, sparse = mspn("sdr_kitti"), some(300)
    completion = completer(camera_image(SHAPE), sparse)
    mean, std = (np.array(values, np.float32) for values in (completer.mean, completer.std))
    rgb = torch.from_numpy((camera_image(SHAPE) / np.float32(255) - mean) / std).permute(2, 0, 1)[None]
    first = create_completer("linear")(None, sparse).depth
    with torch.no_grad():
        output = completer.network(
            rgb, *(torch.from_numpy(plane)[None, None] for plane in (sparse.depth, first))
        )
    np.testing.assert_allclose(completion.depth, output.depth[0, 0], rtol=1e-4)
    rest = sparse.depth == 0
    np.testing.assert_allclose(completion.confidence[rest], output.mask[0, 0][rest], atol=1e-5)


def test_the_network_has_the_official_keys_and_its_weights_are_those_that_count(mspn):
    completer = mspn("conventional_nyu")
    keys = completer.network.state_dict()
    assert len(keys) == 772 and "prop_layer.mspn.rpb" in keys and "backbone.dep_dec0.0.weight" in keys
    before = completer(camera_image(SHAPE), some(20)).depth
    bias = completer.network.backbone.dep_dec0[0].bias
    bias += 1
    after = completer(camera_image(SHAPE), some(20)).depth
    bias -= 1
    assert np.nanmean(after) > np.nanmean(before)


# Without points -------------------------------------------------------------------------------


NOTHING = no_points(SHAPE)


@pytest.mark.parametrize("variant", ["sdr_nyu", "conventional_nyu"])
def test_without_points_and_prior_all_is_unknown(tiny_mspn, variant):
    completion = tiny_mspn(variant)(camera_image(SHAPE), NOTHING)
    assert np.isnan(completion.depth).all() and not completion.source.any()


def test_without_points_a_metric_prior_is_handed_on_and_one_up_to_scale_is_unknown(tiny_mspn, maps):
    frame = Frame(camera=None, image=camera_image(SHAPE), sparse_depth=NOTHING.depth, name="a")
    completion = tiny_mspn(prior=f"{maps}@metric")(frame)
    known = np.isfinite(np.load(maps / "a.npy"))
    np.testing.assert_array_equal(completion.depth, np.load(maps / "a.npy"))
    np.testing.assert_array_equal(completion.source, np.where(known, Source.PRIOR, Source.UNKNOWN))
    assert not completion.confidence.any()
    completion = tiny_mspn(prior=f"{maps}@depth")(frame)
    assert np.isnan(completion.depth).all() and not completion.source.any()


# First depth ----------------------------------------------------------------------------------


@pytest.mark.parametrize("space", ["metric", "depth"])
def test_a_prior_is_aligned_to_the_points_and_filled_where_it_knows_nothing(tiny_mspn, maps, space):
    completer, sparse = tiny_mspn(prior=f"{maps}@{space}"), some(200)
    (first,) = completer.planes(camera_image(SHAPE), sparse, None, "a")
    linear = create_completer("linear")(None, sparse).depth
    np.testing.assert_array_equal(first[:8, :8], linear[:8, :8])
    np.testing.assert_allclose(first[8:, 8:], slope(SHAPE)[8:, 8:], rtol=1e-3)
    report = completer.report()
    assert report["inliers"] == 1 and report["scale"] == pytest.approx(2, rel=1e-3)
    (first,) = completer.planes(camera_image(SHAPE), sparse, None, "b")
    np.testing.assert_array_equal(first, linear)


def test_without_a_prior_linear_completion_is_the_first_depth_and_the_report_says_so(tiny_mspn):
    completer, sparse = tiny_mspn(prior="none"), some(50)
    (first,) = completer.planes(camera_image(SHAPE), sparse, None, "")
    np.testing.assert_array_equal(first, create_completer("linear")(None, sparse).depth)
    assert completer.report()["prior"] == "none: linear completion in its place"


def test_depth_that_no_measurement_reached_is_called_the_prior_s(tiny_mspn, maps):
    far = SparseDepth(np.zeros(SHAPE, np.float32))
    far.depth[20, 2] = 6
    for completer, expected in (
        (tiny_mspn(prior=f"{maps}@metric"), Source.PRIOR),
        (tiny_mspn("conventional_kitti"), Source.PRIOR),
        (tiny_mspn(prior="none"), Source.PROPAGATED),
    ):
        results = np.stack([np.full(SHAPE, 3, np.float32), (slope(SHAPE) < 8).astype(np.float32)])
        completion = completer.completion(*results, far.depth)
        kept = completion.depth[20, 2] == 6
        assert kept == completer.keeps_measured
        assert completion.source[20, 2] == (Source.MEASURED if kept else Source.PROPAGATED)
        assert completion.source[0, 0] == Source.PROPAGATED and completion.source[-1, -1] == expected


def test_the_prior_looks_at_every_so_many_frames_and_its_age_is_reported(tiny_mspn, maps):
    completer = tiny_mspn(prior=f"{maps}@metric", prior_every=2)
    ages = []
    for name in ("a", "none, and not looked for", "a"):
        completer(Frame(camera=None, image=camera_image(SHAPE), sparse_depth=some(30).depth, name=name))
        ages.append(completer.report()["age of the prior (frames)"])
    assert ages == [0, 1, 0]
    completer.forget()
    completer(Frame(camera=None, image=camera_image(SHAPE), sparse_depth=some(30).depth, name="a"))
    assert completer.report()["age of the prior (frames)"] == 0, "a look from before was taken"


def test_on_a_gpu_that_onnxruntime_does_not_know_the_prior_runs_on_the_cpu(tiny_mspn, monkeypatch, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime knows the GPU")
    pytest.importorskip("onnx", reason="onnx is not installed")
    from test_prior import save_onnx

    save_onnx(str(tmp_path / "mean.onnx"), 28, 42)
    completer = tiny_mspn(prior=f"{tmp_path / 'mean.onnx'}@depth", device="auto")
    monkeypatch.setattr(LearnedCompleter, "move_to", lambda self, device: None)
    completer.move_to(torch.device("cuda", 0))  # as if PyTorch had it
    assert completer.report()["prior"] == "mean"


def test_weights_that_are_named_like_those_of_a_twin_are_told(tiny_mspn, official):
    completer = tiny_mspn("sdr_nyu", weights=str(official("sdr_kitti")))
    assert completer.warnings[0] == (
        "Weights 'SDR_KITTI.pt' (PyTorch) are named like those of sdr_kitti, but the variant is sdr_nyu."
    )
    (warning,) = tiny_mspn("sdr_kitti", weights=str(official("sdr_kitti"))).warnings
    assert "licence" in warning


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"variant": "conventional_nyu", "prior": "x@metric"}, "takes no prior, but got 'x@metric'"),
        ({"prior": "no_such_prior"}, "Prior 'no_such_prior' is unknown; it must be one of none, "),
        ({"variant": "sdr"}, "Variant 'sdr' .* must be one of sdr_nyu, sdr_kitti, conventional_nyu, "),
        ({"prior": "depth_anything_v2_base"}, "set allow_noncommercial"),
    ],
)
def test_what_cannot_be_made_is_refused_with_a_sentence(tiny_mspn, options, words):
    with pytest.raises(ValueError, match=words):
        tiny_mspn(**options)


def test_at_an_inner_size_depth_has_the_size_of_the_image_and_warming_up_works(mspn):
    completer = mspn(inner_size=32)
    completer.warm_up(*SHAPE)
    completion = completer(camera_image(SHAPE), some(100))
    assert np.isfinite(completion.depth).all() and completion.depth.shape == SHAPE
