"""The Triton kernels of the propagation against the definition in double precision, and their compilation.

With a GPU they run on it. Without one, a child process runs the same tests in Triton's interpreter, which
must be chosen before Triton is imported.
"""

import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from depth_completion_ros.ops.propagation import UpdateRule, propagate, propagate_reference
from depth_completion_ros.ops.propagation.function import start, update

if find_spec("triton") is None:
    pytest.skip("Triton is not installed", allow_module_level=True)

pytestmark = pytest.mark.usefixtures("one_thread")

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
ON_GPU = torch.cuda.is_available() and not INTERPRETED
needs_gpu = pytest.mark.skipif(not ON_GPU, reason="needs a GPU")
compiles = pytest.mark.skipif(INTERPRETED, reason="the interpreter compiles nothing")
STEPS = {
    "one window": (13, 13, 16, "all"),
    "borders only": (14, 20, 24, "random"),
    "no mask": (13, 16, 16, "none"),
    "inside as well": (27, 20, 64, "random"),
    "keys of two chunks of columns": (14, 44, 16, "random"),
    "lower than the window": (9, 40, 24, "all"),
    "one pixel": (1, 1, 16, "random"),
}
KERNELS = {
    "step": "triton_forward",
    "query_gradient": "triton_query_gradient",
    "key_gradient": "triton_key_gradient",
}


@pytest.mark.skipif(ON_GPU or INTERPRETED, reason="the tests below run right here")
def test_kernels_pass_the_tests_below_in_the_interpreter():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    child = subprocess.run(
        command, env={**os.environ, "TRITON_INTERPRET": "1"}, capture_output=True, text=True
    )
    assert child.returncode == 0, child.stdout[-4000:]
    assert " passed" in child.stdout


@pytest.fixture
def device():
    """Where the kernels run."""
    if not (ON_GPU or INTERPRETED):
        pytest.skip("run by the child process of test_kernels_pass_the_tests_below_in_the_interpreter")
    return "cuda" if ON_GPU else "cpu"


@pytest.fixture
def large_tiles(monkeypatch):
    """Tiles and chunks that take the interpreter few operations; a GPU keeps its own."""
    from depth_completion_ros.ops.propagation import triton_kernels

    if INTERPRETED:
        for name, value in {"TILE_ROWS": 16, "TILE_COLUMNS": 16, "PATCH_COLUMNS": 32}.items():
            monkeypatch.setattr(triton_kernels, name, value)
        kinds = dict.fromkeys((torch.float32, torch.bfloat16), (32, 4))
        rows_and_warps = dict.fromkeys(triton_kernels.PATCH_ROWS_AND_WARPS, kinds)
        monkeypatch.setattr(triton_kernels, "PATCH_ROWS_AND_WARPS", rows_and_warps)


@pytest.fixture
def interpreted_bfloat16(monkeypatch):
    """The interpreter multiplies the bits of bfloat16 as integers; this makes it multiply their values."""
    if not INTERPRETED:
        return
    import triton.language as tl
    from triton.runtime.interpreter import InterpreterBuilder, TensorHandle

    def widen(x):
        if x.dtype.scalar != tl.bfloat16:
            return x
        return TensorHandle((x.data.astype(np.uint32) << 16).view(np.float32), tl.float32)

    dot = InterpreterBuilder.create_dot
    monkeypatch.setattr(
        InterpreterBuilder, "create_dot", lambda self, a, b, *c: dot(self, widen(a), widen(b), *c)
    )


def step_inputs(height, width, channels, mask, dtype=torch.float32):
    """q, k, a, b, g, rpb, depth, mask in double precision, but of values that float32 and `dtype` hold."""
    make = torch.Generator().manual_seed(height * width + channels)

    def normal(*shape):
        return torch.randn(*shape, generator=make)

    q, k = ((0.5 * normal(channels, height, width)).to(dtype) for _ in range(2))
    a, b = 0.3 * normal(height, width), 0.3 * normal(height, width)
    masks = {"none": 0.0, "all": 1.0, "random": torch.rand(height, width, generator=make)}
    depth = 5 + normal(height, width).abs()
    inputs = q, k, a, b, 0.02 * normal(()), 0.5 * normal(25, 25), depth, depth.new_ones(()) * masks[mask]
    return [x.expand(height, width).double() if i == 7 else x.double() for i, x in enumerate(inputs)]


def defined_step(q, k, a, b, g, rpb, depth, mask):
    """Filtered depth and mask and log-sum-exp by a dense matrix of all pairs of pixels."""
    height, width = depth.shape
    (rows, down), (columns, right) = (seen_along(size) for size in (height, width))
    seen = (rows[:, None, :, None] & columns[None, :, None, :]).reshape(depth.numel(), -1)
    bias = rpb[down[:, None, :, None], right[None, :, None, :]].reshape(depth.numel(), -1)
    a, b, d, m = (x.flatten() for x in (a, b, depth, mask))
    pairs = q.flatten(1).T @ k.flatten(1) + d[:, None] * a + b[:, None] * d + g * d[:, None] * d
    logits = (m * pairs + bias).masked_fill(~seen, -torch.inf)
    attention = logits.softmax(dim=1)
    return tuple(x.reshape(height, width) for x in (attention @ d, attention @ m, logits.logsumexp(dim=1)))


