"""Exported networks as weights: which files they are, and for whom."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ..weights.folder import weights_folder
from ..weights.licences import refuse_noncommercial
from .onnx_runner import OnnxRunner

LARGEST_HEADER = 1 << 24


def check_exported(runner, weights: str, completer: str, variant: str, allow_noncommercial: bool) -> None:
    """Refuse what runs an exported file of another network, or of one that its licence does not allow.

    Raises:
        ValueError: in a sentence.
    """
    network = runner.metadata.get("network", "")
    whole = {"weights", "licence", "size"} <= set(runner.metadata)
    size = re.fullmatch("any|[0-9]+ x [0-9]+", runner.metadata.get("size", ""))
    if not (whole and size and runner.metadata.get("inner_size", "").isdecimal()):
        network = ""
    if network != f"{completer}:{variant}":
        whose = f"is {network}" if network else "was not written by `depth-completion export`"
        raise ValueError(f"'{weights}' {whose}; it must be {completer}:{variant} to run as that.")
    refuse_noncommercial(f"'{weights}'", runner.metadata.get("licence", ""), allow_noncommercial)


def size_of(metadata: dict[str, str]) -> tuple[int, int] | None:
    """Height and width of the only images that an exported file is for; None where it is for any."""
    width, _, height = metadata["size"].partition(" x ")
    return (int(height), int(width)) if height else None


def refuse_int8(file: Path, runtime: str) -> None:
    """ValueError for a file in int8 that TensorRT is to run, told before it tries to build an engine."""
    if runtime == "tensorrt" and OnnxRunner(file).metadata.get("precision") == "int8":
        raise ValueError(
            f"'{file}' is in int8 for CPUs, which TensorRT does not take; it must be a float32 export."
        )


def stored_export(weights: str) -> str | None:
    """The ONNX file that is stored under a name beside its weights, if it is of the same values; else None.

    Raises:
        ValueError: it is damaged.
    """
    stored = weights_folder() / f"{weights}.onnx"
    if Path(weights).expanduser().exists() or not stored.is_file():
        return None
    noted = OnnxRunner(stored).metadata.get("content_sha256")
    return str(stored) if noted and noted == _content_hash(stored.with_suffix(".safetensors")) else None


def _content_hash(weights: Path) -> str | None:
    """Hash of its values that a file of safetensors notes; None where it cannot be read."""
    try:
        with weights.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            return json.loads(file.read(min(size, LARGEST_HEADER)))["__metadata__"]["content_sha256"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
