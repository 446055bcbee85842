"""Folders of weights as the authors of Marigold and of CLIP publish them, with tiny networks."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("diffusers", reason="diffusers is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

from marigold_dc_reference import slow_run  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from synthetic import camera_image, points_of, slope  # noqa: E402

from depth_completion_ros import SparseDepth, create_completer  # noqa: E402
from depth_completion_ros.completion.diffusion.networks import make_unet  # noqa: E402
from depth_completion_ros.completion.diffusion.schedule import make_scheduler  # noqa: E402
from depth_completion_ros.completion.marigold_dc.guidance import (  # noqa: E402
    Sampling,
    draw,
)
from depth_completion_ros.completion.marigold_dc.network import Marigold, empty_prompt  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")
SHAPE = (41, 70)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return Marigold.of_size("tiny").eval().requires_grad_(False)


def some(number: int, shape=SHAPE) -> SparseDepth:
    return points_of(slope(shape), number)


def given(shape=SHAPE, number=150) -> tuple[torch.Tensor, torch.Tensor]:
    """Image and measured depth as the sampler takes them."""
    rgb = torch.from_numpy(camera_image(shape).transpose(2, 0, 1)[None] / np.float32(127.5) - 1)
    return rgb, torch.from_numpy(some(number, shape).depth)


def save_text_encoder(folder, width: int) -> torch.Tensor:
    """A tiny text encoder with its tokenizer; gives what it makes of the empty text."""
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(width)
    config = CLIPTextConfig(
        vocab_size=3, hidden_size=width, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=8, bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    encoder = CLIPTextModel(config).eval()
    encoder.save_pretrained(folder / "text_encoder")
    (folder / "tokenizer").mkdir(exist_ok=True)
    (folder / "tokenizer" / "vocab.json").write_text('{"<|startoftext|>": 0, "<|endoftext|>": 1, "a</w>": 2}')
    (folder / "tokenizer" / "merges.txt").write_text("#version: 0.2\n")
    with torch.no_grad():
        return encoder(torch.tensor([[0, 1]])).last_hidden_state


@pytest.fixture(scope="module")
def published(network, tmp_path_factory):
    """A folder in the published layout, but for the text encoder."""
    folder = tmp_path_factory.mktemp("marigold")
    network.unet.save_pretrained(folder / "unet")
    network.vae.save_pretrained(folder / "vae")
    make_scheduler("leading").save_pretrained(folder / "scheduler")
    save_file({"embedding": network.context[0].contiguous()}, folder / "empty_prompt.safetensors")
    return folder


@pytest.fixture
def folder(published, tmp_path):
    """A copy of it that can be broken."""
    return shutil.copytree(published, tmp_path / "copy")


def load(folder, **options):
    return create_completer(
        "marigold_dc", variant="tiny", weights=str(folder), device="cpu", steps=2, side=64, **options
    )


def test_a_folder_in_the_published_layout_gives_its_networks(network, published):
    completer = load(published)
    (warning,) = completer.warnings
    assert (
        "licence of the weights folder" in warning
        and completer.report()["weights"] == f"folder '{published.name}'"
    )
    state = completer.network.state_dict()
    assert set(state) == set(network.state_dict())
    for key, tensor in network.state_dict().items():
        assert torch.equal(state[key], tensor), key
    rgb, sparse = given()
    expected, *_ = slow_run(network, rgb, sparse, draw((1, 4, 5, 8), Sampling())[0], 2, 64)
    completer.keeps_measured = False
    found = completer.runner(camera_image(SHAPE), [sparse.numpy()], points=1)[0]
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_the_text_encoder_is_run_once_and_dropped(network, folder):
    (folder / "empty_prompt.safetensors").unlink()
    expected = save_text_encoder(folder, 24)
    found = load(folder).network
    torch.testing.assert_close(found.context, expected)
    assert set(found.state_dict()) == set(network.state_dict()) and found.context.shape == (1, 2, 24)


def test_the_schedule_of_the_folder_counts_but_for_its_spacing(network, folder):
    config = dict(make_scheduler("leading").config) | {"beta_end": 0.02}
    make_scheduler("leading", config).save_pretrained(folder / "scheduler")
    scheduler = make_scheduler("trailing", load(folder).network.schedule)
    assert scheduler.config.beta_end == 0.02 and scheduler.config.timestep_spacing == "trailing"
    config["prediction_type"] = "epsilon"
    make_scheduler("leading", config).save_pretrained(folder / "scheduler")
    with pytest.raises(ValueError, match="is of 'epsilon'; it must be of 'v_prediction'"):
        load(folder)
    shutil.rmtree(folder / "scheduler")
    assert load(folder).network.schedule is None


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ("unet/diffusion_pytorch_model.safetensors", "unet' lacks diffusion_pytorch_model"),
        ("vae/config.json", "lacks vae/config.json"),
        ("empty_prompt.safetensors", r"lacks text_encoder and tokenizer \(or empty_prompt.safetensors"),
        ("", "There is no folder '.*copy'; it must hold the folders unet, vae, text_encoder"),
    ],
)
def test_what_is_missing_is_named(folder, missing, sentence):
    (folder / missing).unlink() if missing else shutil.rmtree(folder)
    with pytest.raises(FileNotFoundError, match=sentence) as raised:
        load(folder)
    assert "\n" not in str(raised.value)


def test_weights_that_do_not_fit_are_refused_with_a_sentence(folder):
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    state = make_unet("tiny", 4).state_dict()
    save_file(state, file)
    with pytest.raises(ValueError, match="'conv_in.weight' 16 x 4 x 3 x 3 in place of 16 x 8 x 3 x 3"):
        load(folder)
    state = make_unet("tiny", 8).state_dict()
    state.pop("conv_out.bias")
    save_file(state, file)
    with pytest.raises(ValueError, match="of 686 tensors it lacks 'conv_out.bias'"):
        load(folder)


def test_a_text_encoder_that_does_not_fit_is_refused_with_a_sentence(folder):
    save_file({"embedding": torch.ones(2, 8)}, folder / "empty_prompt.safetensors")
    with pytest.raises(ValueError, match="file empty_prompt in .* as 2 x 8 numbers; .* takes 2 x 24"):
        empty_prompt(folder, 24)
    (folder / "empty_prompt.safetensors").unlink()
    save_text_encoder(folder, 8)
    with pytest.raises(ValueError, match="text encoder in .* as 1 x 2 x 8 numbers"):
        empty_prompt(folder, 24)
    (folder / "tokenizer" / "vocab.json").write_text("{")
    with pytest.raises(ValueError, match="tokenizer' cannot be loaded") as raised:
        empty_prompt(folder, 24)
    assert "\n" not in str(raised.value)
    shutil.rmtree(folder / "tokenizer")
    with pytest.raises(FileNotFoundError, match="lacks tokenizer, which text_encoder needs"):
        empty_prompt(folder, 24)


def test_the_licence_of_the_model_card_is_asked_for(folder):
    (folder / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    with pytest.raises(ValueError, match="is for non-commercial use only .cc-by-nc-4.0."):
        load(folder)
    assert load(folder, allow_noncommercial=True).report()["licence of the weights"] == "cc-by-nc-4.0"
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    assert not load(folder).warnings
