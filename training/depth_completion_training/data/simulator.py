"""Simulated frames as a data set and as a Lightning data module."""

from __future__ import annotations

import re
from hashlib import blake2b
from pathlib import Path

import numpy as np
import torch
from lightning import LightningDataModule
from torch.utils.data import DataLoader, Dataset

from depth_completion_training.simulation.frame_file import read_frame

from .augmentation import Augmentation, scaled
from .item import TYPICAL_M, first_fill, item
from .loader import ResumableLoader, SeededIndex, training_loader, validation_loader
from .simulated_prior import SimulatedPrior
from .sparse.partial_depth import PartialDepth
from .sparse.sampling import SparseSampler

VALIDATION_SHARE = 0.03
_NAME = re.compile(r"(?P<scene>.+)_\d+\.npz")


def split_of(name: str) -> str:
    """`train` or `val` of a frame file by its scene, so that views of one scene never are in both.

    It is a function of the scene's name alone: more scenes do not move those that are there.

    Raises:
        ValueError: not the name of a frame file.
    """
    match = _NAME.fullmatch(name)
    if not match:
        raise ValueError(f"File '{name}' is no frame file; those are called KIND_SEED_VIEW.npz.")
    digest = blake2b(match["scene"].encode(), digest_size=8).digest()
    return "val" if int.from_bytes(digest, "big") < VALIDATION_SHARE * 2**64 else "train"


class SimulatedFrames(Dataset):
    """Frames of a folder that `depth_completion_training.generation` made; folders below it count too.

    An item is a dict of `image` uint8 3 x H x W RGB, `sparse` and `depth` float32 1 x H x W metres (0 not
    measured or unknown, inf sky), and `K` float32 3 x 3. A frame without a single point, whose scale
    nothing tells, is scaled to a geometric mean depth of 10 m. Its random choices depend on `seed` and
    the index (and for a `SeededIndex` of the training loader on its seed and epoch), on nothing else.

    Args:
        folder: with `.npz` frame files.
        split: `train`, `val` or `all`.
        size: height and width of an item, pixels.
        sampler: draws sparse depth.
        augment: None for the training split's default, and none for the others.
        seed: of the random choices for plain indices, as in validation.
        prior: makes the item's `prior`, float32 1 x H x W metres, 0 where there is none.
        plane: whether an item has the first fill that MSPN-lite starts from, `plane`, as `prior`.

    Raises:
        FileNotFoundError: no such folder, or no frame of this split in it.
        ValueError: another split.
    """

    def __init__(
        self,
        folder: str | Path,
        split: str = "train",
        size: tuple[int, int] = (256, 384),
        sampler: SparseSampler | PartialDepth | None = None,
        augment: Augmentation | None = None,
        seed: int = 0,
        prior: SimulatedPrior | None = None,
        plane: bool = False,
    ):
        if split not in ("train", "val", "all"):
            raise ValueError(f"Split is '{split}'; it must be train, val or all.")
        self.folder = str(folder)
        self.size = tuple(size)
        self.sampler = sampler or SparseSampler()
        self.augment = augment or (Augmentation() if split == "train" else Augmentation.none())
        self.seed, self.prior, self.plane = seed, prior, plane
        names = _frame_names(Path(folder))
        names = [name for name in names if split == "all" or split_of(Path(name).name) == split]
        if not names:
            raise FileNotFoundError(
                f"Folder '{folder}' holds no frame of split '{split}'; generate some with: "
                f"python -m depth_completion_training.generation {folder}"
            )
        # One array of bytes: a list of strings would be copied into every worker as it is touched.
        self._names = np.array(names, dtype=np.bytes_)

    def __len__(self) -> int:
        return len(self._names)

    def path(self, index: int) -> Path:
        """File of an item."""
        return Path(self.folder, self._names[index].decode())

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        rng = self._random(index)
        frame = self.augment.geometry(read_frame(self.path(index)), self.size, rng)
        sparse = self.sampler(frame, rng)
        if not sparse.any():
            frame = scaled(frame, TYPICAL_M / _typical(frame.depth))
        prior = None if self.prior is None else self.prior(frame.depth, sparse, rng)
        plane = first_fill(sparse) if self.plane else None
        image = self.augment.appearance(frame.image, rng)
        return item(image, sparse, frame.depth, frame.K, prior, plane=plane)

    def _random(self, index: int) -> np.random.Generator:
        return (
            index.random if isinstance(index, SeededIndex) else np.random.default_rng([self.seed, int(index)])
        )


def _typical(depth: np.ndarray) -> float:
    """Geometric mean of a frame's depth, metres."""
    known = depth[(depth > 0) & np.isfinite(depth)]
    return float(np.exp(np.log(known).mean())) if known.size else TYPICAL_M


def _frame_names(folder: Path) -> list[str]:
    """Paths of the frame files below a folder, relative to it, in order."""
    if not folder.is_dir():
        raise FileNotFoundError(f"Folder '{folder}' is missing.")
    files = (file for file in folder.rglob("*.npz") if not file.name.startswith("."))
    return sorted(file.relative_to(folder).as_posix() for file in files if _NAME.fullmatch(file.name))


class SimulatorData(LightningDataModule):
    """Simulated frames to train and validate with.

    Shuffling and random choices are functions of seed, epoch and index, so that a run that is resumed,
    also in the middle of an epoch, sees what an uninterrupted one would have seen.

    Args:
        folder: with frames, see `SimulatedFrames`.
        batch_size: samples of a step of one process.
        size: height and width of a sample, pixels.
        workers: processes that load.
        sampler, augment: of the training split; validation draws with the same sampler.
        seed: of all random choices.
        prior, plane: see `SimulatedFrames`.
    """

    def __init__(
        self,
        folder: str | Path,
        batch_size: int = 16,
        size: tuple[int, int] = (256, 384),
        workers: int = 2,
        sampler: SparseSampler | PartialDepth | None = None,
        augment: Augmentation | None = None,
        seed: int = 0,
        prior: SimulatedPrior | None = None,
        plane: bool = False,
    ):
        super().__init__()
        self.folder, self.batch_size, self.size, self.workers = folder, batch_size, tuple(size), workers
        self.sampler, self.augment, self.seed = sampler, augment, seed
        self.prior, self.plane = prior, plane

    def train_dataloader(self) -> ResumableLoader:
        frames = self._frames("train", self.augment)
        return training_loader(frames, self.batch_size, self.workers, self.seed)

    def val_dataloader(self) -> DataLoader:
        frames = self._frames("val", None)
        return validation_loader(frames, self.batch_size, self.workers)

    def _frames(self, split: str, augment: Augmentation | None) -> SimulatedFrames:
        return SimulatedFrames(
            self.folder, split, self.size, self.sampler, augment, self.seed, self.prior, self.plane
        )
