"""Draws what masking strategies leave known.

Run as `python -m depth_completion_training.data.sparse.mask_page OUT.png`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

from depth_completion_ros.core.visual import colourise_depth, label
from depth_completion_ros.data.files import write_image
from depth_completion_training.simulation.frame_file import read_frame

from ..shapes import Shapes
from .partial_depth import STRATEGIES, known_part

SIZE = (192, 256)
"""Of the image that is made where no frame is given."""


def page(image: np.ndarray, depth: np.ndarray, draws: int = 4, seed: int = 0) -> np.ndarray:
    """Image and depth, and beside them a row of each strategy: known depth over the darkened image.

    Args:
        image: uint8 H x W x 3 RGB.
        depth: H x W metres, 0 where there is none, inf for sky.
        draws: of each strategy.
        seed: of all of them.

    Returns:
        uint8 RGB.
    """
    there = (depth > 0) & np.isfinite(depth)
    near, far = np.percentile(depth[there], (1, 99))
    whole = colourise_depth(np.where(there, depth, 0), near, far)
    rows = []
    for number, strategy in enumerate(STRATEGIES):
        first = (label(image, "image"), label(whole, "truth"), image)[number]
        row = [first]
        for draw in range(draws):
            rng = np.random.default_rng([seed, number, draw])
            sparse = known_part(image, depth, strategy, rng)
            known = sparse > 0
            shown = cv2.dilate(sparse, np.ones((2, 2), np.uint8)) if strategy == "points" else sparse
            colours = np.where(shown[..., None] > 0, colourise_depth(shown, near, far), image // 3)
            share = known.sum() / there.sum()
            row.append(label(colours.astype(np.uint8), f"{strategy}: {share:.2%} known"))
        rows.append(np.concatenate(row, axis=1))
    return np.concatenate(rows)


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser("depth_completion_training.data.sparse.mask_page", description=__doc__)
    parser.add_argument("out", type=Path, metavar="OUT", help="image to write, .png")
    parser.add_argument("--frame", type=Path, help="frame file of the simulator; else boxes on a plane")
    parser.add_argument("--draws", type=int, default=4, help="of each strategy")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    try:
        image, depth = _image_and_depth(given.frame)
    except (ValueError, FileNotFoundError) as error:
        sys.exit(str(error))
    try:
        write_image(given.out, page(image, depth, given.draws, given.seed))
    except OSError as error:
        sys.exit(f"'{given.out}' cannot be written: {error}.")
    print(f"Wrote '{given.out}'.")


def _image_and_depth(frame: Path | None) -> tuple[np.ndarray, np.ndarray]:
    if frame is not None:
        read = read_frame(frame)
        return read.image, read.depth
    made = Shapes(1, *SIZE, points=1)[0]
    return made["image"].permute(1, 2, 0).numpy(), made["depth"][0].numpy()


if __name__ == "__main__":
    main()
