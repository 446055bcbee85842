"""Augmentation of a frame: its geometry, then its colours."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from depth_completion_training.simulation.frame_file import SimulatedFrame, StoredScan

_GREY = np.float32([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class Augmentation:
    """How much frames are changed; `Augmentation.none()` only crops.

    Args:
        flip: share that is mirrored.
        zoom: least and greatest factor by which the image is resized before it is cropped; it is
            never made smaller than the crop.
        colour: share whose brightness, contrast, saturation, hue and gamma change, each by up to
            the usual amount (30, 30, 40 %, 10 degrees, 30 %).
        grey, blur, noise: shares that lose their colours, are blurred (up to 1.5 pixels), or get
            noise (up to 8 grey levels).
        misaligned: greatest standard deviation, pixels, of how far the image is moved along each axis
            while measurements and truth stay where they are, as by a rig that is calibrated a little
            wrongly and whose truth comes from the same sensor; 0 for never. Which one it is differs from
            sample to sample.
        scale: least and greatest factor on all depths, log-uniform; (1, 1) for none. Networks that work
            without a scale of their own need none.

    Raises:
        ValueError: a share outside 0 to 1, or factors that are not positive and in order.
    """

    flip: float = 0.5
    zoom: tuple[float, float] = (1.0, 1.4)
    colour: float = 0.8
    grey: float = 0.05
    blur: float = 0.1
    noise: float = 0.2
    misaligned: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)

    def __post_init__(self):
        for name in ("flip", "colour", "grey", "blur", "noise"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"Augmentation's {name} is {getattr(self, name)}; it must be from 0 to 1.")
        if not 0 <= self.misaligned < np.inf:
            raise ValueError(f"Augmentation's misaligned is {self.misaligned}; it must be 0 or more pixels.")
        for name in ("zoom", "scale"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(
                    f"Augmentation's {name} is {(low, high)}; it must be two positive numbers, lesser first."
                )

    @staticmethod
    def none() -> Augmentation:
        """Leaves frames as they are, but for the crop."""
        return Augmentation(flip=0, zoom=(1, 1), colour=0, grey=0, blur=0, noise=0)

    def geometry(
        self, frame: SimulatedFrame, size: tuple[int, int], rng: np.random.Generator
    ) -> SimulatedFrame:
        """The frame mirrored, zoomed, and cropped to `size` (height, width), at random."""
        low, high = np.log(self.zoom)
        fits = max(size[0] / frame.depth.shape[0], size[1] / frame.depth.shape[1])
        zoom = max(float(np.exp(rng.uniform(low, high))), fits)
        shape = tuple(
            max(wanted, round(side * zoom)) for wanted, side in zip(size, frame.depth.shape, strict=True)
        )
        place = tuple(int(rng.integers(side - wanted + 1)) for side, wanted in zip(shape, size, strict=True))
        frame = window(frame, shape, place, size)
        if rng.random() < self.flip:
            frame = mirrored(frame)
        if self.scale != (1.0, 1.0):
            frame = scaled(frame, float(np.exp(rng.uniform(*np.log(self.scale)))))
        return frame

    def appearance(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The image (uint8 H x W x 3 RGB) with other colours, blurred, noisy, a little moved, at random."""
        if self.misaligned:
            image = moved(image, rng.normal(0, self.misaligned * rng.random(), 2))
        if rng.random() < self.blur:
            image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.5))
        if rng.random() < self.colour:
            image = recoloured(image, rng)
        if rng.random() < self.grey:
            image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        if rng.random() < self.noise:
            image = noisy(image, rng.uniform(0, 8), rng)
        return image


