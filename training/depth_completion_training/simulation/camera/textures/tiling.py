"""What patterns without a seam are put together from."""

from __future__ import annotations

import cv2
import numpy as np

SIDE = 256  # texels


def fractal(rng, cells: int, octaves: int = 5, gain: float = 0.6, aspect: int = 1) -> np.ndarray:
    """Smooth noise that repeats; float32 SIDE x SIDE, mean 0, spread 1; `cells` grains across at first."""
    total = np.zeros((SIDE, SIDE), np.float32)
    for octave in range(octaves):
        across = cells * 2**octave
        if across > SIDE:
            break
        down = max(across // aspect, 1)
        grid = np.pad(rng.standard_normal((down, across), dtype=np.float32), 2, mode="wrap")
        scale = SIDE / across, SIDE / down
        v, u = np.mgrid[:SIDE, :SIDE].astype(np.float32) + 0.5
        total += cv2.remap(grid, u / scale[0] + 1.5, v / scale[1] + 1.5, cv2.INTER_CUBIC) * gain**octave
    return (total - total.mean()) / total.std()


def grid():
    v, u = np.mgrid[:SIDE, :SIDE].astype(np.float32) + 0.5
    return u, v


def palette(rng, count: int) -> np.ndarray:
    """Colours that go together, count x 3 reflectances."""
    hue = rng.random() + rng.choice([rng.normal(0, 0.06, count), rng.random(count)])
    vivid = rng.uniform(0, 1) ** 1.5
    wheel = 0.5 + 0.5 * np.cos(2 * np.pi * (np.reshape(hue, (-1, 1)) + [0, 1 / 3, 2 / 3]))
    bright = rng.uniform(0.03, 0.85, (count, 1))
    return (bright * (1 - vivid + vivid * wheel * 1.3)).clip(0.02, 0.9).astype(np.float32)


def bands(rng, count: int) -> np.ndarray:
    """Which of the stripes of random widths each texel of a row is in."""
    cuts = np.sort(rng.choice(np.arange(4, SIDE), count - 1, replace=False))
    return np.searchsorted(cuts, np.arange(SIDE), side="right")
