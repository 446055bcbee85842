"""Priors of transformers, and how their weights come from the hub."""

import json
import socket

import numpy as np
import pytest
from synthetic import SHAPE, camera_image

from depth_completion_ros.completion.prior import create_prior


def save_depth_anything(folder, kind="relative"):
    """A tiny Depth Anything of random weights, with the image processor's settings of the real ones."""
    import torch
    from transformers import (
        DepthAnythingConfig,
        DepthAnythingForDepthEstimation,
        Dinov2Config,
        DPTImageProcessorPil,
    )

    torch.manual_seed(0)
    backbone = Dinov2Config(
        hidden_size=16, num_hidden_layers=4, num_attention_heads=2, image_size=56, patch_size=14,
        out_indices=[1, 2, 3, 4], reshape_hidden_states=False, apply_layernorm=True,
    )  # fmt: skip
    config = DepthAnythingConfig(
        backbone_config=backbone, reassemble_hidden_size=16, neck_hidden_sizes=[8] * 4, fusion_hidden_size=8,
        head_hidden_size=8, depth_estimation_type=kind, max_depth=80 if kind == "metric" else 1,
    )  # fmt: skip
    model = DepthAnythingForDepthEstimation(config).eval()
    for kernel in (p for p in model.parameters() if p.ndim == 4):
        torch.nn.init.kaiming_normal_(kernel)  # else nothing of the image is left at the end
    model.head.conv3.bias.data.fill_(3.0)  # else the last ReLU may give zero everywhere
    model.save_pretrained(folder)
    processor = DPTImageProcessorPil(
        size={"height": 70, "width": 70}, keep_aspect_ratio=True, ensure_multiple_of=14, resample=3,
        image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225],
    )  # fmt: skip
    processor.save_pretrained(folder)
    return model, processor


