"""PSD as a completer, on a tiny Depth Anything. Its weights are random: its behaviour means something."""

from __future__ import annotations

import math
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

from synthetic import camera_image, points_of, slope  # noqa: E402
from test_transformers_prior import save_depth_anything  # noqa: E402

from depth_completion_ros import Camera, Frame, SparseDepth, create_completer  # noqa: E402
from depth_completion_ros.completion import Source  # noqa: E402
from depth_completion_ros.completion.prior import create_prior  # noqa: E402
from depth_completion_ros.completion.psd.foundation import (  # noqa: E402
    PREFIX,
    _positions,
    foundation_prior,
    renamed,
)
from depth_completion_ros.completion.psd.inputs import prior_output  # noqa: E402
from depth_completion_ros.completion.psd.network import PSD  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")
SHAPE = (41, 70)
CAMERA = Camera(SHAPE[1], SHAPE[0], [[60, 0, 35], [0, 60, 20], [0, 0, 1]])
SIDE = 56


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny_depth_anything")
    save_depth_anything(folder)
    config = folder / "config.json"  # shapes tell no number of heads, but all sizes have heads of 64 channels
    config.write_text(config.read_text().replace('"num_attention_heads": 2', '"num_attention_heads": 1'))
    return folder


@pytest.fixture(scope="module")
def completer(folder):
    return create_completer("psd", prior=str(folder), prior_side=SIDE, device="cpu")


def some(number: int) -> SparseDepth:
    return points_of(slope(SHAPE), number)


def as_official(prior) -> dict[str, torch.Tensor]:
    """Weights of a tiny Depth Anything of transformers by the names of the official code."""
    model = prior.network.state_dict()
    names = {}
    for key in model:
        name = key.replace("backbone.encoder.layer", "pretrained.blocks")
        name = name.replace("backbone.embeddings.position_embeddings", "pretrained.pos_embed")
        name = name.replace("backbone.embeddings.patch_embeddings.projection", "pretrained.patch_embed.proj")
        name = name.replace("backbone.embeddings.", "pretrained.").replace(
            "backbone.layernorm", "pretrained.norm"
        )
        for i in (1, 2):
            name = name.replace(f"layer_scale{i}.lambda1", f"ls{i}.gamma")
            name = name.replace(f"residual_layer{i}.convolution", f"resConfUnit{i}.conv")
        for i in range(4):
            name = name.replace(f"neck.reassemble_stage.layers.{i}.projection", f"depth_head.projects.{i}")
            name = name.replace(f"neck.reassemble_stage.layers.{i}.resize", f"depth_head.resize_layers.{i}")
            name = name.replace(f"neck.convs.{i}", f"depth_head.scratch.layer{i + 1}_rn")
            name = name.replace(f"neck.fusion_stage.layers.{i}", f"depth_head.scratch.refinenet{4 - i}")
        name = name.replace(".projection", ".out_conv").replace(
            "head.conv1", "depth_head.scratch.output_conv1"
        )
        name = name.replace("head.conv2", "depth_head.scratch.output_conv2.0")
        name = name.replace("head.conv3", "depth_head.scratch.output_conv2.2")
        names[key] = name.replace("attention.o_proj", "attn.proj")
    official = {}
    for key, name in names.items():
        if ".q_proj." in key:
            parts = [model[key.replace("q_proj", f"{part}_proj")] for part in "qkv"]
            official[name.replace("attention.q_proj", "attn.qkv")] = torch.cat(parts)
        elif ".k_proj." not in key and ".v_proj." not in key:
            official[name] = model[key]
    return official


@pytest.fixture(scope="module")
def official_file(folder, tmp_path_factory):
    """A checkpoint as official training leaves it, of several GPUs, around the tiny Depth Anything."""
    torch.manual_seed(3)
    state = PSD((8,) * 4, official=True).state_dict()
    state |= {PREFIX + key: x for key, x in as_official(create_prior(str(folder), "cpu")).items()}
    path = tmp_path_factory.mktemp("official") / "checkpoint_000044.ckpt"
    model = {f"module.{key}": x for key, x in state.items()}
    torch.save({"epoch": 44, "model": model, "optimizer": {"state": {}, "param_groups": []}}, path)
    return path