def seen_along(size):
    """Which keys a query sees along an axis, and the entries of the position bias."""
    at = torch.arange(size)
    first = (at - 6).clamp(0, max(size - 13, 0))[:, None]
    return (at >= first) & (at < first + 13), (at - at[:, None] + 12).clamp(0, 24)


def close(got, expected, tolerance, scale=None):
    scale = expected.abs().max() if scale is None else scale
    return (got.double().cpu() - expected).abs().max() <= tolerance * scale.clamp(min=1e-3)


def check_step(device, inputs, dtype=torch.float32):
    from depth_completion_ros.ops.propagation.triton_backend import Backend

    leaves = [x.clone().requires_grad_() for x in inputs]
    expected = defined_step(*leaves)
    make = torch.Generator().manual_seed(1)
    upstream = [torch.randn(inputs[6].shape, generator=make).double() for _ in range(2)]
    wanted = torch.autograd.grad(expected[:2], leaves, upstream)
    q, k, *maps = (x.float().to(device) for x in inputs)
    constants, (depth, mask) = maps[:4], maps[4:]
    layer = Backend(q.to(dtype), k.to(dtype), *constants)
    filtered_depth, filtered_mask, log_sum_exp = layer.step(depth, mask)
    for got, value in zip((filtered_depth, filtered_mask, log_sum_exp), expected, strict=True):
        assert close(got, value.detach(), 1e-5)
    upstream = (x.float().to(device) for x in upstream)
    by_input = layer.step_backward(depth, mask, log_sum_exp, filtered_depth, filtered_mask, *upstream)
    # The weights of q and k are rounded to their dtype, at most 2^-9 each in bfloat16. The gradient of g
    # is a sum of depth times the gradient of b, of which little may be left.
    tolerances = 2 * [1e-4 if dtype == torch.float32 else 1e-2] + 6 * [1e-4]
    scales = 4 * [None] + [(inputs[6] * wanted[3]).abs().sum()] + 3 * [None]
    for got, value, *how in zip((*layer.gradients(), *by_input), wanted, tolerances, scales, strict=True):
        assert close(got, value, *how)


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_step_and_its_gradients_are_as_defined(device, large_tiles, step):
    check_step(device, step_inputs(*step))


def test_step_is_as_defined_with_tiles_as_on_a_gpu(device):
    check_step(device, step_inputs(17, 17, 16, "random"))


@pytest.mark.parametrize("channels", [16, 192])
def test_step_is_as_defined_in_bfloat16(device, large_tiles, interpreted_bfloat16, channels):
    check_step(device, step_inputs(15, 16, channels, "random", torch.bfloat16), torch.bfloat16)


def test_large_logits_do_not_overflow(device, large_tiles):
    from depth_completion_ros.ops.propagation.triton_backend import Backend

    inputs = [x.float().to(device) for x in step_inputs(14, 15, 16, "random")]
    *constants, rpb, depth, mask = inputs
    layer = Backend(*(40 * x for x in constants), rpb)
    filtered_depth, filtered_mask, log_sum_exp = layer.step(depth, mask)
    assert log_sum_exp.max() > 1000
    expected = defined_step(
        *(40 * x.double().cpu() for x in constants), *(x.double().cpu() for x in (rpb, depth, mask))
    )
    for got, value in zip((filtered_depth, filtered_mask, log_sum_exp), expected, strict=True):
        assert close(got, value, 1e-2)
    by_input = layer.step_backward(depth, mask, log_sum_exp, filtered_depth, filtered_mask, depth, mask)
    assert all(x.isfinite().all() for x in (filtered_depth, filtered_mask, *by_input, *layer.gradients()))


def layer_inputs(height, width):
    """q, k, slopes, rpb, depth, sparse of one image with a few points in a corner."""
    make = torch.Generator().manual_seed(2)
    shapes = (1, 24, height, width), (1, 24, height, width), (24,), (24,), (25, 25), (1, 1, height, width)
    q, k, q_slope, k_slope, rpb, depth = (torch.randn(shape, generator=make).double() for shape in shapes)
    sparse = torch.zeros_like(depth)
    sparse[..., 1:6:4, 2:9:3] = 7
    return [0.4 * q, 0.4 * k, 0.1 * q_slope, 0.1 * k_slope, 0.5 * rpb, 5 + depth.abs(), sparse]


