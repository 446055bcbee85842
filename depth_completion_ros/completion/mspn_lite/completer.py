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
"""Pixels; objects in wider images look larger than those that it was trained on."""


class MSPNLiteCompleter(LearnedWithPrior):
    """A small network for points of any density that also takes a prior; its weights ship with the package.

    Starts from a linear fill and corrects it by what the image shows; with a prior, also by the
    aligned prior. It knows no scale of its own: all depth is relative to the measurements. Measured depth
    stays as it is where the network agrees within 5 %; else the network overrules it, and the pixel is not
    `Source.MEASURED` any more. Where measurements are dense, such as those of all 64
    lines of a scan, linear completion counts for up to a half (`mix_in_linear`). Without a single point it
    guesses by the image alone, at the scale of the last frame with points (at first 10 m); such depth is
    `Source.PRIOR`.

    Confidence is the probability that depth is within 5 % of the truth, as calibrated on simulated frames;
    without a point it is 0.

    `precision="auto"` is bfloat16 where the processor multiplies matrices of it (AMX, GPUs from Ampere on),
    else float32; `inner_size=0` is 768 pixels, about the resolution that it was trained at.
    """

    name = "mspn_lite"
    variants = ("general",)
    keeps_measured = False
    measured_tolerance = CLOSE
    least_confidence = 0.5
    shipped = SHIPPED
    exports = True
    usual_size = USUAL_SIZE

    def __init__(self, options):
        super().__init__(options)
        self._typical_m = TYPICAL_M

    @staticmethod
    def make_network(variant: str) -> torch.nn.Module:
        from .network import MSPNLite

        return MSPNLite()

    def auto_precision(self, device):
        import torch

        if device.type == "cuda":
            fast = torch.cuda.get_device_capability(str(device)) >= (8, 0)
        else:
            knows = getattr(torch.cpu, "get_capabilities", dict)()  # not in all versions of PyTorch
            fast = knows.get("amx_bf16", False)
        return "bfloat16" if fast else "float32"

    def make_inference_network(self):
        folded = deepcopy(self.network)
        folded.fold()
        return folded

    def forward(self, rgb, sparse, *planes, points):
        import torch

        from .network import TAIL

        prediction = self.inference_network(rgb, sparse, *planes)
        return prediction.depth, torch.sigmoid((math.log(CLOSE) - prediction.spread) / TAIL)

    def run(self, image, sparse, planes):
        completion = super().run(image, sparse, planes)
        mix_in_linear(completion.depth, planes[0], sparse)
        return completion

    def planes(self, image, sparse, camera, name):
        plane = linear_plane(sparse.depth)
        self._typical_m = float(np.exp(np.log(sparse.depth[sparse.depth > 0]).mean()))
        if self.prior is None:
            return (plane,)
        return plane, np.nan_to_num(self.prior(image, sparse.depth, name), posinf=0)

    def warm_up_planes(self, image):
        super().warm_up_planes(image)
        plane = np.full(image.shape[:2], 10, np.float32)
        return (plane,) if self.prior is None else (plane, plane)

    def without_points(self, image, name):
        completion = super().without_points(image, name)
        if np.isfinite(completion.depth).any():
            return completion
        planes = (np.full(image.shape[:2], self._typical_m, np.float32),)
        completion = self.run(image, np.zeros(image.shape[:2], np.float32), planes)
        known = np.isfinite(completion.depth)
        completion.source[known] = Source.PRIOR
        completion.confidence[:] = 0
        return completion

    def forget(self):
        super().forget()
        self._typical_m = TYPICAL_M
