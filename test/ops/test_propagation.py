"""Every backend of the propagation against its definition: values and gradients."""

import functools
import os
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch

from depth_completion_ros.ops.backends import backends_of, choose_backend
from depth_completion_ros.ops.propagation import UpdateRule, propagate, propagate_reference
from depth_completion_ros.ops.propagation.function import LIBRARY

pytestmark = pytest.mark.usefixtures("one_thread")

PACKAGE = "depth_completion_ros.ops.propagation"
SIZES = {
    "one window": (13, 13),
    "borders only": (14, 20),
    "inside as well": (20, 45),
    "three bands of rows": (53, 16),
    "lower than the window": (9, 40),
    "smaller than the window": (5, 7),
    "one pixel": (1, 1),
}
MASKS = {"none": 0.0, "some": 0.1, "all": 1.0}
CASES = [(size, "some", rule) for size in SIZES for rule in UpdateRule] + [
    (size, share, UpdateRule.BLEND_AND_INJECT) for size in SIZES for share in ("none", "all")
]


def layer(height, width, channels=8, share=0.1, batch=1, dtype=torch.float64, seed=0):
    """Inputs of a layer: q, k, slopes, rpb, depth, sparse."""
    make = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=make, dtype=torch.float64)

    q, k = normal(batch, channels, height, width), normal(batch, channels, height, width)
    slopes = 0.1 * normal(channels), 0.1 * normal(channels)
    depth = 5 + normal(batch, 1, height, width).abs()
    hit = torch.rand(batch, 1, height, width, generator=make, dtype=torch.float64) < share
    sparse = torch.where(hit, 5 + normal(batch, 1, height, width).abs(), 0.0)
    return [x.to(dtype) for x in (0.5 * q, 0.5 * k, *slopes, 0.5 * normal(25, 25), depth, sparse)]


def terms(q, k, q_slope, k_slope):
    """a, b and g of `propagate`."""
    a = torch.einsum("bchw,c->bhw", k, q_slope)[:, None]
    b = torch.einsum("bchw,c->bhw", q, k_slope)[:, None]
    return a, b, q_slope @ k_slope


def run(backend, q, k, q_slope, k_slope, rpb, depth, sparse, iterations, rule):
    if backend == "reference":
        counts = [iterations] * len(q) if isinstance(iterations, int) else iterations
        images = [
            propagate_reference(q[i], k[i], q_slope, k_slope, rpb, depth[i, 0], sparse[i, 0], n, rule)
            for i, n in enumerate(counts)
        ]
        return tuple(torch.stack(maps)[:, None] for maps in zip(*images, strict=True))
    return propagate(q, k, *terms(q, k, q_slope, k_slope), rpb, depth, sparse, iterations, rule, backend)


def values_and_gradients(backend, inputs, iterations, rule):
    """Depth, mask, and gradients of a weighted sum of both with respect to all inputs but the last."""
    leaves = [x.clone().requires_grad_() for x in inputs[:-1]]
    depth, mask = run(backend, *leaves, inputs[-1], iterations, rule)
    weigh = torch.Generator().manual_seed(9)
    weights = [torch.randn(depth.shape, generator=weigh, dtype=torch.float64).to(depth) for _ in range(2)]
    (depth * weights[0] + mask * weights[1]).sum().backward()
    return [depth.detach(), mask.detach(), *(x.grad for x in leaves)]


def agree(got, expected, tolerance):
    for a, b in zip(got, expected, strict=True):
        scale = b.abs().max().clamp(min=1e-3)
        assert a.shape == b.shape
        assert (a - b).abs().max() <= tolerance * scale


FAST = [name for name in backends_of(PACKAGE) if name != "triton"]


@pytest.fixture(params=FAST)
def backend(request):
    try:
        choose_backend(LIBRARY, PACKAGE, request.param, torch.zeros(1))
    except ValueError as error:
        pytest.skip(str(error))
    return request.param


