"""Made-up images of boxes on a plane, for recipes and tests that need no data set."""

from __future__ import annotations

import numpy as np
import torch
from lightning import LightningDataModule
from torch.utils.data import Dataset

from .loader import random_of, training_loader, validation_loader


class Shapes(Dataset):
    """Images of which each depends on its index, with sparse points that depend on the draw.

    Args:
        size: number of images.
        height, width: pixels.
        points: measured pixels of each.
        first: index of the first, so that validation sees others than training.
    """

    def __init__(self, size: int, height: int, width: int, points: int, first: int = 0):
        self.size, self.shape, self.points, self.first = size, (height, width), points, first

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        image, depth = self._image(np.random.default_rng([self.first, int(index)]))
        chosen = random_of(index).choice(depth.size, self.points, replace=False)
        sparse = np.zeros_like(depth)
        sparse.flat[chosen] = depth.flat[chosen]
        height, width = self.shape
        K = np.array([[width, 0, width / 2], [0, width, height / 2], [0, 0, 1]], np.float32)
        return {
            "image": torch.from_numpy(image).permute(2, 0, 1),
            "sparse": torch.from_numpy(sparse)[None],
            "depth": torch.from_numpy(depth)[None],
            "K": torch.from_numpy(K),
        }

    def _image(self, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        height, width = self.shape
        slope = random.uniform(0.5, 1.5)
        rows = np.linspace(10, 2, height, dtype=np.float32)[:, None] * np.float32(slope)
        depth = np.repeat(rows, width, axis=1)
        image = np.full((height, width, 3), random.integers(40, 216, 3), np.float32)
        for _ in range(6):
            top, left = random.integers(0, height), random.integers(0, width)
            box = np.s_[top : top + height // 3, left : left + width // 4]
            nearer = depth[box] > (here := np.float32(random.uniform(1.5, 8)))
            depth[box][nearer] = here
            image[box][nearer] = random.integers(0, 256, 3)
        image += random.normal(0, 5, image.shape)
        return image.clip(0, 255).astype(np.uint8), depth


class ShapesData(LightningDataModule):
    """Boxes on a plane, for training and validation.

    Args:
        size: images of an epoch.
        val_size: images of validation, which are others.
        height, width: pixels.
        points: measured pixels of each.
        batch_size: images of a batch.
        workers: processes that make them.
        seed: of their order and points.
    """

    def __init__(
        self,
        size: int = 64,
        val_size: int = 8,
        height: int = 48,
        width: int = 64,
        points: int = 100,
        batch_size: int = 8,
        workers: int = 0,
        seed: int = 0,
    ):
        super().__init__()
        self.batch_size, self.workers, self.seed = batch_size, workers, seed
        self.train = Shapes(size, height, width, points)
        self.val = Shapes(val_size, height, width, points, first=1)

    def train_dataloader(self):
        return training_loader(self.train, self.batch_size, self.workers, self.seed)

    def val_dataloader(self):
        return validation_loader(self.val, self.batch_size, self.workers)

    def test_dataloader(self):
        return self.val_dataloader()
