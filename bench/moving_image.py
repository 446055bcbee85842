"""The moving image at the top of the README: image, LiDAR points in it, and the depth that a robot is told.

    depth-completion demo-drive drive
    python bench/moving_image.py drive docs/demo.webp [--completer default] [--step 2] [--most 20]

Look at what it made before it is committed. Needs Pillow (extra `report`).
"""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from depth_completion_ros import create_completer
from depth_completion_ros.core import SparseDepth
from depth_completion_ros.core.visual import colourise_depth, label, overlay_sparse
from depth_completion_ros.data import open_reader

NEAR_M, FAR_M = 4, 80
FRAME_MS = 250


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path, help="a drive or data set")
    parser.add_argument("out", type=Path, help="the WebP to write")
    parser.add_argument("--completer", default="default")
    parser.add_argument("--step", type=int, default=2, help="take every so many-th frame")
    parser.add_argument("--most", type=int, default=20, help="take at most so many")
    a = parser.parse_args()
    completer = create_completer(a.completer)
    frames = islice(open_reader(a.data), 0, a.step * a.most, a.step)
    shown = [Image.fromarray(panels(frame, completer)) for frame in frames]
    shown[0].save(
        a.out, save_all=True, append_images=shown[1:], duration=FRAME_MS, loop=0, quality=55, method=6
    )
    print(f"{a.out}: {len(shown)} frames, {a.out.stat().st_size / 2**10:.0f} KiB")


def panels(frame, completer) -> np.ndarray:
    """Image, points and told depth of a frame below each other, at half the size, uint8 RGB."""
    sparse = SparseDepth.from_points(frame)
    completion = completer.complete(frame.image, sparse).above(completer.least_confidence)
    points = overlay_sparse(frame.image, sparse.depth, NEAR_M, FAR_M)
    told = colourise_depth(completion.depth, NEAR_M, FAR_M)
    shown = (
        (frame.image, "image"),
        (points, f"LiDAR, {sparse.count} pixels measured"),
        (told, "depth that a robot is told; black is unknown"),
    )
    half = [
        label(cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), text)
        for image, text in shown
    ]
    return np.vstack(half)


if __name__ == "__main__":
    main()
