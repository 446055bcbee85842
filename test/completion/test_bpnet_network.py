"""BP-Net against figures of the official classes, and its keys against their checkpoints."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from depth_completion_ros.completion.bpnet.layers import fold  # noqa: E402
from depth_completion_ros.completion.bpnet.network import BPNet  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")
HEIGHT, WIDTH = 64, 96
MEAN_STD = (
    (11.113563468, 0.305883926),
    (12.504674886, 0.766566352),
    (11.899335449, 0.985211341),
    (12.231986772, 1.830844698),
    (10.487990526, 1.651149058),
    (10.753343205, 203.406968670),
)
LEAST_MOST = (
    (10.386720, 11.720140),
    (10.741815, 15.110590),
    (8.264272, 15.607831),
    (-0.313861, 19.042189),
    (4.378763, 15.825699),
    (-10868.456298, 7231.992182),
)
PLACES = (0, 0), (31, 47), (63, 95)
AT_PLACES = (
    (11.602037474, 11.438297249, 10.425029559),
    (13.270971049, 12.137443509, 11.910514677),
    (10.576468929, 11.853461031, 11.237180718),
    (9.363614472, 14.255969869, 15.781895672),
    (6.774176917, 14.036293125, 5.236270419),
    (6.407930969, 13.883469080, 1.645098494),
)
PARAMETERS = {
    "conv_img": 38_048,
    "layer1_img": 131_712,
    "layer2_img": 525_568,
    "layer3_img": 2_099_712,
    "layer4_img": 2_427_392,
    "layer5_img": 2_427_392,
    "pred0": 13_333_741,
    "pred1": 13_662_001,
    "pred2": 14_909_373,
    "pred3": 18_741_997,
    "pred4": 14_134_701,
    "pred5": 7_442_093,
}


def known_values(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Values for every entry of the state dict that follow from its place and shape alone."""
    filled = {}
    for j, (name, x) in enumerate(network.state_dict().items()):
        if name.endswith("num_batches_tracked"):
            filled[name] = torch.tensor(0)
            continue
        t = np.arange(1, x.numel() + 1, dtype=np.uint64) * np.uint64(2654435761)
        t = (t + np.uint64((j + 1) * 40503)) % np.uint64(2**32)
        t ^= t >> np.uint64(16)
        t = t * np.uint64(73244475) % np.uint64(2**32)
        t ^= t >> np.uint64(16)
        u = torch.from_numpy(t.astype(np.float64) / 2**31 - 1).reshape(x.shape)
        if name.endswith("running_var"):
            u = 1 + 0.5 * u
        elif x.ndim == 4:
            u = u * np.sqrt(1.5 * x.shape[0] / x.numel())
        elif name.endswith("weight"):
            u = 1 + 0.1 * u
        else:
            u = 0.1 * u
        filled[name] = u
    return filled


@pytest.fixture(scope="module")
def values() -> dict[str, torch.Tensor]:
    with torch.device("meta"):
        network = BPNet()
    return known_values(network)


def inputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    c, y, x = np.mgrid[:3, :HEIGHT, :WIDTH]
    rgb = np.sin(0.11 * x + 0.07 * y + c)
    y, x = y[0], x[0]
    sparse = np.where((7 * x + 13 * y) % 29 == 0, 5 + 0.3 * ((3 * x + 5 * y) % 50), 0)
    K = np.array([[70, 0, 47.5], [0, 72, 31.5], [0, 0, 1]])
    return tuple(torch.from_numpy(v)[None] for v in (rgb, sparse[None], K))


@torch.no_grad()
def outputs(values: dict[str, torch.Tensor], dtype: torch.dtype) -> list[np.ndarray]:
    network = BPNet().to(dtype).eval()
    network.load_state_dict(values)
    prediction = network(*(x.to(dtype) for x in inputs()), every_level=True)
    assert torch.equal(prediction.depth, prediction.outputs[-1])
    return [x[0, 0].double().numpy() for x in prediction.outputs]


