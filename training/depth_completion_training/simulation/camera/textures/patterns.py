"""Images of patterns that repeat without a seam: what surfaces look like close to."""

from __future__ import annotations

import cv2
import numpy as np

from .prints import checks, page, plaid, poster, stripes
from .tiling import SIDE, fractal, grid, palette


def pattern(kind: str, number: int) -> np.ndarray:
    """One of the endless images of a kind; uint8 SIDE x SIDE x 3.

    Those of OWN_COLOURS are reflectances; the others have the mean 128, which leaves a colour as it is.

    Raises:
        ValueError: an unknown kind.
    """
    if kind not in _MAKERS:
        raise ValueError(f"There is no pattern '{kind}'; it must be one of {', '.join(_MAKERS)}.")
    rng = np.random.default_rng([list(_MAKERS).index(kind), number])
    image = _MAKERS[kind](rng)
    if image.ndim == 2:
        image = image[..., None] * _hues(rng, image)
    if kind not in OWN_COLOURS:
        image = image * (0.5 / np.maximum(image.mean(axis=(0, 1)), 1e-3))
    return np.clip(image * 255, 0, 255).astype(np.uint8)


def _hues(rng, image):
    """Dark parts of a pattern are often of a slightly other hue than the bright ones."""
    tint = rng.normal(0, rng.choice([0.015, 0.05]), 3)
    return 1 + (tint - tint.mean()) * (image[..., None] - image.mean()) * 4


def _noise(rng):
    image = fractal(rng, int(rng.choice([2, 4, 8, 16])), 7, rng.uniform(0.45, 0.9))
    return 0.5 + 0.13 * image


def _grain(rng):
    """Only fine, so that one does not see it repeat."""
    return 0.5 + 0.13 * fractal(rng, 32, 3, rng.uniform(0.6, 1.1))


def _speckle(rng):
    base = 0.5 + 0.03 * fractal(rng, 4)
    fine = fractal(rng, int(rng.choice([32, 64, 128])), 2, 0.8)
    for _ in range(rng.integers(1, 4)):
        base = np.where(fine > rng.uniform(0.8, 2.0), rng.uniform(0.05, 1.0), base)
        fine = np.roll(-fine, rng.integers(0, SIDE, 2), axis=(0, 1))
    return base


def _brushed(rng):
    return 0.5 + 0.05 * fractal(rng, 64, 3, 0.8, aspect=32) + 0.03 * fractal(rng, 4)


