"""Data sets of an image, a depth and a camera file for each frame, in folders that a `Layout` describes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from depth_completion_ros.core import Camera, Frame
from depth_completion_ros.core.safe.files import read_array, read_bytes, read_text

from .files import read_depth, read_image, read_K
from .reader import IndexedReader

NO_FILE = "None"
"""What a list has in place of a file that a frame lacks; the frame is left out."""


@dataclass(frozen=True)
class Layout:
    """Where the files of each frame are, relative to the folder of the data set.

    In `image`, `sparse`, `truth`, `mask` and `K` stand `{0}`, `{1}` and so on for the columns of the list,
    `{base}` for the first of them without its suffix, `{stem}` for the last part of that, and `{above}`
    for the name of the folder two above, which is the sequence where images have a folder of their own.

    Args:
        frames: file with a line for each frame, columns apart by blanks; or a pattern of images such as
            `rgb/*.png`, whose paths then are the first column.
        image: where the image of a frame is.
        truth, sparse: depth as 16-bit PNG, `.npy` in metres, or float32 without a header in any other file.
        mask: `.npy`, 0 where the truth does not count.
        K: text file of nine numbers; or focal lengths, centre and, if any, skew in pixels; None if unknown.
        units: of a PNG in a metre.
        offset: taken off every number above 0 in a PNG.
        K_of_bottom: height and width of the bottom, in the middle, that K is moved to though images are
            whole, as PSD does with KITTI.
    """

    frames: str
    image: str = "{0}"
    truth: str | None = None
    sparse: str | None = None
    mask: str | None = None
    K: str | tuple[float, ...] | None = None
    units: float = 256.0
    offset: float = 0.0
    K_of_bottom: tuple[int, int] | None = None


class Listed(IndexedReader):
    """Frames of a `Layout`; sparse depth comes as `sparse_depth`, and names are those of the images.

    Raises:
        FileNotFoundError: the list or the images are missing.
    """

    layout = "files as a Layout says"

    def __init__(self, path: Path, files: Layout, name: str = ""):
        super().__init__(name or path.resolve().name)
        self.path, self.files = Path(path), files
        self.entries = [entry for entry in self._entries() if NO_FILE not in entry]
        if not self.entries:
            raise FileNotFoundError(f"There is no frame in '{self.path / files.frames}'.")

    @classmethod
    def can_read(cls, path: Path) -> bool:
        return False  # a folder does not tell its layout

    def __len__(self) -> int:
        return len(self.entries)

    def read(self, index: int) -> Frame:
        return self._read(self.entries[index])

    def _entries(self) -> list[list[str]]:
        """Columns of every frame."""
        if "*" in self.files.frames:
            found = sorted(self.path.glob(self.files.frames))
            return [[file.relative_to(self.path).as_posix()] for file in found]
        lines = read_text(self.path / self.files.frames).splitlines()
        return [line.split() for line in lines if line.strip()]

    def _read(self, columns: list[str]) -> Frame:
        first = PurePosixPath(columns[0])
        words = {"base": str(first.with_suffix("")), "stem": first.stem, "above": first.parent.parent.name}

        def place(template: str) -> Path:
            try:
                return self.path / template.format(*columns, **words)
            except IndexError:
                line = " ".join(columns)
                raise ValueError(f"Line '{line}' of '{self.files.frames}' has too few columns.") from None

        files = self.files
        image = read_image(place(files.image))
        shape = image.shape[:2]
        truth = self._depth(place(files.truth), shape) if files.truth else None
        if files.mask:
            truth *= read_map(place(files.mask), shape) != 0
        return Frame(
            name=words["base"],
            image=image,
            camera=self._camera(place(files.K) if isinstance(files.K, str) else files.K, shape),
            sparse_depth=self._depth(place(files.sparse), shape) if files.sparse else None,
            ground_truth=truth,
        )

    def _depth(self, file: Path, shape: tuple[int, int]) -> np.ndarray:
        """Depth of a file, float32 H x W metres, 0 where unknown."""
        if file.suffix == ".png":
            depth = read_depth(file, self.files.units)
            depth = np.maximum(depth - np.float32(self.files.offset / self.files.units), 0)
        elif file.suffix == ".npy":
            depth = read_map(file, shape)
            if not np.issubdtype(depth.dtype, np.floating):
                raise ValueError(f"Depth '{file}' is {depth.dtype}; it must be floating point in metres.")
            depth = depth.astype(np.float32)
        else:
            depth = _without_header(file, shape)
        if depth.shape != shape:
            raise ValueError(f"Depth '{file}' is {depth.shape} but its image is {shape}.")
        return np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(0))

    def _camera(self, K: Path | tuple[float, ...] | None, shape: tuple[int, int]) -> Camera | None:
        if K is None:
            return None
        height, width = shape
        matrix = read_K(K) if isinstance(K, Path) else K_of(*K)
        if self.files.K_of_bottom is not None:
            rows, columns = self.files.K_of_bottom
            matrix[:2, 2] -= (width - columns) // 2, height - rows
        camera = Camera(width, height, matrix).check_plausible()
        doubt = None if self.files.K_of_bottom else camera.off_centre()
        if doubt:
            warnings.warn(f"Camera of '{K if isinstance(K, Path) else self.path}': {doubt}", stacklevel=2)
        return camera


def read_map(file: Path, shape: tuple[int, int]) -> np.ndarray:
    """Array of a `.npy` file, H x W; a third axis of one is dropped."""
    array = read_array(file)
    if array.size != shape[0] * shape[1]:
        raise ValueError(f"Array '{file}' has shape {array.shape} but its image is {shape}.")
    return array.reshape(shape)


def _without_header(file: Path, shape: tuple[int, int]) -> np.ndarray:
    data = read_bytes(file)
    if len(data) != 4 * shape[0] * shape[1]:
        raise ValueError(f"Depth '{file}' has {len(data)} bytes; a float32 for each pixel makes it {shape}.")
    return np.frombuffer(data, "<f4").reshape(shape)


def K_of(fx: float, fy: float, cx: float, cy: float, skew: float = 0.0) -> np.ndarray:
    """K of focal lengths, centre and skew in pixels; float64 3 x 3."""
    return np.array([[fx, skew, cx], [0, fy, cy], [0, 0, 1]], dtype=np.float64)
