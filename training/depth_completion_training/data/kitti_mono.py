"""KITTI depth completion augmented as BP-Net has it, with the monocular maps that DMD3C distils from."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from depth_completion_ros.core.safe.files import read_array, read_bytes
from depth_completion_ros.core.safe.pixels import decode_pixels
from depth_completion_ros.data.kitti_depth import KittiDepth

from .kitti import KittiData, KittiFrames
from .transforms import cropped, middle_of_bottom, mirrored, random_corner, recoloured_along_axes

LEAST_ROW = 50
"""At which a crop begins at the highest."""
COLOUR = 0.1
"""Deviation of the colour that is added, in units of how far the colours of the image reach."""
ENDINGS = (".png", ".npy")


class MonoKittiFrames(KittiFrames):
    """Frames of `KittiDepth` readers as samples of one size, with `mono`; see `KittiFrames`.

    Args:
        readers: of which all frames with image, truth and camera are taken.
        crop: height and width of a sample. A random window where `augment` is set, begun at row 50 or
            lower, else the middle of the bottom.
        augment: whether images are recoloured and mirrored by chance.
        mono: name of the folder of maps beside `data` with the raw images; None for none.
        frames: a random subset of so many; all when None.
        plane: see `KittiFrames`.

    Raises:
        FileNotFoundError, ValueError: when a sample is asked for whose map is missing, is of another size,
            or is none.
    """

    def __init__(
        self,
        readers: list[KittiDepth],
        crop: tuple[int, int],
        augment: bool,
        mono: str | None,
        frames: int | None = None,
        plane: bool = False,
    ):
        super().__init__(readers, crop=crop, frames=frames, plane=plane)
        self.augment, self.mono = augment, mono

    def _more_planes(self, entry) -> dict[str, np.ndarray]:
        return {} if self.mono is None else {"mono": read_mono(mono_file(entry.image, self.mono))}

    def _transformed(self, image, planes, K, random: np.random.Generator):
        names, arrays = list(planes), list(planes.values())
        if "mono" in planes and planes["mono"].shape != image.shape[:2]:
            raise ValueError(
                f"A map in '{self.mono}' is {planes['mono'].shape} but its image {image.shape[:2]} (height, "
                "width); both must be of one size."
            )
        if self.augment:
            image = recoloured_along_axes(image, COLOUR, random)
            if random.random() < 0.5:
                image, arrays, K = mirrored(image, arrays, K)
            corner = random_corner(image.shape[:2], self.crop, random, LEAST_ROW)
        else:
            corner = middle_of_bottom(image.shape[:2], self.crop)
        image, arrays, K = cropped(image, arrays, K, corner, self.crop)
        return image, dict(zip(names, arrays, strict=True)), K


class MonoKittiData(KittiData):
    """KITTI depth completion as BP-Net trains on it, for DMD3C with the monocular maps of the raw images.

    Trains on random windows of the tree of drives, all 85,898 frames of both cameras unless fewer are asked
    for, and validates on the middle of the bottom of the 1,000 selected frames, without maps. All of the
    LiDAR is fed. Image, points, truth, map and K are mirrored and cropped together; the released code leaves
    the map as it is when it mirrors the rest.

    Args:
        folder, raw_root: see `KittiData`.
        mono: name of the folder beside the images with a map for each, made beforehand:
            `raw_root/<date>/<drive>/image_02/disp/0000000005.png` for `disp`. A map is inverse depth up to
            scale and shift, from 0 (infinitely far or unknown) to 1, of the image's size: a grey PNG of 8
            bits, as released, or of 16, whose greatest number is 1, or NAME.npy. None for none, as BP-Net
            has it.
        frames: a random subset of the training frames; all when None.
        val_frames: the first so many frames of the selection; all when None.
        crop: height and width of a sample, also in validation: the released code's is the bottom 256 rows.
        batch_size: of training; validation takes one.
        workers: processes that read.
        seed: of order and augmentation.
        plane: whether samples have the first fill that MSPN-lite starts from.

    Raises:
        FileNotFoundError: a folder that is missing when its data is asked for; says what to download.
    """

    def __init__(
        self,
        folder: str,
        raw_root: str,
        mono: str | None = "disp",
        frames: int | None = None,
        val_frames: int | None = None,
        crop: tuple[int, int] = (256, 1216),
        batch_size: int = 2,
        workers: int = 4,
        seed: int = 0,
        plane: bool = False,
    ):
        super().__init__(
            folder,
            raw_root,
            frames=frames,
            val_frames=val_frames,
            crop=crop,
            batch_size=batch_size,
            workers=workers,
            seed=seed,
            plane=plane,
        )
        self.mono = mono

    def _train_frames(self, readers: list[KittiDepth]) -> MonoKittiFrames:
        return MonoKittiFrames(readers, self.crop, True, self.mono, self.frames, self.plane)

    def _val_frames(self, reader: KittiDepth) -> MonoKittiFrames:
        return MonoKittiFrames([reader], self.crop, False, None, plane=self.plane)


def mono_file(image: Path, name: str) -> Path:
    """The map in the folder `name` beside that of an image, with the first ending that is there.

    Raises:
        FileNotFoundError: there is none.
    """
    files = [image.parent.with_name(name) / f"{image.stem}{ending}" for ending in ENDINGS]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        raise FileNotFoundError(
            f"Image '{image}' has no monocular map '{files[0]}' (or {ENDINGS[1]}); make one of each image "
            "beforehand, or set mono to the name of the folder that has them, or to null to train without."
        )
    return found


def read_mono(file: Path) -> np.ndarray:
    """A map, float32 H x W from 0 to 1, 0 where infinitely far or unknown; NaN becomes that.

    Raises:
        ValueError: what is no map, or has values beyond 0 to 1.
    """
    values = read_array(file) if file.suffix == ".npy" else _read_grey(file)
    if values.ndim != 2:
        raise ValueError(f"Monocular map '{file}' has shape {values.shape}; it must be grey, height x width.")
    if values.dtype.kind == "u":
        return values / np.float32(np.iinfo(values.dtype).max)
    values = np.nan_to_num(values.astype(np.float32), nan=0.0)
    if not 0 <= values.min() <= values.max() <= 1:
        raise ValueError(
            f"Monocular map '{file}' has values from {values.min():g} to {values.max():g}; it must have "
            "inverse depth from 0 to 1, such as that of the network over its greatest in the image."
        )
    return values


def _read_grey(file: Path) -> np.ndarray:
    values = decode_pixels(read_bytes(file), cv2.IMREAD_UNCHANGED, f"Image '{file}'")
    if values.ndim == 3 and (values[..., :3] == values[..., :1]).all():
        return values[..., 0]  # grey, but stored as colours
    return values
