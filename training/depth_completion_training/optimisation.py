"""Optimiser and learning rate of a recipe; the rate is a function of the step alone."""

from __future__ import annotations

import math
import random
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import nn

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class AdamW:
    """AdamW of all parameters that are trained.

    Args:
        lr: learning rate, which the schedule scales.
        weight_decay: of matrices and kernels, and of all else where `decay_vectors` says so.
        decay_vectors: whether biases, norms and other parameters of one dimension decay too.
        betas: rates at which the means of gradient and squared gradient fade.
    """

    lr: float = 1e-3
    weight_decay: float = 1e-2
    decay_vectors: bool = True
    betas: tuple[float, float] = (0.9, 0.999)

    def __call__(self, network: nn.Module, fused: bool = True) -> torch.optim.Optimizer:
        """The optimiser of a network."""
        trained = [p for p in network.parameters() if p.requires_grad]
        vectors = [] if self.decay_vectors else [p for p in trained if p.ndim < 2]
        spared = set(map(id, vectors))
        groups = [{"params": [p for p in trained if id(p) not in spared]}]
        if vectors:
            groups.append({"params": vectors, "weight_decay": 0.0})
        return torch.optim.AdamW(
            groups, lr=self.lr, weight_decay=self.weight_decay, betas=self.betas, fused=fused
        )


class Schedule(ABC):
    """Share of the learning rate at each step."""

    @abstractmethod
    def __call__(self, step: int, steps: int, epoch_steps: int) -> float:
        """Share at a step.

        Args:
            step: number of steps taken before.
            steps: of the whole training.
            epoch_steps: steps of one epoch.
        """

    def beta1(self, step: int, steps: int) -> float | None:
        """First beta of Adam at a step, where the schedule changes it; None where not."""
        return None


class Constant(Schedule):
    """The same rate from the first step to the last."""

    def __call__(self, step, steps, epoch_steps):
        return 1.0


class OneCycle(Schedule):
    """Up in half a cosine, down in another (Smith and Topin, Super-Convergence, 2018).

    Args:
        warm_up: share of all steps that the way up takes.
        start, end: share of the rate at the first and at the last step.
        noise: greatest share by which each step's rate differs from that, by chance and either way; the
            number of the step is the seed. BP-Net has 0.1.
        betas1: first beta of Adam at both ends and where the rate is highest, which it moves between as the
            rate does; None to leave it as it is.
    """

    def __init__(
        self,
        warm_up: float = 0.1,
        start: float = 0.04,
        end: float = 1e-4,
        noise: float = 0.0,
        betas1: tuple[float, float] | None = None,
    ):
        if not 0 <= warm_up < 1:
            raise ValueError(f"OneCycle has warm_up {warm_up:g}; it must be a share from 0 to less than 1.")
        if not 0 <= noise < 1:
            raise ValueError(f"OneCycle has noise {noise:g}; it must be a share from 0 to less than 1.")
        self.warm_up, self.start, self.end, self.noise, self.betas1 = warm_up, start, end, noise, betas1

    def __call__(self, step, steps, epoch_steps):
        share = self._cycle(step, steps, self.start, 1.0, self.end)
        return share * (1 + random.Random(step).uniform(-self.noise, self.noise))

    def beta1(self, step, steps):
        if self.betas1 is None:
            return None
        outer, inner = self.betas1
        return self._cycle(step, steps, outer, inner, outer)

    def _cycle(self, step: int, steps: int, start: float, middle: float, end: float) -> float:
        top = self.warm_up * steps
        if step < top:
            return _half_cosine(start, middle, step / top)
        return _half_cosine(middle, end, (step - top) / max(steps - top, 1))


class WarmUpCosine(Schedule):
    """A straight line up, then half a cosine down.

    Args:
        warm_up_steps: steps that the line takes.
        end: share of the rate at the last step.
    """

    def __init__(self, warm_up_steps: int = 500, end: float = 0.01):
        self.warm_up_steps, self.end = warm_up_steps, end

    def __call__(self, step, steps, epoch_steps):
        if step < self.warm_up_steps:
            return (step + 1) / (self.warm_up_steps + 1)
        return _half_cosine(1.0, self.end, (step - self.warm_up_steps) / max(steps - self.warm_up_steps, 1))


class Milestones(Schedule):
    """A straight line up in the first epoch, then a lower rate after each of some epochs, as MSPN-SDR has it.

    Args:
        epochs: numbers of epochs after which the rate is lowered, in rising order.
        factor: that it is multiplied by.
    """

    def __init__(self, epochs: Sequence[int], factor: float = 0.5):
        self.epochs, self.factor = list(epochs), factor
        if self.epochs != sorted(self.epochs):
            raise ValueError(f"Milestones has epochs {self.epochs}; they must be in rising order.")

    def __call__(self, step, steps, epoch_steps):
        if step < epoch_steps:
            return (step + 1) / (epoch_steps + 1)
        return self.factor ** bisect_right(self.epochs, step // epoch_steps)


class ByEpoch(Schedule):
    """A rate that stays for some epochs and then changes at once, as PSD has it.

    Args:
        shares: of the rate from an epoch on, by the number of that epoch.

    Raises:
        ValueError: shares that do not begin at epoch 0.
    """

    def __init__(self, shares: Mapping[int, float]):
        self.shares = dict(shares)
        at_epoch(self.shares, 0)

    def __call__(self, step, steps, epoch_steps):
        return at_epoch(self.shares, step // epoch_steps)


def at_epoch(values: Mapping[int, _Value], epoch: int) -> _Value:
    """That of several values, each by the epoch from which on it holds, which holds in an epoch.

    Raises:
        ValueError: none holds in epoch 0.
    """
    if 0 not in values:
        raise ValueError(f"Values by epoch begin at epochs {sorted(values)}; one must begin at epoch 0.")
    return values[max(first for first in values if first <= epoch)]


def scheduler(
    optimiser: torch.optim.Optimizer, schedule: Schedule, steps: int, epoch_steps: int
) -> torch.optim.lr_scheduler.LambdaLR:
    """What sets the rate of an optimiser for every step, and the first beta where the schedule changes it.

    Args:
        steps, epoch_steps: of the whole training and of one epoch.
    """

    def share(step: int) -> float:
        beta1 = schedule.beta1(step, steps)
        if beta1 is not None:
            for group in optimiser.param_groups:
                group["betas"] = (beta1, group["betas"][1])
        return schedule(step, steps, epoch_steps)

    return torch.optim.lr_scheduler.LambdaLR(optimiser, share)


def _half_cosine(first: float, last: float, share: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * min(share, 1.0))) / 2
