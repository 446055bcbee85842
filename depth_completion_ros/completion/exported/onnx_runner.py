"""Runs a network as ONNX, without PyTorch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .sizes import check_inputs


class OnnxRunner:
    """Runs ONNX of `graph.to_onnx` on the CPU.

    Its threads sleep while they have nothing to do, as those that spin take the cores from the rest of a
    robot.

    Args:
        file: path of the file, or what is in it.
        threads: that work on a frame; 0 for what OMP_NUM_THREADS says, or else one a core.
        providers: of ONNX Runtime, the first that knows an operator runs it.

    Attributes:
        runtime: its name, for people.
        metadata: texts in the file, such as its `licence`.

    Raises:
        ImportError: onnxruntime is not installed; ValueError: it is no ONNX.
    """

    runtime = "ONNX Runtime"

    def __init__(self, file: Path | bytes, threads: int = 0, providers: Sequence = ("CPUExecutionProvider",)):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or _threads_of_environment()
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(file, options, list(providers))
        except Exception as error:  # of the kinds of onnxruntime, which have no common one
            what = "The graph" if isinstance(file, bytes) else f"'{file}'"
            raise ValueError(f"{what} cannot be read as ONNX: {str(error).partition(chr(10))[0]}") from None
        self._inputs = {each.name: each.shape for each in self._session.get_inputs()}
        self.metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map

    def __call__(self, image: np.ndarray, planes: Sequence[np.ndarray], **known) -> np.ndarray:
        """Results of a frame, float32 N x H x W; what they are is a matter of the network.

        Args:
            image: uint8 H x W x 3 RGB, of a size that the network takes.
            planes: float32 H x W each, the sparse depth first (metres, 0 where not measured).

        Raises:
            ValueError: the file is for images of another size, or for another number of planes.
        """
        self.check(image, planes)
        arrays = [image[None], *(plane[None, None] for plane in planes)]
        return self._session.run(None, dict(zip(self._inputs, arrays, strict=True)))[0][0]

    def check(self, image: np.ndarray, planes: Sequence[np.ndarray]) -> None:
        """ValueError, in a sentence, where the file does not take these."""
        check_inputs(list(self._inputs.values()), image, planes)


def _threads_of_environment() -> int:
    """What OMP_NUM_THREADS says, which holds for all other libraries; 0 where it says nothing."""
    text = os.environ.get("OMP_NUM_THREADS", "")
    return int(text) if text.isdecimal() else 0
