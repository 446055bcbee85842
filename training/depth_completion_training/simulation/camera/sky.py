"""What is seen where rays leave the scene."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.caster import dot
from depth_completion_ros.demo.scene.textures import noise

from ..scene import Light
from .arrays import column

_NIGHT = 0.12  # mean light of the sky below which there is no blue left


def sky(light: Light, directions: np.ndarray) -> np.ndarray:
    """Light along unit directions 3 x N, float32 3 x N: paler to the horizon, clouds, glow of the sun."""
    height = np.clip(directions[2], 0, 1)
    pale = np.exp(-5.0 * height)
    result = column(light.haze) * 1.1 * pale + _zenith(light) * (1 - pale)
    if light.overcast > 0.03:
        result += (column(light.sky_light) * 1.5 - result) * _clouds(light, directions, height)
    if light.sun is not None:
        near = np.clip(dot(directions, column(light.sun)), 0, 1)
        result += near**24 * column(light.sun_light) * np.float32(0.16)
        result += (near > 0.9998) * np.float32(20 * (1 - light.overcast))
    return result


def _zenith(light: Light) -> np.ndarray:
    """Colour above: blue in clear weather, the clouds' where it is overcast."""
    blue = column(light.sky_light) * np.float32([[0.55], [0.95], [1.5]])
    return blue * (1 - light.overcast) + column(light.sky_light) * light.overcast


def _clouds(light: Light, directions: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Share of cloud, N: noise on a level high above."""
    rng = np.random.default_rng(light.sky_seed)
    x, y = directions[:2] / (height + np.float32(0.15))
    shift, scale = rng.uniform(0, 200, (5, 2)).astype(np.float32), rng.uniform(0.6, 2.0)
    octaves = (
        noise(x * np.float32(scale * 2**k) + shift[k, 0], y * np.float32(scale * 2**k) + shift[k, 1]) / 1.7**k
        for k in range(4)
    )
    cover = np.clip(sum(octaves) * 0.45 + (light.overcast - 0.5) * 1.6 + 0.3, 0, 1)
    dark = 1 - 0.25 * light.overcast * np.clip(noise(x * 1.3 + shift[4, 0], y * 1.3), -1, 1)
    return np.minimum(cover * dark * np.clip(height * 8 + 0.2, 0, 1), 1).astype(np.float32)


def outside(light: Light, directions: np.ndarray) -> np.ndarray:
    """What a window shows of the world around, float32 3 x N: sky above a blurred line of houses or trees."""
    rng = np.random.default_rng([light.sky_seed, 1])
    day = light.sun is not None or rng.random() < 0.5
    x, y, up = directions
    turn = np.arctan2(y, x) * np.float32(3)
    edge = rng.uniform(-0.05, 0.3) + 0.08 * noise(turn * 3 + 40, np.zeros_like(turn))
    above = np.clip((up - edge) / 0.04, 0, 1)
    ground = rng.uniform([0.1, 0.12, 0.05], [0.5, 0.5, 0.45]).reshape(3, 1)
    ground = ground * np.maximum(1 + 0.4 * noise(turn * 6, up * 25), 0.1)  # light is never negative
    bright = rng.uniform(1.2, 4.0) * np.float32([[0.9], [0.97], [1.1]])
    return ((ground * (1 - above) + bright * above) * (1.0 if day else 0.02)).astype(np.float32)
