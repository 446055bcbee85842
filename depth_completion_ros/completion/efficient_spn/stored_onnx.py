"""Weights that are stored as ONNX too, with which they run on a CPU without PyTorch."""

from __future__ import annotations

import json
from pathlib import Path

from ..learned.weights import refuse_others
from ..weights.folder import weights_folder
from ..weights.licences import refuse_noncommercial
from .onnx_runner import OnnxRunner

LARGEST_HEADER = 1 << 24
INPUTS = ("image", "sparse")


def open_onnx(weights: str, network: str, allow_noncommercial: bool) -> OnnxRunner | None:
    """Runs the ONNX file that weights name, or that is stored under their name; None where there is none.

    A stored one counts only as long as it is of the same values as the safetensors beside it.

    Args:
        weights: path that ends in `.onnx`, or a stored name; any other path is that of no ONNX.
        network: 'completer:variant' that it must be for.

    Raises:
        FileNotFoundError: no such `.onnx` file.
        ValueError: it is damaged, of another network, or its licence is not allowed; in a sentence.
    """
    path = _file_of(weights)
    if path is None:
        return None
    try:
        runner = OnnxRunner(path)
    except ImportError:
        raise
    except Exception as error:  # of whatever kind ONNX Runtime has for broken bytes
        why = str(error).strip().partition("\n")[0]
        raise ValueError(f"'{path}' is no ONNX file, or damaged ({why}).") from None
    if path != Path(weights).expanduser() and not _is_of(runner, path.with_suffix(".safetensors")):
        return None
    if runner.inputs != INPUTS:
        raise ValueError(
            f"'{path}' takes {', '.join(runner.inputs) or 'nothing'}; a network of {network} takes "
            f"{', '.join(INPUTS)}."
        )
    refuse_others(f"'{path.name}'", runner.metadata, network)
    refuse_noncommercial(f"'{path.name}'", runner.metadata.get("licence", ""), allow_noncommercial)
    return runner


def _file_of(weights: str) -> Path | None:
    path = Path(weights).expanduser()
    if path.suffix == ".onnx":
        if not path.is_file():
            raise FileNotFoundError(f"There is no file '{path}'.")
        return path
    stored = weights_folder() / f"{weights}.onnx"
    return stored if not path.exists() and stored.is_file() else None


def _is_of(runner: OnnxRunner, weights: Path) -> bool:
    """Whether ONNX was made of a file of safetensors, by the hash of the values that both note."""
    if not weights.is_file():
        return True
    with weights.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = file.read(min(size, LARGEST_HEADER))
    try:
        noted = json.loads(header).get("__metadata__", {}).get("content_sha256")
    except (ValueError, AttributeError, RecursionError):
        return False
    return noted is not None and noted == runner.metadata.get("content_sha256")
