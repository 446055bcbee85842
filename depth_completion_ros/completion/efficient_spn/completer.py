"""EfficientSPN as a completer."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..exported.files import stored_export
from ..exported.onnx_runner import OnnxRunner
from ..interface import Source
from ..learned.completer import LearnedCompleter
from ..learned.weights import SHIPPED
from .full_size import bend, enlarge, seen_sparse, shrink_image

if TYPE_CHECKING:
    import torch

WEIGHTS = Path(__file__).with_name("efficient_spn.safetensors")
ONNX = WEIGHTS.with_suffix(".onnx")
"""The network with these weights, for which PyTorch need not be installed."""
TYPICAL_M = 10.0
"""Depth in whose surroundings the scene is thought to lie while nothing has been measured yet."""


class EfficientSPNCompleter(LearnedCompleter):
    """The default: a fast network for points of any density, whose image encoder has seen real images.

    Starts from a harmonic surface through the measurements and corrects it by what the image shows. It
    knows no scale of its own: all depth is relative to the measurements. Measured depth is refined as far
    as the network doubts it. The sky has no depth. Without a single point it guesses by the image alone,
    at the scale of the last frame with points (at first 10 m); such depth is `Source.PRIOR`.

    Confidence is the probability that depth is within 5 % of the truth, as calibrated on simulated frames;
    without a point it is 0.

    On a CPU it runs in ONNX Runtime, in float32, and needs no PyTorch unless other weights are given that are
    not stored as ONNX too; on a GPU it runs in PyTorch. With `inner_size=0` it sees as many pixels as
    160 x 544 has, and fewer the farther apart the measurements are.
    """

    name = "efficient_spn"
    variants = ("general",)
    keeps_measured = False
    measured_tolerance = 0.05
    least_confidence = 0.5
    shipped = WEIGHTS
    size_varies = exports = True

    def __init__(self, options):
        super().__init__(options)
        self._typical_m = TYPICAL_M
        if self.device.type == "cpu" and options.precision not in ("auto", "float32"):
            raise ValueError(
                f"Precision '{options.precision}' makes completer '{self.name}' no faster on a CPU; it must "
                "be auto or float32 there."
            )

    @staticmethod
    def make_network(variant: str) -> torch.nn.Module:
        from .network import EfficientSPN

        return EfficientSPN()

    def forward(self, rgb, sparse, *planes, points):
        return self.inference_network(rgb, sparse).planes()

    def load(self):
        on_cpu = self.device.type == "cpu" and find_spec("onnxruntime")
        if on_cpu and not self.options.weights:
            self.runner, self.runs_in = OnnxRunner(ONNX), "ONNX Runtime"
            self.weights_from, self.licence = SHIPPED, self.runner.metadata["licence"]
        elif on_cpu and (stored := stored_export(self.options.weights)):
            self.load_exported(stored)
        elif not self.options.weights and not find_spec("torch"):
            raise ModuleNotFoundError("ONNX Runtime is not installed, nor PyTorch.", name="onnxruntime")
        else:
            super().load()

    def complete(self, image, sparse, camera=None, name=""):
        if sparse.count:
            self._typical_m = float(np.exp(np.log(sparse.depth[sparse.depth > 0]).mean()))
        return super().complete(image, sparse, camera, name)

    def without_points(self, image, name):
        completion = self.run(image, np.zeros(image.shape[:2], np.float32), ())
        completion.depth *= np.float32(self._typical_m / TYPICAL_M)
        completion.source[np.isfinite(completion.depth)] = Source.PRIOR
        completion.confidence[:] = 0
        return completion

    def forget(self):
        super().forget()
        self._typical_m = TYPICAL_M

    def report(self):
        size = self.inner_size or "up to as many pixels as 160 x 544, by the distance between measurements"
        return super().report() | {"inner size": size}

    def move_to(self, device):
        super().move_to(device)
        self.runs_in = "PyTorch"
        if device.type == "cpu" and all(map(find_spec, ("onnx", "onnxruntime"))):
            from .onnx_file import network_to_onnx

            self.runner, self.runs_in = OnnxRunner(network_to_onnx(self.network)), "ONNX Runtime"

    def run(self, image, sparse, planes):
        fewer = seen_sparse(sparse, self.inner_size)
        image = shrink_image(image, fewer.shape)
        results = self.runner(image, [fewer], points=int(np.count_nonzero(fewer)))
        inverse, confidence, sky, trust = enlarge(results, sparse.shape)
        with np.errstate(divide="ignore", invalid="ignore"):  # what a broken network says is left out below
            depth = np.reciprocal(inverse, out=inverse)
            bend(depth, trust, sparse)
        np.copyto(depth, np.nan, where=sky > 0)
        return self.completion(depth, confidence, sparse)
