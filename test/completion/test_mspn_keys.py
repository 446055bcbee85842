"""The state dict of MSPN has the keys and shapes of the published checkpoints."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from depth_completion_ros.completion.mspn import MSPN, VARIANTS  # noqa: E402

COUNTS = {
    "sdr_nyu": (776, 82_504_674),
    "sdr_kitti": (776, 82_504_674),
    "conventional_nyu": (772, 82_622_930),
    "conventional_kitti": (772, 82_738_066),
}
CHANNELS = {"sdr_nyu": 64, "sdr_kitti": 64, "conventional_nyu": 128, "conventional_kitti": 192}
Shapes = dict[str, tuple[int, ...]]


@pytest.fixture(scope="module", params=VARIANTS)
def network(request):
    """A network of shapes without numbers."""
    with torch.device("meta"):
        return MSPN(request.param)


def test_keys_and_shapes(network):
    found = {key: tuple(x.shape) for key, x in network.state_dict().items()}
    assert found == table(network.variant)


def test_numbers_of_keys_parameters_and_buffers(network):
    keys, parameters = COUNTS[network.variant]
    assert len(network.state_dict()) == keys
    assert sum(x.numel() for x in network.parameters()) == parameters
    assert sum(x.numel() for x in network.buffers()) == 19_759


def table(variant: str) -> Shapes:
    """Key -> shape of a variant's checkpoint."""
    channels, sdr = CHANNELS[variant], variant.startswith("sdr")
    backbone = _stem(sdr) | _under("former", _encoder()) | _decoder() | _heads(channels, sdr)
    layer = _norm("norm1", channels) | _conv("conv", 2 * channels, channels + 1, 1) | {"rpb": (1, 25, 25)}
    prop_layer = _under("mspn", layer) | (_under("mspn_2nd", layer) if sdr else {})
    return _under("backbone", backbone) | _under("prop_layer", prop_layer)


def _stem(sdr: bool) -> Shapes:
    shapes = _conv("conv1_rgb.0", 48, 3, 3) | _conv("conv1_dep.0", 16, 1, 3)
    shapes |= _conv("spatial_conv3x3", 48, 48, 3) | _conv("spatial_conv1x1", 48, 48, 1)
    if sdr:
        shapes |= _conv("conv1_rgb_dep.0", 64, 64, 3) | _conv("conv1_dep_MD.0", 16, 1, 3)
    return shapes | _conv("conv1.0", 64, 80 if sdr else 64, 3)


def _heads(channels: int, sdr: bool) -> Shapes:
    shapes = _conv("gd_dec1.0", 64, 128, 3, bias=False) | _norm("gd_dec1.1", 64)
    shapes |= _conv("gd_dec0.0", channels, 128, 3)
    if not sdr:
        shapes |= _conv("dep_dec1.0", 64, 128, 3, bias=False) | _norm("dep_dec1.1", 64)
        shapes |= _conv("dep_dec0.0", 1, 128, 3)
    return shapes


def _encoder() -> Shapes:
    shapes: Shapes = {}
    for layer, blocks, c in (("embed_layer1", 3, 64), ("embed_layer2", 4, 128)):
        for i in range(blocks):
            first = 64 if i == 0 else c
            shapes |= _under(f"{layer}.{i}", _residual(first, c))
    shapes |= _conv("embed_layer2.0.downsample.0", 128, 64, 1, bias=False)
    shapes |= _batch_norm("embed_layer2.0.downsample.1", 128)
    slots, inputs = (12544, 784, 196, 50), (128, 64, 128, 320)
    stages = ((64, 3, 512, 8), (128, 4, 1024, 4), (320, 6, 1280, 2), (512, 3, 2048, 1))
    for s, (d, blocks, hidden, reduction) in enumerate(stages, start=1):
        shapes[f"pos_embed{s}"] = (1, slots[s - 1], d)
        shapes |= _conv(f"patch_embed{s}.proj", d, inputs[s - 1], 2) | _norm(f"patch_embed{s}.norm", d)
        for i in range(blocks):
            shapes |= _under(f"block{s}.{i}", _block(d, hidden, reduction))
    return shapes


def _block(d: int, hidden: int, reduction: int) -> Shapes:
    shapes = _norm("norm1", d) | _norm("norm2", d)
    shapes |= _linear("attn.q", d, d) | _linear("attn.kv", 2 * d, d) | _linear("attn.proj", d, d)
    if reduction > 1:
        shapes |= _conv("attn.sr", d, d, reduction) | _norm("attn.norm", d)
    shapes |= _linear("mlp.fc1", hidden, d) | _linear("mlp.fc2", d, hidden)
    attention = {
        "ca.fc.0.weight": (d // 16, d, 1, 1),
        "ca.fc.2.weight": (d, d // 16, 1, 1),
        "sa.conv1.weight": (1, 2, 7, 7),
    }
    return (
        shapes
        | _under("resblock", _residual(d, d) | attention)
        | _conv("concat_conv", d, 2 * d, 3, bias=False)
    )


def _residual(cin: int, c: int) -> Shapes:
    shapes = _conv("conv1", c, cin, 3, bias=False) | _batch_norm("bn1", c)
    return shapes | _conv("conv2", c, c, 3, bias=False) | _batch_norm("bn2", c)


def _decoder() -> Shapes:
    shapes: Shapes = {}
    for k, cin, c in ((6, 512, 256), (5, 576, 128), (4, 256, 64), (3, 128, 64), (2, 192, 64)):
        block = {"beta": (1, c, 1, 1), "gamma": (1, c, 1, 1)} | _norm("norm1", c) | _norm("norm2", c)
        block |= _conv("conv1", 2 * c, c, 1) | _conv("conv4", 2 * c, c, 1) | _conv("conv2", 2 * c, 1, 3)
        block |= _conv("conv3", c, c, 1) | _conv("conv5", c, c, 1) | _conv("sca.1", c, c, 1)
        shapes |= {f"dec{k}.0.0.weight": (cin, c, 3, 3)}
        shapes |= _norm(f"dec{k}.0.1", c) | _under(f"dec{k}.1", block)
    return shapes


def _under(name: str, shapes: Shapes) -> Shapes:
    return {f"{name}.{key}": shape for key, shape in shapes.items()}


def _conv(name: str, out: int, cin: int, kernel: int, bias: bool = True) -> Shapes:
    shapes: Shapes = {f"{name}.weight": (out, cin, kernel, kernel)}
    return shapes | ({f"{name}.bias": (out,)} if bias else {})


def _linear(name: str, out: int, cin: int) -> Shapes:
    return {f"{name}.weight": (out, cin), f"{name}.bias": (out,)}


def _norm(name: str, c: int) -> Shapes:
    return {f"{name}.weight": (c,), f"{name}.bias": (c,)}


def _batch_norm(name: str, c: int) -> Shapes:
    statistics = {
        f"{name}.running_mean": (c,),
        f"{name}.running_var": (c,),
        f"{name}.num_batches_tracked": (),
    }
    return _norm(name, c) | statistics
