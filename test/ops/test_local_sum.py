"""Every backend of the local sum against its definition: values and gradients; and the loop made of it."""

import pytest
import torch
from triton_here import INTERPRETED, ON_GPU, compiled, compiles, in_interpreter, passes_in_interpreter

from depth_completion_ros.ops.local_sum import local_sum, propagate
from depth_completion_ros.ops.local_sum.function import LIBRARY

SIZES = [(3, 6, 9), (5, 4, 7), (7, 2, 1), (7, 9, 10), (3, 1, 1)]
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}


@pytest.fixture(params=["torch", "cpu", "triton"])
def backend(request):
    if request.param == "triton" and not (ON_GPU or INTERPRETED):
        pytest.skip("needs a GPU; run by the child process of the test of the interpreter")
    if request.param == "cpu" and LIBRARY.load() is None:
        pytest.skip(LIBRARY.state())
    return request.param


def place(backend):
    return "cuda" if backend == "triton" and ON_GPU else "cpu"


def normal(*shape, dtype=torch.float64):
    make = torch.Generator().manual_seed(sum(shape))
    return torch.randn(*shape, generator=make, dtype=torch.float64).to(dtype)


def inputs(size, height, width, dtype=torch.float64, batch=2):
    return normal(batch, 1, height, width, dtype=dtype), normal(batch, size**2, height, width, dtype=dtype)


def values_and_gradients(backend, x, weights):
    leaves = [tensor.detach().to(place(backend)).requires_grad_() for tensor in (x, weights)]
    out = local_sum(*leaves, backend)
    (out * torch.cos(out)).sum().backward()
    assert [leaf.grad.dtype for leaf in leaves] == [x.dtype, weights.dtype]
    return [tensor.detach().cpu() for tensor in (out, *(leaf.grad for leaf in leaves))]


def agree(got, expected, tolerance):
    for a, b in zip(got, expected, strict=True):
        assert a.shape == b.shape
        assert (a.cpu() - b).abs().max() <= tolerance * b.abs().max().clamp(min=1)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("size", "height", "width"), SIZES[:3] if INTERPRETED else SIZES)
def test_backend_computes_the_definition(backend, size, height, width, dtype):
    x, weights = inputs(size, height, width, dtype)
    got = values_and_gradients(backend, x, weights)
    assert got[0].dtype == dtype
    agree(got, values_and_gradients("reference", x, weights), TOLERANCE[dtype])


@pytest.mark.skipif(INTERPRETED, reason="takes the interpreter minutes")
@pytest.mark.parametrize("size", [3, 5, 7])
def test_gradients_are_those_of_differences(backend, size):
    leaves = [x.to(place(backend)).requires_grad_() for x in inputs(size, 3, 5, batch=1)]
    assert torch.autograd.gradcheck(lambda *x: local_sum(*x, backend), leaves, fast_mode=True)


def test_neighbours_have_the_order_of_rows(backend):
    """Weight 1 for the tap one row up and one column to the right moves the image down and to the left."""
    x, weights = torch.arange(12.0).reshape(1, 1, 3, 4), torch.zeros(1, 9, 3, 4)
    weights[:, 2] = 1
    moved = local_sum(x.to(place(backend)), weights.to(place(backend)), backend).cpu()
    assert moved[0, 0].tolist() == [[0, 0, 0, 0], [1, 2, 3, 0], [5, 6, 7, 0]]


def test_bfloat16_is_computed_in_single_precision(backend):
    x, weights = inputs(5, 6, 20, torch.bfloat16)
    exact = values_and_gradients("reference", x.float(), weights.float())
    for state in (x, x.float()):
        got = values_and_gradients(backend, state, weights)
        assert got[0].dtype == torch.float32
        agree(got[:1], exact[:1], 1e-5)
        agree([grad.float() for grad in got[1:]], exact[1:], 1e-2)  # which round to bfloat16


def test_strided_and_empty_inputs(backend):
    x, weights = inputs(3, 6, 10)
    x, weights = (tensor.transpose(2, 3)[:, :, ::2].to(place(backend)) for tensor in (x, weights))
    assert not weights.is_contiguous()
    agree([local_sum(x, weights, backend)], [local_sum(x.cpu(), weights.cpu(), "reference")], 1e-12)
    assert local_sum(x[:0], weights[:0], backend).shape == (0, 1, 5, 6)


def test_what_does_not_fit_is_refused_in_a_sentence():
    x, weights = inputs(3, 4, 5)
    for wrong in [(x, weights[:, :8]), (x[:, 0], weights), (x[:1], weights), (x[..., 1:], weights)]:
        with pytest.raises(
            ValueError, match="must be B x 1 x H x W and B x K x H x W with K one of 9, 25, 49"
        ):
            local_sum(*wrong)
    with pytest.raises(ValueError, match="weights of torch.int64 on cpu; they must be floating-point"):
        local_sum(x, weights.long())
    with pytest.raises(ValueError, match="'fast' of local_sum is unknown; it must be one of auto, reference"):
        local_sum(x, weights, "fast")


# The loop ------------------------------------------------------------------------------------------


