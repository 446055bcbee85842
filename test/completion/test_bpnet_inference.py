"""What runs in place of BP-Net's modules gives what they give."""

from __future__ import annotations

from copy import deepcopy

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from depth_completion_ros.completion.bpnet import inference  # noqa: E402
from depth_completion_ros.completion.bpnet.layers import (  # noqa: E402
    Block,
    Residual,
    Up,
    UpJoin,
    drop_rates,
    stage,
)
from depth_completion_ros.completion.bpnet.network import BPNet  # noqa: E402
from depth_completion_ros.completion.bpnet.propagation import BilateralPropagation  # noqa: E402
from depth_completion_ros.completion.bpnet.refinement import KernelGenerator  # noqa: E402
from depth_completion_ros.completion.learned import fused_conv  # noqa: E402
from depth_completion_ros.ops.neighbours import nearest_measured  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")
BATCH, CHANNELS, HEIGHT, WIDTH = 2, 16, 6, 10
SINGLE, DOUBLE = {"rtol": 1e-5, "atol": 1e-5}, {"rtol": 1e-10, "atol": 1e-10}


def with_norms_that_count(module: torch.nn.Module) -> torch.nn.Module:
    for norm in module.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            norm.running_mean.normal_(0, 0.2)
            norm.running_var.uniform_(0.5, 1.5)
            torch.nn.init.uniform_(norm.weight, 0.8, 1.2)
            torch.nn.init.normal_(norm.bias, 0, 0.2)
    return module.eval()


def both(plain: torch.nn.Module) -> tuple[torch.nn.Module, torch.nn.Module]:
    """A module as a network has it, and what takes its place."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(with_norms_that_count(plain)).double()
    return network[0], inference.for_inference(network)[0]


def maps(*channels: int, height: int = HEIGHT, width: int = WIDTH) -> list[torch.Tensor]:
    make = torch.Generator().manual_seed(1)
    return [torch.randn(BATCH, c, height, width, generator=make, dtype=torch.float64) for c in channels]


@torch.inference_mode()
def assert_same(plain, fast, *given: torch.Tensor) -> None:
    expected = plain(*given)
    torch.testing.assert_close(fast(*(x.clone() for x in given)), expected, **DOUBLE)
    fast = deepcopy(fast).to(torch.float32, memory_format=torch.channels_last)
    single = [x.to(torch.float32) if x.is_floating_point() else x.clone() for x in given]
    single = [x.contiguous(memory_format=torch.channels_last) for x in single]
    found = fast(*single)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), expected, **SINGLE)


@pytest.mark.parametrize("activation", [None, torch.nn.Identity()])
@pytest.mark.parametrize("kernel", [1, 3])
def test_a_block(kernel, activation):
    assert_same(*both(Block(5, CHANNELS, kernel, activation)), *maps(5))


@pytest.mark.parametrize(("inputs", "stride"), [(CHANNELS, 1), (8, 2), (CHANNELS, 2)])
def test_a_residual_block_with_and_without_a_convolved_shortcut(inputs, stride):
    assert_same(*both(Residual(inputs, CHANNELS, stride, 0.1)), *maps(inputs))


def test_two_residual_blocks_leave_their_input_as_it_is_where_others_need_it():
    plain, fast = both(stage(8, CHANNELS, 2, drop_rates(1)[0]))
    x = maps(8)[0].to(torch.float32, memory_format=torch.channels_last)
    before = x.clone()
    with torch.inference_mode():
        fast.float()(x)
    torch.testing.assert_close(x, before, rtol=0, atol=0)


def test_steps_up():
    assert_same(*both(Up(7, CHANNELS)), *maps(7))
    finer = maps(CHANNELS, height=2 * HEIGHT, width=2 * WIDTH)
    assert_same(*both(UpJoin(7, CHANNELS)), *maps(7), *finer)


@pytest.mark.parametrize("size", [3, 5, 7])
def test_kernels_in_one_slice_and_in_many(monkeypatch, size):
    plain, fast = both(KernelGenerator(CHANNELS, size))
    assert_same(plain, fast, *maps(CHANNELS))
    monkeypatch.setattr(inference, "SLICE", 2 * BATCH * WIDTH * (size * size - 1) + 1)
    assert_same(plain, fast, *maps(CHANNELS))


def propagation() -> tuple:
    plain, fast = both(BilateralPropagation(CHANNELS))
    features, points = maps(CHANNELS, 3)
    measured = torch.rand(BATCH, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(2)) < 0.2
    return plain, fast, features, 10 * points.abs() * measured[:, None], nearest_measured(measured)


def test_the_propagation_in_one_slice_and_in_many(monkeypatch):
    given = propagation()
    assert_same(*given)
    monkeypatch.setattr(inference, "SLICE", 4 * CHANNELS * 7)
    assert_same(*given)


def test_the_propagation_stays_in_float32_with_its_own_weights_in_a_network_of_less_precision():
    plain, fast, *given = propagation()
    rough = deepcopy(fast).float().bfloat16()
    torch.testing.assert_close(rough.state_dict(), fast.float().state_dict(), rtol=0, atol=0)
    features = given[0].bfloat16()
    with torch.inference_mode():
        found = rough(features, given[1].float(), given[2])
        expected = plain(features.double(), *given[1:])
    torch.testing.assert_close(found.double(), expected, **SINGLE)


def with_positive_kernels(network: BPNet) -> BPNet:
    """With kernels that take means, as those with negative weights make of a last digit any number."""
    for level in range(6):
        for generator in list(network.get_submodule(f"pred{level}.cspn").children())[:3]:
            norm = generator.conv[1].conv.bn
            torch.nn.init.constant_(norm.weight, 0.1)
            torch.nn.init.ones_(norm.bias)
    return network


def scene() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    make = torch.Generator().manual_seed(3)
    rgb = torch.randn(1, 3, 64, 64, generator=make)
    depth = 5 + 40 * torch.rand(1, 1, 64, 64, generator=make)
    measured = torch.rand(1, 1, 64, 64, generator=make) < 0.05
    return rgb, depth * measured, torch.tensor([[[70.0, 0, 31.5], [0, 72, 31.5], [0, 0, 1]]])


@torch.inference_mode()
def test_the_whole_network_gives_the_same_depth_at_every_level():
    torch.manual_seed(0)
    network = with_positive_kernels(with_norms_that_count(BPNet()))
    expected = network(*scene(), every_level=True).outputs
    fast = inference.for_inference(network).to(memory_format=torch.channels_last)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in fast.modules())
    for found, wanted in zip(fast(*scene(), every_level=True).outputs, expected, strict=True):
        assert wanted.std() > 1
        error = ((found - wanted).abs() / wanted.abs().clamp(min=1)).flatten()
        # Random weights make more of a last digit than trained ones; each part is held to 1e-5 above.
        assert error.median() < 1e-5 and error.quantile(0.99) < 1e-4


def test_the_network_itself_is_left_as_it_was():
    block = with_norms_that_count(Block(3, 4))
    before = deepcopy(block.state_dict())
    fast = inference.for_inference(torch.nn.Sequential(block))
    assert isinstance(block.conv.bn, torch.nn.BatchNorm2d)
    torch.testing.assert_close(block.state_dict(), before, rtol=0, atol=0)
    assert not any(x.requires_grad for x in fast.parameters())


@torch.inference_mode()
def test_where_onednn_does_not_serve_the_depth_is_the_same(monkeypatch):
    plain, fast = both(stage(8, CHANNELS, 2, drop_rates(1)[0]))
    monkeypatch.setattr(fused_conv, "onednn_serves", lambda x: False)
    assert_same(plain, fast, *maps(8))
