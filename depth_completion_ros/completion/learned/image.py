"""The image as networks take it."""

from __future__ import annotations

import numpy as np


def usable_image(image: np.ndarray | None, shape: tuple[int, int], name: str) -> np.ndarray:
    """The image as uint8 H x W x 3; grey is taken three times.

    Args:
        shape: height and width of the sparse depth.
        name: of the completer, for the sentence.

    Raises:
        ValueError: there is no image, or one of another size or type.
    """
    if image is None:
        raise ValueError(f"Completer '{name}' needs an image, and there is none.")
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    if image.shape != (*shape, 3) or image.dtype != np.uint8:
        raise ValueError(
            f"Completer '{name}' got an image of {image.dtype} {image.shape}; it must be uint8 "
            f"{(*shape, 3)}, as the sparse depth is."
        )
    return image
