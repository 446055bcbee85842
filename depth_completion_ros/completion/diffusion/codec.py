"""Between images and their latents, an eighth of the size, by the VAE of Stable Diffusion 2.

Both ways can be differentiated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from diffusers import AutoencoderKL

FACTOR = 0.18215
"""What latents are multiplied by, so that they vary by about one (Rombach and others, CVPR 2022)."""
MULTIPLE = 8
"""Pixels of a latent's side."""


def encode(vae: AutoencoderKL, images: torch.Tensor) -> torch.Tensor:
    """Latents of images, the mean of what the encoder gives and never a sample.

    Args:
        images: B x 3 x H x W in [-1, 1], or B x 1 x H x W, such as depth, which is taken three times.

    Returns:
        B x 4 x H // 8 x W // 8.
    """
    return vae.encode(images.expand(-1, 3, -1, -1)).latent_dist.mean * FACTOR


def decode(vae: AutoencoderKL, latents: torch.Tensor) -> torch.Tensor:
    """Maps of latents B x 4 x h x w: mean of the three channels, B x 1 x 8 h x 8 w, not clipped."""
    return vae.decode(latents / FACTOR).sample.mean(dim=1, keepdim=True)
