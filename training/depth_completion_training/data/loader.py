"""Batches in an order, and with random choices, that a resumed run takes up where it was killed."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, DistributedSampler


class SeededIndex(int):
    """Index of a sample, with the seed of what is chosen at random for it: augmentation, sparse points."""

    seed: tuple[int, ...] = (0, 0)

    @property
    def random(self) -> np.random.Generator:
        """A generator that gives the same for the same seed and index."""
        return np.random.default_rng([*self.seed, int(self)])


def random_of(index: int) -> np.random.Generator:
    """The generator of an index: that of its draw, or a fixed one for a plain number."""
    return index.random if isinstance(index, SeededIndex) else np.random.default_rng(int(index))


class SeededIndexSampler(DistributedSampler):
    """Shuffled draws of one process; those of an epoch depend on seed and epoch alone.

    Attributes:
        start: draws of the next epoch to leave out, as they were taken before a kill.
    """

    start = 0

    def __init__(self, dataset: Dataset, seed: int = 0):
        distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
        replicas = torch.distributed.get_world_size() if distributed else 1
        rank = torch.distributed.get_rank() if distributed else 0
        super().__init__(dataset, replicas, rank, shuffle=True, seed=seed)

    def __iter__(self) -> Iterator[SeededIndex]:
        start, self.start = self.start, 0
        for index in list(super().__iter__())[start:]:
            draw = SeededIndex(index)
            draw.seed = (self.seed, self.epoch)
            yield draw


class ForkingLoader(DataLoader):
    """A loader whose workers have OpenCV on one thread, as there is a worker for each core.

    Threads do not survive a fork, and a worker that changes their number waits for those of its parent
    for ever. So the parent gives its own up before it forks.
    """

    def __iter__(self):
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        try:
            return super().__iter__()
        finally:
            cv2.setNumThreads(threads)


class ResumableLoader(ForkingLoader):
    """A loader whose place in the epoch goes into checkpoints (Lightning looks for `state_dict`)."""

    taken = 0
    """Batches of this epoch that were handed out."""
    _skip = 0

    def __iter__(self):
        self.taken, self._skip = self._skip, 0
        if isinstance(self.sampler, SeededIndexSampler):
            self.sampler.start = self.taken * self.batch_size
        return self._counted(super().__iter__())

    def _counted(self, batches: Iterator) -> Iterator:
        for batch in batches:
            self.taken += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        return {"epoch": getattr(self.sampler, "epoch", 0), "batches": self.taken}

    def load_state_dict(self, state: dict[str, int]) -> None:
        ended = state["batches"] >= len(self)
        self._skip = 0 if ended else state["batches"]
        if isinstance(self.sampler, SeededIndexSampler):
            self.sampler.set_epoch(state["epoch"] + ended)


def training_loader(dataset: Dataset, batch_size: int, workers: int, seed: int) -> ResumableLoader:
    """Shuffled batches of a data set that understands `SeededIndex`s, without the incomplete last one.

    Raises:
        ValueError: the data set does not fill one batch.
    """
    if len(dataset) < batch_size:
        raise ValueError(f"Data has {len(dataset)} samples, fewer than one batch of {batch_size}.")
    return ResumableLoader(
        dataset,
        batch_size,
        sampler=SeededIndexSampler(dataset, seed),
        drop_last=True,
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        persistent_workers=workers > 0,
    )


def validation_loader(dataset: Dataset, batch_size: int, workers: int) -> DataLoader:
    """Batches of a data set in its order."""
    return ForkingLoader(dataset, batch_size, num_workers=workers)
