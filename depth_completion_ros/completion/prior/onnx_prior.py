"""Monocular priors in ONNX files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from .interface import MonocularPrior, first_line, untold
from .preprocessing import IMAGENET_MEAN, IMAGENET_STD, PATCH, SIDE, network_size, resize_map


class OnnxPrior(MonocularPrior):
    """A network with one input, float32 1 x 3 x h x w RGB, whose first output is a map h x w.

    A file that tells the size of its images, as those of `depth-completion export` do, takes no others, which
    would reach its network squeezed.

    Args:
        path: of the ONNX file.
        space: what it predicts, see `MonocularPrior`; None for what the file tells, as those do that
            `depth-completion export` wrote.
        name, licence: see `MonocularPrior`; the licence that the file tells goes before.
        device: `auto`, `cpu`, `cuda` or `cuda:N`; a GPU needs the package onnxruntime-gpu.
        side: pixels of the input's shorter side where the file leaves h and w open.
        multiple: of which h and w must be where they are open, such as the network's patch.
        mean, std: of the colours in [0, 1], by which they are normalised.

    Raises:
        ImportError: onnxruntime is not installed.
        FileNotFoundError, ValueError: the file is missing or no such network, or the device is not there.
    """

    def __init__(
        self,
        path: str | Path,
        space: str | None,
        name: str = "",
        licence: str = "unknown (your file)",
        device: str = "auto",
        side: int = 0,
        multiple: int = PATCH,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ):
        name = name or Path(path).stem
        self._session = _open(Path(path), name, device)
        told = self._session.get_modelmeta().custom_metadata_map
        space = space or told.get("space")
        if space is None:
            raise ValueError(untold(str(path)))
        super().__init__(name, told.get("licence") or licence, space)
        self._made_for = _height_width(told.get("size", ""))
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) != 4:
            found = ", ".join(f"{i.name}: {i.type} {i.shape}" for i in inputs)
            raise ValueError(f"ONNX file '{path}' takes {found}; it must take one float32 1 x 3 x h x w.")
        self._input = inputs[0]
        fixed = [n if isinstance(n, int) else None for n in self._input.shape[2:]]
        if side and None not in fixed:
            raise ValueError(
                f"ONNX file '{path}' takes images of {fixed[1]} x {fixed[0]} pixels only, not of side {side}."
            )
        self._fixed, self._side, self._multiple = fixed, side or SIDE, multiple
        self._mean, self._std = (np.asarray(values, np.float32) * 255 for values in (mean, std))

    def warm_up(self, height: int, width: int) -> None:
        # The node warms up before it knows the size of its images; that of the input is the same for all.
        self.predict(np.zeros((*(self._made_for or (height, width)), 3), np.uint8))

    def _predict(self, image: np.ndarray, name: str) -> np.ndarray:
        if self._made_for not in (None, image.shape[:2]):
            (height, width), (rows, columns) = self._made_for, image.shape[:2]
            raise ValueError(
                f"Prior '{self.name}' is for images of {width} x {height}, but this one is {columns} x "
                f"{rows}; export it again with --size {rows}x{columns}."
            )
        free = network_size(*image.shape[:2], self._side, self._multiple)
        height, width = (fixed or n for fixed, n in zip(self._fixed, free, strict=True))
        smaller = height * width < image.shape[0] * image.shape[1]
        resized = cv2.resize(
            image, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
        )
        planes = ((resized - self._mean) / self._std).transpose(2, 0, 1)[None]
        return resize_map(self.run(np.ascontiguousarray(planes)), *image.shape[:2])

    def run(self, planes: np.ndarray) -> np.ndarray:
        """The map, float32 h x w, of normalised colours, float32 1 x 3 x h x w."""
        try:
            output = self._session.run(None, {self._input.name: planes})[0]
        except Exception as error:  # onnxruntime has no error class of its own
            height, width = planes.shape[2:]
            raise ValueError(
                f"Prior '{self.name}' fails on an input of {width} x {height}: {first_line(error)}."
            ) from None
        prediction = np.squeeze(output)
        if prediction.ndim != 2:
            raise ValueError(
                f"Prior '{self.name}' gives {output.shape}; its first output must be a map h x w."
            )
        return prediction.astype(np.float32, copy=False)


def _height_width(told: str) -> tuple[int, int] | None:
    """Of what a file tells as `WIDTH x HEIGHT`; None where it tells no size."""
    found = re.fullmatch(r"(\d+) x (\d+)", told)
    return (int(found[2]), int(found[1])) if found else None


def _open(path: Path, name: str, device: str):
    if not path.is_file():
        raise FileNotFoundError(f"ONNX file '{path}' is missing.")
    try:
        import onnxruntime
    except ImportError:
        raise ImportError(
            f"Prior '{name}' needs 'onnxruntime': pip install 'depth_completion_ros[prior]'."
        ) from None
    has_gpu = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    kind, _, index = device.partition(":")
    if kind == "cuda" and not has_gpu:
        raise ValueError(f"Device '{device}' asks for a GPU, but this onnxruntime runs on the CPU alone.")
    if kind not in ("auto", "cpu", "cuda"):
        raise ValueError(f"Device '{device}' is unknown; it must be auto, cpu, cuda or cuda:N.")
    providers = ["CPUExecutionProvider"]
    if has_gpu and kind != "cpu":
        providers.insert(0, ("CUDAExecutionProvider", {"device_id": int(index or 0)}))
    try:
        return onnxruntime.InferenceSession(str(path), providers=providers)
    except Exception as error:  # onnxruntime has no error class of its own
        raise ValueError(f"ONNX file '{path}' cannot be loaded: {first_line(error)}.") from None