@functools.cache
def case(size, share, rule):
    """Inputs of three iterations and what the definition makes of them."""
    inputs = layer(*SIZES[size], share=MASKS[share])
    return inputs, values_and_gradients("reference", inputs, 3, rule)


@pytest.mark.parametrize(("size", "share", "rule"), CASES)
def test_backend_computes_the_definition(backend, size, share, rule):
    inputs, expected = case(size, share, rule)
    agree(values_and_gradients(backend, inputs, 3, rule), expected, 1e-10)


def test_backend_is_exact_to_rounding_in_single_precision(backend):
    inputs = layer(24, 30, channels=64)
    expected = values_and_gradients("reference", inputs, 4, UpdateRule.BLEND_AND_INJECT)
    single = [x.float() for x in inputs]
    got = values_and_gradients(backend, single, 4, UpdateRule.BLEND_AND_INJECT)
    agree(got[:2], expected[:2], 1e-5)
    agree(got[2:], expected[2:], 5e-4)  # sums over all pixels and slots of terms that nearly cancel


def test_images_of_a_batch_have_their_own_number_of_iterations(backend):
    inputs = layer(15, 33, batch=3)
    counts = [4, 0, 2]
    expected = values_and_gradients("reference", inputs, counts, UpdateRule.INJECT)
    agree(values_and_gradients(backend, inputs, counts, UpdateRule.INJECT), expected, 1e-10)


def test_inference_equals_training(backend):
    inputs = layer(20, 50, dtype=torch.float32)
    trained = values_and_gradients(backend, inputs, 3, UpdateRule.BLEND_AND_INJECT)[:2]
    with torch.no_grad():
        agree(run(backend, *inputs, 3, UpdateRule.BLEND_AND_INJECT), trained, 1e-6)


def test_any_number_of_threads_gives_the_same_bits(backend):
    inputs = layer(70, 20, dtype=torch.float32)
    before = torch.get_num_threads()
    results = []
    for threads in (1, 2, 5):
        torch.set_num_threads(threads)
        results.append(values_and_gradients(backend, inputs, 2, UpdateRule.PLAIN))
    torch.set_num_threads(before)
    if backend == "cpu":
        assert all(torch.equal(a, b) for other in results[1:] for a, b in zip(results[0], other, strict=True))
    else:  # PyTorch's own sums may differ in their last bits
        agree(results[1], results[0], 1e-5)


def test_large_logits_do_not_overflow(backend):
    inputs = layer(15, 20, dtype=torch.float32)
    inputs[0], inputs[1] = 40 * inputs[0], 40 * inputs[1]
    expected = run("reference", *(x.double() for x in inputs), 3, UpdateRule.PLAIN)
    agree(run(backend, *inputs, 3, UpdateRule.PLAIN), expected, 1e-2)  # logits are rounded to some 1e-4


def test_an_unknown_backend_is_refused():
    with pytest.raises(ValueError, match="it must be one of auto, torch, cpu, triton"):
        run("fast", *layer(13, 13), 1, UpdateRule.PLAIN)


@pytest.mark.parametrize("rule", [UpdateRule.INJECT, UpdateRule.PLAIN])
def test_flat_guidance_with_a_gaussian_bias_is_diffusion(backend, rule):
    """Where all pixels look alike, an iteration is a step of the heat equation: a Gaussian blur."""
    sigma, steps, border = 2.0, 2, 12
    inputs = layer(34, 40, share=0.05)
    flat = [torch.zeros_like(x) for x in inputs[:4]]
    offset = torch.arange(-12, 13, dtype=torch.float64)
    rpb = -(offset[:, None] ** 2 + offset**2) / (2 * sigma**2)
    depth, mask = run(backend, *flat, rpb, *inputs[5:], steps, rule)
    start, sparse = (x[0, 0].numpy() for x in inputs[5:])
    measured = sparse > 0
    heat, share = np.where(measured, sparse, start), measured.astype(np.float64)
    for _ in range(steps):
        heat = cv2.GaussianBlur(heat, (13, 13), sigma)
        heat = np.where(measured, sparse, heat) if rule.injects else heat
        share = np.where(measured, share, cv2.GaussianBlur(share, (13, 13), sigma))
    inside = np.s_[border:-border, border:-border]  # the blur pads its borders, the propagation does not
    np.testing.assert_allclose(depth[0, 0].numpy()[inside], heat[inside], rtol=1e-12)
    np.testing.assert_allclose(mask[0, 0].numpy()[inside], share[inside], rtol=1e-12)


