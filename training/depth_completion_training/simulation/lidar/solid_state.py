"""Sensors without a turning head: scanning rasters, grids of time-of-flight zones, points at random."""

from __future__ import annotations

import numpy as np

from .pattern import Pattern, unit


def raster(
    rng: np.random.Generator,
    rows: int,
    step: float,
    field: tuple[float, float],
    name: str = "raster",
    max_range: float = 250.0,
) -> Pattern:
    """Lines of a scanning solid-state LiDAR (as Luminar's and others), row by row.

    Rows bow a little, as those of two mirrors do, and may be denser about the horizon.

    Args:
        rows: number of lines.
        step: azimuth between two measurements of a line, degrees.
        field: width and height that it covers, degrees.
    """  # fmt: skip
    _check(rows, 1, field)
    width, height = np.deg2rad(field)
    columns = max(1, round(field[0] / step))
    azimuth = np.linspace(width / 2, -width / 2, columns) + rng.uniform(-0.5, 0.5) * np.deg2rad(step)
    spread = np.linspace(1, -1, rows) if rows > 1 else np.zeros(1)
    spread = np.sign(spread) * np.abs(spread) ** rng.choice([1.0, 1.0, rng.uniform(1.1, 1.8)])
    bow = rng.uniform(-0.08, 0.08) * (azimuth / (width / 2)) ** 2
    elevation = (spread[:, None] + bow) * (height / 2)
    jitter = rng.normal(0, np.deg2rad(0.01), elevation.shape)
    directions = unit(np.broadcast_to(azimuth, elevation.shape), elevation + jitter)
    line = np.repeat(np.arange(rows, dtype=np.uint16), columns)
    return Pattern(name, directions, line, max_range, float(rng.uniform(0.0008, 0.003)), 0.02)


def grid(
    rows: int,
    columns: int,
    field: tuple[float, float],
    name: str = "",
    max_range: float = 10.0,
    noise_share: float = 0.01,
) -> Pattern:
    """Zones of a flash LiDAR or a time-of-flight camera: even in the tangent, as a lens maps a chip.

    Each beam is as wide as its zone.

    Args:
        field: width and height that all zones cover together, degrees below 180.
    """  # fmt: skip
    _check(rows, columns, field)
    width, height = np.tan(np.deg2rad(field) / 2)
    y = (1 - (2 * np.arange(columns) + 1) / columns) * width
    z = (1 - (2 * np.arange(rows) + 1) / rows) * height
    directions = np.ones((3, rows, columns), np.float32)
    directions[1], directions[2] = y, z[:, None]
    directions = directions.reshape(3, -1)
    directions /= np.sqrt((directions**2).sum(axis=0))
    line = np.repeat(np.arange(rows, dtype=np.uint16), columns)
    zone = float(np.deg2rad(min(field[0] / columns, field[1] / rows)))
    return Pattern(name or f"grid {columns}x{rows}", directions, line, max_range, zone, 0.004, noise_share)


def random_points(rng: np.random.Generator, count: int, field: tuple[float, float]) -> Pattern:
    """Rays anywhere within a field (width and height in degrees), even in the tangent; no sensor has them."""
    _check(count, 1, field)
    width, height = np.tan(np.deg2rad(field) / 2)
    directions = np.ones((3, count), np.float32)
    directions[1:] = rng.uniform(-1, 1, (2, count)) * np.array([[width], [height]])
    directions /= np.sqrt((directions**2).sum(axis=0))
    return Pattern(f"random {count}", directions, np.zeros(count, np.uint16), 100.0, 0.002, 0.01)


def _check(rows: int, columns: int, field: tuple[float, float]) -> None:
    if rows < 1 or columns < 1:
        raise ValueError(f"A pattern of {rows} x {columns} rays has none; both numbers must be positive.")
    if not (0 < field[0] < 180 and 0 < field[1] < 180):
        raise ValueError(f"Field is {field[0]:g} x {field[1]:g} degrees; both must lie between 0 and 180.")