def loop(height, width, dtype=torch.float64, batch=2):
    """depth, sparse, weights, gates, mixing."""
    weights = {size: normal(batch, size**2, height, width, dtype=dtype) / size**2 for size in (3, 5, 7)}
    maps = normal(batch, 1, height, width, dtype=dtype), normal(batch, 1, height + 1, width, dtype=dtype)
    gates, mixing = (
        normal(batch, 3, height, width, dtype=dtype),
        normal(batch, 3, height, width + 1, dtype=dtype),
    )
    return maps[0], maps[1][:, :, 1:], weights, gates.sigmoid(), mixing[..., 1:].softmax(dim=1)


def defined(depth, sparse, weights, gates, mixing, iterations):
    states, snapshots = dict.fromkeys(weights, depth), [depth]
    for iteration in range(iterations):
        for n, size in enumerate(weights):
            gate = gates[:, n : n + 1]
            summed = local_sum(states[size], weights[size], "reference")
            states[size] = (1 - gate) * summed + gate * sparse
        if iteration + 1 in (iterations // 2, iterations):
            snapshots.append(sum(mixing[:, n : n + 1] * states[size] for n, size in enumerate(weights)))
    return snapshots


@pytest.mark.parametrize("threads", [1, 2, 16])
@pytest.mark.parametrize(("height", "width", "iterations"), [(5, 4, 2), (70, 9, 4), (1, 20, 6), (50, 18, 12)])
def test_loop_in_one_sweep_computes_its_definition(height, width, iterations, threads):
    arguments = *loop(height, width), iterations
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        agree(propagate(*arguments), defined(*arguments), 1e-12)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_loop_of_every_backend_computes_its_definition(backend, dtype):
    *maps, weights, gates, mixing = loop(6, 7, dtype)
    here = place(backend)
    moved = (
        *(x.to(here) for x in maps),
        {k: x.to(here) for k, x in weights.items()},
        gates.to(here),
        mixing.to(here),
    )
    got = propagate(*moved, 2, backend)
    assert {x.dtype for x in got} == {dtype}
    agree(got, defined(*maps, weights, gates, mixing, 2), TOLERANCE[dtype])


def test_loop_takes_weights_of_bfloat16():
    depth, sparse, weights, gates, mixing = loop(20, 30, torch.float32)
    low = {size: x.bfloat16() for size, x in weights.items()}
    wide = {size: x.float() for size, x in low.items()}
    agree(
        propagate(depth, sparse, low, gates, mixing, 4), defined(depth, sparse, wide, gates, mixing, 4), 1e-5
    )


@pytest.mark.skipif(INTERPRETED, reason="takes the interpreter minutes")
def test_loop_has_the_gradients_of_differences(backend):
    depth, sparse, weights, gates, mixing = loop(3, 4, batch=1)

    def of(*leaves):
        depth, sparse, w3, w5, w7, gates, mixing = leaves
        return propagate(depth, sparse, {3: w3, 5: w5, 7: w7}, gates, mixing, 4, backend)

    leaves = depth, sparse, *weights.values(), gates, mixing
    leaves = [x.detach().to(place(backend)).requires_grad_() for x in leaves]
    assert torch.autograd.gradcheck(of, leaves, fast_mode=True)


def test_loops_that_do_not_fit_are_refused_in_a_sentence():
    depth, sparse, weights, gates, mixing = loop(4, 5)
    with pytest.raises(ValueError, match=r"weights for \[3, 5\]; it must be \[3, 5, 7\]"):
        propagate(depth, sparse, {3: weights[3], 5: weights[5]}, gates, mixing, 2)
    with pytest.raises(ValueError, match="25 weights for K = 3"):
        propagate(depth, sparse, {3: weights[5], 5: weights[5], 7: weights[7]}, gates, mixing, 2)
    with pytest.raises(
        ValueError, match=r"gates of shape \(2, 2, 4, 5\) on cpu; it must be \(2, 3, 4, 5\) on cpu"
    ):
        propagate(depth, sparse, weights, gates[:, 1:], mixing, 2)
    for iterations in (0, 3):
        with pytest.raises(ValueError, match=f"{iterations} iterations; it must be an even number"):
            propagate(depth, sparse, weights, gates, mixing, iterations)


# Triton --------------------------------------------------------------------------------------------


@in_interpreter
def test_triton_passes_the_tests_above_in_the_interpreter():
    passes_in_interpreter(__file__)


@compiles
@pytest.mark.parametrize(("number", "weight"), [("*fp32", "*fp32"), ("*fp32", "*bf16"), ("*fp64", "*fp64")])
@pytest.mark.parametrize("name", ["forward", "backward"])
def test_triton_kernel_compiles(monkeypatch, tmp_path, name, number, weight):
    from depth_completion_ros.ops.local_sum import triton_backend

    kernel = getattr(triton_backend, f"{name}_kernel")
    constants = {"SIZE": 3, "BLOCK": triton_backend.BLOCK}
    kinds = {"height": "i32", "width": "i32", "weights": weight, "grad_weights": weight}
    signature = {argument: kinds.get(argument, number) for argument in kernel.arg_names}
    assert compiled(monkeypatch, tmp_path, kernel, signature, constants)["cubin"]
