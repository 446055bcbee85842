"""One simulated view as one `.npz` file: image, true depth, camera matrix and a few scans."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import cv2
import numpy as np

from depth_completion_ros.core.safe.files import whole_file

NEAR_M, FAR_M = 0.02, 500.0
"""Least and greatest depth that a file holds; nearer is unknown, farther counts as sky."""
UNKNOWN, SKY = 0, 65535
_STEPS = 65533
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 95)
# Of the fast settings this one gives the smallest files of smooth 16-bit images.
_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_SUB)


@dataclass(eq=False)
class StoredScan:
    """What one range sensor measured, as points of the image; several may share a pixel's surroundings.

    Args:
        pixel: int32 N, row * width + column, each pixel at most once.
        z: float32 N, metres along the optical axis.
        line: uint16 N, ring or row of the sensor, 0 the topmost; all 0 where it has none.
        hidden: bool N, taken for seen through a nearer surface by `core.filters.see_through`.
        sensor: name of the pattern.
    """

    pixel: np.ndarray
    z: np.ndarray
    line: np.ndarray
    hidden: np.ndarray
    sensor: str = ""


@dataclass(eq=False)
class SimulatedFrame:
    """One view of a simulated scene.

    Args:
        image: uint8 H x W x 3 RGB.
        depth: float32 H x W, metres along z, 0 unknown, inf sky.
        K: float32 3 x 3, pixels.
        scans: of the same view by several sensors.
    """

    image: np.ndarray
    depth: np.ndarray
    K: np.ndarray
    scans: list[StoredScan]


def encode_depth(depth: np.ndarray) -> np.ndarray:
    """Depth as uint16 on a logarithmic scale from 0.02 m to 500 m.

    A code c in 1..65534 stands for 0.02 m * 25000 ** ((c - 1) / 65533); neighbours differ by 1.55e-4
    of the depth, so that a depth comes back within 7.8e-5 of itself.

    Args:
        depth: H x W metres; not positive, NaN or nearer than 0.02 m becomes 0 (unknown), and
            infinite or farther than 500 m becomes 65535 (sky).
    """
    depth = np.asarray(depth, np.float32)
    known = (depth >= np.float32(NEAR_M)) & (depth <= np.float32(FAR_M))
    scaled = np.log(np.where(known, depth, 1) / np.float32(NEAR_M)) * (_STEPS / np.log(FAR_M / NEAR_M))
    code = np.clip(np.rint(scaled), 0, _STEPS).astype(np.uint16) + np.uint16(1)
    code[~known] = UNKNOWN
    code[depth > np.float32(FAR_M)] = SKY
    return code


def decode_depth(code: np.ndarray) -> np.ndarray:
    """Depth float32 H x W in metres of `encode_depth`'s codes; 0 unknown, inf sky."""
    return _DEPTH_OF_CODE[code]


def _depth_of_code() -> np.ndarray:
    table = np.empty(SKY + 1, np.float32)
    table[1:SKY] = NEAR_M * (FAR_M / NEAR_M) ** (np.arange(SKY - 1) / _STEPS)
    table[UNKNOWN], table[SKY] = 0, np.inf
    return table


_DEPTH_OF_CODE = _depth_of_code()


def write_frame(path: str | Path, frame: SimulatedFrame) -> int:
    """Write a frame and return the bytes of its file; a reader never sees half a file.

    Raises:
        ValueError: parts that do not fit together.
    """
    path = Path(path)
    _check(frame, f"Frame for '{path}'")
    counts = [len(scan.z) for scan in frame.scans]
    arrays = {
        "image": cv2.imencode(".jpg", cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR), _JPEG)[1],
        "depth": cv2.imencode(".png", encode_depth(frame.depth), _PNG)[1],
        "K": np.asarray(frame.K, np.float32),
        "start": np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        "sensor": np.array([scan.sensor for scan in frame.scans], dtype=np.str_),
    }
    for name, kind in (("pixel", np.int32), ("z", np.float32), ("line", np.uint16), ("hidden", bool)):
        parts = [np.asarray(getattr(scan, name), kind) for scan in frame.scans]
        arrays[name] = np.concatenate([np.zeros(0, kind), *parts])
    with whole_file(path) as unfinished:
        np.savez(unfinished, **arrays)
        return unfinished.stat().st_size


def read_frame(path: str | Path) -> SimulatedFrame:
    """The frame in a file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is damaged, or of something else.
    """
    path = Path(path)
    try:
        with np.load(path) as file:
            arrays = {name: file[name] for name in _NAMES}
        image = cv2.imdecode(arrays["image"], cv2.IMREAD_COLOR)
        code = cv2.imdecode(arrays["depth"], cv2.IMREAD_UNCHANGED)
    except FileNotFoundError:
        raise FileNotFoundError(f"Frame file '{path}' is missing.") from None
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, cv2.error, AttributeError) as error:
        raise _damaged(path, error) from None
    if image is None or code is None or code.dtype != np.uint16:
        raise _damaged(path, "its image or depth cannot be decoded")
    start = arrays["start"]
    spans = [slice(a, b) for a, b in zip(start[:-1].tolist(), start[1:].tolist(), strict=True)]
    scans = [
        StoredScan(*(arrays[name][span] for name in ("pixel", "z", "line", "hidden")), str(sensor))
        for span, sensor in zip(spans, arrays["sensor"], strict=False)
    ]
    frame = SimulatedFrame(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), decode_depth(code), arrays["K"], scans)
    try:
        _check(frame, "it")
    except ValueError as error:
        raise _damaged(path, error) from None
    return frame


_NAMES = ("image", "depth", "K", "start", "sensor", "pixel", "z", "line", "hidden")


def _damaged(path: Path, cause: object) -> ValueError:
    text = " ".join(str(cause).split()).rstrip(".") or type(cause).__name__
    return ValueError(f"Frame file '{path}' is damaged ({text}); delete it and generate it again.")


def _check(frame: SimulatedFrame, name: str) -> None:
    """ValueError where the parts of a frame do not fit together."""
    image, depth = frame.image, frame.depth
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"{name} has an image {image.dtype} {image.shape}; it must be uint8 H x W x 3.")
    if depth.shape != image.shape[:2]:
        raise ValueError(
            f"{name} has depth {depth.shape} and image {image.shape[:2]}; both must be of one size."
        )
    if np.shape(frame.K) != (3, 3):
        raise ValueError(f"{name} has K of shape {np.shape(frame.K)}; it must be 3 x 3.")
    for scan in frame.scans:
        counts = {len(part) for part in (scan.pixel, scan.z, scan.line, scan.hidden)}
        if len(counts) != 1:
            raise ValueError(f"{name} has a scan whose parts have {sorted(counts)} points; they must agree.")
        if len(scan.pixel) and not 0 <= scan.pixel.min() <= scan.pixel.max() < depth.size:
            raise ValueError(f"{name} has a scan with pixels outside the image.")
