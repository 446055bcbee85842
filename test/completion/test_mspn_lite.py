"""MSPN-lite as a completer, with the weights that ship with the package."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from synthetic import SHAPE, camera_image, points_of, slope  # noqa: E402

from depth_completion_ros import Frame, SparseDepth, create_completer  # noqa: E402
from depth_completion_ros.completion import Source  # noqa: E402
from depth_completion_ros.completion.mspn_lite.completer import (  # noqa: E402
    SHIPPED,
    TYPICAL_M,
    USUAL_SIZE,
    MSPNLiteCompleter,
)
from depth_completion_ros.core import compute_metrics  # noqa: E402
from depth_completion_ros.data import open_reader  # noqa: E402
from depth_completion_ros.demo.drive import make_demo_drive  # noqa: E402
from depth_completion_ros.evaluation.protocols import parse_protocol  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")
NOTHING = SparseDepth(np.zeros(SHAPE, np.float32))


def made(**options):
    return create_completer("mspn_lite", device="cpu", **{"precision": "float32", **options})


@pytest.fixture(scope="module")
def completer():
    """One for all tests that leave nothing behind in it."""
    return made()


def some(number: int, factor: float = 1) -> SparseDepth:
    return points_of(slope() * np.float32(factor), number)


@pytest.fixture
def maps(tmp_path):
    """A folder of predictions `a`: twice the depth, with an object that no point tells of."""
    prediction = 2 * slope()
    prediction[20:40, 30:60] /= 3
    np.save(tmp_path / "a.npy", prediction)
    return tmp_path


def frame(sparse: SparseDepth) -> Frame:
    return Frame(camera=None, image=camera_image(), sparse_depth=sparse.depth, name="a")


# What ships --------------------------------------------------------------------------------------


def test_it_has_the_weights_of_the_package_and_nothing_to_warn_of():
    completer = create_completer("mspn_lite")
    report = completer.report()
    assert completer.name == "mspn_lite" and not completer.warnings and not completer.degradations
    assert report["variant"] == "general" and report["licence of the weights"] == "Apache-2.0"
    assert report["weights"] == "those that ship with the package"


def test_without_pytorch_it_says_what_to_install(without_torch):
    assert without_torch("""
from depth_completion_ros import create_completer
try:
    create_completer("mspn_lite")
except ImportError as error:
    print(error)
