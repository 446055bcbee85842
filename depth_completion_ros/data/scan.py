"""Scans as plain numbers, in KITTI's velodyne layout and its kin."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from depth_completion_ros.core.safe.files import read_bytes, read_text

from .messages.metres import check_ranges

COLUMNS = range(3, 13)
FEW_NUMBERS = 1000
"""Below this a scan tells nothing of its layout."""
BLOCK = 27720
"""Numbers that are whole points whatever the columns: the least common multiple of all of them."""
FAR = 10_000.0
"""Metres that no coordinate in the frame of a LiDAR reaches."""
NEGATIVE = 0.02
"""Share of negative numbers above which a fourth column is no intensity."""
OTHER_FORMATS = {
    b"\x93NUMPY": "NumPy (.npy)",
    b"# .PCD": "PCD",
    b"VERSION": "PCD",
    b"ply": "PLY",
    b"LASF": "LAS",
}
"""First bytes of other files of points, and what they are."""


def read_scan(path: Path, columns: int = 4) -> np.ndarray:
    """Scan of float32 x, y, z, intensity and more (KITTI's velodyne layout), or of the same as text.

    Args:
        columns: numbers of a point, the first three of them x, y and z in metres; KITTI has 4.

    Returns:
        float32 N x 4 (x, y, z, intensity), or N x 3.

    Raises:
        FileNotFoundError, ValueError: the file is missing, or holds points of another layout or unit.
    """
    if type(columns) is not int or columns not in COLUMNS:
        raise ValueError(f"Option columns is {columns!r}; it must be a number from 3 to 12.")
    points = _read_text(path, columns) if path.suffix == ".txt" else _read_binary(path, columns)
    _check_order(points, path)
    points = np.ascontiguousarray(points[:, :4])
    check_ranges(points, f"Scan '{path}'")
    return points


def _read_binary(path: Path, columns: int) -> np.ndarray:
    data = read_bytes(path)
    other = next((name for first, name in OTHER_FORMATS.items() if data.startswith(first)), None)
    if other:
        raise ValueError(f"Scan '{path}' is a file of {other}; it must be plain float32, x y z first.")
    if len(data) % (4 * columns):
        raise ValueError(
            f"Scan '{path}' has {len(data)} bytes; {columns} float32 a point make a multiple of {4 * columns}"
            f"{_better(data, columns)}."
        )
    points = np.frombuffer(data, "<f4").reshape(-1, columns)
    if not _is_plausible(data, columns):
        raise ValueError(
            f"Scan '{path}' does not look like points of {columns} float32, x y z first"
            f"{_better(data, columns)}."
        )
    return points


def _read_text(path: Path, columns: int) -> np.ndarray:
    rows = [row for line in read_text(path).splitlines() if (row := line.split())]
    other = next((len(row) for row in rows if len(row) != columns), columns)
    advice = (
        f": give the option columns={other}" if other in COLUMNS and {len(r) for r in rows} == {other} else ""
    )
    if other != columns:
        raise ValueError(
            f"Scan '{path}' must have {columns} numbers in each line; a line has {other}{advice}."
        )
    try:
        return np.array(rows, dtype=np.float32).reshape(-1, columns)
    except ValueError:
        raise ValueError(
            f"Scan '{path}' must have {columns} numbers in each line, with blanks between."
        ) from None


def _check_order(points: np.ndarray, path: Path) -> None:
    """ValueError where the fourth number is a coordinate and one of the first three is none.

    Coordinates have both signs, but for the way ahead of a scan that was cut to the view of a camera; an
    intensity, ring or time has one.
    """
    if points.shape[1] < 4 or not len(points):
        return
    with np.errstate(invalid="ignore"):
        negative = np.count_nonzero(points[:, :4] < 0, axis=0) / len(points)
    unsigned = [place for place in range(3) if negative[place] == 0]
    if negative[3] > NEGATIVE and (unsigned or points.size < FEW_NUMBERS):
        also = f", and number {unsigned[0] + 1} never is" if unsigned else ""
        raise ValueError(
            f"Scan '{path}' does not look like points with x y z first: the fourth number of a point is "
            f"negative in {100 * negative[3]:.0f} % of them, which no intensity is{also}."
        )


def _better(data: bytes, columns: int) -> str:
    """What to do about it, where another layout fits the data."""
    fits = [count for count in COLUMNS if count != columns and not len(data) % (4 * count)]
    fits = [count for count in fits if _is_plausible(data, count) and _regularity(data)[count] > 0.05]
    if fits:
        return f"; they look like {fits[0]} columns: give the option columns={fits[0]}"
    if _is_plausible_in_millimetres(data, columns):
        return "; they look like millimetres, which must be divided by 1000"
    if _is_double(data):
        return "; they look like float64, which must be converted to float32"
    return ""


def _is_plausible(data: bytes, columns: int) -> bool:
    """Whether numbers can be points of so many columns: coordinates near enough, columns unlike each other.

    Read with a wrong number of columns, x, y, z and the rest take turns in each column. What tells columns
    apart is how large their numbers are: the right layout explains the most of the variance of the logarithm.
    """
    points = np.frombuffer(data, "<f4").reshape(-1, columns)
    if not len(points):
        return True
    with np.errstate(invalid="ignore"):
        near = np.abs(points) <= FAR
    x, y, z = near[:, 0], near[:, 1], near[:, 2]
    unknown = np.isnan(points[~(x & y & z), :3]).all(axis=1)  # beams without return
    if np.count_nonzero(x & y & z) + np.count_nonzero(unknown) < 0.999 * len(points):
        return False
    if points.size < FEW_NUMBERS:
        return True
    regularity = _regularity(data)
    own = regularity[columns]
    if own < 0.85 * max(regularity.values()) - 0.02:
        return False
    # Points of 4 numbers are as regular read as 8, but every other one would be lost.
    parts = [regularity[count] for count in COLUMNS if count < columns and columns % count == 0]
    return own < 0.05 or own > 1.05 * max(parts, default=0.0)


def _regularity(data: bytes) -> dict[int, float]:
    """By number of columns, the share of the variance of log |number| that the place in a point explains.

    Taken from a part in the middle, which is whole points in every layout.
    """
    values = np.frombuffer(data, "<f4")
    first = max(len(values) // BLOCK // 2 - 1, 0) * BLOCK
    values = np.abs(values[first : first + 2 * BLOCK])
    known = (values > 0) & (values < np.inf)  # not what beams without return leave
    size = np.log(np.clip(values, 1e-3, 1e6), out=np.zeros_like(values), where=known)
    total = int(np.count_nonzero(known)) or 1
    mean = float(size.sum(dtype=np.float64)) / total
    size[known] -= mean
    variance = float(size @ size) or 1.0
    explained = {}
    for count in COLUMNS:
        rows = len(size) // count
        ones = np.ones(rows, np.float32)
        sums = ones @ size[: rows * count].reshape(rows, count)
        counts = ones @ known[: rows * count].reshape(rows, count).astype(np.float32)
        explained[count] = float((sums * sums / np.maximum(counts, 1)).sum()) / variance
    return explained


def _is_plausible_in_millimetres(data: bytes, columns: int) -> bool:
    if len(data) % (4 * columns):
        return False
    with np.errstate(invalid="ignore"):
        return _is_plausible((np.frombuffer(data, "<f4") / np.float32(1000)).tobytes(), columns)


def _is_double(data: bytes) -> bool:
    if len(data) % 8:
        return False
    values = np.frombuffer(data, "<f8")
    with np.errstate(invalid="ignore"):
        size = np.abs(values)
    return bool(((size <= FAR) & ((size > 1e-6) | (size == 0)) | np.isnan(values)).mean() > 0.99)
