"""Files of a KITTI raw drive: folders, stamps, GPS/IMU packets, scans."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from ...core.safe.files import write_bytes
from .rig import Rig, turn

DATE = "2011_09_26"
DRIVE = f"{DATE}_drive_0001_sync"
START = datetime(2011, 9, 26, 13, 2, 25)  # noqa: DTZ001 (KITTI writes times without a zone)
EARTH_RADIUS_M = 6378137.0
_ORIGIN_DEG = 49.0113, 8.4162
_ORIGIN_ALTITUDE_M = 112.8
_HEADING = 0.62  # of the street, radians from east to north
_GRAVITY = 9.81


def write_stamps(folder: Path, name: str, times: np.ndarray) -> None:
    """One stamp a line as in KITTI; times in seconds from the start of the drive."""
    lines = []
    for nanoseconds in np.round(np.asarray(times) * 1e9).astype(np.int64).tolist():
        seconds, rest = divmod(nanoseconds, 10**9)
        lines.append(f"{START + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S}.{rest:09d}\n")
    _write(folder / name, "".join(lines).encode())


def write_scan(path: Path, points: np.ndarray) -> None:
    """Scan of float32 N x 4."""
    _write(path, points.astype("<f4").tobytes())


def write_calibration(folder: Path, rig: Rig) -> None:
    for name, text in rig.calibration_files().items():
        _write(folder / name, text.encode())


def write_oxts(folder: Path, rig: Rig, times: np.ndarray) -> None:
    """GPS/IMU packets of the 30 fields of KITTI, one file a time, and their stamps."""
    write_stamps(folder, "timestamps.txt", times)
    origin = rig.motion.position(float(times[0]))
    for index, time in enumerate(times.tolist()):
        fields = _packet(rig, time, origin)
        _write(folder / "data" / f"{index:010d}.txt", (" ".join(fields) + "\n").encode())


def _packet(rig: Rig, time: float, origin: np.ndarray) -> list[str]:
    """lat lon alt, roll pitch yaw, velocities, accelerations, rates, accuracies, state."""
    step = 1e-3
    street_to_earth = turn(0, 0, _HEADING)
    before, now, after = (street_to_earth @ rig.motion.position(time + dt) for dt in (-step, 0.0, step))
    velocity, acceleration = (after - before) / (2 * step), (after - 2 * now + before) / step**2
    roll, pitch, yaw = rig.motion.attitude(time)
    yaw += _HEADING
    yaw -= 2 * np.pi * np.round(yaw / (2 * np.pi))  # KITTI's is within half a turn
    level = turn(0, 0, yaw)
    forward_left_up = level.T @ velocity
    R = turn(roll, pitch, yaw)
    R_before, R_after = (turn(*rig.motion.attitude(time + dt)) for dt in (-step, step))
    spin = R.T @ street_to_earth @ (R_after - R_before) / (2 * step)
    rates = np.array([spin[2, 1], spin[0, 2], spin[1, 0]])
    felt = acceleration + (0, 0, _GRAVITY)
    fields = [
        *_latitude_longitude(now - street_to_earth @ origin), _ORIGIN_ALTITUDE_M + now[2] - origin[2],
        roll, pitch, yaw, velocity[1], velocity[0], *forward_left_up,
        *(R.T @ felt), *(level.T @ felt), *rates, *(level.T @ R @ rates), 0.05, 0.02,
    ]  # fmt: skip
    return [f"{value:.14g}" for value in fields] + ["4", "10", "5", "5", "6"]


def _latitude_longitude(shift: np.ndarray) -> tuple[float, float]:
    """Degrees at metres east and north of the origin, by the Mercator formula of KITTI's devkit.

    x = s R lon, y = s R ln tan(pi / 4 + lat / 2) with s = cos of the first latitude.
    """
    latitude, longitude = np.deg2rad(_ORIGIN_DEG)
    radius = EARTH_RADIUS_M * np.cos(latitude)
    y = np.log(np.tan(np.pi / 4 + latitude / 2)) + shift[1] / radius
    return np.rad2deg(2 * np.arctan(np.exp(y)) - np.pi / 2), np.rad2deg(longitude + shift[0] / radius)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, data)
