"""Networks of the shape of Stable Diffusion 2, of `diffusers`, made from their configuration alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel

SIZES = ("official", "tiny")
"""`official` as published; `tiny` has the same blocks and names of tensors, with few channels."""

_UNET: dict[str, dict[str, Any]] = {
    "official": {
        "block_out_channels": (320, 640, 1280, 1280),
        "attention_head_dim": (5, 10, 20, 20),  # numbers of heads, in spite of the name
        "cross_attention_dim": 1024,
        "norm_num_groups": 32,
    },
    "tiny": {
        "block_out_channels": (16, 32, 64, 64),
        "attention_head_dim": (2, 4, 8, 8),
        "cross_attention_dim": 24,
        "norm_num_groups": 8,
    },
}
_VAE = {
    "official": {"block_out_channels": (128, 256, 512, 512), "layers_per_block": 2, "norm_num_groups": 32},
    "tiny": {"block_out_channels": (8, 16, 16, 16), "layers_per_block": 1, "norm_num_groups": 4},
}
_VISION = {
    "official": {"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32}
    | {"num_attention_heads": 16, "image_size": 224, "patch_size": 14},
    "tiny": {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2}
    | {"num_attention_heads": 2, "image_size": 28, "patch_size": 14},
}


def context_width(size: str) -> int:
    """Width of the tokens that the U-Nets of a size attend to."""
    return _UNET[size]["cross_attention_dim"]


def make_unet(size: str, in_channels: int, head: bool = True) -> UNet2DConditionModel:
    """The U-Net of Marigold depth v1-0, with random weights.

    Args:
        size: one of `SIZES`.
        in_channels: of its input; 4 for each latent.
        head: whether it has the last norm and convolution, without which it gives nothing.
    """
    from diffusers.models import UNet2DConditionModel

    unet = UNet2DConditionModel(
        sample_size=96,
        in_channels=in_channels,
        out_channels=4,
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        layers_per_block=2,
        use_linear_projection=True,
        **_UNET[size],
    )
    if not head:
        del unet.conv_norm_out, unet.conv_out
    return unet


def make_vae(size: str) -> AutoencoderKL:
    """The VAE of Stable Diffusion 2, with random weights."""
    from diffusers.models import AutoencoderKL

    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        **_VAE[size],
    )


def make_vision(size: str) -> torch.nn.Module:
    """The image encoder of CLIP, ViT-H/14 where official, with random weights."""
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    config = CLIPVisionConfig(projection_dim=context_width(size), hidden_act="gelu", **_VISION[size])
    return CLIPVisionModelWithProjection(config)
