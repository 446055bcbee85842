"""NYUv2 and KITTI in one training, at one size, as PSD mixes and augments them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from lightning import LightningDataModule
from torch.utils.data import ConcatDataset, Dataset

from depth_completion_ros.data.kitti_depth import KittiDepth
from depth_completion_ros.data.nyu import CROP, read_h5
from depth_completion_ros.data.nyu import K as WHOLE_K

from .item import item
from .kitti import KittiFrames
from .kitti_mono import MonoKittiData
from .loader import SeededIndex, random_of, training_loader, validation_loader
from .nyu import SHORT_SIDE, NyuData
from .sparse.psd_patterns import SHARE, kitti_pattern, nyu_pattern
from .transforms import (
    cropped,
    jittered,
    middle_of_bottom,
    mirrored,
    random_corner,
    resized,
    resized_K,
    rotated,
    shape_with_short_side,
    turned_K,
)

BOTTOM, WINDOW = (256, 1216), (256, 832)
"""Height and width of what is taken of an image of KITTI, and of the window in it that is a sample."""
_COLOUR = 0.4
_READER = {"batch_size": 1, "workers": 0}
_ORDER_SEED = 7240


class NyuSamples(Dataset):
    """HDF5 files of NYUv2, augmented as PSD has it.

    A zoom by u also divides depth by u: what is seen is the same scene, u times smaller, so that the focal
    length grows. K follows mirror, turn, zoom and crop; of a turn it neglects that fx and fy differ by 0.1 %.
    (In the official code the principal point stays.) Depth is resized without mixing neighbours.

    Args:
        files: paths.
        size: height and width of a sample.
    """

    def __init__(self, files: Sequence[Path], size: tuple[int, int] = CROP):
        self.files, self.size = list(files), tuple(size)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        random = random_of(index)
        image, depth = read_h5(self.files[int(index)], "rgb", "depth")
        image = np.ascontiguousarray(image.transpose(1, 2, 0))
        image, depth, K = self._augmented(image, depth, WHOLE_K.copy(), random)
        return item(image, nyu_pattern(image, depth, random), depth, K)

    def _augmented(self, image, depth, K, random: np.random.Generator):
        zoom, angle = random.uniform(1, 1.5), random.uniform(-5, 5)
        if random.random() < 0.5:
            image, (depth,), K = mirrored(image, [depth], K)
        K = turned_K(K, angle, image.shape[:2])
        image, depth = rotated(image, angle, cv2.INTER_LINEAR), rotated(depth, angle)
        side = int(SHORT_SIDE * zoom * max(n / whole for n, whole in zip(self.size, CROP, strict=True)))
        shape = shape_with_short_side(depth.shape, side)
        K = resized_K(K, depth.shape, shape)
        image, depth = resized(image, shape), resized(depth, shape, "nearest") / np.float32(zoom)
        image = jittered(image, _COLOUR, random, shuffle=True)
        corner = tuple((side - wanted) // 2 for side, wanted in zip(shape, self.size, strict=True))
        image, (depth,), K = cropped(image, [depth], K, corner, self.size)
        return image, depth, K


class KittiSamples(KittiFrames):
    """Frames of `KittiDepth` readers, augmented as PSD has it: a window squeezed to the size of a sample.

    K follows window, mirror and squeeze. (In the official code it does not follow the mirror.)

    Args:
        readers: of which all frames with image, truth and camera are taken.
        size: height and width of a sample.
    """

    def __init__(self, readers: list[KittiDepth], size: tuple[int, int] = CROP):
        super().__init__(readers)
        self.size = tuple(size)

    def _transformed(self, image, planes, K, random: np.random.Generator):
        arrays = [planes["sparse"], planes["depth"]]
        image = jittered(image, _COLOUR, random, shuffle=True)
        image, arrays, K = cropped(image, arrays, K, middle_of_bottom(image.shape[:2], BOTTOM), BOTTOM)
        if random.random() < 0.5:
            image, arrays, K = mirrored(image, arrays, K)
        image, arrays, K = cropped(image, arrays, K, random_corner(BOTTOM, WINDOW, random), WINDOW)
        image, K = resized(image, self.size), resized_K(K, WINDOW, self.size)
        scan, depth = (resized(array, self.size, "nearest") for array in arrays)
        return image, {"sparse": kitti_pattern(scan, depth, random), "depth": depth}, K


class Mixture(Dataset):
    """Samples of several data sets, so many of each in an epoch, which goes on where the last one ended.

    Args:
        parts: data sets that understand `SeededIndex`s.
        counts: samples of each in an epoch, in the order of the parts; more than there are to repeat some.
    """

    def __init__(self, parts: Sequence[Dataset], counts: Sequence[int]):
        self.parts, self.ends = list(parts), np.cumsum(counts).tolist()
        self._orders = [np.random.default_rng(_ORDER_SEED).permutation(len(part)) for part in parts]

    def __len__(self) -> int:
        return self.ends[-1]

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        seed = index.seed if isinstance(index, SeededIndex) else SeededIndex.seed
        part = int(np.searchsorted(self.ends, index, side="right"))
        first, end = ([0] + self.ends)[part], self.ends[part]
        order = self._orders[part]
        draw = SeededIndex(order[(seed[-1] * (end - first) + index - first) % len(order)])
        draw.seed = (*seed, int(index))
        return self.parts[part][draw]


class NyuKittiData(LightningDataModule):
    """NYUv2 and KITTI mixed as PSD is trained (Chen et al., 2025), or one of them.

    All samples are of one size, with the augmentations and sparse patterns of the official code, but for
    its defects; see `NyuSamples`, `KittiSamples` and `kitti_pattern`. Validates on the official test split
    of NYUv2 with 1 % of the pixels measured and on the bottom of the 1,000 selected frames of KITTI, all of
    the LiDAR fed, one image at a time. A set that has no share is not needed at all.

    Args:
        nyu: folder `nyudepthv2`, see `NyuData`.
        kitti, kitti_raw: `folder` and `raw_root` of `KittiData`.
        nyu_share: of the samples that are of NYUv2, from 0 to 1. The official list is not published; None
            takes every frame of both once in an epoch, 47,584 of NYUv2 and 85,898 of KITTI. With a share
            an epoch has as many samples as the sets that have one have frames.
        val_frames: the first so many frames of validation, of each set; all when None.
        size: height and width of a training sample.
        batch_size: of training.
        workers: processes that read.
        seed: of order, augmentation and patterns.

    Raises:
        ValueError: a share that is none.
        FileNotFoundError: a folder that is missing when its data is asked for; says what to download.
        ImportError: without h5py, where NYUv2 is read.
    """

    def __init__(
        self,
        nyu: str = "data/nyudepthv2",
        kitti: str = "data/kitti_depth",
        kitti_raw: str = "data/kitti_raw",
        nyu_share: float | None = None,
        val_frames: int | None = None,
        size: tuple[int, int] = CROP,
        batch_size: int = 8,
        workers: int = 4,
        seed: int = 0,
    ):
        super().__init__()
        if nyu_share is not None and not 0 <= nyu_share <= 1:
            raise ValueError(f"The share of NYUv2 is {nyu_share:g}; it must be from 0 to 1.")
        points = int(SHARE * CROP[0] * CROP[1])
        self._nyu = NyuData(nyu, val_points=points, val_frames=val_frames, **_READER)
        self._kitti = _Kitti(kitti, kitti_raw, tuple(size), val_frames)
        self.nyu_share, self.size = nyu_share, tuple(size)
        self.batch_size, self.workers, self.seed = batch_size, workers, seed

    def train_dataloader(self):
        parts: list[Dataset] = []
        if self.nyu_share != 0:
            parts.append(NyuSamples(self._nyu.train_dataloader().dataset.files, self.size))
        if self.nyu_share != 1:
            parts.append(self._kitti.train_dataloader().dataset)
        counts = [len(part) for part in parts]
        if self.nyu_share is not None and len(parts) == 2:
            of_nyu = round(self.nyu_share * sum(counts))
            counts = [of_nyu, sum(counts) - of_nyu]
        return training_loader(Mixture(parts, counts), self.batch_size, self.workers, self.seed)

    def val_dataloader(self):
        shown = [self._nyu] * (self.nyu_share != 0) + [self._kitti] * (self.nyu_share != 1)
        frames = ConcatDataset([data.val_dataloader().dataset for data in shown])
        return validation_loader(frames, 1, self.workers)

    def test_dataloader(self):
        return self.val_dataloader()


class _Kitti(MonoKittiData):
    """The readers of KITTI, with samples of PSD for training."""

    def __init__(self, folder: str, raw_root: str, size: tuple[int, int], val_frames: int | None):
        super().__init__(folder, raw_root, mono=None, val_frames=val_frames, crop=BOTTOM, **_READER)
        self.size = size

    def _train_frames(self, readers: list[KittiDepth]) -> KittiSamples:
        return KittiSamples(readers, self.size)
