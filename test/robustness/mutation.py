"""Seeded damage to bytes and to messages.

ROBUSTNESS_SCALE in the environment multiplies how much is tried (0.1 for a quick look, 10 for a night).
"""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
from robot import as_bytes, camera_image, header, image_message, info_message, points_message, wall
from sensor_msgs.msg import CameraInfo, CompressedImage, PointCloud2

from depth_completion_ros.data.messages import IMAGE_ENCODINGS

SCALE = float(os.environ.get("ROBUSTNESS_SCALE", "1"))
NUMBERS = (0, 1, 2, 3, 7, 95, 96, 160, 161, 480, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1)
FLOATS = (0.0, -0.0, 1.0, -1.0, 1e-300, 1e-6, 1e6, 1e7, 1e38, 1e300, np.nan, np.inf, -np.inf)

FORMATS = (
    "png",
    "jpeg",
    "",
    "bayer_rggb8; jpeg compressed",
    "rgb8; png compressed",
    "16UC1; compressedDepth",
)


def times(number: int) -> int:
    """How often something is tried."""
    return max(1, round(number * SCALE))


def damage(data: bytes, random: np.random.Generator) -> bytes:
    """Bytes with one to three faults: flipped, cut off, zeroed, doubled, or swapped for noise."""
    values = np.frombuffer(data, np.uint8).copy()
    for _ in range(random.integers(1, 4)):
        if not len(values):
            break
        at, length = random.integers(len(values)), random.integers(1, max(2, len(values) // 4))
        kind = random.integers(6)
        if kind == 0:
            values[random.integers(0, len(values), 4)] = random.integers(0, 256, 4)
        elif kind == 1:
            values = values[:at]
        elif kind == 2:
            values[at : at + length] = 0
        elif kind == 3:
            values = np.concatenate([values[:at], values[at : at + length], values[at:]])
        elif kind == 4:
            values[at : at + length] = random.integers(0, 256, len(values[at : at + length]))
        else:
            values[at] ^= 1 << random.integers(8)
    return values.tobytes()


def damage_text(text: str, random: np.random.Generator) -> bytes:
    """Text with damaged bytes, or with lines, numbers and words that do not belong there."""
    if random.random() < 0.5:
        return damage(text.encode(), random)
    lines = text.splitlines()
    for _ in range(random.integers(1, 4)):
        at = random.integers(len(lines))
        kind = random.integers(5)
        if kind == 0:
            lines[at] = lines[random.integers(len(lines))]
        elif kind == 1:
            name, colon, _ = lines[at].partition(":")
            lines[at] = (
                f"{name}{colon} {random.choice([*map(str, FLOATS), '[]', '{}', '~', 'yes', '*a', '&a 1'])}"
            )
        elif kind == 2:
            lines[at] = " " * random.integers(8) + lines[at].lstrip()
        elif kind == 3:
            lines.insert(at, lines[at])
        else:
            del lines[at]
        lines = lines or [""]
    return "\n".join(lines).encode()


# Messages ------------------------------------------------------------------------------------------


class Messages:
    """Sets of image, CameraInfo and cloud of one moment, of which some have a fault.

    Args:
        seed: the same seed gives the same messages.
        compressed: images are CompressedImage.
    """

    def __init__(self, seed: int, compressed: bool = False):
        self._random = np.random.default_rng(seed)
        self._compressed = compressed
        self._files = [encoded(camera_image(), kind) for kind in (".png", ".jpg")]

    def good(self, stamp: int):
        """Image, CameraInfo and cloud that are completed."""
        image = self._compressed_image(stamp, self._files[0]) if self._compressed else image_message(stamp)
        return image, info_message(stamp), points_message(stamp)

    def mutated(self, stamp: int):
        """The same with faults in one of them, or in all."""
        image, info, points = self.good(stamp)
        which = self._random.integers(4)
        if which in (0, 3):
            image = self._bad_image(stamp)
        if which in (1, 3):
            info = self._bad_info(stamp)
        if which in (2, 3):
            points = self._bad_points(stamp)
        return image, info, points

    def _pick(self, choices):
        return choices[self._random.integers(len(choices))]

    def _bad_image(self, stamp: int):
        if self._compressed:
            data = damage(self._pick(self._files), self._random)
            kinds = (
                "png",
                "jpeg",
                "",
                "bayer_rggb8; jpeg compressed",
                "rgb8; png compressed bgr8",
                "16UC1; compressedDepth png",
            )
            return self._compressed_image(stamp, data, self._pick(kinds))
        message = image_message(stamp)
        self._faults(
            message,
            {
                "width": lambda: self._pick(NUMBERS),
                "height": lambda: self._pick(NUMBERS),
                "step": lambda: self._pick(NUMBERS),
                "encoding": lambda: self._pick((*IMAGE_ENCODINGS, "32FC1", "", "RGB8", "é")),
                "is_bigendian": lambda: int(self._random.integers(2)),
                "data": lambda: as_bytes(np.frombuffer(damage(bytes(message.data), self._random), np.uint8)),
            },
        )
        return message

    def _compressed_image(self, stamp: int, data: bytes, kind: str = "png") -> CompressedImage:
        values = as_bytes(np.frombuffer(data, np.uint8))
        return CompressedImage(header=header(stamp, "camera"), format=kind, data=values)

    def _bad_info(self, stamp: int) -> CameraInfo:
        message = info_message(stamp)
        self._faults(
            message,
            {
                "width": lambda: self._pick(NUMBERS),
                "height": lambda: self._pick(NUMBERS),
                "k": lambda: self._numbers(message.k),
                "p": lambda: self._numbers(message.p),
                "d": lambda: [self._pick(FLOATS) for _ in range(self._pick((0, 1, 4, 5, 8, 14, 20, 1000)))],
                "distortion_model": lambda: self._pick(
                    ("plumb_bob", "rational_polynomial", "equidistant", "", "é", "pinhole")
                ),
                "binning_x": lambda: self._pick(NUMBERS),
                "binning_y": lambda: self._pick(NUMBERS),
                "roi": lambda: type(message.roi)(
                    **{n: self._pick(NUMBERS) for n in ("x_offset", "y_offset", "width", "height")}
                ),
            },
        )
        return message

    def _bad_points(self, stamp: int) -> PointCloud2:
        values = wall()
        with np.errstate(over="ignore"):
            values[self._random.integers(0, len(values), 50)] = self._pick(FLOATS)
        message = points_message(stamp, values)
        self._faults(
            message,
            {
                "width": lambda: self._pick(NUMBERS),
                "height": lambda: self._pick(NUMBERS),
                "point_step": lambda: self._pick(NUMBERS),
                "row_step": lambda: self._pick(NUMBERS),
                "is_bigendian": lambda: bool(self._random.integers(2)),
                "fields": lambda: self._fields(message.fields),
                "data": lambda: as_bytes(np.frombuffer(damage(bytes(message.data), self._random), np.uint8)),
            },
        )
        return message

    def _fields(self, fields):
        fields = list(fields)
        for _ in range(self._random.integers(1, 3)):
            if fields:
                field = self._pick(fields)
                name = self._pick(("name", "offset", "datatype", "count"))
                values = {"name": ("x", "y", "z", "ring", "", "é"), "datatype": (0, 1, 4, 7, 8, 9, 255)}
                setattr(field, name, self._pick(values.get(name, NUMBERS)))
            if self._random.random() < 0.2:
                fields.pop(self._random.integers(len(fields)) if fields else 0)
        return fields

    def _numbers(self, values):
        values = np.array(values, np.float64)
        values[self._random.integers(0, len(values), 2)] = [self._pick(FLOATS) for _ in range(2)]
        return values

    def _faults(self, message, faults: dict[str, Callable[[], object]]) -> None:
        for name in self._random.choice(list(faults), self._random.integers(1, 3), replace=False):
            setattr(message, str(name), faults[name]())


def encoded(image: np.ndarray, kind: str) -> bytes:
    import cv2

    return cv2.imencode(kind, image)[1].tobytes()