# What it answers -----------------------------------------------------------------------------------


def test_random_weights_are_told(completer):
    assert completer.warnings == ["The weights of 'psd' are random: its depth is meaningless."]
    assert completer.report()["prior"] and completer.report()["weights"] == "random"


@pytest.mark.parametrize("number", [1, 2, 3, 200])
def test_any_number_of_points_is_answered_and_twice_the_same(completer, number):
    sparse = some(number)
    before = sparse.depth.copy()
    completion, again = (completer.complete(camera_image(SHAPE), sparse, CAMERA) for _ in range(2))
    assert np.array_equal(sparse.depth, before), "the input was changed"
    np.testing.assert_array_equal(again.depth, completion.depth)
    known, measured = np.isfinite(completion.depth), sparse.depth > 0
    assert known[~measured].any() and (completion.depth[known] > 0).all()
    assert np.array_equal(completion.depth[measured], sparse.depth[measured])
    assert (completion.source[measured] == Source.MEASURED).all()
    assert (completion.source[~known] == Source.UNKNOWN).all()
    assert completion.confidence.min() >= 0 and completion.confidence.max() <= 1


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (33, 17)])
def test_images_of_a_few_pixels_are_answered(completer, shape):
    completion = completer.complete(np.zeros((*shape, 3), np.uint8), points_of(slope(shape), 1))
    measured = points_of(slope(shape), 1).depth > 0
    assert completion.depth.shape == shape and np.isfinite(completion.depth[measured]).all()
    assert np.isfinite(completion.depth[~measured]).any() or shape == (1, 1)


def test_without_a_point_all_is_unknown(completer):
    completion = completer.complete(camera_image(SHAPE), SparseDepth(np.zeros(SHAPE, np.float32)), CAMERA)
    assert np.isnan(completion.depth).all() and not completion.confidence.any()


def test_a_frame_is_completed_through_its_camera(completer):
    points = np.array([[x, y, z] for z in (4, 6, 9) for x in (-1, 0, 2) for y in (-0.5, 0.5)], np.float32)
    frame = Frame(camera=CAMERA, image=camera_image(SHAPE), points=points, T_cam_lidar=np.eye(4))
    assert np.isfinite(completer(frame).depth).sum() > len(points)
    sparse, bent = some(150), Camera(*SHAPE[::-1], CAMERA.K, "plumb_bob", [-0.4, 0.2, 0, 0, 0])
    straight, other = (
        completer.complete(camera_image(SHAPE), sparse, camera).depth for camera in (CAMERA, bent)
    )
    assert np.nanmax(np.abs(straight - other)) > 1e-3


def test_it_warms_up_and_bfloat16_changes_the_depth_little(folder, completer):
    rough = create_completer("psd", prior=str(folder), prior_side=SIDE, device="cpu", precision="bfloat16")
    rough.warm_up(*SHAPE)
    exact, other = (
        each.complete(camera_image(SHAPE), some(200), CAMERA).depth for each in (completer, rough)
    )
    assert 0 < np.nanmedian(np.abs(other / exact - 1)) < 0.1


# Official checkpoints ------------------------------------------------------------------------------


def test_an_official_checkpoint_brings_its_foundation_model(folder, official_file, completer):
    official = create_completer("psd", weights=str(official_file), prior_side=SIDE, device="cpu")
    assert official.network.official and [w[:11] for w in official.warnings] == ["The licence"]
    assert official.report()["prior"] == "depth_anything_v2"
    image = camera_image(SHAPE)
    prior = create_prior(str(folder), "cpu")
    embeddings = prior.network.backbone.embeddings
    embeddings.interpolate_pos_encoding = partial(_positions, embeddings)
    one, other = (prior_output(each, image, SIDE) for each in (official.prior, prior))
    torch.testing.assert_close(one.prediction, other.prediction)
    assert len(one.features) == 4
    for a, b in zip(one.features, other.features, strict=True):
        torch.testing.assert_close(a, b)
    state = torch.load(official_file, weights_only=True)["model"]
    for key, value in official.network.state_dict().items():
        assert torch.equal(value, state[f"module.{key}"]), key


