"""What the learned completers share that take a monocular prior."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..interface import Completion, Source
from ..prior.metric_depth import PriorDepth
from .completer import LearnedCompleter

if TYPE_CHECKING:
    import torch


class LearnedWithPrior(LearnedCompleter):
    """A network that takes a monocular prior, if one is given.

    Args:
        prior: what `create_prior` takes; None for none.
        prior_every: the prior looks at every so many frames.
        prior_side: shorter side of the prior's input in pixels, 0 for what it was trained at.
        variant, device, allow_noncommercial, options: see `LearnedCompleter`.

    Attributes:
        prior: gives metric depth of a frame; None without a prior.
    """

    def __init__(
        self,
        variant: str,
        prior: str | None = None,
        prior_every: int = 1,
        prior_side: int = 0,
        device: str = "auto",
        allow_noncommercial: bool = False,
        **options,
    ):
        self._prior_options = prior, device, allow_noncommercial, prior_side
        self._prior_every = prior_every
        self.prior: PriorDepth | None = None
        super().__init__(variant, device=device, allow_noncommercial=allow_noncommercial, **options)

    def planes_to_warm_up(self, image):
        if self.prior is not None:
            self.prior.prior.warm_up(*image.shape[:2])
        return ()

    def without_points(self, image, name) -> Completion:
        """Depth of a metric prior as it is; unknown without one."""
        shape = image.shape[:2]
        completion = Completion.unknown(shape)
        if self.prior is not None and self.prior.prior.space == "metric":
            depth = self.prior(image, np.zeros(shape, np.float32), name)
            known = np.isfinite(depth)
            completion.depth[known] = depth[known]
            completion.source[known] = Source.PRIOR
        return completion

    def forget(self) -> None:
        if self.prior is not None:
            self.prior.forget()

    def report(self):
        return super().report() | ({} if self.prior is None else self.prior.report())

    def _move_to(self, device: torch.device) -> None:
        from ..prior import create_prior

        super()._move_to(device)
        prior, asked, *options = self._prior_options
        # Not `device`: ONNX Runtime may know no GPU where PyTorch does, and `auto` lets it run on the CPU.
        made = create_prior(prior, "cpu" if device.type == "cpu" else asked, *options) if prior else None
        self.prior = None if made is None else PriorDepth(made, self._prior_every)
