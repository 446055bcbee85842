"""NYUv2 as the HDF5 files that depth completion trains and tests with."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from depth_completion_ros.core import Camera, Frame

from .reader import IndexedReader

CROP = (228, 304)
"""Height and width of a frame as the papers have it: halved, and cropped in the middle."""
K = np.array([[518.8579, 0, 325.5824], [0, 519.4696, 253.7362], [0, 0, 1]])
"""Of a whole image, pixels."""
SIZE = (480, 640)
"""Height and width of a whole image, which K belongs to."""
NEAR = 0.1
"""Metres that a room is deeper than."""
FAR = 50.0
"""Metres that no room of the data set reaches; its camera measures up to 10."""
DOWNLOAD = "http://datasets.lids.mit.edu/fastdepth/data/nyudepthv2.tar.gz"


class Nyu(IndexedReader):
    """Frames of a split: of `val`, which has the 654 of the official test, if there, else of `train`.

    Args:
        split: `val` or `train`.
        whole: images of 640 x 480 as they are, not the 304 x 228 of the papers.
        units: of depth in a metre, where files of your own have integers, such as 1000 for millimetres.
    """

    layout = "nyudepthv2: {val/official,train/<scene>}/*.h5"

    def __init__(self, path: Path, *, split: str | None = None, whole: bool = False, units: float = 1.0):
        there = _splits(path)
        if not there or split not in (None, *there):
            raise FileNotFoundError(f"Folder '{path}' has no files {split or 'val'}/*/*.h5.")
        split = split or there[0]
        super().__init__(f"nyu_{split}")
        if isinstance(units, bool) or not isinstance(units, (int, float)) or not units > 0:
            raise ValueError(f"Option units is {units!r}; it must be a number above 0.")
        self.path, self.whole, self.units = path, whole, float(units)
        self.files = sorted((path / split).glob("*/*.h5"))

    @classmethod
    def can_read(cls, path: Path) -> bool:
        return bool(_splits(path))

    def __len__(self) -> int:
        return len(self.files)

    def read(self, index: int) -> Frame:
        file = self.files[index]
        image, depth = read_h5(file, "rgb", "depth")
        image, depth = self._image(image, file), self._metres(depth, file)
        matrix = K.copy()
        if not self.whole:
            image, depth = (centre(halved(plane)) for plane in (image, depth))
            matrix[:2] /= 2
            matrix[:2, 2] -= 8, 6
        depth = np.nan_to_num(depth)
        return Frame(
            name=file.relative_to(self.path).with_suffix("").as_posix(),
            image=image,
            camera=Camera(image.shape[1], image.shape[0], matrix),
            ground_truth=depth,
        )

    def _image(self, rgb: np.ndarray, file: Path) -> np.ndarray:
        if rgb.shape != (3, *SIZE) or rgb.dtype != np.uint8:
            raise ValueError(
                f"'rgb' of '{file}' is {rgb.dtype} with shape {rgb.shape}; it must be uint8 with "
                "(3, 480, 640), as the camera of NYUv2 is known for whole images."
            )
        return np.ascontiguousarray(rgb.transpose(1, 2, 0))

    def _metres(self, depth: np.ndarray, file: Path) -> np.ndarray:
        """Depth as the files have it, H x W or 1 x H x W, as float32 metres."""
        plane = depth[0] if depth.ndim == 3 and depth.shape[0] == 1 else depth
        if plane.shape != SIZE:
            raise ValueError(
                f"'depth' of '{file}' has shape {depth.shape}; it must be that of the image, {SIZE}."
            )
        if self.units == 1:
            if not np.issubdtype(plane.dtype, np.floating):
                raise ValueError(
                    f"'depth' of '{file}' is {plane.dtype}; it must be floating point in metres. For "
                    "millimetres give the option units=1000."
                )
            metres = plane.astype(np.float32, copy=False)
        else:
            metres = plane.astype(np.float32) * np.float32(1 / self.units)
        if not (np.isfinite(metres) & (metres >= 0)).all():
            metres = np.where(np.isfinite(metres) & (metres > 0), metres, np.float32(np.nan))
        known = metres[metres > 0]
        if known.size and np.median(known) < NEAR:
            raise ValueError(
                f"'depth' of '{file}' has a median of {np.median(known):.2g} m, which no camera of rooms "
                "measures; the option units must be that of the file, 1 for metres."
            )
        if known.size and np.median(known) > FAR:
            raise ValueError(
                f"'depth' of '{file}' has a median of {np.median(known):.0f} m, which no room has; "
                "for millimetres give the option units=1000, for centimetres units=100."
            )
        return metres


def _splits(path: Path) -> list[str]:
    return [split for split in ("val", "train") if next(path.glob(f"{split}/*/*.h5"), None) is not None]


def halved(plane: np.ndarray) -> np.ndarray:
    """An image or depth at half its height and width, as Pillow halves with a bilinear filter.

    That averages four rows and columns with weights 1, 3, 3, 1; away from the border, where Pillow leaves
    out what is missing, to its rounding.
    """
    weights = np.float32([1, 3, 3, 1]) / 8
    small = cv2.sepFilter2D(plane, cv2.CV_32F, weights, weights, anchor=(1, 1))[::2, ::2]
    return np.rint(small).astype(np.uint8) if plane.dtype == np.uint8 else np.ascontiguousarray(small)


def centre(plane: np.ndarray) -> np.ndarray:
    """The middle `CROP` of an image or depth."""
    top, left = ((side - wanted) // 2 for side, wanted in zip(plane.shape, CROP, strict=False))
    return np.ascontiguousarray(plane[top : top + CROP[0], left : left + CROP[1]])


def read_h5(path: Path, *names: str) -> list[np.ndarray]:
    """Arrays of an HDF5 file by their names.

    Raises:
        FileNotFoundError, ValueError: the file is missing or damaged, or has no such array.
        ImportError: without h5py.
    """
    try:
        import h5py
    except ModuleNotFoundError:
        raise ImportError(
            "NYUv2 needs the Python package 'h5py', which is not installed: pip install h5py."
        ) from None
    if not path.is_file():
        raise FileNotFoundError(f"File '{path}' is missing.")
    try:
        file = h5py.File(path, "r")
    except OSError as error:  # which names no file
        raise ValueError(f"File '{path}' is damaged or no HDF5 ({str(error).rstrip('.')}).") from None
    with file:
        missing = [name for name in names if name not in file]
        if missing:
            raise ValueError(f"File '{path}' has no '{missing[0]}'; it must have {' and '.join(names)}.")
        return [_array(file[name], name, path) for name in names]


def _array(entry, name: str, path: Path) -> np.ndarray:
    try:
        values = entry[()]
    except (OSError, TypeError, ValueError) as error:  # of a group, or where compressed bytes are damaged
        raise ValueError(f"'{name}' of '{path}' cannot be read ({str(error).rstrip('.')}).") from None
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "biuf":
        raise ValueError(f"'{name}' of '{path}' must be an array of numbers.")
    return values
