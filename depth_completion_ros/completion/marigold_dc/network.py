"""The networks of Marigold, and where their weights lie."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from ..diffusion.codec import decode, encode
from ..diffusion.folder import ENDINGS, load_part, load_subfolder, load_vae, read_part, scheduler_config
from ..diffusion.networks import context_width, make_unet, make_vae
from ..prior.interface import first_line

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, UNet2DConditionModel

EMPTY_PROMPT = "empty_prompt"
"""File in the folder with what the text encoder makes of the empty text, without its ending."""
TOKENS = 2
"""Of the empty text: its beginning and its end."""


class Marigold(nn.Module):
    """U-Net and VAE of Marigold, and what its text encoder says to no text.

    Args:
        unet: of 8 channels, the latents of the image and of depth.
        vae: of Stable Diffusion 2.
        context: embedding of the empty text, 1 x 2 x width.
        schedule: configuration of the scheduler; None for that of Marigold v1-0.

    Raises:
        ValueError: the schedule is not of v-prediction.
    """

    def __init__(
        self,
        unet: UNet2DConditionModel,
        vae: AutoencoderKL,
        context: torch.Tensor,
        schedule: dict | None = None,
    ):
        super().__init__()
        self.unet, self.vae, self.schedule = unet, vae, schedule
        self.register_buffer("context", context)

    @classmethod
    def of_size(cls, size: str) -> Marigold:
        """With random weights; `official` or `tiny`."""
        context = torch.randn(1, TOKENS, context_width(size))
        return cls(make_unet(size, 8), make_vae(size), context)

    @classmethod
    def load(cls, folder: Path, size: str) -> Marigold:
        """With the weights of a folder; `MarigoldDCCompleter` says what lies in it.

        Raises:
            FileNotFoundError, ValueError: a part is missing or does not fit; in a sentence.
        """
        return cls(
            load_part(folder / "unet", "diffusion_pytorch_model", lambda: make_unet(size, 8)),
            load_vae(folder),
            empty_prompt(folder, context_width(size)),
            scheduler_config(folder),
        )

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights."""
        return self.context.dtype

    def encode(self, rgb: torch.Tensor) -> torch.Tensor:
        """Latents of images, float32 B x 4 x H / 8 x W / 8, from B x 3 x H x W in [-1, 1]."""
        return encode(self.vae, rgb.to(self.dtype)).float()

    def velocity(self, image: torch.Tensor, depth: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """What the U-Net says of noise and depth, float32 1 x 4 x h x w.

        Args:
            image, depth: latents of the image and of the noisy depth, 1 x 4 x h x w each.
            t: timestep.
        """
        given = torch.cat([image, depth], dim=1).to(self.dtype)
        return self.unet(given, t.to(given.device), self.context).sample.float()

    def decode(self, depth: torch.Tensor) -> torch.Tensor:
        """Relative depth of latents, float32 B x 1 x 8 h x 8 w, cut to [0, 1]: 0 is near."""
        return (decode(self.vae, depth.to(self.dtype)).float().clamp(-1, 1) + 1) / 2


def empty_prompt(folder: Path, width: int) -> torch.Tensor:
    """Embedding of the empty text, 1 x 2 x width, from its file, else by the text encoder, kept no longer.

    Raises:
        FileNotFoundError, ValueError: there is neither, or what is there does not fit; in a sentence.
    """
    if any((folder / f"{EMPTY_PROMPT}{ending}").is_file() for ending in ENDINGS):
        tensors = read_part(folder, EMPTY_PROMPT).state_dict
        embedding, source = next(iter(tensors.values())), f"file {EMPTY_PROMPT}"
    elif (folder / "text_encoder").is_dir():
        embedding, source = _encode_nothing(folder), "text encoder"
    else:
        raise FileNotFoundError(
            f"Folder '{folder}' lacks text_encoder and tokenizer (or {EMPTY_PROMPT}.safetensors with what "
            "they make of the empty text)."
        )
    shape = tuple(embedding.shape)
    if shape not in ((TOKENS, width), (1, TOKENS, width)):
        raise ValueError(
            f"The {source} in '{folder}' gives the empty text as {' x '.join(map(str, shape))} numbers; "
            f"Marigold of this size takes {TOKENS} x {width}."
        )
    return embedding.float().reshape(1, TOKENS, width)


def _encode_nothing(folder: Path) -> torch.Tensor:
    from transformers import CLIPTextModel, CLIPTokenizer

    place = folder / "tokenizer"
    if not place.is_dir():
        raise FileNotFoundError(f"Folder '{folder}' lacks tokenizer, which text_encoder needs.")
    try:
        tokenizer = CLIPTokenizer.from_pretrained(str(place), local_files_only=True)
        tokens = tokenizer("", padding="do_not_pad", return_tensors="pt").input_ids
    except Exception as error:  # of many kinds, by what is broken
        raise ValueError(f"'{place}' cannot be loaded: {first_line(error)}.") from None
    encoder = load_subfolder(folder, "text_encoder", CLIPTextModel).float().eval()
    with torch.no_grad():
        return encoder(tokens).last_hidden_state