def _weave(rng):
    u, v = grid()
    threads = int(rng.choice([16, 32, 64]))
    wave = np.sin(u * np.pi * threads / SIDE) ** 2, np.sin(v * np.pi * threads / SIDE) ** 2
    over = ((u * threads // SIDE + v * threads // SIDE) % 2) == 0
    return 0.4 + 0.2 * np.where(over, *wave) + 0.06 * fractal(rng, 8)


def _planks(rng):
    u, v = grid()
    across = int(rng.choice([2, 4, 6, 8]))
    column = (u * across // SIDE).astype(int)
    start = rng.integers(0, SIDE, across)[column]
    piece = column * 7 + ((v + start) % SIDE >= SIDE * rng.uniform(0.4, 0.6))
    tone = rng.normal(0, rng.uniform(0.03, 0.13), across * 7 + 2)[piece]
    grain = fractal(rng, 32, 4, 0.8, aspect=16)
    knots = fractal(rng, 8, 2, 0.5, aspect=4)
    rings = np.sin(4 * knots + 0.2 * grain)
    wood = 0.5 + tone + rng.uniform(0.01, 0.07) * grain + rng.uniform(0, 0.06) * rings
    gap = (np.abs((u * across / SIDE) % 1 - 0.5) > 0.5 - 0.012 * across) | ((v + start) % SIDE < 2)
    return np.where(gap, 0.22, wood)


def _blocks(rng, across, down, bond, joint, joint_tone, spread):
    """Stones in rows, each row shifted by `bond` of a stone."""
    u, v = grid()
    row = v * down // SIDE
    x = u * across / SIDE + bond * row
    column = x // 1 % across
    stone = (row * across + column).astype(int)
    tone = 0.5 + rng.normal(0, spread, across * down)[stone]
    tone += rng.uniform(0.01, 0.06) * fractal(rng, 16, 5, 0.8)
    width, height = joint * across / SIDE, joint * down / SIDE
    return np.where((x % 1 < width) | (v * down / SIDE % 1 < height), joint_tone, tone)


def _bricks(rng):
    down = int(rng.choice([8, 12, 16]))
    return _blocks(rng, down // 2, down, 0.5, rng.uniform(2, 4), rng.uniform(0.3, 1), rng.uniform(0.03, 0.12))


def _tiles(rng):
    across = int(rng.choice([1, 2, 4, 6]))
    image = _blocks(
        rng, across, across * int(rng.choice([1, 1, 2])), float(rng.choice([0, 0, 0.5])),
        rng.uniform(1, 5), rng.choice([0.25, 0.4, 0.75]), rng.choice([0.005, 0.03, 0.1]),
    )  # fmt: skip
    if rng.random() < 0.35:
        image = image[..., None] * np.sqrt(checks(rng)) * 1.5
    return image


def _shingles(rng):
    u, v = grid()
    down = int(rng.choice([8, 12, 16]))
    row = v * down // SIDE
    column = (u * down / SIDE + rng.choice([0, 0.5]) * row) % down
    tone = rng.normal(0, 0.06, (down, down))[row.astype(int), column.astype(int)]
    wave = rng.uniform(0, 0.12) * np.cos(column * 2 * np.pi)
    return 0.5 + tone + wave + 0.3 * (v * down / SIDE % 1 - 0.5) * rng.uniform(0.3, 1.2)


def _cells(rng):
    """Cobbles or cracked soil: areas nearest to random points."""
    count = int(rng.choice([40, 100, 250]))
    points = rng.uniform(0, SIDE, (count, 2))
    seeds = np.full((SIDE * 3, SIDE * 3), 255, np.uint8)
    for shift in np.ndindex(3, 3):
        x, y = (points + np.multiply(shift, SIDE)).astype(int).T
        seeds[y, x] = 0
    distance, label = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    y, x = np.nonzero(seeds == 0)
    names = np.zeros(label.max() + 1, int)
    names[label[y, x]] = y % SIDE * SIDE + x % SIDE  # the same for all copies of a point
    names = np.unique(names[label], return_inverse=True)[1].reshape(label.shape)
    window = slice(SIDE, 2 * SIDE)
    edge = cv2.morphologyEx(names.astype(np.float32), cv2.MORPH_GRADIENT, np.ones((3, 3))) > 0
    tone = 0.55 + rng.normal(0, 0.08, names.max() + 1)[names] - 0.015 * distance
    image = np.where(edge, rng.uniform(0.1, 0.4), tone)[window, window]
    return image + 0.03 * fractal(rng, 16)


def _leaves(rng):
    image = np.full((SIDE, SIDE), rng.uniform(0.05, 0.2), np.float32)
    size = rng.uniform(4, 16)
    for _ in range(int(9000 / size)):
        place, angle, tone = rng.uniform(0, SIDE, 2), rng.uniform(0, 360), rng.uniform(0.2, 0.9)
        half = (int(size * rng.uniform(0.5, 1.2)) + 1, int(size * rng.uniform(0.2, 0.5)) + 1)
        for shift in np.ndindex(2, 2):
            centre = (
                (place + np.multiply(shift, np.where(place > SIDE / 2, -SIDE, SIDE))).astype(int).tolist()
            )
            cv2.ellipse(image, centre, half, angle, 0, 360, tone, -1, cv2.LINE_AA)
    return image + 0.03 * fractal(rng, 32)


def _blades(rng):
    """Grass, needles, a rough carpet."""
    fine = fractal(rng, 64, 3, 0.9, aspect=int(rng.choice([1, 2, 4])))
    return 0.5 + rng.uniform(0.06, 0.2) * fine + 0.06 * fractal(rng, 4)


def _asphalt(rng):
    image = 0.5 + 0.06 * fractal(rng, 128, 2, 0.9) + 0.03 * fractal(rng, 4)
    if rng.random() < 0.6:
        ridge = np.abs(fractal(rng, 4, 5, 0.6))
        image[ridge < rng.uniform(0.005, 0.03)] *= 0.45
    if rng.random() < 0.4:
        image[40 : int(rng.integers(60, 200)), 30 : int(rng.integers(50, 220))] *= rng.uniform(0.6, 1.25)
    return image


def _bark(rng):
    ridge = np.abs(fractal(rng, 32, 4, 0.7, aspect=8))
    return 0.25 + 0.25 * np.clip(ridge, 0, 2) + 0.03 * fractal(rng, 64, 2)


def _folds(rng):
    u, _ = grid()
    bend = 2 * fractal(rng, 4, 2, 0.5, aspect=4)
    return 0.5 + 0.22 * np.sin(u * 2 * np.pi * int(rng.choice([4, 8, 12])) / SIDE + bend)


def _stains(rng):
    cloud = fractal(rng, int(rng.choice([2, 4])), 6, 0.62)
    drops = fractal(rng, 16, 4, 0.7, aspect=8)
    return 0.5 + 0.07 * cloud + rng.choice([0, 0.05]) * drops


def _blobs(rng):
    """Camouflage, marble, graffiti: a few colours by levels of noise."""
    noise = fractal(rng, int(rng.choice([2, 4])), 6, rng.uniform(0.35, 0.6))
    count = int(rng.integers(3, 6))
    level = np.searchsorted(np.sort(rng.normal(0, 0.9, count - 1)), noise)
    return palette(rng, count)[level]


OWN_COLOURS = frozenset({"poster", "page"})
_MAKERS = {
    "noise": _noise, "speckle": _speckle, "brushed": _brushed, "stripes": stripes, "plaid": plaid,
    "checks": checks, "weave": _weave, "planks": _planks, "bricks": _bricks, "tiles": _tiles,
    "shingles": _shingles, "cells": _cells, "leaves": _leaves, "blades": _blades, "asphalt": _asphalt,
    "bark": _bark, "folds": _folds, "stains": _stains, "blobs": _blobs, "poster": poster,
    "page": page, "grain": _grain,
}  # fmt: skip
KINDS = tuple(_MAKERS)
