"""NYUv2 as the HDF5 files that depth completion trains with, augmented as MSPN-SDR has it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from lightning import LightningDataModule
from torch.utils.data import Dataset

from depth_completion_ros.data.nyu import CROP, DOWNLOAD, read_h5

from .item import LINEAR, item, linear_prior
from .loader import random_of, training_loader, validation_loader
from .sparse.sampling import random_points
from .transforms import jittered, resized, rotated, shape_with_short_side

SHORT_SIDE = 240
K = np.array(
    [[518.8579 / 2, 0, 325.5824 / 2 - 8], [0, 519.4696 / 2, 253.7362 / 2 - 6], [0, 0, 1]], np.float32
)
"""Of such a sample, pixels."""


class NyuFrames(Dataset):
    """HDF5 files with `rgb` (uint8 3 x H x W) and `depth` (float32 H x W metres) as samples.

    Measured are random pixels of the truth, without noise.

    Args:
        files: paths.
        points: measured pixels, or the least and greatest number of them.
        augment: whether images are turned, mirrored, zoomed and recoloured by chance.
        prior: `linear`, or what a predicting network is called: for the file `train/...` its depth is under
            `depth_NAME` in `train_NAME/...`, as for `val`; None for none.
    """

    def __init__(
        self,
        files: Sequence[Path],
        points: int | tuple[int, int] = 500,
        augment: bool = False,
        prior: str | None = None,
    ):
        self.files, self.points, self.augment, self.prior = list(files), points, augment, prior

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        random = random_of(index)
        path = self.files[int(index)]
        image, depth = read_h5(path, "rgb", "depth")
        planes = [depth]
        if self.prior not in (None, LINEAR):
            planes += read_h5(_prior_file(path, self.prior), f"depth_{self.prior}")
        image = np.ascontiguousarray(image.transpose(1, 2, 0))
        image, planes = self._transformed(image, planes, random)
        sparse = random_points(planes[0], self._count(random), random)
        prior = planes[1] if len(planes) > 1 else linear_prior(sparse) if self.prior else None
        return item(image, sparse, planes[0], K, prior)

    def _count(self, random: np.random.Generator) -> int:
        if isinstance(self.points, int):
            return self.points
        return int(random.integers(self.points[0], self.points[1] + 1))

    def _transformed(self, image: np.ndarray, planes: list[np.ndarray], random: np.random.Generator):
        """At half size and cropped; a zoom by s divides depth by s, so that K stays."""
        zoom = 1.0
        if self.augment:
            zoom, angle = random.uniform(1, 1.5), random.uniform(-5, 5)
            if random.random() < 0.5:
                image, planes = image[:, ::-1].copy(), [plane[:, ::-1].copy() for plane in planes]
            image, planes = rotated(image, angle), [rotated(plane, angle) for plane in planes]
        shape = shape_with_short_side(image.shape[:2], int(SHORT_SIDE * zoom))
        image, planes = resized(image, shape), [resized(plane, shape) for plane in planes]
        if self.augment:
            image = jittered(image, 0.4, random, shuffle=True)
        top, left = ((side - wanted) // 2 for side, wanted in zip(shape, CROP, strict=True))
        window = np.s_[top : top + CROP[0], left : left + CROP[1]]
        return image[window], [plane[window] / np.float32(zoom) for plane in planes]


class NyuData(LightningDataModule):
    """NYUv2: trains on the frames of `train`, validates on the 654 of the official test split.

    Args:
        folder: `nyudepthv2`, with `train/<scene>/*.h5` and `val/official/*.h5`.
        points: measured in training, a number or the least and greatest.
        val_points: measured in validation, the same pixels every time.
        val_frames: the first so many frames of validation; all when None.
        prior: None, `linear` for linear completion, or the name of a network whose depth lies in
            `train_NAME` and `val_NAME`.
        batch_size: of training and validation.
        workers: processes that read.
        seed: of order, points and augmentation.

    Raises:
        FileNotFoundError: a folder that is missing when its data is asked for; says what to download.
        ImportError: without h5py.
    """

    def __init__(
        self,
        folder: str,
        points: int | tuple[int, int] = 500,
        val_points: int = 500,
        val_frames: int | None = None,
        prior: str | None = None,
        batch_size: int = 8,
        workers: int = 4,
        seed: int = 0,
    ):
        super().__init__()
        self.folder, self.prior, self.points, self.val_points = Path(folder), prior, points, val_points
        self.val_frames, self.batch_size, self.workers, self.seed = val_frames, batch_size, workers, seed

    def train_dataloader(self):
        frames = NyuFrames(self._files("train", "*/*.h5"), self.points, augment=True, prior=self.prior)
        return training_loader(frames, self.batch_size, self.workers, self.seed)

    def val_dataloader(self):
        files = self._files("val", "official/*.h5")[: self.val_frames]
        return validation_loader(
            NyuFrames(files, self.val_points, prior=self.prior), self.batch_size, self.workers
        )

    def test_dataloader(self):
        return self.val_dataloader()

    def _files(self, split: str, pattern: str) -> list[Path]:
        files = sorted((self.folder / split).glob(pattern))
        if not files:
            raise FileNotFoundError(
                f"Folder '{self.folder}' has no files {split}/{pattern}; download {DOWNLOAD} and unpack it "
                f"in '{self.folder.parent}'."
            )
        return files


def _prior_file(path: Path, network: str) -> Path:
    """`.../train_NETWORK/scene/0.h5` of `.../train/scene/0.h5`; no other part of the path is touched."""
    split, scene = path.parents[1], path.parent.name
    return split.with_name(f"{split.name}_{network}") / scene / path.name
