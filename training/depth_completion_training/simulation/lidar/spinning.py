"""Spinning LiDARs and scanners of a few lines: elevations and figures of their data sheets.

Elevations: user manuals of Velodyne (VLP-16, VLP-32C, HDL-32E, HDL-64E S2, Alpha Prime), Hesai
(Pandar64, Pandar40P) and data sheets of Ouster (OS0, OS1, OS2), SICK (MRS1000, MRS6000, LD-MRS) and
ibeo (LUX). Ranges are those of bright targets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .pattern import FULL_CIRCLE, Pattern, unit


@dataclass(frozen=True, eq=False)
class Spinner:
    """A sensor that sweeps its lines around the vertical.

    Args:
        name: what the maker calls it.
        elevations: of its lines, degrees, from the topmost down.
        steps: azimuths between two measurements of a line that it can be set to, degrees.
        max_range, divergence, noise: as in `Pattern`; metres, radians, metres.
        reach: azimuths that it covers, degrees to either side of its front.
    """

    name: str
    elevations: np.ndarray
    steps: Sequence[float]
    max_range: float
    divergence: float = 0.003
    noise: float = 0.02
    reach: float = 180.0


def spinning(
    spinner: Spinner, rng: np.random.Generator, sector: tuple[float, float] = FULL_CIRCLE
) -> Pattern:
    """One sweep of all lines, line by line, each with rising azimuth.

    Args:
        rng: draws the azimuth step of those the sensor has, and where each line starts in it.
        sector: azimuths to sweep, radians; may pass beyond pi.

    Raises:
        ValueError: a sector that ends before it starts.
    """
    if not sector[0] <= sector[1]:
        raise ValueError(f"Sector is {sector[0]:g} to {sector[1]:g} rad; it must end after it starts.")
    lines = len(spinner.elevations)
    step = np.deg2rad(rng.choice(np.asarray(spinner.steps, np.float64)))
    reach = np.deg2rad(spinner.reach)
    start, end = max(sector[0], -reach), min(sector[1], reach)
    if spinner.reach >= 180:
        start, end = sector[0], min(sector[1], sector[0] + 2 * np.pi)
    count = max(0, int((end - start) / step + 1e-6))
    azimuth = start + (np.arange(count) + rng.uniform(0.05, 0.95, (lines, 1))) * step
    directions = unit(azimuth, np.deg2rad(spinner.elevations)[:, None])
    line = np.repeat(np.arange(lines, dtype=np.uint16), count)
    return Pattern(
        spinner.name, directions, line, spinner.max_range, spinner.divergence, spinner.noise
    )  # fmt: skip


def generic_spinner(rng: np.random.Generator) -> Spinner:
    """A spinner of 4 to 128 lines such as there might be."""
    lines = round(np.exp(rng.uniform(np.log(4), np.log(128))))
    # Few lines are spread over little, as their makers do; a gap of more than 5 degrees is of no use.
    field = min(rng.uniform(10, 90), 5.0 * (lines - 1))
    top = field * rng.uniform(0.25, 0.55)
    spread = np.linspace(1, -1, lines)
    if rng.random() < 0.4:  # denser in the middle
        spread = np.sign(spread) * np.abs(spread) ** rng.uniform(1.2, 2.2)
        spread += np.linspace(1e-3, -1e-3, lines)
    elevations = top - field / 2 + spread / np.abs(spread).max() * field / 2
    step = float(np.exp(rng.uniform(np.log(0.09), np.log(0.6))))
    return Spinner(
        f"spinning {lines}", elevations, (step,), float(rng.uniform(30, 250)),
        float(rng.uniform(0.001, 0.005)), float(rng.uniform(0.005, 0.04)),
    )  # fmt: skip


def _even(top: float, bottom: float, lines: int) -> np.ndarray:
    return np.linspace(top, bottom, lines)


def _stepwise(*runs: tuple[float, float, float]) -> np.ndarray:
    """Elevations in runs of first, last and step, all in degrees, downwards."""
    return np.concatenate([
        np.linspace(first, last, round((first - last) / step) + 1) for first, last, step in runs
    ])  # fmt: skip


_VLP_STEPS = (0.1, 0.2, 0.2, 0.4)  # at 5, 10 and 20 turns a second; 10 is the usual one
_VLP32C = (
    15, 10.333, 7, 4.667, 3.333, 2.333, 1.667, 1.333, 1, 0.667, 0.333, 0, -0.333, -0.667, -1, -1.333,
    -1.667, -2, -2.333, -2.667, -3, -3.333, -3.667, -4, -4.667, -5.333, -6.148, -7.254, -8.843, -11.31,
    -15.639, -25,
)  # fmt: skip
_ALPHA_TOP = (15, 11.75, 9.7, 8.43, 7.58, 6.98, 6.48, 6.08, 5.73, 5.43, 5.18, 4.98, 4.83)
_ALPHA_BOTTOM = (-6.5, -6.65, -6.85, -7.15, -7.65, -8.352, -9.244, -10.346, -11.742, -13.565, -16.042,
                 -19.582, -25)  # fmt: skip
_ALPHA = np.concatenate([_ALPHA_TOP, np.linspace(4.72, -6.39, 102), _ALPHA_BOTTOM])
_PANDAR64 = np.concatenate([(15, 11, 8, 5, 3), _stepwise((2, -6, 1 / 6), (-7, -14, 1)), (-19, -25)])
_PANDAR40P = np.concatenate([(15, 11, 8, 5, 3), _stepwise((2, -6, 1 / 3), (-7, -14, 1)), (-19, -25)])
_OUSTER_STEPS = (360 / 512, 360 / 1024, 360 / 1024, 360 / 2048)


def _ouster(model: str, field: float, max_range: float, divergence_deg: float, noise: float) -> list[Spinner]:
    return [
        Spinner(
            f"{model}-{lines}", _even(field / 2, -field / 2, lines), _OUSTER_STEPS, max_range,
            np.deg2rad(divergence_deg), noise,
        )
        for lines in (16, 32, 64, 128)
    ]  # fmt: skip


_ALL = [
    Spinner("VLP-16", _even(15, -15, 16), _VLP_STEPS, 100, 0.003, 0.02),
    Spinner("VLP-32C", np.array(_VLP32C, np.float64), _VLP_STEPS, 200, 0.003, 0.02),
    Spinner("HDL-32E", _even(10.667, -30.667, 32), (0.08, 0.16, 0.16, 0.33), 100, 0.003, 0.015),
    Spinner("HDL-64E", _stepwise((2, -25 / 3, 1 / 3), (-53 / 6, -73 / 3, 1 / 2)), (0.0864, 0.1728, 0.1728),
            120, 0.002, 0.02),
    Spinner("Alpha Prime", _ALPHA, (0.1, 0.2, 0.4), 245, 0.0026, 0.02),
    Spinner("Pandar64", _PANDAR64, (0.2, 0.4), 200, 0.0026, 0.015),
    Spinner("Pandar40P", _PANDAR40P, (0.2, 0.4), 200, 0.0026, 0.015),
    Spinner("MRS1000", np.array([2.5, 0, -2.5, -5]), (0.25,), 64, 0.0065, 0.03, 137.5),
    Spinner("MRS6000", _even(7.5, -7.5, 24), (0.13,), 200, 0.0065, 0.03, 60),
    Spinner("LUX 4L", _even(1.2, -1.2, 4), (0.125, 0.25, 0.5), 200, 0.0014, 0.05, 42.5),
    Spinner("LUX 8L", _even(2.8, -2.8, 8), (0.125, 0.25, 0.5), 200, 0.0014, 0.05, 42.5),
    *_ouster("OS0", 90.0, 50, 0.35, 0.02),
    *_ouster("OS1", 45.0, 120, 0.18, 0.015),
    *_ouster("OS2", 22.5, 240, 0.09, 0.03),
]  # fmt: skip
SPINNERS: dict[str, Spinner] = {spinner.name: spinner for spinner in _ALL}
