"""The size at which an image is worked on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .codec import MULTIPLE

if TYPE_CHECKING:
    import torch


def resized_shape(shape: tuple[int, int], side: int) -> tuple[int, int]:
    """Height and width of the same proportions whose longer one is `side`, cut to whole pixels; 0 for as is.

    Smaller images grow, as in the official code.
    """
    if not side:
        return shape
    height, width = (max(1, int(length * side / max(shape))) for length in shape)
    return height, width


def pad(planes: torch.Tensor, multiple: int = MULTIPLE) -> torch.Tensor:
    """Continue ... x H x W below and to the right by its last row and column to multiples of 8.

    The encoder would leave rows and columns out that do not fill a latent, and what is decoded would be
    stretched to the image's size, by up to 7 pixels.
    """
    import torch

    height, width = planes.shape[-2:]
    more = (0, -width % multiple, 0, -height % multiple)
    return torch.nn.functional.pad(planes, more, mode="replicate") if any(more) else planes
