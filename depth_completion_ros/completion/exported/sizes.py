"""Whether a frame is what an exported network takes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def check_inputs(shapes: Sequence[Sequence], image: np.ndarray, planes: Sequence[np.ndarray]) -> None:
    """ValueError, in a sentence, where a frame is not of the size or of the planes of an exported network.

    Args:
        shapes: of its inputs, the image first; what is no positive number is any.
        image: H x W x 3.
        planes: H x W each.
    """
    if len(shapes) != 1 + len(planes):
        raise ValueError(
            f"This exported network takes {len(shapes) - 1} planes of depth, not {len(planes)}; it must "
            "be exported as it is used, with or without a prior."
        )
    sides = [side if isinstance(side, int) and side > 0 else None for side in shapes[0][1:3]]
    if any(side not in (None, given) for side, given in zip(sides, image.shape, strict=False)):
        height, width = sides
        raise ValueError(
            f"The exported network is for images that it sees at {width} x {height}, but this one is "
            f"{image.shape[1]} x {image.shape[0]} there; export it with --size of these images."
        )