def test_position_embeddings_are_enlarged_as_dinov2_does():
    def weights(size: int, side: int) -> np.ndarray:
        """Cubic convolution (a = -0.75) from `side` to `size` points, that are (size + 0.1) / side apart."""
        matrix = np.zeros((size, side))
        for row in range(size):
            at = (row + 0.5) * side / (size + 0.1) - 0.5
            for tap in range(math.floor(at) - 1, math.floor(at) + 3):
                x = abs(at - tap)
                near, far = 1.25 * x**3 - 2.25 * x**2 + 1, -0.75 * (x**3 - 5 * x**2 + 8 * x - 4)
                matrix[row, min(max(tap, 0), side - 1)] += near if x <= 1 else far
        return matrix

    made = torch.randn(1, 1 + 5 * 5, 3, generator=torch.Generator().manual_seed(0))
    patches = SimpleNamespace(patch_size=(14, 14))
    embeddings = SimpleNamespace(position_embeddings=made, patch_embeddings=patches)
    found = _positions(embeddings, None, 14 * 7, 14 * 4)
    grid = made[0, 1:].reshape(5, 5, 3).numpy()
    expected = np.einsum("ri,cj,ijk->rck", weights(7, 5), weights(4, 5), grid)
    np.testing.assert_allclose(found[0, 1:].reshape(7, 4, 3), expected, atol=1e-5)
    assert torch.equal(found[:, 0], made[:, 0]) and _positions(embeddings, None, 70, 70) is made


def test_neighbours_and_mode_of_the_propagation_are_settings(folder, completer):
    options = {"prior": str(folder), "prior_side": SIDE, "device": "cpu"}
    other = create_completer("psd", neighbours=3, mode="3D+2D", **options)
    one, two = (each.complete(camera_image(SHAPE), some(200), CAMERA).depth for each in (completer, other))
    assert np.nanmax(np.abs(one - two)) > 1e-3
    with pytest.raises(ValueError, match="Mode '4D' of PSD is unknown"):
        create_completer("psd", mode="4D", **options)


def test_features_come_from_coarse_to_fine_and_are_the_fused_maps(completer, folder):
    seen = create_prior(str(folder), "cpu").predict_with_features(torch.rand(2, 3, 56, 70) * 255)
    assert seen.prediction.shape == (2, 1, 56, 70)
    assert [tuple(x.shape) for x in seen.features] == [(2, 8, 4 << i, 5 << i) for i in range(4)]


def test_a_prior_without_features_is_refused_and_says_so_itself(tmp_path):
    np.save(tmp_path / "frame.npy", slope(SHAPE))
    with pytest.raises(ValueError, match="needs the features of a Depth Anything"):
        create_completer("psd", prior=f"{tmp_path}@disparity", device="cpu")
    with pytest.raises(ValueError, match="gives no features"):
        create_prior(f"{tmp_path}@disparity", "cpu").predict_with_features(torch.zeros(1, 3, 14, 14))


def test_the_variants_look_at_other_blocks(folder):
    weights = as_official(create_prior(str(folder), "cpu"))
    for blocks in (5, 6, 7):  # eight blocks in place of four
        weights |= {k.replace(".3.", f".{blocks}."): x for k, x in weights.items() if ".blocks.3." in k}
    weights |= {k.replace(".3.", ".4."): x for k, x in weights.items() if ".blocks.3." in k}
    taps = [
        foundation_prior(weights, variant, "").network.config.backbone_config.out_indices
        for variant in ("depth_anything_v2", "depth_anything_v1")
    ]
    assert [list(t) for t in taps] == [[2, 4, 6, 8], [5, 6, 7, 8]]


