"""The networks of DepthLab, and where their weights lie."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from ..diffusion.folder import load_part, load_subfolder, load_vae, scheduler_config
from ..diffusion.networks import context_width, make_unet, make_vae, make_vision
from .attention import Guide, guide_of, let_read, let_write, written_by

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPVisionModelWithProjection

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


class DepthLab(nn.Module):
    """Reference and estimation U-Net, VAE, image encoder and the layer behind it.

    Args:
        estimation: U-Net of 12 channels, which takes noise away in every step.
        reference: U-Net of 4 channels without head, which sees the image once.
        mapping: linear layer from the image encoder's projection to the token of both.
        vae, vision: of Stable Diffusion 2, and of CLIP.
        schedule: configuration of the scheduler; None for that of Marigold v1-0.
    """

    def __init__(
        self,
        estimation: UNet2DConditionModel,
        reference: UNet2DConditionModel,
        mapping: nn.Linear,
        vae: AutoencoderKL,
        vision: CLIPVisionModelWithProjection,
        schedule: dict | None = None,
    ):
        super().__init__()
        self.estimation, self.reference, self.mapping = estimation, reference, mapping
        self.vae, self.vision, self.schedule = vae, vision, schedule
        let_read(estimation)
        let_write(reference)

    @classmethod
    def of_size(cls, size: str) -> DepthLab:
        """With random weights; `official` or `tiny`."""
        width = context_width(size)
        return cls(
            make_unet(size, 12),
            make_unet(size, 4, head=False),
            nn.Linear(width, width),
            make_vae(size),
            make_vision(size),
        )

    @classmethod
    def load(cls, folder: Path, size: str) -> DepthLab:
        """With the weights of a folder; `DepthLabCompleter` says what lies in it.

        Raises:
            FileNotFoundError, ValueError: a part is missing or does not fit; in a sentence.
        """
        from transformers import CLIPVisionModelWithProjection

        width = context_width(size)
        vae = load_vae(folder)  # the small parts first, so that what is amiss with them is told soon
        vision = load_subfolder(folder, "image_encoder", CLIPVisionModelWithProjection)
        if vision.config.projection_dim != width:
            raise ValueError(
                f"The image encoder in '{folder}' gives {vision.config.projection_dim} numbers; "
                f"DepthLab of this size takes {width}."
            )
        schedule = scheduler_config(folder)
        if (schedule or {}).get("rescale_betas_zero_snr"):
            raise ValueError(
                f"The scheduler in '{folder}' is that of Marigold v1-1; DepthLab was trained with v1-0's."
            )
        mapping = load_part(folder, "mapping_layer", lambda: nn.Linear(width, width), prefix="mapping_layer.")
        estimation = load_part(folder, "denoising_unet", lambda: make_unet(size, 12))
        reference = load_part(folder, "reference_unet", lambda: make_unet(size, 4, head=False))
        return cls(estimation, reference, mapping, vae, vision, schedule)

    def token(self, rgb: torch.Tensor) -> torch.Tensor:
        """The image as a whole, B x 1 x width: its middle square, as CLIP sees it.

        Args:
            rgb: B x 3 x H x W in [-1, 1].
        """
        side = self.vision.config.image_size
        height, width = rgb.shape[-2:]
        short = min(height, width)
        size = side * height // short, side * width // short
        small = nn.functional.interpolate(rgb.float(), size, mode="bicubic", antialias=True).clamp(-1, 1)
        top, left = (size[0] - side) // 2, (size[1] - side) // 2
        square = (small[..., top : top + side, left : left + side] + 1) / 2
        mean, std = (square.new_tensor(values).view(3, 1, 1) for values in (CLIP_MEAN, CLIP_STD))
        pixels = ((square - mean) / std).to(self.mapping.weight.dtype)
        return self.mapping(self.vision(pixels).image_embeds[:, None])

    def guide(self, image: torch.Tensor, token: torch.Tensor) -> Guide:
        """All that is the same in every step, from the latents of the image, B x 4 x h x w."""
        return guide_of(self.estimation, written_by(self.reference, image, token), token)

    def velocity(self, noisy: torch.Tensor, t: torch.Tensor, guide: Guide) -> torch.Tensor:
        """What the estimation U-Net says of noise and depth, float32 B x 4 x h x w.

        Args:
            noisy: B x 12 x h x w: latents of the noisy depth, the mask and the masked depth.
            t: timestep.
        """
        given = {"guide": guide}
        dtype = self.mapping.weight.dtype
        return self.estimation(noisy.to(dtype), t, None, cross_attention_kwargs=given).sample.float()