# Misuse and poor surroundings ----------------------------------------------------------------------


def test_what_does_not_fit_is_refused_in_a_sentence(backend):
    q, k, q_slope, k_slope, rpb, depth, sparse = layer(14, 15, batch=2)
    a, b, g = terms(q, k, q_slope, k_slope)
    rule = UpdateRule.PLAIN
    with pytest.raises(ValueError, match=r"rpb of shape \(13, 13\) on cpu; it must be \(25, 25\)"):
        propagate(q, k, a, b, g, rpb[:13, :13], depth, sparse, 1, rule, backend)
    with pytest.raises(ValueError, match="depth of shape"):
        propagate(q, k, a, b, g, rpb, depth[..., 1:], sparse, 1, rule, backend)
    with pytest.raises(ValueError, match="iterations for 1 images; it must be 2"):
        propagate(q, k, a, b, g, rpb, depth, sparse, [3], rule, backend)


def test_no_image_gives_no_image(backend):
    inputs = layer(14, 15, batch=0)
    depth, mask = run(backend, *inputs, 2, UpdateRule.PLAIN)
    assert depth.shape == mask.shape == (0, 1, 14, 15)


def test_lower_precision_is_computed_in_single_precision(backend):
    inputs = layer(14, 30, dtype=torch.bfloat16)
    depth, mask = run(backend, *inputs, 2, UpdateRule.BLEND_AND_INJECT)
    assert depth.dtype == mask.dtype == torch.float32
    q, k, q_slope, k_slope, rpb, *maps = inputs
    constants = [x.float() for x in (q, k, *terms(q, k, q_slope, k_slope), rpb)]
    single = propagate(*constants, *(x.float() for x in maps), 2, UpdateRule.BLEND_AND_INJECT, backend)
    agree((depth, mask), single, 0.02)


STATE = "from depth_completion_ros.ops.propagation import cpu_kernels_state; print(cpu_kernels_state())"
BREAK = """
from shutil import which
from depth_completion_ros.ops.propagation.function import LIBRARY
LIBRARY.file(which("g++")).write_bytes(b"half a file")
"""


def state_of_kernels(code=STATE, **environment):
    """What another process says of the kernels."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_without_a_compiler_the_reason_is_told(tmp_path):
    told = state_of_kernels(PATH="", CXX="", XDG_CACHE_HOME=str(tmp_path))
    assert told == "the CPU kernels cannot be built: no C++ compiler was found (apt install g++)."


@pytest.mark.skipif(not shutil.which("g++"), reason="needs a C++ compiler")
def test_a_damaged_file_is_built_again(tmp_path):
    told = state_of_kernels(BREAK + STATE, CXX="", XDG_CACHE_HOME=str(tmp_path))
    assert told.startswith("compiled, ")


@pytest.mark.skipif(not shutil.which("g++"), reason="needs a C++ compiler")
def test_where_nothing_can_be_kept_the_kernels_are_built_for_the_process(tmp_path):
    (tmp_path / "file").touch()
    told = state_of_kernels(XDG_CACHE_HOME=str(tmp_path / "file"), TMPDIR=str(tmp_path))
    assert told.startswith(f"compiled, {tmp_path}/depth_completion_ros-")
    assert [path.name for path in tmp_path.iterdir()] == ["file"], "something was left behind"
