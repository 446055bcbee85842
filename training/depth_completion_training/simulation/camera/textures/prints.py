"""Patterns that people print, paint and weave: stripes, plaid, posters, pages."""

from __future__ import annotations

import cv2
import numpy as np

from .tiling import SIDE, bands, fractal, grid, palette


def stripes(rng):
    repeat = int(rng.choice([1, 2, 4, 8]))
    count = int(rng.integers(2, 6))
    row = np.resize(bands(rng, count)[::repeat], SIDE)
    colours = palette(rng, count)
    return np.broadcast_to(colours[row], (SIDE, SIDE, 3)) * (1 + 0.05 * fractal(rng, 16, 5))[..., None]


def plaid(rng):
    repeat = int(rng.choice([1, 2, 4]))
    colours = palette(rng, 4)
    row, column = (np.resize(colours[bands(rng, 4)[::repeat]], (SIDE, 3)) for _ in range(2))
    return row[None] * 0.5 + column[:, None] * 0.5


def checks(rng):
    u, v = grid()
    step = SIDE / int(rng.choice([2, 4, 8, 16]))
    odd = ((u // step + v // step) % 2).astype(int)
    return palette(rng, 2)[odd] * (1 + 0.06 * fractal(rng, 8))[..., None]


def poster(rng):
    """Blocks, circles, gradients, and rows of strokes that look like writing."""
    colours = palette(rng, 8)
    u, v = grid()
    image = colours[0] + (colours[1] - colours[0]) * (v / SIDE)[..., None] * rng.uniform(0, 1)
    image = np.ascontiguousarray(image, np.float32)
    for _ in range(rng.integers(2, 12)):
        a, b = rng.integers(0, SIDE, 2), rng.integers(0, SIDE, 2)
        colour = colours[rng.integers(8)].tolist()
        if rng.random() < 0.5:
            cv2.rectangle(image, a.tolist(), b.tolist(), colour, int(rng.choice([-1, 2, 6])), cv2.LINE_AA)
        else:
            half = rng.integers(5, 70, 2).tolist()
            cv2.ellipse(image, a.tolist(), half, rng.uniform(0, 180), 0, 360, colour, -1, cv2.LINE_AA)
    for _ in range(rng.integers(0, 4)):
        _write(rng, image, colours[rng.integers(8)].tolist())
    if rng.random() < 0.3:  # a photograph
        image *= np.clip(1 + 0.35 * fractal(rng, 4, 6, 0.7), 0.1, 1.8)[..., None]
    return image


def _write(rng, image, colour):
    """Rows of words in a box."""
    size = int(rng.choice([3, 5, 9, 18]))
    left, top = rng.integers(5, 120, 2)
    right, bottom = rng.integers([left + 40, top + 20], SIDE)
    for y in range(int(top), int(bottom), size * 2):
        x = int(left)
        while x < right:
            if rng.random() < 0.82:
                slant = int(rng.integers(-1, 2))
                cv2.line(image, (x, y), (x + slant, y + size), colour, max(size // 4, 1), cv2.LINE_AA)
                if rng.random() < 0.5:
                    level = y + int(rng.integers(0, size + 1))
                    cv2.line(image, (x, level), (x + size // 2, level), colour, max(size // 4, 1))
            x += max(int(size * rng.uniform(0.4, 0.9)), 2)


def page(rng):
    image = np.broadcast_to(rng.uniform(0.5, 0.85, 3).astype(np.float32), (SIDE, SIDE, 3)).copy()
    for _ in range(rng.integers(3, 7)):
        _write(rng, image, rng.uniform(0, 0.3, 3).tolist())
    return image
