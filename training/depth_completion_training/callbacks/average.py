"""Averaged weights, which validation and export use."""

from __future__ import annotations

from functools import partial

import torch
from lightning.pytorch.callbacks import WeightAveraging


class WeightAverage(WeightAveraging):
    """Exponential moving average of weights and running statistics, taken after every step.

    The average of the first steps is short: of n steps the decay is at most (1 + n) / (10 + n). A
    checkpoint has the average under `state_dict` and the weights that are trained beside it. After the
    training the task keeps the trained weights, so that its last checkpoint can be trained on.

    Args:
        decay: share that stays of the average at each step, in [0, 1); 0 for no averaging.
    """

    def __init__(self, decay: float = 0.999):
        if not 0 <= decay < 1:
            raise ValueError(f"The average has decay {decay:g}; it must be from 0 to less than 1.")
        super().__init__(multi_avg_fn=partial(_blend, decay))

    def on_fit_start(self, trainer, pl_module) -> None:
        self._average_model.to(pl_module.device)  # it was made before the task moved there

    def on_train_end(self, trainer, pl_module) -> None:
        return  # the base class would overwrite the trained weights


@torch.no_grad()
def _blend(decay: float, averaged: list[torch.Tensor], current: list[torch.Tensor], taken) -> None:
    """Move averages of one type towards the current values; counters are copied."""
    taken = int(taken)
    share = 1 - min(decay, (1 + taken) / (10 + taken))
    if averaged[0].is_floating_point():
        torch._foreach_lerp_(averaged, current, share)
    else:
        torch._foreach_copy_(averaged, current)
