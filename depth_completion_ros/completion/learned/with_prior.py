"""What the learned completers share that take a monocular prior."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..device import Device
from ..interface import Completion, Source
from ..prior.metric_depth import PriorDepth
from .completer import LearnedCompleter
from .options import PriorOptions

if TYPE_CHECKING:
    pass


class LearnedWithPrior(LearnedCompleter):
    """A network that takes a monocular prior, if one is given.

    Attributes:
        prior: gives metric depth of a frame; None without a prior, and before `load`.
    """

    Options = PriorOptions
    options: PriorOptions
    prior: PriorDepth | None = None

    def warm_up_planes(self, image):
        if self.prior is not None:
            self.prior.prior.warm_up(*image.shape[:2])
        return ()

    def without_points(self, image, name) -> Completion:
        """Depth of a metric prior as it is; unknown without one."""
        shape = image.shape[:2]
        completion = Completion.unknown(shape)
        if self.prior is not None and self.prior.prior.space == "metric":
            depth = self.prior(image, np.zeros(shape, np.float32), name)
            known = (depth > 0) & (depth < np.inf)
            completion.depth[known] = depth[known]
            completion.source[known] = Source.PRIOR
        return completion

    def forget(self) -> None:
        if self.prior is not None:
            self.prior.forget()

    def report(self):
        return super().report() | ({} if self.prior is None else self.prior.report())

    def load_exported(self, file) -> None:
        super().load_exported(file)
        self._make_prior(self.device)

    def move_to(self, device: Device) -> None:
        super().move_to(device)
        self._make_prior(device)

    def _make_prior(self, device: Device) -> None:
        from ..prior import create_prior

        chosen = self.options
        # Not `device`: ONNX Runtime may know no GPU where PyTorch does, and `auto` lets it run on the CPU.
        asked = "cpu" if device.type == "cpu" else chosen.device
        made = create_prior(chosen.prior or "none", asked, chosen.allow_noncommercial, chosen.prior_side)
        self.prior = None if made is None else PriorDepth(made, chosen.prior_every)
