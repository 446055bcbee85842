"""Images, depth and transforms in files; what cannot be read is told in one clear sentence."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from depth_completion_ros.core.geometry import check_rigid, rigid
from depth_completion_ros.core.safe.files import read_bytes, read_settings, write_bytes
from depth_completion_ros.core.safe.pixels import ImageError, decode_pixels

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".JPG", ".PNG")


def find_image(folder: Path, stem: str) -> Path:
    """The image of a name in a folder, whatever its format; the PNG it would be where there is none."""
    found = (folder / f"{stem}{suffix}" for suffix in IMAGE_SUFFIXES)
    return next((file for file in found if file.is_file()), folder / f"{stem}.png")


def numbered_files(folder: Path, suffixes: tuple[str, ...]) -> dict[int, Path]:
    """Files of a folder by the number that their name is, however many digits it has."""
    files = (file for file in sorted(folder.iterdir()) if file.suffix in suffixes and file.stem.isdigit())
    return {int(file.stem): file for file in files}


def read_image(path: Path) -> np.ndarray:
    """Image of a PNG or JPEG file, uint8 H x W x 3 RGB."""
    # The calibration belongs to the pixels as they are stored, whatever way up EXIF would turn them.
    image = _decode(path, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image)


def read_depth(path: Path, units_per_metre: float = 256.0) -> np.ndarray:
    """Depth of a 16-bit PNG file, float32 H x W metres, 0 where unknown."""
    depth = _decode(path, cv2.IMREAD_UNCHANGED)
    if depth.dtype != np.uint16 or depth.ndim != 2:
        raise ImageError(
            f"Depth file '{path}' is {depth.dtype} with shape {depth.shape}; it must be a 16-bit grey PNG."
        )
    return depth * np.float32(1 / units_per_metre)


def write_image(path: Path, image: np.ndarray, compression: int | None = None) -> None:
    """Write uint8 H x W x 3 RGB as a PNG file; the folder is made where it is missing.

    Args:
        compression: 0 to 9 of PNG; what OpenCV takes when None.
    """
    write_png(path, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), compression)


def write_depth(
    path: Path, depth: np.ndarray, units_per_metre: float = 256.0, compression: int | None = None
) -> int:
    """Write depth as a 16-bit PNG file, rounded to its units; 0 where unknown, as `read_depth` reads it.

    What 16 bits cannot hold (256 m and more at KITTI's 256 units a metre) is 0 too: a depth that is
    clipped would be a wrong one.

    Args:
        depth: float H x W metres, NaN, 0 or less where unknown.

    Returns:
        number of pixels that are known but too far to be held.
    """
    units, too_far = depth_units(depth, units_per_metre)
    write_png(path, units, compression)
    return too_far


def depth_units(depth: np.ndarray, units_per_metre: float = 256.0) -> tuple[np.ndarray, int]:
    """Depth in whole units, uint16 H x W, as `write_depth` writes it, and what that returns."""
    known = (depth > 0) & (depth < np.inf)
    units = np.rint(np.where(known, depth, 0) * np.float32(units_per_metre))
    too_far = units > np.iinfo(np.uint16).max
    return np.where(too_far, 0, units).astype(np.uint16), int(np.count_nonzero(too_far))


def write_png(path: Path, pixels: np.ndarray, compression: int | None = None) -> None:
    """Write pixels in OpenCV's order as a PNG file, whole or not at all; its folder is made where missing."""
    options = [] if compression is None else [cv2.IMWRITE_PNG_COMPRESSION, compression]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, cv2.imencode(".png", pixels, options)[1].tobytes())


def _decode(path: Path, flags: int) -> np.ndarray:
    data = read_bytes(path)
    return decode_pixels(data, flags, f"Image '{path}' ({len(data)} bytes)")


def read_K(path: Path) -> np.ndarray:
    """K of a text file with its nine numbers row by row, float64 3 x 3."""
    text = read_settings(path)
    try:
        return np.array(text.split(), dtype=np.float64).reshape(3, 3)
    except ValueError:
        raise ValueError(f"File '{path}' must hold the nine numbers of K.") from None


def nearest_rigid(T: np.ndarray, name: str) -> np.ndarray:
    """T with its rotation made orthonormal to the last bit, as calibration files have few digits.

    Raises:
        ValueError: T, called `name`, is too far from rigid to be one.
    """
    T = check_rigid(T, name)
    R = T[:3, :3]
    if np.abs(R @ R.T - np.eye(3)).max() < 1e-14:
        return T
    U, _, Vt = np.linalg.svd(R)
    return rigid(U @ Vt, T[:3, 3])
