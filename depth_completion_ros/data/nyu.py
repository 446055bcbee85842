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
"""Of a whole picture, pixels."""
DOWNLOAD = "http://datasets.lids.mit.edu/fastdepth/data/nyudepthv2.tar.gz"


class Nyu(IndexedReader):
    """Frames of a split: of `val`, which has the 654 of the official test, if there, else of `train`.

    Args:
        split: `val` or `train`.
        whole: pictures of 640 x 480 as they are, not the 304 x 228 of the papers.
    """

    layout = "nyudepthv2: {val/official,train/<scene>}/*.h5"

    def __init__(self, path: Path, *, split: str | None = None, whole: bool = False):
        there = _splits(path)
        if not there or split not in (None, *there):
            raise FileNotFoundError(f"Folder '{path}' has no files {split or 'val'}/*/*.h5.")
        split = split or there[0]
        super().__init__(f"nyu_{split}")
        self.path, self.whole = path, whole
        self.files = sorted((path / split).glob("*/*.h5"))

    @classmethod
    def can_read(cls, path: Path) -> bool:
        return bool(_splits(path))

    def __len__(self) -> int:
        return len(self.files)

    def read(self, index: int) -> Frame:
        file = self.files[index]
        image, depth = read_h5(file, "rgb", "depth")
        image = np.ascontiguousarray(image.transpose(1, 2, 0))
        matrix = K.copy()
        if not self.whole:
            image, depth = (centre(halved(plane)) for plane in (image, depth))
            matrix[:2] /= 2
            matrix[:2, 2] -= 8, 6
        return Frame(
            name=file.relative_to(self.path).with_suffix("").as_posix(),
            image=image,
            camera=Camera(image.shape[1], image.shape[0], matrix),
            ground_truth=depth,
        )


def _splits(path: Path) -> list[str]:
    return [split for split in ("val", "train") if next(path.glob(f"{split}/*/*.h5"), None) is not None]


def halved(plane: np.ndarray) -> np.ndarray:
    """A picture or depth at half its height and width, as Pillow halves with a bilinear filter.

    That averages four rows and columns with weights 1, 3, 3, 1; away from the border, where Pillow leaves
    out what is missing, to its rounding.
    """
    weights = np.float32([1, 3, 3, 1]) / 8
    small = cv2.sepFilter2D(plane, cv2.CV_32F, weights, weights, anchor=(1, 1))[::2, ::2]
    return np.rint(small).astype(np.uint8) if plane.dtype == np.uint8 else np.ascontiguousarray(small)


def centre(plane: np.ndarray) -> np.ndarray:
    """The middle `CROP` of a picture or depth."""
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
        return [file[name][()] for name in names]
