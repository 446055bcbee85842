"""Folders of weights as the authors of DepthLab, Marigold and CLIP publish them, with tiny networks."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("diffusers", reason="diffusers is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

from safetensors.torch import save_file  # noqa: E402
from synthetic import camera_image, points_of, slope  # noqa: E402

from depth_completion_ros import create_completer  # noqa: E402
from depth_completion_ros.completion.depthlab.network import DepthLab  # noqa: E402
from depth_completion_ros.completion.diffusion.networks import make_unet  # noqa: E402
from depth_completion_ros.completion.diffusion.schedule import make_scheduler  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")
SHAPE = (40, 56)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(5)
    return DepthLab.of_size("tiny").eval().requires_grad_(False)


@pytest.fixture(scope="module")
def published(network, tmp_path_factory):
    """A folder in the published layout."""
    folder = tmp_path_factory.mktemp("depthlab")
    torch.save(network.estimation.state_dict(), folder / "denoising_unet.pth")
    torch.save(network.reference.state_dict(), folder / "reference_unet.pth")
    mapping = {f"mapping_layer.{key}": x for key, x in network.mapping.state_dict().items()}
    torch.save(mapping, folder / "mapping_layer.pth")
    network.vae.save_pretrained(folder / "vae")
    network.vision.save_pretrained(folder / "image_encoder")
    make_scheduler("leading").save_pretrained(folder / "scheduler")
    return folder


@pytest.fixture
def folder(published, tmp_path):
    """A copy of it that can be broken."""
    return shutil.copytree(published, tmp_path / "copy")


def load(folder, **options):
    return create_completer("depthlab", variant="tiny", weights=str(folder), device="cpu", steps=2, **options)


def depth_of(completer) -> np.ndarray:
    return completer.complete(camera_image(SHAPE), points_of(slope(SHAPE), 50)).depth


def test_a_folder_in_the_published_layout_gives_its_networks(network, published):
    completer = load(published)
    (warning,) = completer.warnings
    assert "licence of the weights folder" in warning
    assert completer.report()["weights"] == f"folder '{published.name}'"
    assert completer.report()["licence of the weights"] == "unknown"
    state = completer.network.state_dict()
    assert set(state) == set(network.state_dict())
    for key, tensor in network.state_dict().items():
        assert torch.equal(state[key], tensor), key
    completer.network = completer.inference_network = network
    by_the_network = depth_of(completer)
    np.testing.assert_allclose(depth_of(load(published)), by_the_network, rtol=1e-4)


def test_safetensors_of_half_the_size_and_bare_keys_are_taken(network, folder):
    for stem, part in (
        ("denoising_unet", network.estimation),
        ("reference_unet", network.reference),
        ("mapping_layer", network.mapping),
    ):
        (folder / f"{stem}.pth").unlink()
        halves = {key: x.to(torch.bfloat16).contiguous() for key, x in part.state_dict().items()}
        save_file(halves, folder / f"{stem}.safetensors")
    shutil.rmtree(folder / "scheduler")
    state = load(folder).network.state_dict()
    for key, tensor in network.state_dict().items():
        torch.testing.assert_close(state[key], tensor, rtol=1e-2, atol=1e-3)
    assert state["mapping.weight"].dtype == torch.float32


def test_a_folder_among_the_stored_weights_is_found_by_name(published, weights_folder):
    shutil.copytree(published, weights_folder / "depthlab_tiny")
    assert load("depthlab_tiny").report()["weights"] == "folder 'depthlab_tiny'"


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ("denoising_unet.pth", r"lacks denoising_unet.pth \(or denoising_unet.safetensors\)"),
        ("reference_unet.pth", "lacks reference_unet.pth"),
        ("mapping_layer.pth", "lacks mapping_layer.pth"),
        ("vae/config.json", "lacks vae/config.json"),
        ("image_encoder/config.json", "lacks image_encoder/config.json"),
        ("", "There is no folder '.*copy'; it must hold denoising_unet.pth, reference_unet.pth"),
    ],
)
def test_what_is_missing_is_named(folder, missing, sentence):
    (folder / missing).unlink() if missing else shutil.rmtree(folder)
    with pytest.raises(FileNotFoundError, match=sentence) as raised:
        load(folder)
    assert "\n" not in str(raised.value)


def test_a_file_in_place_of_a_folder_is_refused(published):
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        load(published / "denoising_unet.pth")


def spoil(folder, stem: str, change) -> None:
    state = torch.load(folder / f"{stem}.pth")
    change(state)
    torch.save(state, folder / f"{stem}.pth")


def add_head(state):
    state.update(
        {key: x for key, x in make_unet("tiny", 4).state_dict().items() if key.startswith("conv_out")}
    )


def mix_prefixes(state):
    state["bias"] = state.pop("mapping_layer.bias")


@pytest.mark.parametrize(
    ("stem", "change", "sentence"),
    [
        (
            "denoising_unet",
            lambda state: state.pop("mid_block.attentions.0.norm.bias"),
            "of 686 tensors it lacks 'mid_block.attentions.0.norm.bias'",
        ),
        (
            "denoising_unet",
            lambda state: state.update({"conv_in.weight": torch.zeros(16, 8, 3, 3)}),
            "'conv_in.weight' 16 x 8 x 3 x 3 in place of 16 x 12 x 3 x 3",
        ),
        ("reference_unet", add_head, "the network has no place for 'conv_out.weight' and 1 more"),
        ("reference_unet", lambda state: state.clear() or state.update(a=torch.ones(1)), "another network"),
        ("mapping_layer", mix_prefixes, "'mapping_layer.pth' .* does not fit"),
        (
            "mapping_layer",
            lambda state: state.update({"mapping_layer.bias": torch.full((24,), torch.nan)}),
            "is damaged: 'mapping_layer.bias' holds values that are not finite",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused_with_a_sentence(folder, stem, change, sentence):
    spoil(folder, stem, change)
    with pytest.raises(ValueError, match=sentence) as raised:
        load(folder)
    assert "\n" not in str(raised.value)


def test_swapped_files_and_pickles_with_code_are_refused(folder):
    class Code:
        def __reduce__(self):
            return print, ("run",)

    (folder / "denoising_unet.pth").replace(folder / "kept")
    (folder / "reference_unet.pth").replace(folder / "denoising_unet.pth")
    with pytest.raises(ValueError, match="'conv_in.weight' 16 x 4 x 3 x 3 in place of 16 x 12"):
        load(folder)
    torch.save({"a": Code()}, folder / "denoising_unet.pth")
    with pytest.raises(ValueError, match="holds more than weights"):
        load(folder)


def test_an_image_encoder_of_another_width_is_refused(folder):
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    config = CLIPVisionConfig(
        projection_dim=8, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        image_size=28, patch_size=14,
    )  # fmt: skip
    CLIPVisionModelWithProjection(config).save_pretrained(folder / "image_encoder")
    with pytest.raises(ValueError, match="gives 8 numbers; DepthLab of this size takes 24"):
        load(folder)


def test_the_token_is_that_of_the_image_processor_of_clip(network):
    from transformers import CLIPImageProcessorPil

    image = camera_image((90, 130))
    processor = CLIPImageProcessorPil(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
    pixels = processor(images=image, return_tensors="pt")["pixel_values"]
    rgb = torch.from_numpy(image.transpose(2, 0, 1)[None] / np.float32(127.5) - 1)
    with torch.no_grad():
        expected = network.mapping(network.vision(pixels).image_embeds[:, None])
        found = network.token(rgb)
    assert found.shape == (1, 1, 24)
    torch.testing.assert_close(found, expected, rtol=1e-2, atol=5e-3)


def test_weights_in_a_folder_are_none_that_import_knows():
    from depth_completion_ros.completion.registry import networks

    assert not any(name.startswith("depthlab") for name in networks())


def test_the_licence_of_the_model_card_is_asked_for(folder):
    (folder / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    with pytest.raises(ValueError, match="is for non-commercial use only .cc-by-nc-4.0."):
        load(folder)
    assert load(folder, allow_noncommercial=True).report()["licence of the weights"] == "cc-by-nc-4.0"
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    assert not load(folder).warnings
