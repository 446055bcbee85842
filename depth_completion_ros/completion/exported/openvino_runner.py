"""Runs a network in OpenVINO, on CPUs of Intel and others."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .sizes import check_inputs

ROOT = "depth_completion"
"""Under which an IR file has our texts."""
FROM_ONNX = "framework"
"""Under which OpenVINO puts the texts of an ONNX file."""


class OpenVINORunner:
    """Runs an IR file (.xml beside .bin) that `write_openvino` wrote, or ONNX, on the CPU, in float32.

    Attributes:
        runtime, metadata: as those of `OnnxRunner`.

    Raises:
        ImportError: openvino is not installed; ValueError: the file cannot be read.
    """

    runtime = "OpenVINO"

    def __init__(self, file: Path):
        import openvino

        core = openvino.Core()
        try:
            model = core.read_model(file)
        except RuntimeError as error:
            raise ValueError(
                f"'{file}' cannot be read as OpenVINO: {str(error).strip().splitlines()[-1]}"
            ) from None
        root = FROM_ONNX if file.suffix == ".onnx" else ROOT
        texts = model.get_rt_info([root]).value if model.has_rt_info([root]) else {}
        self.metadata = {key: str(getattr(text, "value", text)) for key, text in texts.items()}
        # Its usual precision on some CPUs is bfloat16, in which depth is off by up to 0.4 %.
        settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        threads = os.environ.get("OMP_NUM_THREADS", "")
        if threads.isdecimal():
            settings["INFERENCE_NUM_THREADS"] = threads
        self._compiled = core.compile_model(model, "CPU", settings)
        self._shapes = [_sides(each.get_partial_shape()) for each in self._compiled.inputs]

    def __call__(self, image: np.ndarray, planes: Sequence[np.ndarray], **known) -> np.ndarray:
        """Results of a frame; see `OnnxRunner`."""
        check_inputs(self._shapes, image, planes)
        return self._compiled([image[None], *(plane[None, None] for plane in planes)])[0][0].copy()


def _sides(shape) -> list[int]:
    return [side.get_length() if side.is_static else 0 for side in shape]


def write_openvino(onnx: bytes, path: Path, metadata: dict[str, str], half: bool) -> None:
    """Convert ONNX to an IR file, `path` (.xml) and a .bin beside it."""
    import openvino

    model = openvino.Core().read_model(onnx)
    for key, text in metadata.items():
        model.set_rt_info(text, [ROOT, key])
    openvino.save_model(model, path, compress_to_fp16=half)