""") == [
        "Completer 'mspn_lite' needs the Python package 'torch', which is not installed: "
        "pip install 'depth_completion_ros[torch]'."
    ]


# The contract of every completer -----------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 2, 3, 40, SHAPE[0] * SHAPE[1]])
def test_any_number_of_points_is_answered_everywhere_and_twice_the_same(completer, number):
    sparse, image = some(number), camera_image()
    before = sparse.depth.copy(), image.copy()
    completion = completer(image, sparse)
    assert np.array_equal(sparse.depth, before[0]) and np.array_equal(image, before[1]), (
        "the input was changed"
    )
    planes = completion.depth, completion.confidence, completion.source
    assert [(p.shape, p.dtype) for p in planes] == [(SHAPE, np.float32)] * 2 + [(SHAPE, np.uint8)]
    assert np.isfinite(completion.depth).all() and (completion.depth > 0).all()
    measured = sparse.depth > 0
    assert (completion.confidence[measured] == 1).all()
    assert (completion.confidence >= 0).all() and (completion.confidence <= 1).all()
    assert (completion.source == np.where(measured, Source.MEASURED, Source.PROPAGATED)).all()
    again = completer(image, sparse)
    assert np.array_equal(again.depth, completion.depth)
    assert np.array_equal(again.confidence, completion.confidence)


def test_measured_is_the_measurement_and_an_overruled_point_is_not_called_measured(completer):
    """A point of another depth amid a flat wall, as of a beam that passes through."""
    depth = np.zeros(SHAPE, np.float32)
    depth[::4, ::4] = 10
    depth[SHAPE[0] // 8 * 4, SHAPE[1] // 8 * 4] = 60
    completion = completer(camera_image(), SparseDepth.from_depth(depth))
    measured = completion.source == Source.MEASURED
    assert measured.sum() > 0.9 * (depth > 0).sum()
    np.testing.assert_array_equal(completion.depth[measured], depth[measured])
    assert (completion.confidence[measured] == 1).all()
    overruled = (depth > 0) & ~measured
    assert overruled[depth == 60].all(), "the network takes the stray point for the wall"
    assert (completion.source[overruled] == Source.PROPAGATED).all()
    assert (completion.confidence[overruled] < 1).all()
    assert (np.abs(completion.depth[overruled] / depth[overruled] - 1) > 0.05).all()


def test_depth_and_confidence_are_those_of_the_network(completer):
    sparse = some(20)  # few enough for linear completion to have no part
    completion = completer(camera_image(), sparse)
    mean, std = (np.array(values, np.float32) for values in (completer.mean, completer.std))
    rgb = torch.from_numpy((camera_image() / np.float32(255) - mean) / std).permute(2, 0, 1)[None]
    planes = sparse.depth, *completer.planes(camera_image(), sparse, None, "")
    with torch.no_grad():
        depth, spread, *_ = completer.network(rgb, *(torch.from_numpy(plane)[None, None] for plane in planes))
    near = np.abs(depth[0, 0].numpy() / np.where(sparse.depth > 0, sparse.depth, np.inf) - 1) <= 0.05
    expected = np.where(near, sparse.depth, depth[0, 0])
    np.testing.assert_allclose(completion.depth, expected, rtol=1e-4)
    # The log of the error is logistic about the spread: the share of it below log 5 %.
    expected = 1 / (1 + np.exp(spread[0, 0].numpy() - np.log(0.05)))
    rest = ~near
    np.testing.assert_allclose(completion.confidence[rest], expected[rest], atol=1e-4)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (None, "Completer 'mspn_lite' needs an image, and there is none."),
        (camera_image((10, 10)), r"uint8 \(60, 90, 3\), as the sparse depth is."),
        (camera_image().astype(np.float32), "got an image of float32"),
    ],
    ids=["none", "other size", "float"],
)
def test_an_image_that_cannot_be_used_is_refused_with_a_sentence(completer, image, words):
    with pytest.raises(ValueError, match=words):
        completer(image, some(10))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"variant": "small"}, "Variant 'small' .* is unknown; it must be one of general."),
        ({"precision": "int8"}, "Precision is 'int8'; it must be one of auto, "),
        ({"precision": "float16"}, "on the CPU it must be float32 or bfloat16"),
        ({"prior": "no_such_prior"}, "Prior 'no_such_prior' is unknown; it must be one of none, "),
    ],
)  # fmt: skip
def test_what_cannot_be_made_is_refused_with_a_sentence(options, words):
    with pytest.raises(ValueError, match=words):
        made(**options)


def test_the_weights_of_the_package_are_refused_by_another_network():
    with pytest.raises(ValueError, match="stored as weights of mspn_lite:general, not of mspn:sdr_nyu"):
        create_completer("mspn", weights=str(SHIPPED))


def test_where_measurements_are_dense_depth_is_halfway_to_linear_completion(completer):
    sparse = some(SHAPE[0] * SHAPE[1] // 8)
    sparse.depth[:, SHAPE[1] // 2 :] = 0
    sparse.depth[::15, ::15] = slope()[::15, ::15]
    depth = completer(camera_image(), sparse).depth
    linear = create_completer("linear")(None, sparse).depth
    own = super(MSPNLiteCompleter, completer).run(camera_image(), sparse.depth, [linear]).depth
    inside = np.s_[10:-10, 10:30]
    np.testing.assert_allclose(depth[inside], np.sqrt(own * linear)[inside], rtol=1e-5)
    np.testing.assert_array_equal(depth[:, 60:], own[:, 60:])


# Without points ----------------------------------------------------------------------------------


def test_without_points_it_guesses_at_the_scale_of_the_last_frame_and_says_that_it_is_one():
    completer, image = made(), camera_image()
    scales = []
    for factor in (None, 1, 8):
        if factor:
            completer(image, some(200, factor))
        guess = completer(image, NOTHING)
        assert np.isfinite(guess.depth).all() and (guess.depth > 0).all()
        assert (guess.source == Source.PRIOR).all() and not guess.confidence.any()
        scales.append(np.exp(np.log(guess.depth).mean()))
    typical = np.exp(np.log(some(200).depth[some(200).depth > 0]).mean())
    assert scales[1:] == pytest.approx([scales[0] / TYPICAL_M * typical * k for k in (1, 8)], rel=1e-3)
    completer.forget()
    assert np.exp(np.log(completer(image, NOTHING).depth).mean()) == pytest.approx(scales[0], rel=1e-4)


def test_without_points_a_metric_prior_is_handed_on_and_one_up_to_scale_is_not(maps):
    handed = made(prior=f"{maps}@metric")(frame(NOTHING))
    np.testing.assert_array_equal(handed.depth, np.load(maps / "a.npy"))
    guess = made(prior=f"{maps}@depth")(frame(NOTHING))
    assert np.array_equal(guess.depth, made()(frame(NOTHING)).depth)
    for completion in (handed, guess):
        assert (completion.source == Source.PRIOR).all() and not completion.confidence.any()


# Prior -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", ["metric", "depth"])
def test_a_prior_changes_the_answer_and_is_reported(completer, maps, space):
    sparse = some(20)
    sparse.depth[18:42, 28:62] = 0
    without, prior = completer(frame(sparse)), made(prior=f"{maps}@{space}")
    with_prior = prior(frame(sparse))
    assert np.isfinite(with_prior.depth).all()
    assert np.abs(with_prior.depth / without.depth - 1).max() > 1e-4
    report = prior.report()
    assert report["prior"] == maps.name
    assert report["scale"] == pytest.approx(0.5, rel=0.05) and "prior" not in completer.report()


def test_a_prior_that_knows_nothing_changes_nothing(completer, tmp_path):
    np.save(tmp_path / "a.npy", np.full(SHAPE, np.nan, np.float32))
    found = made(prior=f"{tmp_path}@depth")(frame(some(20))).depth
    np.testing.assert_array_equal(found, completer(frame(some(20))).depth)


# How it runs -------------------------------------------------------------------------------------


def test_bfloat16_changes_the_depth_little(completer):
    rough = made(precision="bfloat16")
    for number in (5, 90):
        exact, other = (each(camera_image(), some(number)).depth for each in (completer, rough))
        assert 0 < np.median(np.abs(other / exact - 1)) < 0.02
    assert rough.report()["precision"] == "bfloat16"


@pytest.mark.parametrize(
    ("inner_size", "shape", "expected"),
    [(48, SHAPE, (32, 48)), (0, SHAPE, SHAPE), (0, (20, 2 * USUAL_SIZE), (10, USUAL_SIZE))],
)
def test_it_works_at_the_inner_size_and_at_a_usual_one_at_most(inner_size, shape, expected):
    completer, seen = made(inner_size=inner_size), []
    completer.inference_network.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[2:]))
    sparse = SparseDepth(np.zeros(shape, np.float32))
    sparse.depth[::4, ::6] = 10
    completion = completer(camera_image(shape), sparse)
    assert seen == [expected] and completer.report()["inner size"] == (inner_size or USUAL_SIZE)
    assert completion.depth.shape == shape and np.isfinite(completion.depth).all()


@pytest.mark.parametrize("with_prior", [False, True])
def test_warming_up_runs_at_the_size_and_is_reported(maps, with_prior):
    completer = made(prior=f"{maps}@metric" if with_prior else None)
    completer.warm_up(*SHAPE)
    assert completer.report()["warmed up"].startswith("at 90 x 60, in ") and not completer.degradations


def test_where_memory_runs_out_it_works_smaller_and_then_linear_completion_stands_in():
    completer, image, sparse = made(), camera_image((120, 160)), SparseDepth(np.zeros((120, 160), np.float32))
    completer.warm_up(120, 160)
    sparse.depth[::9, ::9] = 7
    for sentence in (
        "the network works at 80 pixels at most.",
        "linear completion stands in for the network.",
    ):
        completer.memory.give_way("Full")
        assert completer.degradations[-1] == f"Full; from now on {sentence}"
        assert np.isfinite(completer(image, sparse).depth).all()
    np.testing.assert_array_equal(
        completer(image, sparse).depth, create_completer("linear")(None, sparse).depth
    )


# Accuracy ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drive(open3d, tmp_path_factory):
    """The first frame of a small demo drive."""
    folder = make_demo_drive(tmp_path_factory.mktemp("demo"), frames=2, width=414, height=125)
    return next(iter(open_reader(folder)))


@pytest.mark.parametrize("protocol", ["truth", "lines:8", "points:200"])
def test_on_a_street_it_is_not_much_worse_than_linear_completion(completer, drive, protocol):
    trial = parse_protocol(protocol).trial(drive)
    errors = {}
    for each in (completer, create_completer("linear")):
        completion = each.complete(drive.image, trial.feed, drive.camera)
        assert np.isfinite(completion.depth).all()
        errors[each.name] = compute_metrics(completion.depth, drive.ground_truth).mae_mm
    assert errors["mspn_lite"] < 1.3 * errors["linear"]
