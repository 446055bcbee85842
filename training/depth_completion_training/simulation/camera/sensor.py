"""From light to the numbers in an image: exposure, colour balance, tone, blur and noise of a camera."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

_STEPS = 2048  # of the tone curve's table
_DARKEST_WHITE = 0.02
"""Light that no camera lifts above white: nights stay dark."""
_FAILED = 0.04
"""Share of the images whose exposure went wrong."""


@dataclass(frozen=True, eq=False)
class Sensor:
    """One camera on one occasion.

    Args:
        white: light that is just shown as white.
        balance: float32 3 x 1, factors of the colours.
        curve: float32, display value in [0, 1] by light / (4 white).
        saturation: 1 leaves colours as they are.
        vignette: loss of light in the corners, 0 to 1.
        blur: spread in pixels of what is out of focus.
        shake: (dx, dy), pixels that the image moves while the shutter is open.
        noise: (of dark, of bright, of colour), in display values.
    """

    white: float
    balance: np.ndarray
    curve: np.ndarray
    saturation: float
    vignette: float
    blur: float
    shake: tuple[float, float]
    noise: tuple[float, float, float]

    @staticmethod
    def random(rng: np.random.Generator, light: np.ndarray) -> Sensor:
        """A camera that has measured the light 3 x N, and seldom badly."""
        mean = light.mean(axis=1) + 1e-4
        adapted = (mean.mean() / mean) ** rng.uniform(0.2, 0.9)
        balance = (adapted * np.exp(rng.normal(0, 0.06, 3))).astype(np.float32).reshape(3, 1)
        curve = _curve(rng)
        white = max(_exposed(light[:, ::29] * balance, curve, _brightness(rng)), _DARKEST_WHITE)
        shaken = rng.random() < 0.15
        turn, way = rng.uniform(0, np.pi), rng.uniform(1.5, 8) * shaken
        dim = float(np.clip(0.25 / (white + 0.02), 0, 3))  # little light, much gain
        level = np.exp(rng.normal(np.log(0.005), 0.7)) * (1 + 0.6 * dim)
        level = min(level, 0.03)
        return Sensor(
            white=white,
            balance=balance,
            curve=curve,
            saturation=float(rng.choice([rng.normal(1.05, 0.15), 0.0], p=[0.96, 0.04])),
            vignette=float(max(rng.normal(0.1, 0.15), 0)),
            blur=float(rng.choice([rng.uniform(0, 0.7), rng.uniform(0.7, 2.2)], p=[0.88, 0.12])),
            shake=(way * np.cos(turn), way * np.sin(turn)),
            noise=(level * 0.6, level * 1.5, level * rng.uniform(0, 1.5)),
        )

    def tone(self, light: np.ndarray) -> np.ndarray:
        """Display values in [0, 1] of light 3 x ..., without the faults of the image as a whole."""
        balance = self.balance.reshape(3, *[1] * (light.ndim - 1))
        return _toned(light * balance, self.curve, self.white)

    def develop(self, light: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The image uint8 H x W x 3 of light 3 x H x W."""
        light = np.ascontiguousarray(light.transpose(1, 2, 0))
        if self.blur > 0.25:
            light = cv2.GaussianBlur(light, (0, 0), self.blur)
        if np.hypot(*self.shake) > 1:
            light = cv2.filter2D(light, -1, _stroke(*self.shake))
        if self.vignette > 0.02:
            light *= _corners(*light.shape[:2], self.vignette)
        image = self.tone(light.transpose(2, 0, 1)).transpose(1, 2, 0)
        if abs(self.saturation - 1) > 0.02:
            grey = image @ np.float32([0.3, 0.59, 0.11])
            image = grey[..., None] + (image - grey[..., None]) * np.float32(self.saturation)
        return self._noisy(np.ascontiguousarray(image), rng)

    def _noisy(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        dark, bright, colour = self.noise
        height, width = image.shape[:2]
        grain = rng.standard_normal((height, width), dtype=np.float32)
        spread = np.float32(dark) + np.float32(bright) * np.sqrt(np.clip(image[..., 1], 0, 1))
        blotch = rng.standard_normal((height // 2 + 1, width // 2 + 1, 3), dtype=np.float32)
        blotch = cv2.resize(blotch, (width, height), interpolation=cv2.INTER_LINEAR)
        image += (grain * spread)[..., None] + blotch * np.float32(colour)
        return np.clip(image * 255 + 0.5, 0, 255).astype(np.uint8)


def _brightness(rng: np.random.Generator) -> float:
    """Mean display value that the exposure aims at: about 0.43 as cameras have it, seldom any."""
    if rng.random() < _FAILED:
        return float(rng.uniform(0.1, 0.85))
    return float(np.clip(rng.normal(0.43, 0.08), 0.25, 0.62))


def _exposed(light: np.ndarray, curve: np.ndarray, brightness: float) -> float:
    """The white that gives light 3 x N a mean display value; by halving, as the mean falls with it."""
    low, high = 1e-4, 100.0
    for _ in range(12):
        white = float(np.sqrt(low * high))
        if _toned(light, curve, white).mean() > brightness:
            low = white
        else:
            high = white
    return float(np.sqrt(low * high))


def _toned(light: np.ndarray, curve: np.ndarray, white: float) -> np.ndarray:
    """Display values of light of any shape."""
    step = light * np.float32((_STEPS - 1) / (4 * white))
    return curve[np.clip(step, 0, _STEPS - 1).astype(np.int16)]


def _curve(rng: np.random.Generator) -> np.ndarray:
    """Display values of light from 0 to 4 times white: gamma, and a soft shoulder or hard clipping."""
    light = np.linspace(0, 4, _STEPS)
    soft = (1 - np.exp(-light * rng.uniform(1.2, 2.2))) / (1 - np.exp(-4 * 1.2))
    value = np.where(rng.random() < 0.65, soft, light).clip(0, 1) ** (1 / rng.uniform(1.8, 2.5))
    bend = rng.uniform(-0.1, 0.7)
    value = value + bend * (value * value * (3 - 2 * value) - value)
    return (rng.uniform(0, 0.04) + value * rng.uniform(0.93, 1.0)).clip(0, 1).astype(np.float32)


def _stroke(dx: float, dy: float) -> np.ndarray:
    """Kernel of a straight movement, sum 1."""
    half = int(np.ceil(max(abs(dx), abs(dy)) / 2)) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    ends = [tuple(int(round((half + sign * way / 2) * 16)) for way in (dx, dy)) for sign in (-1, 1)]
    cv2.line(kernel, *ends, 1.0, 1, cv2.LINE_AA, 4)
    return kernel / kernel.sum()


def _corners(height: int, width: int, loss: float) -> np.ndarray:
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return (1 - loss * (x * x + y * y) / 2)[..., None].astype(np.float32)
