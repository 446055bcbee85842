"""Runs the network as ONNX, without PyTorch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np


class OnnxRunner:
    """Runs ONNX of `onnx_file.to_onnx` on the CPU.

    Its threads sleep while they have nothing to do, as those that spin take the cores from the rest of a
    robot.

    Args:
        file: path of the file, or what is in it.
        threads: that work on a frame; 0 for what OMP_NUM_THREADS says, or else one a core.

    Attributes:
        metadata: texts in the file, such as its `licence`.

    Raises:
        ImportError: onnxruntime is not installed.
    """

    def __init__(self, file: Path | bytes, threads: int = 0):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or _threads_of_environment()
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(file, options, ["CPUExecutionProvider"])
        self.metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map

    def __call__(self, image: np.ndarray, planes: Sequence[np.ndarray], **known) -> np.ndarray:
        """Results of a frame, float32 4 x H x W; see `Prediction.planes`.

        Args:
            image: uint8 H x W x 3 RGB, sides multiples of 32.
            planes: the sparse depth alone, float32 H x W metres, 0 where not measured.
        """
        (sparse,) = planes
        return self._session.run(None, {"image": image[None], "sparse": sparse[None, None]})[0][0]


def _threads_of_environment() -> int:
    """What OMP_NUM_THREADS says, which holds for all other libraries; 0 where it says nothing."""
    text = os.environ.get("OMP_NUM_THREADS", "")
    return int(text) if text.isdecimal() else 0
