"""What all learned completers share: device, precision, size, weights, transfers."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from synthetic import camera_image, grid_of, no_points, slope  # noqa: E402

from depth_completion_ros import create_completer  # noqa: E402
from depth_completion_ros.completion import Source  # noqa: E402
from depth_completion_ros.completion.learned.inner_size import inner_shape, shrink  # noqa: E402
from depth_completion_ros.completion.learned.runner import NetworkRunner  # noqa: E402
from depth_completion_ros.completion.registry import describe_completer  # noqa: E402

SHAPE = (72, 100)
NO_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
CPU = torch.device("cpu")
IMAGE, SPARSE = camera_image(SHAPE), grid_of(slope(SHAPE), 5, 6)


# The completer -----------------------------------------------------------------------------------


def test_depth_is_that_of_the_network_and_measured_depth_is_kept(tiny):
    completer = create_completer("tiny", device="cpu")
    sparse = SPARSE
    completion = completer(IMAGE, sparse)
    mean, std = (np.array(values, np.float32) for values in (tiny.mean, tiny.std))
    rgb = torch.from_numpy((IMAGE / np.float32(255) - mean) / std).permute(2, 0, 1)[None]
    with torch.no_grad():
        depth, confidence = completer.forward(rgb, torch.from_numpy(sparse.depth)[None, None], points=1)
    here = sparse.depth > 0
    expected = np.where(here, sparse.depth, depth[0, 0])
    np.testing.assert_allclose(completion.depth, expected, rtol=1e-4)
    np.testing.assert_allclose(completion.confidence, np.where(here, 1, confidence[0, 0]), rtol=1e-4)
    assert (completion.source == np.where(here, Source.MEASURED, Source.PROPAGATED)).all()
    planes = completion.depth, completion.confidence, completion.source
    assert [plane.dtype for plane in planes] == [np.float32, np.float32, np.uint8]


def test_a_completion_is_not_changed_by_the_next_frame(tiny):
    completer = create_completer("tiny", device="cpu")
    first = completer(IMAGE, SPARSE)
    kept = first.depth.copy()
    completer(255 - IMAGE, SPARSE)
    np.testing.assert_array_equal(first.depth, kept)


def test_depth_that_a_network_cannot_mean_is_unknown(tiny, monkeypatch):
    values = torch.ones(1, 1, *SHAPE)
    values[..., 1, :3] = torch.tensor([float("nan"), float("inf"), 0.0])
    monkeypatch.setattr(tiny, "forward", lambda self, rgb, sparse, points: (values, values))
    completion = create_completer("tiny", device="cpu")(IMAGE, SPARSE)
    assert np.isnan(completion.depth[1, :3]).all() and completion.depth[1, 3] == 1
    assert not completion.confidence[1, :3].any() and not completion.source[1, :3].any()


def test_where_no_point_is_measured_all_is_unknown(tiny):
    completion = create_completer("tiny", device="cpu")(IMAGE, no_points(SHAPE))
    assert np.isnan(completion.depth).all() and not completion.source.any()


def test_a_grey_image_counts_as_one_of_three_equal_colours(tiny):
    completer = create_completer("tiny", device="cpu")
    grey = IMAGE[..., 0]
    expected = completer(np.stack([grey] * 3, axis=2), SPARSE).depth
    np.testing.assert_array_equal(completer(grey, SPARSE).depth, expected)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (None, "Completer 'tiny' needs an image, and there is none."),
        (camera_image((10, 10)), r"uint8 \(72, 100, 3\), as the sparse depth is."),
        (IMAGE.astype(np.float32), "got an image of float32"),
    ],
    ids=["none", "other size", "float"],
)
def test_an_image_that_cannot_be_used_is_refused_with_a_sentence(tiny, image, words):
    with pytest.raises(ValueError, match=words):
        create_completer("tiny", device="cpu")(image, SPARSE)


def test_random_weights_are_the_same_every_time_told_loudly_and_cost_no_random_number(tiny):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, other = (create_completer("tiny", device="cpu") for _ in range(2))
    assert torch.rand(1) == expected
    assert torch.equal(one.network.weight, other.network.weight)
    assert one.warnings == ["The weights of 'tiny' are random: its depth is meaningless."]
    assert one.report()["weights"] == "random"


def test_reduced_precision_changes_the_result_a_little(tiny):
    exact = create_completer("tiny", device="cpu")(IMAGE, SPARSE).depth
    completer = create_completer("tiny", device="cpu", precision="bfloat16")
    rough = completer(IMAGE, SPARSE).depth
    assert completer.report()["precision"] == "bfloat16"
    assert np.abs(rough - exact).max() > 0 and np.allclose(rough, exact, rtol=0.02, atol=0.05)


@pytest.mark.parametrize("instructions", [{"avx2": True, "avx512_bf16": False}, {"amx_bf16": True}])
def test_bfloat16_on_a_processor_without_it_is_warned_of(tiny, monkeypatch, instructions):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: instructions, raising=False)
    warnings = create_completer("tiny", device="cpu", precision="bfloat16").warnings
    assert any("no instructions for bfloat16" in warning for warning in warnings) != instructions.get(
        "amx_bf16", False
    )
    assert len(create_completer("tiny", device="cpu").warnings) == 1  # the random weights


def test_warming_up_runs_the_network_once_at_the_size_and_is_reported(tiny, monkeypatch):
    completer = create_completer("tiny", device="cpu")
    sizes = []
    forward = completer.forward
    monkeypatch.setattr(
        completer.runner,
        "_forward",
        lambda rgb, *a, **k: (sizes.append(rgb.shape), forward(rgb, *a, **k))[1],
    )
    assert completer.report()["warmed up"] == "no: the first frame takes longer"
    completer.warm_up(48, 64)
    assert sizes == [(1, 3, 48, 64)]
    assert completer.report()["warmed up"].startswith("at 64 x 48, in ")


# Requests that cannot be met ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"device": "gpu"}, "Device is 'gpu'; it must be auto, cpu, cuda or cuda:N."),
        ({"precision": "int8"}, "Precision is 'int8'; it must be one of auto, float32, bfloat16, float16."),
        ({"device": "cpu", "precision": "float16"}, "on the CPU it must be float32 or bfloat16"),
        (
            {"variant": "deep"},
            "Variant 'deep' of completer 'tiny' is unknown; it must be one of narrow, wide",
        ),
        ({"prior": "x"}, "Completer 'tiny' takes no prior, but got 'x'."),
        pytest.param({"device": "cuda"}, "Device is 'cuda', but PyTorch .* here; choose", marks=NO_GPU),
    ],
)
def test_what_a_learned_completer_cannot_do_is_refused_with_a_sentence(tiny, options, words):
    with pytest.raises(ValueError, match=words):
        create_completer("tiny", **options)


def test_without_pytorch_a_sentence_says_what_to_install(without_torch):
    said = without_torch("""
