"""Every backend of the propagation by cosines against its definition, pixel by pixel."""

import pytest
import torch
import torch.nn.functional as F
from triton_here import INTERPRETED, ON_GPU, compiled, compiles, in_interpreter, passes_in_interpreter

from depth_completion_ros.ops.cosine_propagation import cosine_affinity, cosine_propagate
from depth_completion_ros.ops.cosine_propagation.function import LIBRARY

TOLERANCE = {torch.float64: 1e-12, torch.float32: 5e-6}
TINY = [(3, 4, 5), (2, 1, 6), (4, 3, 1), (1, 1, 1)]
SIZES = [*TINY, (12, 9, 11), (16, 70, 5)]
EVERY = ["reference", "torch", "cpu", "triton"]


@pytest.fixture(params=EVERY)
def backend(request):
    if request.param == "triton" and not (ON_GPU or INTERPRETED):
        pytest.skip("needs a GPU; run by the child process of the test of the interpreter")
    if request.param == "cpu" and LIBRARY.load() is None:
        pytest.skip(LIBRARY.state())
    return request.param


def place(backend):
    return "cuda" if backend == "triton" and ON_GPU else "cpu"


def inputs(channels, height, width, dtype=torch.float64, batch=2):
    """Guide of either sign, dense, and sparse at a fifth of the pixels, up to twice as far."""
    make = torch.Generator().manual_seed(channels * height + width)
    guide = torch.randn(batch, channels, height, width, generator=make, dtype=torch.float64)
    dense, sparse, drawn = torch.rand(3, batch, 1, height, width, generator=make, dtype=torch.float64)
    return guide.to(dtype), (1 + dense).to(dtype), torch.where(drawn < 0.2, 1 + 2 * sparse, 0).to(dtype)


def propagate(guide, dense, sparse, iterations, backend):
    return cosine_propagate(
        *(x.to(place(backend)) for x in (guide, dense, sparse)), iterations, backend
    ).cpu()


def cosines(unit, y, x):
    """Of a pixel with its neighbours, by their offsets."""
    height, width = unit.shape[1:]
    offsets = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
    inside = [(i, j) for i, j in offsets if 0 <= y + i < height and 0 <= x + j < width]
    return {(i, j): float(unit[:, y, x] @ unit[:, y + i, x + j]) for i, j in inside}


def defined(guide, dense, sparse, iterations):
    """Pixel by pixel, after the formula."""
    results = []
    for features, initial, points in zip(guide, dense[:, 0], sparse[:, 0], strict=True):
        unit = features / features.square().sum(dim=0).sqrt().clamp(min=1e-12)
        start = torch.where(points > 0, points, initial)
        depth = initial
        for _ in range(iterations):
            drawn, before, depth = torch.where(points > 0, points, depth), depth, torch.empty_like(depth)
            for y, x in torch.cartesian_prod(*map(torch.arange, before.shape)).tolist():
                there = cosines(unit, y, x)
                total = sum(map(abs, there.values()))
                weights = {offset: a / total for offset, a in there.items()} if total else {}
                depth[y, x] = (1 - sum(weights.values())) * start[y, x]
                depth[y, x] += sum(w * drawn[y + i, x + j] for (i, j), w in weights.items())
        results.append(depth[None])
    return torch.stack(results)


def agree(got, expected, tolerance):
    assert got.shape == expected.shape
    assert (got.cpu() - expected).abs().max() <= tolerance * expected.abs().max().clamp(min=1)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("channels", "height", "width"), TINY if INTERPRETED else SIZES)
def test_backend_computes_the_definition(backend, channels, height, width, dtype):
    arguments = inputs(channels, height, width, dtype)
    got = propagate(*arguments, 3, backend)
    assert got.dtype == dtype
    agree(got, defined(*(x.double() for x in arguments), 3), TOLERANCE[dtype])


def test_affinities_have_the_order_of_rows(backend):
    guide = inputs(5, 4, 7)[0]
    affinity = cosine_affinity(guide.to(place(backend)), backend).cpu()
    assert affinity.shape == (2, 9, 4, 7)
    agree(affinity.sum(dim=1), torch.ones(2, 4, 7, dtype=torch.float64), 1e-12)
    unit = F.normalize(guide[1], dim=0)
    for y, x in [(0, 0), (2, 3), (3, 6)]:
        there = cosines(unit, y, x)
        expected = torch.zeros(9, dtype=torch.float64)
        for (i, j), a in there.items():
            expected[(i + 1) * 3 + j + 1] = a / sum(map(abs, there.values()))
        expected[4] = 1 - expected.sum()
        agree(affinity[1, :, y, x], expected, 1e-12)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_guides_of_all_magnitudes(backend, dtype):
    """Norms from far below the least that counts to far above it."""
    guide, dense, sparse = inputs(4, 6, 8, dtype)
    guide = guide * torch.logspace(-16, 16, 8).to(dtype)
    agree(propagate(guide, dense, sparse, 2, backend), defined(guide, dense, sparse, 2), TOLERANCE[dtype])


