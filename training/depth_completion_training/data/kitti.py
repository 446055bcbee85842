"""KITTI depth completion in its official layout, augmented as MSPN-SDR has it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from lightning import LightningDataModule
from torch.utils.data import Dataset, Subset

from depth_completion_ros.data.files import read_depth
from depth_completion_ros.data.kitti_depth import KittiDepth

from .item import LINEAR, first_fill, item, linear_prior
from .loader import random_of, training_loader, validation_loader
from .sparse.lines import LINES, evenly_spaced_lines, random_lines
from .transforms import cropped, jittered, mirrored, random_corner, resized, rotated, shape_with_short_side

SKY_ROWS = 100
"""Rows at the top of an image that the LiDAR does not reach."""
DOWNLOAD = "https://www.cvlibs.net/datasets/kitti/eval_depth_all.php"
_SUBSET_SEED = 7240


class KittiFrames(Dataset):
    """Frames of `KittiDepth` readers as samples.

    Args:
        readers: of which all frames with image, truth and camera are taken.
        lines: of the scan that are fed: a divisor of 64 for evenly spaced ones, or the least and the
            greatest number of random ones.
        crop: height and width of a random crop, with augmentation; None for the whole image as it is.
        prior: `linear`, or the name of a folder beside `velodyne_raw` with depth predicted by a network;
            None for none.
        frames: a random subset of so many; all when None.
        plane: whether a sample has the first fill that MSPN-lite starts from.
    """

    def __init__(
        self,
        readers: list[KittiDepth],
        lines: int | tuple[int, int] = 64,
        crop: tuple[int, int] | None = None,
        prior: str | None = None,
        frames: int | None = None,
        plane: bool = False,
    ):
        entries = [(reader, at) for reader in readers for at in range(len(reader)) if _complete(reader, at)]
        if not entries:
            raise FileNotFoundError(
                f"{readers[0].name} has no frame with image and truth; the images of a tree are those of the "
                "raw drives, raw_root/<date>/<drive>/image_02/data."
            )
        order = (
            np.random.default_rng(_SUBSET_SEED).permutation(len(entries)) if frames else range(len(entries))
        )
        self.entries = [entries[at] for at in list(order)[:frames]]
        self.lines, self.crop, self.prior, self.plane = lines, crop, prior, plane

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        reader, at = self.entries[int(index)]
        random = random_of(index)
        frame = reader.read(at)
        K = frame.camera.K.copy()
        sparse = self._lines(frame.sparse_depth, K, random)
        planes = {"sparse": sparse, "depth": frame.ground_truth} | self._more_planes(reader.entries[at])
        image, planes, K = self._transformed(frame.image, planes, K, random)
        if self.prior == LINEAR:
            planes["prior"] = linear_prior(planes["sparse"])
        if self.plane:
            planes["plane"] = first_fill(planes["sparse"])
        return item(image, K=K, **planes)

    def _more_planes(self, entry) -> dict[str, np.ndarray]:
        """H x W arrays by the names that a batch has them under, beside sparse and true depth."""
        if self.prior in (None, LINEAR):
            return {}
        return {"prior": read_depth(_prior_file(entry.sparse, self.prior))}

    def _transformed(self, image, planes: dict[str, np.ndarray], K, random: np.random.Generator):
        """What is below the sky, augmented where there is a crop."""
        image, planes = image[SKY_ROWS:], {name: plane[SKY_ROWS:] for name, plane in planes.items()}
        K[1, 2] -= SKY_ROWS
        if self.crop is None:
            return image, planes, K
        image, arrays, K = self._augmented(image, list(planes.values()), K, random)
        return image, dict(zip(planes, arrays, strict=True)), K

    def _lines(self, sparse: np.ndarray, K: np.ndarray, random: np.random.Generator) -> np.ndarray:
        if isinstance(self.lines, int):
            return evenly_spaced_lines(sparse, K, self.lines)
        return random_lines(sparse, K, int(random.integers(self.lines[0], self.lines[1] + 1)), random)

    def _augmented(self, image, planes, K, random: np.random.Generator):
        """Mirrored, turned, recoloured, zoomed and cropped by chance.

        A zoom by s makes objects look nearer by s, so depth is divided by it and K stays.
        """
        if random.random() < 0.5:
            image, planes, K = mirrored(image, planes, K)
        angle, zoom = random.uniform(-5, 5), random.uniform(1, 1.5)
        image, planes = rotated(image, angle, cv2.INTER_CUBIC), [rotated(p, angle) for p in planes]
        image = jittered(image, 0.4, random, shuffle=False)
        shape = shape_with_short_side(image.shape[:2], int(image.shape[0] * zoom))
        image = resized(image, shape, "bicubic")
        planes = [resized(p, shape, "nearest") / np.float32(zoom) for p in planes]
        K[:2, 2] = (K[:2, 2] + 0.5) * zoom - 0.5
        return cropped(image, planes, K, random_corner(shape, self.crop, random), self.crop)


class KittiData(LightningDataModule):
    """KITTI depth completion: trains on the tree of drives, validates on the 1,000 selected frames.

    Args:
        folder: with `train/<drive>/proj_depth` and `val_selection_cropped`, also below `depth_selection`.
        raw_root: folder of the raw data, `<date>/<drive>/image_02/data` and `calib_cam_to_cam.txt`.
        lines: fed in training: a divisor of 64, or the least and greatest number of random lines.
        val_lines: fed in validation, a divisor of 64.
        frames: a random subset of the training frames; all when None. The papers take 10,000; which ones
            is not published with MSPN-SDR.
        val_frames: the first so many frames of the selection; all when None.
        crop: height and width of a training sample. Validation takes the whole width below `SKY_ROWS`.
        prior: None, `linear` for linear completion, or the name of a folder beside each `velodyne_raw`
            with the depth that a network predicts, as PNG like all the others.
        batch_size: of training; validation takes one.
        workers: processes that read.
        seed: of order and augmentation.
        plane: whether samples have the first fill that MSPN-lite starts from.

    Raises:
        ValueError: lines that are not allowed.
        FileNotFoundError: a folder that is missing when its data is asked for; says what to download.
    """

    def __init__(
        self,
        folder: str,
        raw_root: str,
        lines: int | tuple[int, int] = 64,
        val_lines: int = 64,
        frames: int | None = 10_000,
        val_frames: int | None = None,
        crop: tuple[int, int] = (240, 1216),
        prior: str | None = None,
        batch_size: int = 4,
        workers: int = 4,
        seed: int = 0,
        plane: bool = False,
    ):
        super().__init__()
        for number in (lines, val_lines):
            _check_lines(number)
        self.folder, self.raw_root, self.crop, self.prior = Path(folder), Path(raw_root), tuple(crop), prior
        self.lines, self.val_lines, self.frames, self.val_frames = lines, val_lines, frames, val_frames
        self.batch_size, self.workers, self.seed, self.plane = batch_size, workers, seed, plane

    def train_dataloader(self):
        tree = _there(self.folder / "train", "data_depth_velodyne.zip and data_depth_annotated.zip")
        raw = _there(self.raw_root, "the raw drives (raw_data_downloader.zip)")
        readers = [KittiDepth(tree, camera=camera, raw_root=raw) for camera in (2, 3)]
        return training_loader(self._train_frames(readers), self.batch_size, self.workers, self.seed)

    def val_dataloader(self):
        name = "val_selection_cropped"
        above = self.folder / "depth_selection"
        folder = (above if above.is_dir() else self.folder) / name
        reader = KittiDepth(_there(folder, "data_depth_selection.zip"))
        frames = self._val_frames(reader)
        return validation_loader(Subset(frames, range(len(frames))[: self.val_frames]), 1, self.workers)

    def test_dataloader(self):
        return self.val_dataloader()

    def _train_frames(self, readers: list[KittiDepth]) -> KittiFrames:
        return KittiFrames(readers, self.lines, self.crop, self.prior, self.frames, self.plane)

    def _val_frames(self, reader: KittiDepth) -> KittiFrames:
        return KittiFrames([reader], self.val_lines, prior=self.prior, plane=self.plane)


def _check_lines(lines: int | tuple[int, int]) -> None:
    if isinstance(lines, int):
        allowed, good = "a divisor of 64", lines > 0 and LINES % lines == 0
    else:
        allowed, good = "two numbers from 1 to 64, the lesser first", 1 <= lines[0] <= lines[1] <= LINES
    if not good:
        raise ValueError(f"KITTI is to be fed with {lines} lines; it must be {allowed}.")


def _there(folder: Path, archive: str) -> Path:
    if not folder.is_dir():
        raise FileNotFoundError(
            f"Folder '{folder}' is missing; download {archive} from {DOWNLOAD} and unpack it there, so that "
            "this folder comes to be."
        )
    return folder


def _complete(reader: KittiDepth, at: int) -> bool:
    entry = reader.entries[at]
    return bool(entry.image and entry.truth and (entry.intrinsics or entry.raw))


def _prior_file(sparse: Path, name: str) -> Path:
    """The file that lies in the folder `name` as that of the measurement lies in `velodyne_raw`."""
    below = next(part for part in sparse.parents if part.name == "velodyne_raw")
    return below.with_name(name) / sparse.relative_to(below)