def window(
    frame: SimulatedFrame, shape: tuple[int, int], place: tuple[int, int], size: tuple[int, int]
) -> SimulatedFrame:
    """The window of `size` at `place` (row, column) of a frame that is resized to `shape` (height, width).

    Depth takes that of the nearest pixel; scanned points move with the pixel that they lie in. Depth
    along z stays as it is: a zoom is a longer focal length.
    """
    height, width = frame.depth.shape
    if shape == (height, width) and size == shape:
        return frame
    factor = np.array([shape[0] / height, shape[1] / width])
    K = frame.K.astype(np.float64)
    K[:2] *= factor[::-1, None]
    K[:2, 2] += 0.5 * factor[::-1] - 0.5 - np.array(place[::-1])
    rows = _sources(place[0], size[0], factor[0], height)
    columns = _sources(place[1], size[1], factor[1], width)
    # Only the part that is kept is resized: a row or column more than the window on each side.
    top, left = max(rows[0] - 1, 0), max(columns[0] - 1, 0)
    part = frame.image[top : rows[-1] + 2, left : columns[-1] + 2]
    shift = (np.array(place[::-1]) + 0.5) / factor[::-1] - 0.5 - (left, top)
    matrix = np.array([[1 / factor[1], 0, shift[0]], [0, 1 / factor[0], shift[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    image = cv2.warpAffine(part, matrix, size[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
    depth = frame.depth[rows[:, None], columns]
    scans = [_moved(scan, width, factor, place, size) for scan in frame.scans]
    return SimulatedFrame(image, depth, K.astype(np.float32), scans)


def _sources(first: int, count: int, factor: float, limit: int) -> np.ndarray:
    """Rows (or columns) that those of a window were resized from."""
    source = np.floor((np.arange(first, first + count) + 0.5) / factor).astype(np.intp)
    return np.minimum(source, limit - 1)


def _moved(scan: StoredScan, width: int, factor, place, size) -> StoredScan:
    """A scan in the window of a resized image; of points that meet in a pixel the nearest stays."""
    v, u = np.divmod(scan.pixel, np.int32(width))
    v = ((v + 0.5) * factor[0]).astype(np.int32) - place[0]
    u = ((u + 0.5) * factor[1]).astype(np.int32) - place[1]
    inside = np.flatnonzero((v >= 0) & (v < size[0]) & (u >= 0) & (u < size[1]))
    pixel = (v * np.int32(size[1]) + u)[inside]
    if factor.min() < 1:
        order = np.lexsort((scan.z[inside], pixel))
        first = np.ones(len(order), bool)
        first[1:] = np.diff(pixel[order]) > 0
        kept = order[first]
        inside, pixel = inside[kept], pixel[kept]
    return StoredScan(pixel, scan.z[inside], scan.line[inside], scan.hidden[inside], scan.sensor)


def mirrored(frame: SimulatedFrame) -> SimulatedFrame:
    """The frame as a mirror shows it, left and right exchanged."""
    width = frame.depth.shape[1]
    K = frame.K.copy()
    K[0, 2] = width - 1 - K[0, 2]
    K[0, 1] = -K[0, 1]
    scans = []
    for scan in frame.scans:
        v, u = np.divmod(scan.pixel, np.int32(width))
        scans.append(replace(scan, pixel=v * np.int32(width) + (width - 1 - u)))
    return SimulatedFrame(cv2.flip(frame.image, 1), cv2.flip(frame.depth, 1), K, scans)


def scaled(frame: SimulatedFrame, factor: float) -> SimulatedFrame:
    """The frame of a world that is larger by a factor, and looks the same."""
    factor = np.float32(factor)
    scans = [replace(scan, z=scan.z * factor) for scan in frame.scans]
    return replace(frame, depth=frame.depth * factor, scans=scans)


def moved(image: np.ndarray, way: np.ndarray) -> np.ndarray:
    """The image moved by `way` (right and down, pixels and parts of them); what comes in is its edge."""
    matrix = np.array([[1, 0, way[0]], [0, 1, way[1]]])
    return cv2.warpAffine(image, matrix, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)


def recoloured(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Other brightness, contrast, saturation, hue and gamma, in one pass over the pixels.

    Saturation and hue are one 3 x 3 matrix, brightness and contrast one line; gamma is a table.
    """
    brightness, contrast, saturation = 1 + rng.uniform(-1, 1, 3) * (0.3, 0.3, 0.4)
    gamma = np.exp(rng.uniform(-0.3, 0.3))
    matrix = (contrast * brightness) * (_hue(np.deg2rad(rng.uniform(-10, 10))) @ _saturation(saturation))
    middle = (1 - contrast) * brightness * float(cv2.mean(image)[1])
    image = cv2.transform(image, np.column_stack([matrix, np.full(3, middle)]))
    table = (np.linspace(0, 1, 256) ** gamma * 255 + 0.5).astype(np.uint8)
    return cv2.LUT(image, table)


def _saturation(amount: float) -> np.ndarray:
    return amount * np.eye(3) + (1 - amount) * _GREY[None]


def _hue(angle: float) -> np.ndarray:
    """Turn of colours about the grey axis."""
    return cv2.Rodrigues(np.full(3, angle / np.sqrt(3)))[0]


def noisy(image: np.ndarray, deviation: float, rng: np.random.Generator) -> np.ndarray:
    """Normal noise of so many grey levels.

    A sheet of noise from a table, begun at a random place, as drawing it anew costs more than all the rest.
    """
    start = int(rng.integers(_NOISE.size))
    sheet = np.resize(np.roll(_NOISE, -start), image.shape)
    return cv2.add(image, np.clip(sheet * np.float32(deviation), -127, 127), dtype=cv2.CV_8U)


_NOISE = np.random.default_rng(5).standard_normal(2**16 - 15, dtype=np.float32)