@pytest.fixture(scope="module")
def depth_anything(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny_depth_anything")
    return folder, *save_depth_anything(folder)


@pytest.mark.parametrize("shape", [SHAPE, (375, 1242), (200, 40), (64, 64)])
def test_the_input_of_depth_anything_is_that_of_its_image_processor(depth_anything, shape):
    folder, _, processor = depth_anything
    image = camera_image(shape)
    ours = create_prior(str(folder), "cpu").network_input(image).numpy()
    theirs = processor(images=image, return_tensors="np")["pixel_values"]
    assert ours.shape == theirs.shape
    # Pillow, which the processor takes without torchvision, rounds once more: two steps of 255 at most.
    step = 1 / 255 / 0.224
    assert np.abs(ours - theirs).max() <= 2.01 * step
    assert np.abs(ours - theirs).mean() < 0.25 * step


def test_depth_anything_predicts_what_transformers_does_at_the_image_s_size(depth_anything):
    import torch

    folder, model, processor = depth_anything
    image = camera_image()
    prior = create_prior(str(folder), "cpu")
    assert (prior.space, prior.licence, prior.name) == ("disparity", "unknown (your file)", folder.name)
    prediction = prior.predict(image)
    with torch.no_grad():
        theirs = model(**processor(images=image, return_tensors="pt")).predicted_depth[None]
    theirs = torch.nn.functional.interpolate(theirs, SHAPE, mode="bilinear")[0, 0].numpy()
    assert prediction.shape == SHAPE and prediction.dtype == np.float32
    assert np.ptp(theirs) > 0.1, "the network gives a constant, so that this test says nothing"
    assert np.abs(prediction - theirs).max() < 0.02 * np.ptp(theirs)


def test_the_side_of_the_input_can_be_chosen(depth_anything):
    prior = create_prior(str(depth_anything[0]), "cpu", side=42)
    assert prior.network_input(camera_image()).shape == (1, 3, 42, 56)
    assert prior.predict(camera_image()).shape == SHAPE


def test_a_metric_depth_anything_is_known_from_its_folder_and_the_text_overrides_it(tmp_path):
    save_depth_anything(tmp_path, "metric")
    prior = create_prior(str(tmp_path), "cpu")
    assert prior.space == "metric"
    assert (prior.predict(camera_image()) > 0).all()
    assert create_prior(f"{tmp_path}@depth", "cpu").space == "depth"


def test_another_network_of_transformers_runs_with_its_own_image_processor(tmp_path):
    from transformers import GLPNConfig, GLPNForDepthEstimation, GLPNImageProcessorPil

    config = GLPNConfig(
        depths=[1] * 4, hidden_sizes=[8] * 4, num_attention_heads=[1] * 4, decoder_hidden_size=8, max_depth=80
    )
    GLPNForDepthEstimation(config).save_pretrained(tmp_path)
    with pytest.raises(FileNotFoundError, match="lacks preprocessor_config.json"):
        create_prior(str(tmp_path), "cpu")
    GLPNImageProcessorPil(size_divisor=32).save_pretrained(tmp_path)
    prior = create_prior(str(tmp_path), "cpu")
    prediction = prior.predict(camera_image((64, 96)))
    assert prior.space == "metric"
    assert prediction.shape == (64, 96) and (prediction > 0).all() and (prediction < 80).all()
    with pytest.raises(ValueError, match="images of its own size only"):
        create_prior(str(tmp_path), "cpu", side=64)


def test_weights_that_lack_a_parameter_are_refused(depth_anything, tmp_path):
    from safetensors.torch import load_file, save_file

    weights = load_file(depth_anything[0] / "model.safetensors")
    del weights["head.conv3.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    (tmp_path / "config.json").write_text((depth_anything[0] / "config.json").read_text())
    with pytest.raises(ValueError, match="lack 1 of the network's parameters, such as 'head.conv3.weight'"):
        create_prior(str(tmp_path), "cpu")


@pytest.mark.parametrize("weights", [None, b"\x08broken"])
def test_missing_or_broken_weights_give_one_sentence(depth_anything, tmp_path, weights):
    (tmp_path / "config.json").write_text((depth_anything[0] / "config.json").read_text())
    if weights:
        (tmp_path / "model.safetensors").write_bytes(weights)
    with pytest.raises(ValueError, match="cannot be loaded from") as raised:
        create_prior(str(tmp_path), "cpu")
    assert "\n" not in str(raised.value)


def test_a_folder_of_another_network_is_refused(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(ValueError, match="of type 'bert'; it must be one of depth_anything, dpt"):
        create_prior(str(tmp_path))
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match="is no JSON"):
        create_prior(str(tmp_path))


def hub_cache(monkeypatch, folder):
    """Let the hub's cache be an empty folder."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder))


def test_weights_that_are_neither_cached_nor_to_be_fetched_give_one_sentence(monkeypatch, tmp_path):
    hub_cache(monkeypatch, tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(FileNotFoundError, match="depth-anything/Depth-Anything-V2-Small-hf") as raised:
        create_prior("depth_anything_v2_small", "cpu")
    assert "HF_HUB_OFFLINE" in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize("answers", ["refuses", "is silent"])
def test_a_hub_that_cannot_be_reached_gives_the_same_sentence_at_once(monkeypatch, tmp_path, answers):
    hub_cache(monkeypatch, tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("depth_completion_ros.completion.prior.known.CONNECT_TIMEOUT", 0.2)
    with socket.socket() as hub:
        hub.bind(("127.0.0.1", 0))
        if answers == "is silent":
            hub.listen()
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{hub.getsockname()[1]}")
        with pytest.raises(FileNotFoundError, match="cannot be fetched") as raised:
            create_prior("depth_anything_v2_large", "cpu", allow_noncommercial=True)
    assert "HF_HUB_OFFLINE" in str(raised.value) and "\n" not in str(raised.value)


def test_weights_in_the_cache_are_taken_without_network(monkeypatch, tmp_path, depth_anything):
    hub_cache(monkeypatch, tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    repository = tmp_path / "models--depth-anything--Depth-Anything-V2-Small-hf"
    snapshot = repository / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    for file in ("config.json", "model.safetensors"):
        (snapshot / file).write_bytes((depth_anything[0] / file).read_bytes())
    prior = create_prior("depth_anything_v2_small", "cpu", side=42)
    assert (prior.name, prior.licence, prior.space) == ("depth_anything_v2_small", "Apache-2.0", "disparity")
    assert np.isfinite(prior.predict(camera_image())).all()