def test_names_before_transformers_5_are_served_too(folder):
    official = as_official(create_prior(str(folder), "cpu"))
    old = renamed(official, {"backbone.encoder.layer.0.attention.attention.query.weight": None})
    new = renamed(official, {"backbone.encoder.layer.0.attention.q_proj.weight": None})
    place = "backbone.encoder.layer.2.attention"
    assert torch.equal(old[f"{place}.attention.value.weight"], new[f"{place}.v_proj.weight"])
    assert torch.equal(old[f"{place}.output.dense.bias"], new[f"{place}.o_proj.bias"])


def test_official_weights_with_another_prior_or_setting_are_refused_or_told(folder, official_file):
    with pytest.raises(ValueError, match="holds its foundation model; leave prior"):
        create_completer("psd", weights=str(official_file), prior=str(folder), device="cpu")
    from depth_completion_ros.completion.psd.completer import PSDCompleter

    other = PSDCompleter.create(weights=str(official_file), device="cpu", official=False)
    assert "holds random values" in other.warnings[0]


def test_what_is_under_mde_must_be_depth_anything(official_file, tmp_path):
    state = torch.load(official_file, weights_only=True)["model"]
    state.pop("module.mde.net.depth_head.projects.2.weight")
    torch.save({"model": state}, tmp_path / "broken.ckpt")
    with pytest.raises(ValueError, match="is no Depth Anything") as raised:
        create_completer("psd", weights=str(tmp_path / "broken.ckpt"), device="cpu")
    assert "\n" not in str(raised.value)


def test_stages_alone_load_for_a_prior_of_their_width(folder, tmp_path, completer):
    torch.save(completer.network.state_dict(), tmp_path / "stages.pt")
    again = create_completer("psd", weights=str(tmp_path / "stages.pt"), prior=str(folder), device="cpu")
    assert [w[:11] for w in again.warnings] == ["The licence"] and not again.network.official
    torch.save(PSD((16,) * 4).state_dict(), tmp_path / "wide.pt")
    with pytest.raises(ValueError, match="another architecture, with 'rb.mconv1.0.conv.weight'"):
        create_completer("psd", weights=str(tmp_path / "wide.pt"), prior=str(folder), device="cpu")


def test_neither_weights_nor_prior_is_refused_with_a_sentence():
    with pytest.raises(ValueError, match="needs official weights or a prior, such as depth_anyth"):
        create_completer("psd", device="cpu")


def test_the_licence_of_the_foundation_model_inside_counts(official_file, monkeypatch):
    from depth_completion_ros.completion.psd import foundation

    large, small = ({"pretrained.cls_token": torch.empty(1, 1, n)} for n in (1024, 384))
    assert foundation.licence_of(large, "depth_anything_v2") == "CC-BY-NC-4.0"
    assert not foundation.licence_of(small, "depth_anything_v2")
    assert not foundation.licence_of(large, "depth_anything_v1")
    monkeypatch.setattr(foundation, "_SMALL", 8)
    with pytest.raises(ValueError, match="non-commercial use only .CC-BY-NC-4.0."):
        create_completer("psd", weights=str(official_file), device="cpu")
    allowed = create_completer("psd", weights=str(official_file), device="cpu", allow_noncommercial=True)
    assert allowed.report()["licence of the prior"] == "CC-BY-NC-4.0"


def test_weights_are_known_by_their_keys():
    from depth_completion_ros.completion.weights.checkpoint import identify, known_shapes

    official = ["psd:depth_anything_v2", "psd:depth_anything_v1"]
    assert identify(known_shapes()["psd:depth_anything_v1"]) == official
    assert [identify(known_shapes()[f"psd:{size}"]) for size in ("small", "large")] == [
        ["psd:small"],
        ["psd:large"],
    ]
