"""What runs a network: PyTorch, or a runtime that takes an exported file."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from ..device import CPU, Device, choose_device
from ..learned.precision import choose_precision
from .onnx_runner import OnnxRunner
from .openvino_runner import OpenVINORunner
from .tensorrt_runner import TensorRTRunner

RUNTIMES = ("auto", "pytorch", "onnx", "openvino", "tensorrt")


class _Kind(NamedTuple):
    """Which files a runtime takes, the one that `export` writes for it first, and what it needs."""

    runner: type
    suffixes: tuple[str, ...]
    packages: tuple[str, ...]
    install: str


_KINDS = {
    "onnx": _Kind(OnnxRunner, (".onnx",), ("onnxruntime",), "onnxruntime"),
    "openvino": _Kind(OpenVINORunner, (".xml", ".onnx"), ("openvino",), "'depth_completion_ros[openvino]'"),
    "tensorrt": _Kind(TensorRTRunner, (".onnx",), ("onnxruntime", "tensorrt"), "onnxruntime-gpu tensorrt"),
}
SUFFIXES = {".onnx": "onnx", ".xml": "openvino"}
"""Suffixes of exported files, and what usually runs them."""


def is_exported(weights: str | None) -> bool:
    """Whether weights are a network that `depth-completion export` wrote."""
    return bool(weights) and Path(weights).suffix in SUFFIXES


def choose_runtime(text: str, weights: str | None) -> str:
    """One of `RUNTIMES` for weights; `auto` where the network is to choose.

    Raises:
        ValueError: an unknown one, or one that does not take these weights.
    """
    if text not in RUNTIMES:
        raise ValueError(f"Runtime is '{text}'; it must be one of {', '.join(RUNTIMES)}.")
    if not is_exported(weights):
        return text
    suffix = Path(weights).suffix
    takers = [name for name, kind in _KINDS.items() if suffix in kind.suffixes]
    if text not in ("auto", *takers):
        raise ValueError(
            f"Runtime is '{text}', but '{weights}' is an exported network; it must be auto or "
            f"{' or '.join(takers)}."
        )
    return SUFFIXES[suffix] if text == "auto" else text


def device_and_precision(runtime: str, device: str, precision: str) -> tuple[Device, str]:
    """Where and in which number format an exported network runs.

    Args:
        runtime: `onnx`, `openvino` or `tensorrt`.
        device, precision: as options have them.

    Raises:
        ValueError: the runtime does not run there, or not in that format.
    """
    if runtime != "tensorrt":
        if device != "auto" and choose_device(device).type != "cpu":
            raise ValueError(
                f"Runtime '{runtime}' runs on the CPU, but device is '{device}'; it must be auto or cpu."
            )
        if choose_precision(precision, CPU) != "float32":
            raise ValueError(
                f"Runtime '{runtime}' computes in what was exported, but precision is '{precision}'; it must "
                "be auto or float32."
            )
        return CPU, "float32"
    if not re.fullmatch(r"auto|cuda(:[0-9]+)?", device):
        raise ValueError(
            f"Runtime 'tensorrt' needs a GPU, but device is '{device}'; it must be auto, cuda or cuda:N."
        )
    if precision not in ("auto", "float32", "float16"):
        raise ValueError(
            f"Runtime 'tensorrt' got precision '{precision}'; it must be auto, float32 or float16."
        )
    return Device("cuda", int(device.partition(":")[2] or 0)), "float32" if precision == "auto" else precision


def open_runner(path: Path, runtime: str, device: Device, precision: str, gib: float = 0):
    """What runs an exported file, with `runtime` and `metadata` as `OnnxRunner` has them.

    Args:
        gib: of a GPU's memory that it may take; 0 for all.

    Raises:
        ImportError: what runs it is not installed; ValueError: the file cannot be read.
    """
    require(runtime)
    kind = _KINDS[runtime]
    return kind.runner(path, device, precision, gib) if kind.runner is TensorRTRunner else kind.runner(path)


def require(runtime: str) -> None:
    """ImportError with what to install, where a runtime of exported files is not installed."""
    for package in _KINDS[runtime].packages:
        if find_spec(package) is None:
            raise ImportError(
                f"Runtime '{runtime}' needs the Python package '{package}', which is not installed: "
                f"pip install {_KINDS[runtime].install}."
            )


def refuse_without_export(completer: str, runtime: str, exports: bool) -> None:
    """ValueError for a network that a runtime is asked for and that has no file for it."""
    if exports:
        suffix = _KINDS[runtime].suffixes[0]
        raise ValueError(
            f"Completer '{completer}' has no exported network at hand for runtime '{runtime}'; make one by "
            f"`depth-completion export {completer} --to {SUFFIXES[suffix]}` and give its file as weights."
        )
    raise ValueError(
        f"Completer '{completer}' cannot be exported, so runtime '{runtime}' cannot run it; it must be auto "
        "or pytorch."
    )