def test_a_pixel_that_is_like_nothing_keeps_its_start(backend):
    guide, dense, sparse = inputs(3, 6, 7)
    guide[:, :, :3] = 0
    got = propagate(guide, dense, sparse, 3, backend)
    assert torch.equal(got[:, :, :3], torch.where(sparse > 0, sparse, dense)[:, :, :3])
    agree(got, defined(guide, dense, sparse, 3), 1e-12)


def test_positive_guides_stay_in_the_range_of_their_neighbours(backend):
    guide, dense, sparse = inputs(4, 8, 6, torch.float32)
    affinity = cosine_affinity(guide.abs().to(place(backend)), backend).cpu()
    assert affinity[:, 4].abs().max() < 1e-6
    got = propagate(guide.abs(), dense, torch.zeros_like(sparse), 1, backend)
    assert (got <= F.max_pool2d(dense, 3, 1, 1) + 1e-5).all()
    assert (got >= -F.max_pool2d(-dense, 3, 1, 1) - 1e-5).all()


def test_measured_pixels_are_not_put_back_at_the_end(backend):
    guide, dense, sparse = inputs(4, 5, 6)
    measured = sparse > 0
    assert (propagate(guide, dense, sparse, 1, backend) != sparse)[measured].all()


def test_no_iteration_leaves_dense_as_it_is(backend):
    guide, dense, sparse = inputs(4, 5, 6)
    assert torch.equal(propagate(guide, dense, sparse, 0, backend), dense)


def test_strided_empty_and_mixed_inputs(backend):
    guide, dense, sparse = (x.transpose(2, 3)[:, :, ::2] for x in inputs(3, 5, 8))
    assert not guide.is_contiguous()
    agree(propagate(guide, dense, sparse, 2, backend), defined(guide, dense, sparse, 2), 1e-12)
    assert propagate(guide[:0], dense[:0], sparse[:0], 2, backend).shape == (0, 1, 4, 5)
    mixed = propagate(guide.float(), dense, sparse.float(), 2, backend)
    assert mixed.dtype == torch.float64
    agree(mixed, defined(guide, dense, sparse, 2), 5e-6)


def test_bfloat16_is_computed_in_single_precision(backend):
    guide, dense, sparse = inputs(12, 5, 8, torch.bfloat16)
    got = propagate(guide, dense, sparse, 2, backend)
    assert got.dtype == torch.float32
    agree(got, defined(guide.float(), dense.float(), sparse.float(), 2), 5e-6)


@pytest.mark.skipif(INTERPRETED, reason="is not about Triton")
@pytest.mark.parametrize("name", ["reference", "torch", "auto"])
def test_gradients_are_those_of_differences(name):
    guide, dense, sparse = inputs(3, 3, 4, batch=1)
    leaves = [guide.requires_grad_(), dense.requires_grad_()]
    assert torch.autograd.gradcheck(
        lambda g, d: cosine_propagate(g, d, sparse, 2, name), leaves, fast_mode=True
    )


def test_any_number_of_threads_gives_the_same():
    guide, before, results = inputs(12, 70, 9, torch.float32, batch=3)[0], torch.get_num_threads(), []
    for threads in (1, 2, 5):
        torch.set_num_threads(threads)
        results.append(cosine_affinity(guide))
    torch.set_num_threads(before)
    assert torch.equal(results[0], results[1]) and torch.equal(results[0], results[2])


def test_what_does_not_fit_is_refused_in_a_sentence():
    guide, dense, sparse = inputs(3, 4, 5)
    for wrong in (guide[0], guide.long(), guide[:, :0]):
        with pytest.raises(
            ValueError, match="it must be B x C x H x W of floating-point numbers, C at least"
        ):
            cosine_affinity(wrong)
    for wrong in (dense[:, 0], dense[:1], dense[..., 1:], dense.long()):
        with pytest.raises(ValueError, match=r"got dense .*; it must be \(2, 1, 4, 5\) of floating-point"):
            cosine_propagate(guide, wrong, sparse, 1)
        with pytest.raises(ValueError, match=r"got sparse .*; it must be \(2, 1, 4, 5\) of floating-point"):
            cosine_propagate(guide, dense, wrong, 1)
    with pytest.raises(ValueError, match="-1 iterations; it must be at least 0"):
        cosine_propagate(guide, dense, sparse, -1)
    with pytest.raises(ValueError, match="'fast' of cosine_propagation is unknown; it must be one of auto"):
        cosine_propagate(guide, dense, sparse, 1, "fast")
    with pytest.raises(ValueError, match="'cpu' of cosine affinity has no gradient; it must be auto, ref"):
        cosine_affinity(guide.requires_grad_(), "cpu")


# Triton --------------------------------------------------------------------------------------------


@in_interpreter
def test_triton_passes_the_tests_above_in_the_interpreter():
    passes_in_interpreter(__file__)


@compiles
@pytest.mark.parametrize("number", ["*fp32", "*fp64"])
def test_triton_kernel_compiles(monkeypatch, tmp_path, number):
    from depth_completion_ros.ops.cosine_propagation import triton_backend

    signature = dict.fromkeys(("guide", "scale", "out"), number)
    signature |= dict.fromkeys(("channels", "height", "width"), "i32")
    constants = {"BLOCK": triton_backend.BLOCK}
    assert compiled(monkeypatch, tmp_path, triton_backend.affinity_kernel, signature, constants)["cubin"]
