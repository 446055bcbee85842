"""Predictions that were made beforehand, one file for each frame."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ...core.safe.files import read_array, read_bytes
from ...core.safe.pixels import decode_pixels, opencv_errors
from .interface import MonocularPrior

ENDINGS = (".npy", ".png", ".tif", ".tiff")
PNG_UNITS = 256.0
"""Units of a 16-bit PNG per metre (or per unit of the prediction), as KITTI stores depth; 0 is unknown."""


class FolderPrior(MonocularPrior):
    """Maps of the image's size named like the frame: NAME.npy, 16-bit NAME.png, or NAME.tif of float32.

    Args:
        folder: that holds them.
        space: what they mean, see `MonocularPrior`; the files do not tell.
        name, licence: see `MonocularPrior`.

    Raises:
        FileNotFoundError: no such folder, or no such file in it.
    """

    def __init__(self, folder: str | Path, space: str, name: str = "", licence: str = "unknown (your file)"):
        self._folder = Path(folder)
        super().__init__(name or self._folder.resolve().name, licence, space)
        if not any(p.suffix in ENDINGS for p in self._folder.iterdir()):
            raise FileNotFoundError(f"Folder '{folder}' holds no map; they end in {', '.join(ENDINGS)}.")

    def _predict(self, image: np.ndarray, name: str) -> np.ndarray:
        if not name:
            raise ValueError(f"Prior '{self.name}' looks maps up by the frame's name, but this one has none.")
        for ending in ENDINGS:
            file = self._folder / f"{name}{ending}"
            if file.is_file():
                return _read_map(file)
        raise FileNotFoundError(
            f"Folder '{self._folder}' has no map of frame '{name}' ({name} and one of {', '.join(ENDINGS)})."
        )


def _read_map(file: Path) -> np.ndarray:
    if file.suffix == ".npy":
        values = read_array(file)
    elif file.suffix == ".png":
        values = decode_pixels(read_bytes(file), cv2.IMREAD_UNCHANGED, f"Map '{file}'")
    else:
        with opencv_errors(f"Map '{file}'"):
            values = cv2.imdecode(np.frombuffer(read_bytes(file), np.uint8), cv2.IMREAD_UNCHANGED)
    if file.suffix == ".png" and values is not None and values.dtype == np.uint16:
        return np.where(values > 0, values / np.float32(PNG_UNITS), np.float32(np.nan))
    if values is None or values.ndim != 2 or values.dtype.kind != "f":
        found = "broken" if values is None else f"{values.dtype} {values.shape}"
        raise ValueError(f"Map '{file}' is {found}; it must be float H x W, or a 16-bit grey PNG.")
    return values.astype(np.float32, copy=False)
