"""When each point of a cloud was measured, as the drivers of LiDARs tell it."""

from __future__ import annotations

import numpy as np

from .camera_info import stamp_ns
from .cloud import field_of

TIME_FIELDS = ("time", "t", "timestamp", "time_stamp", "offset_time")
"""Velodyne; Ouster; Hesai, RoboSense, Livox; Nebula; Livox CustomMsg."""
FARTHEST_S = 1.0
"""Points are measured within a second of the stamp of their cloud."""
SHORTEST_S = 0.001
"""A scan that would be quicker is one whose times are of another unit."""

UNITS = (
    "Understood are nanoseconds in integers and seconds in floating point, since the stamp or, in float64, "
    "since 1970, then in nanoseconds too."
)


def decode_times(msg, points: np.ndarray) -> np.ndarray | None:
    """Seconds since the stamp of a `sensor_msgs/PointCloud2` at which its points were measured.

    | type of the field | unit |
    |---|---|
    | uint32, int32 | nanoseconds since the stamp |
    | float32 | seconds since the stamp |
    | float64 | seconds since the stamp; above 1e8 seconds, above 1e17 nanoseconds since 1970 |

    Args:
        points: N x 3 or more, as of `decode_points`; those without a return (NaN, or at the origin) are not
            asked for a time, as drivers differ on them.

    Returns:
        float32 N, 0 for points without a return; None where the cloud has none of `TIME_FIELDS`.

    Raises:
        ValueError: times that cannot be those of one scan.
    """
    name, values = field_of(msg, TIME_FIELDS)
    if values is None:
        return None
    with np.errstate(invalid="ignore", over="ignore"):
        squared = np.einsum("ij,ij->i", points[:, :3], points[:, :3])
        hit = (squared > 1e-12) & (squared < np.inf)
    if not hit.any():
        return np.zeros(len(points), np.float32)
    seconds, what = _seconds(values, msg), f"Field '{name}' ({values.dtype}) of a cloud"
    if hit.all():
        return check_times(seconds, what, UNITS)
    check_times(seconds[hit], what, UNITS)
    return np.where(hit, seconds, np.float32(0))


def check_times(seconds: np.ndarray, what: str, remark: str = "") -> np.ndarray:
    """Seconds since the stamp, if they can be those of a scan; else ValueError, which begins with `what`."""
    first, last = (float(seconds.min()), float(seconds.max())) if len(seconds) else (0.0, SHORTEST_S)
    if not (np.isfinite([first, last]).all() and -FARTHEST_S <= first <= last <= FARTHEST_S):
        raise ValueError(
            f"{what} puts points from {first:.6g} to {last:.6g} s after the stamp; it must be within "
            f"{FARTHEST_S:g} s. {remark}".rstrip()
        )
    if last - first < SHORTEST_S:
        raise ValueError(
            f"{what} puts all points within {last - first:.3g} s; a scan takes at least {SHORTEST_S:g} s. "
            f"{remark}".rstrip()
        )
    return seconds


def _seconds(values: np.ndarray, msg) -> np.ndarray:
    """Seconds since the stamp, float32 N."""
    if values.dtype.kind in "iu":
        return (values * 1e-9).astype(np.float32)
    if values.dtype.itemsize < 8:
        return values.astype(np.float32, copy=False)
    stamp = stamp_ns(msg.header)
    largest = float(np.nanmax(np.abs(values), initial=0.0))
    if largest > 1e17:
        return ((values - float(stamp)) * 1e-9).astype(np.float32)
    seconds, nanoseconds = divmod(stamp, 10**9) if largest > 1e8 else (0, 0)
    return ((values - seconds) - nanoseconds * 1e-9).astype(np.float32)