def test_layer_and_its_gradients_are_as_defined(device, large_tiles):
    *leaves, sparse = layer_inputs(20, 16)
    leaves, rule = [x.requires_grad_() for x in leaves], UpdateRule.BLEND_AND_INJECT
    q, k, q_slope, k_slope, rpb, depth = leaves
    expected = propagate_reference(q[0], k[0], q_slope, k_slope, rpb, depth[0, 0], sparse[0, 0], 3, rule)
    wanted = torch.autograd.grad(sum(x.square().mean() for x in expected), leaves)
    single = [x.detach().float().to(device).requires_grad_() for x in leaves]
    q, k, q_slope, k_slope, rpb, depth = single
    a, b = ((x * slope[:, None, None]).sum(1, keepdim=True) for x, slope in ((k, q_slope), (q, k_slope)))
    sparse = sparse.float().to(device)
    got = propagate(q, k, a, b, q_slope @ k_slope, rpb, depth, sparse, 3, rule, "triton")
    assert all(close(x[0, 0].detach(), y.detach(), 1e-5) for x, y in zip(got, expected, strict=True))
    gradients = torch.autograd.grad(sum(x.square().mean() for x in got), single)
    assert all(close(x, y, 1e-4) for x, y in zip(gradients, wanted, strict=True))


@pytest.mark.parametrize("rule", UpdateRule)
def test_advance_is_a_step_with_its_update(device, large_tiles, rule):
    from depth_completion_ros.ops.propagation.triton_backend import Backend

    inputs = [x.float().to(device) for x in step_inputs(16, 45, 16, "none")]
    sparse = layer_inputs(16, 45)[-1][0, 0].float().to(device)
    layer = Backend(*inputs[:6])
    depth, mask = start(inputs[6], sparse)
    filtered_depth, filtered_mask, _ = layer.step(depth, mask)
    expected = update(depth, mask, filtered_depth, filtered_mask, sparse, rule)
    depth, mask = layer.advance(depth, mask, sparse, rule)
    torch.testing.assert_close((depth, mask), expected, rtol=1e-6, atol=1e-6)
    assert (mask[:, 32:] == 0).all() and (mask > 0).any()  # some tiles have nothing to do, some have


@needs_gpu
def test_results_are_the_same_in_every_run(device):
    def run():
        leaves = [x.float().to(device).requires_grad_() for x in layer_inputs(60, 50)]
        q, k, _, _, rpb, depth, sparse = leaves
        maps = propagate(
            q, k, q[:, :1], k[:, :1], rpb[0, 0], rpb, depth, sparse, 4, UpdateRule.PLAIN, "triton"
        )
        return *maps, *torch.autograd.grad(maps[0].sum() + maps[1].sum(), (q, k, rpb, depth))

    assert all(torch.equal(x, y) for x, y in zip(run(), run(), strict=True))


@needs_gpu
def test_iterations_can_be_captured_in_a_graph(device):
    from depth_completion_ros.ops.propagation.triton_backend import Backend

    *constants, depth, mask = (x.float().to(device) for x in step_inputs(35, 40, 24, "random"))
    layer = Backend(*constants)
    expected = layer.advance(*layer.advance(depth, mask, depth, UpdateRule.PLAIN), depth, UpdateRule.PLAIN)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = layer.advance(
            *layer.advance(depth, mask, depth, UpdateRule.PLAIN), depth, UpdateRule.PLAIN
        )
    graph.replay()
    assert all(torch.equal(x, y) for x, y in zip(captured, expected, strict=True))


@compiles
@pytest.mark.parametrize("dtype, channels, capability", [(torch.float32, 192, 80), (torch.bfloat16, 64, 90)])
@pytest.mark.parametrize("name", KERNELS)
def test_kernel_compiles_and_fits_shared_memory(monkeypatch, request, name, dtype, channels, capability):
    from importlib import import_module

    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from depth_completion_ros.ops.propagation.triton_kernels import settings

    # What has not changed since the last run is not compiled again.
    monkeypatch.setenv("TRITON_CACHE_DIR", str(request.config.cache.mkdir("triton")))
    kernel = getattr(import_module(f"depth_completion_ros.ops.propagation.{KERNELS[name]}"), f"{name}_kernel")
    constants = settings(f"{name}_kernel", channels, dtype)
    options = {option: constants.pop(option) for option in ("num_warps", "num_stages")}
    if name == "step":
        constants |= {"UPDATE": True, "BLEND": True, "INJECT": True}
    kinds = dict.fromkeys(constants, "constexpr") | {"height": "i32", "width": "i32"}
    vectors = dict.fromkeys(("q", "k"), "*fp32" if dtype == torch.float32 else "*bf16")
    signature = {arg: (kinds | vectors).get(arg, "*fp32") for arg in kernel.arg_names}
    source = ASTSource(kernel, signature, constants)
    compiled = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
    assert len(compiled.asm["cubin"]) > 0
    assert compiled.metadata.shared <= 99 * 1024  # what a program may have on 8.6 and 8.9


def test_tensors_that_no_kernel_takes_are_refused(device):
    with pytest.raises(ValueError, match="takes q and k of float32 or bfloat16, but got torch.float64"):
        propagate(*half_layer(torch.float64, device))


@compiles
def test_tensors_off_the_gpu_are_refused():
    with pytest.raises(ValueError, match="needs a GPU, but got tensors on cpu"):
        propagate(*half_layer(torch.float32, "cpu"))


def half_layer(dtype, device):
    q, k, _, _, rpb, depth, sparse = (x.to(device, dtype) for x in layer_inputs(13, 13))
    return q, k, depth, depth, rpb[0, 0], rpb, depth, sparse, 1, UpdateRule.PLAIN, "triton"