from depth_completion_ros import create_completer
from depth_completion_ros.completion.registry import describe_completer
try:
    create_completer("mspn")
except ImportError as error:
    print(error)
print(describe_completer("mspn").summary)
""")
    assert said == 2 * [
        "Completer 'mspn' needs the Python package 'torch', which is not installed: "
        "pip install 'depth_completion_ros[torch]'."
    ]
    assert describe_completer("mspn").summary.startswith("Masked spatial propagation")


# Inner size --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "limit", "expected"),
    [
        ((375, 1242), 0, (375, 1242)),
        ((375, 1242), 621, (188, 621)),
        ((48, 64), 64, (48, 64)),
        ((1, 99), 9, (1, 9)),
    ],
)
def test_the_inner_shape_keeps_the_proportions_within_the_limit(shape, limit, expected):
    assert inner_shape(shape, limit) == expected


def test_a_shrunk_frame_keeps_the_nearest_of_measurements_that_meet():
    depth = np.zeros((4, 6), np.float32)
    depth[0, 0], depth[1, 1], depth[3, 5] = 9, 4, 7
    image, (sparse, plane) = shrink(camera_image((4, 6)), depth, [np.full((4, 6), 3, np.float32)], (2, 3))
    np.testing.assert_array_equal(sparse, [[4, 0, 0], [0, 0, 7]])
    assert image.shape == (2, 3, 3) and (plane == 3).all()


def test_at_an_inner_size_the_depth_has_the_size_of_the_image_and_measured_pixels_are_kept(tiny):
    sparse = SPARSE
    completer = create_completer("tiny", device="cpu", inner_size=50)
    completion = completer(IMAGE, sparse)
    here = sparse.depth > 0
    assert completion.depth.shape == SHAPE and np.isfinite(completion.depth).all()
    np.testing.assert_array_equal(completion.depth[here], sparse.depth[here])
    assert completer.report()["inner size"] == 50
    whole = create_completer("tiny", device="cpu")(IMAGE, sparse)
    assert not np.array_equal(completion.depth, whole.depth)


# Transfers ---------------------------------------------------------------------------------------


def test_image_and_planes_arrive_as_they_were_sent_at_sizes_that_change():
    seen = []

    def forward(rgb, *planes, shift):
        seen.append((rgb, *planes))
        return planes[0] + shift, planes[1]

    runner = NetworkRunner(forward, CPU, mean=(0, 0, 0), std=(1 / 255,) * 3)
    for shape in ((5, 7), (4, 3), (5, 7)):
        planes = [np.random.default_rng(n).random(shape, np.float32) for n in range(2)]
        results = runner(camera_image(shape), planes, shift=2)
        np.testing.assert_array_equal(results, [planes[0] + 2, planes[1]])
        rgb, *arrived = seen[-1]
        np.testing.assert_allclose(rgb[0].permute(1, 2, 0), camera_image(shape), atol=1e-4)
        assert all(np.array_equal(a[0, 0], b) for a, b in zip(arrived, planes, strict=True))


@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a C++ compiler")
def test_a_compiled_network_gives_the_same(tiny):
    completer = create_completer("tiny", device="cpu", compiled=True)
    expected = create_completer("tiny", device="cpu")(IMAGE, SPARSE)
    np.testing.assert_allclose(completer(IMAGE, SPARSE).depth, expected.depth, rtol=1e-5)
    assert completer.compiled and not completer.degradations


def test_a_network_that_cannot_be_compiled_runs_as_it_is(tiny, monkeypatch):
    import torch._inductor.config

    monkeypatch.setattr(torch._inductor.config.cpp, "cxx", ("no-such-compiler",))
    torch._dynamo.reset()
    completer = create_completer("tiny", variant="wide", device="cpu", compiled=True)
    assert np.isfinite(completer(IMAGE, SPARSE).depth).all()
    (sentence,) = completer.degradations
    assert sentence.startswith("torch.compile failed (") and not completer.report()["compiled"]


@GPU
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_a_gpu_gives_what_the_cpu_gives(tiny, precision):
    completer = create_completer("tiny", device="cuda", precision=precision)
    tolerance = 1e-2 if precision == "float32" else 0.1  # its convolutions round to TF32
    for shape in (SHAPE, (40, 60), SHAPE):
        expected = create_completer("tiny", device="cpu")(camera_image(shape), grid_of(slope(shape), 5, 6))
        completion = completer(camera_image(shape), grid_of(slope(shape), 5, 6))
        np.testing.assert_allclose(completion.depth, expected.depth, rtol=tolerance, atol=tolerance)
        assert (completion.source == expected.source).all()
