"""MSPN-lite as a completer, with the weights that ship with the package."""

from __future__ import annotations

import math
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..interface import Source
from ..learned.with_prior import LearnedWithPrior
from .dense import mix_in_linear
from .plane import linear_plane

if TYPE_CHECKING:
    import torch

SHIPPED = Path(__file__).with_name("mspn_lite.safetensors")
CLOSE = 0.05
"""Relative error whose probability confidence is."""
TYPICAL_M = 10.0
"""Depth in whose surroundings the scene is thought to lie while nothing has been measured yet."""
USUAL_SIZE = 768
"""Pixels; wider pictures show it things larger than those that it was trained on."""


class MSPNLiteCompleter(LearnedWithPrior):
    """The default: a small network for points of any density, with weights that ship with the package.

    Starts from a linear fill and corrects it by what the picture shows; with a prior, also by the
    aligned prior. It knows no scale of its own: all depth is relative to the measurements. Measured depth
    is refined as far as the network doubts it. Where measurements are dense, such as those of all 64
    lines of a scan, linear completion counts for up to a half (`mix_in_linear`). Without a single point it
    guesses by the picture alone, at the scale of the last frame with points (at first 10 m); such depth is
    `Source.PRIOR`.

    Confidence is the probability that depth is within 5 % of the truth, as calibrated on simulated frames;
    without a point it is 0.

    Args:
        weights: path or stored name; None for the shipped ones.
        precision: `auto` is bfloat16 where the processor multiplies matrices of it (AMX, GPUs from
            Ampere on), else float32.
        inner_size: largest height and width at which the network works; 0 for 768 pixels, about the
            resolution that it was trained at.
        prior, options: see `LearnedWithPrior`.
    """

    name = "mspn_lite"
    variants = ("general",)
    keeps_measured = False

    def __init__(
        self,
        variant: str = "general",
        weights: str | None = None,
        precision: str = "auto",
        inner_size: int = 0,
        device: str = "auto",
        **options,
    ):
        if precision == "auto":
            precision = _quick_precision(device)
        self._typical = TYPICAL_M
        super().__init__(
            variant,
            weights=weights or str(SHIPPED),
            precision=precision,
            inner_size=inner_size or USUAL_SIZE,
            device=device,
            **options,
        )

    @staticmethod
    def make_network(variant: str) -> torch.nn.Module:
        from .network import MSPNLite

        return MSPNLite()

    def prepared(self):
        quick = deepcopy(self.network)
        quick.fold()
        return quick

    def forward(self, rgb, sparse, *planes, points):
        import torch

        from .network import TAIL

        prediction = self.quick(rgb, sparse, *planes)
        return prediction.depth, torch.sigmoid((math.log(CLOSE) - prediction.spread) / TAIL)

    def _run(self, image, sparse, planes):
        completion = super()._run(image, sparse, planes)
        mix_in_linear(completion.depth, planes[0], sparse)
        return completion

    def planes(self, image, sparse, camera, name):
        plane = linear_plane(sparse.depth)
        self._typical = float(np.exp(np.log(sparse.depth[sparse.depth > 0]).mean()))
        if self.prior is None:
            return (plane,)
        return plane, np.nan_to_num(self.prior(image, sparse.depth, name), posinf=0)

    def planes_to_warm_up(self, image):
        super().planes_to_warm_up(image)
        plane = np.full(image.shape[:2], 10, np.float32)
        return (plane,) if self.prior is None else (plane, plane)

    def without_points(self, image, name):
        completion = super().without_points(image, name)
        if np.isfinite(completion.depth).any():
            return completion
        planes = (np.full(image.shape[:2], self._typical, np.float32),)
        completion = self._run(image, np.zeros(image.shape[:2], np.float32), planes)
        known = np.isfinite(completion.depth)
        completion.source[known] = Source.PRIOR
        completion.confidence[:] = 0
        return completion

    def forget(self):
        super().forget()
        self._typical = TYPICAL_M

    def _load(self, weights, allow_noncommercial):
        network = super()._load(weights, allow_noncommercial)
        if weights == str(SHIPPED):
            self.weights_from = "those that ship with the package"
        return network


def _quick_precision(device: str) -> str:
    """`bfloat16` where the processor is made for it."""
    import torch

    from ..device import choose_device

    device = choose_device(device)
    if device.type == "cuda":
        quick = torch.cuda.get_device_capability(device) >= (8, 0)
    else:
        knows = getattr(torch.cpu, "get_capabilities", dict)()  # not in all versions that serve
        quick = knows.get("amx_bf16", False)
    return "bfloat16" if quick else "float32"
