"""EfficientSPN as a completer."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..exported.files import stored_export
from ..exported.onnx_runner import OnnxRunner
from ..exported.runtimes import is_exported, refuse_without_export
from ..interface import Source
from ..learned.completer import LearnedCompleter
from ..learned.inner_size import shrink_sparse
from .full_size import bend, enlarge, inner_shapes, mean_of_looks, seen_sparse, shrink_image

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

    With `runtime="auto"` it runs in ONNX Runtime on a CPU, in float32, and needs no PyTorch unless other
    weights are given that are not stored as ONNX too; on a GPU it runs in PyTorch. With `inner_size=0` it
    sees as many pixels as 160 x 544 has, and fewer the farther apart the measurements are.
    """

    name = "efficient_spn"
    variants = ("general",)
    keeps_measured = False
    measured_tolerance = 0.05
    least_confidence = 0.5
    shipped, shipped_export = WEIGHTS, ONNX
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

    def exported_file(self):
        weights = self.options.weights
        if not (weights or find_spec("onnxruntime") or find_spec("torch")):
            raise ModuleNotFoundError("ONNX Runtime is not installed, nor PyTorch.", name="onnxruntime")
        usual = self.runtime == "auto" and self.device.type == "cpu" and find_spec("onnxruntime")
        if is_exported(weights) or not (usual or self.runtime == "onnx"):
            return super().exported_file()
        return stored_export(weights) if weights else ONNX

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
        at_hand = all(map(find_spec, ("onnx", "onnxruntime")))
        if self.runtime == "onnx" and not at_hand:
            refuse_without_export(self.name, self.runtime, self.exports)
        if at_hand and self.runtime != "pytorch" and device.type == "cpu":
            from .onnx_file import network_to_onnx

            self.runner, self.runs_in = OnnxRunner(network_to_onnx(self.network)), "ONNX Runtime"

    def run(self, image, sparse, planes):
        looks = [
            self._look(image, fewer, i % 2) for i, fewer in enumerate(seen_sparse(sparse, self.inner_size))
        ]
        inverse, confidence, sky, trust = enlarge(mean_of_looks(looks), sparse.shape)
        with np.errstate(divide="ignore", invalid="ignore"):  # what a broken network says is left out below
            depth = np.reciprocal(inverse, out=inverse)
            bend(depth, trust, sparse)
        np.copyto(depth, np.nan, where=sky > 0)
        return self.completion(depth, confidence, sparse)

    def warm_up_run(self, image, sparse):
        """Run at every size at which frames are seen: each is prepared anew, by TensorRT for minutes."""
        super().warm_up_run(image, sparse)
        for shape in inner_shapes(sparse.shape, self.inner_size):
            fewer = shrink_sparse(sparse, shape)
            self.runner(shrink_image(image, shape), [fewer], points=int(np.count_nonzero(fewer)))

    def _look(self, image, sparse, mirrored):
        """Results of the network at the size of `sparse`; a second look is at the mirrored frame."""
        image = shrink_image(image, sparse.shape)
        if mirrored:
            image, sparse = (np.ascontiguousarray(side[:, ::-1]) for side in (image, sparse))
        results = self.runner(image, [sparse], points=int(np.count_nonzero(sparse)))
        return np.ascontiguousarray(results[..., ::-1]) if mirrored else results
