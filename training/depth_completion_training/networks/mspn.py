"""MSPN as it is trained."""

from __future__ import annotations

import torch

from depth_completion_ros.completion.mspn import MSPN, VARIANTS
from depth_completion_ros.completion.mspn.propagation import Propagation


class TrainedMSPN(MSPN):
    """MSPN whose propagation stays in float32 where mixed precision computes the guidance in less.

    Its state dict is that of the network it trains. The variants `sdr_*` want a batch with `prior`.
    The iterations are counted from the points of each crop, where the official code counts those of the
    whole image on KITTI; the two agree from 4 lines on, as both give the least number.

    Args:
        variant: one of `depth_completion_ros.completion.mspn.VARIANTS`.
    """

    def __init__(self, variant: str = "sdr_nyu"):
        super().__init__(variant)
        channels, _, layers, rule = VARIANTS[variant]
        self.prop_layer = _Float32Propagation(channels, layers, rule)


class _Float32Propagation(Propagation):
    def forward(self, guide, *rest):
        with torch.autocast(guide.device.type, enabled=False):
            return super().forward(guide, *rest)
