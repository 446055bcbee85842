"""A frame made of random numbers, as sampling and augmentation take it."""

from __future__ import annotations

import cv2
import numpy as np
from depth_completion_training.simulation.frame_file import SimulatedFrame, StoredScan

SIZE = (120, 180)


def make_frame() -> SimulatedFrame:
    """A smooth image; depth, sky and unknown pixels; an exact scan of 64 lines and one of none."""
    rng = np.random.default_rng(7)
    image = cv2.resize(rng.integers(60, 200, (6, 9, 3), np.uint8), SIZE[::-1], interpolation=cv2.INTER_CUBIC)
    depth = rng.uniform(1, 20, SIZE).astype(np.float32)
    depth[:20], depth[100:, :30] = np.inf, 0
    scans = []
    for count, lines in ((3000, 64), (800, 1)):
        pixel = rng.choice(np.flatnonzero((depth > 0) & np.isfinite(depth)), count, replace=False).astype(
            np.int32
        )
        line = (pixel // SIZE[1] * lines // SIZE[0]).astype(np.uint16)
        scans.append(StoredScan(pixel, depth.ravel()[pixel], line, rng.random(count) < 0.1, f"lines {lines}"))
    K = np.float32([[150, 0, 91], [0, 152, 55], [0, 0, 1]])
    return SimulatedFrame(image, depth, K, scans)