def test_the_inputs_and_the_values_are_those_of_the_figures(values):
    rgb, sparse, _ = inputs()
    assert rgb.shape == (1, 3, HEIGHT, WIDTH)
    assert (sparse > 0).sum() == 212 and sparse.sum().item() == pytest.approx(2636.2)
    first = next(iter(values.values())).flatten()[:4]
    np.testing.assert_allclose(first, [0.186322559, -0.078902818, 0.042640577, 0.013699664], atol=1e-9)
    assert sum(x.double().sum().item() for x in values.values()) == pytest.approx(92724.449964, abs=1e-5)


def test_in_float64_every_level_has_the_official_depth(values):
    found = outputs(values, torch.float64)
    for depth, (mean, std), (least, most), at in zip(found, MEAN_STD, LEAST_MOST, AT_PLACES, strict=True):
        np.testing.assert_allclose([depth.mean(), depth.std(ddof=1)], [mean, std], rtol=1e-7)
        np.testing.assert_allclose([depth.min(), depth.max()], [least, most], atol=2e-6, rtol=1e-7)
        np.testing.assert_allclose([depth[place] for place in PLACES], at, rtol=1e-7)


def test_in_float32_it_is_as_near_as_the_official_network(values):
    found = outputs(values, torch.float32)
    for depth, (mean, _), at in list(zip(found, MEAN_STD, AT_PLACES, strict=True))[:-1]:
        np.testing.assert_allclose(
            [depth.mean(), *(depth[place] for place in PLACES)], [mean, *at], atol=1e-4
        )
    # The finest has spikes where the values make kernels of weights that nearly cancel.
    np.testing.assert_allclose([found[-1][place] for place in PLACES], AT_PLACES[-1], atol=1e-3)


def test_keys_and_numbers_are_those_of_the_checkpoints():
    with torch.device("meta"):
        network = BPNet()
    state = network.state_dict()
    assert len(state) == 1648 and len(list(network.parameters())) == 859
    assert sum(x.numel() for x in network.buffers()) == 92_999
    found = {name: sum(x.numel() for x in part.parameters()) for name, part in network.named_children()}
    assert found == PARAMETERS and list(found) == list(PARAMETERS)


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        ("conv_img.0.conv.conv.weight", (32, 3, 3, 3)),
        ("conv_img.1.1.bn2.running_var", (32,)),
        ("layer2_img.0.downsample.1.bias", (128,)),
        ("pred0.upcat.upf.conv.weight", (65, 32, 4, 4)),
        ("pred4.upcat.upf.conv.weight", (257, 256, 4, 4)),
        ("pred3.upcat.conv.conv.conv.weight", (256, 512, 3, 3)),
        ("pred5.wpool.permute.conv.0.conv.bn.weight", (256,)),
        ("pred5.wpool.permute.conv.2.bias", (1024,)),
        ("pred0.prop.convXF.0.conv.conv.weight", (32, 69, 1, 1)),
        ("pred1.prop.convXL.1.conv.conv.weight", (64, 64, 1, 1)),
        ("pred1.prop.coef.conv.bias", (3,)),
        ("pred0.fuse.encoder.0.0.conv.conv.weight", (32, 35, 3, 3)),
        ("pred3.fuse.encoder.1.0.downsample.0.weight", (256, 256, 1, 1)),
        ("pred0.fuse.decoder.4.upf.conv.weight", (256, 256, 4, 4)),
        ("pred0.fuse.decoder.0.conv.conv.conv.weight", (32, 64, 3, 3)),
        ("pred5.conv.weight", (1, 256, 3, 3)),
        ("pred0.cspn.weight7x7.conv.1.conv.conv.weight", (48, 32, 3, 3)),
        ("pred0.cspn.convct.0.conv.conv.weight", (32, 35, 3, 3)),
        ("pred0.cspn.convck.1.bias", (3,)),
    ],
)
def test_a_key_has_its_shape(key, shape):
    with torch.device("meta"):
        state = BPNet().state_dict()
    assert tuple(state[key].shape) == shape


def test_folded_norms_leave_the_depth_as_it_is(values):
    network = BPNet().double().eval()
    network.load_state_dict(values)
    folded = deepcopy(network)
    fold(folded)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())
    with torch.no_grad():
        expected, found = (each(*inputs(), every_level=True).outputs for each in (network, folded))
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-6)
