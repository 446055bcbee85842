"""What a training of DepthLab starts from: random weights, those of Marigold, or those of DepthLab."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from depth_completion_ros.completion.depthlab.network import DepthLab
from depth_completion_ros.completion.diffusion.folder import (
    load_part,
    load_subfolder,
    load_vae,
    open_folder,
    scheduler_config,
)
from depth_completion_ros.completion.diffusion.networks import SIZES, context_width, make_unet

CONTENTS = (
    "unet, vae and scheduler of Marigold and image_encoder of CLIP, or what completer 'depthlab' takes for "
    "its weights"
)
HEAD = ("conv_norm_out.", "conv_out.")
"""Layers that the reference U-Net has not."""


def start(size: str, folder: str | None) -> DepthLab:
    """The networks of DepthLab before a training.

    Args:
        size: `official` or `tiny`.
        folder: path or stored name of a folder. With `unet` in it, that of Marigold depth, both U-Nets
            start from it; else it is one that completer `depthlab` takes. None for random weights.

    Raises:
        FileNotFoundError, ValueError: another size, or a folder that is not there, not whole, or of
            another size; in a sentence.
    """
    if size not in SIZES:
        raise ValueError(f"DepthLab has size '{size}'; it must be one of {', '.join(SIZES)}.")
    if folder is None:
        return DepthLab.of_size(size)
    place = open_folder(folder, CONTENTS)
    return from_marigold(place, size) if (place / "unet").is_dir() else DepthLab.load(place, size)


def from_marigold(folder: Path, size: str) -> DepthLab:
    """DepthLab whose U-Nets are Marigold's but for their first layers; the mapping layer is the identity.

    Raises:
        FileNotFoundError, ValueError: see `start`.
    """
    from transformers import CLIPVisionModelWithProjection

    width = context_width(size)
    vae = load_vae(folder)
    vision = load_subfolder(folder, "image_encoder", CLIPVisionModelWithProjection)
    if vision.config.projection_dim != width:
        raise ValueError(
            f"The image encoder in '{folder}' gives {vision.config.projection_dim} numbers; "
            f"DepthLab of size '{size}' takes {width}."
        )
    marigold = load_part(folder / "unet", "diffusion_pytorch_model", lambda: make_unet(size, 8))
    estimation, reference = split(marigold.state_dict())
    with torch.device("meta"):
        networks = make_unet(size, 12), make_unet(size, 4, head=False)
    for network, state in zip(networks, (estimation, reference), strict=True):
        network.load_state_dict({key: tensor.clone() for key, tensor in state.items()}, assign=True)
        network.requires_grad_(True)
    mapping = nn.Linear(width, width)
    nn.init.eye_(mapping.weight)
    nn.init.zeros_(mapping.bias)
    return DepthLab(*networks, mapping, vae, vision, scheduler_config(folder))


def split(marigold: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Weights of the estimation and the reference U-Net from Marigold's.

    Marigold's first layer sees latents of the image (4) and of noisy depth (4). The reference takes over
    what sees the image; the estimation what sees noisy depth, and is blind for mask and masked depth at
    first.
    """
    kernel = marigold["conv_in.weight"]
    image, depth = kernel.split(4, dim=1)
    estimation = marigold | {"conv_in.weight": torch.cat([depth, torch.zeros_like(kernel)], dim=1)}
    reference = {key: tensor for key, tensor in marigold.items() if not key.startswith(HEAD)}
    return estimation, reference | {"conv_in.weight": image}
