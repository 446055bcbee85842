"""Exported networks as weights: which files they are, and for whom."""

from __future__ import annotations

from pathlib import Path

from ...core.safe.files import check_is_file
from ..weights.licences import refuse_noncommercial
from .onnx_runner import OnnxRunner
from .openvino_runner import OpenVINORunner

RUNNERS = {".onnx": OnnxRunner, ".xml": OpenVINORunner}
"""Suffixes of files, and what runs them."""


def is_exported(weights: str | None) -> bool:
    """Whether weights are a network that `depth-completion export` wrote."""
    return bool(weights) and Path(weights).suffix in RUNNERS


def open_exported(weights: str, completer: str, variant: str, allow_noncommercial: bool):
    """What runs an exported network; its `metadata` tells the licence.

    Raises:
        FileNotFoundError, ValueError: no such file, one of another network, or a licence not allowed.
        ImportError: what runs it is not installed.
    """
    path = Path(weights).expanduser()
    check_is_file(path)
    runner = RUNNERS[path.suffix](path)
    network = runner.metadata.get("network", "")
    if network != f"{completer}:{variant}":
        whose = f"is {network}" if network else "was not written by `depth-completion export`"
        raise ValueError(f"'{weights}' {whose}; it must be {completer}:{variant} to run as that.")
    refuse_noncommercial(f"'{weights}'", runner.metadata.get("licence", ""), allow_noncommercial)
    return runner
