"""Writes fitted weights as safetensors and ONNX, and the state of a fit that may be ended."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from ..completion.efficient_spn.network import EfficientSPN
from ..completion.efficient_spn.onnx_file import network_to_onnx
from ..completion.exported.half import with_metadata
from ..completion.weights.checkpoint import Checkpoint
from ..completion.weights.folder import save_weights
from ..completion.weights.tensors import content_hash
from ..core.safe.files import whole_file, write_bytes


def licence_of(own: str, start: Checkpoint) -> str:
    """Licence of weights that were fitted to own data, which keep that of those they began with.

    Raises:
        ValueError: none is given.
    """
    own, before = own.strip(), start.metadata.get("licence", "").strip() or "unknown licence"
    if not own:
        raise ValueError(
            "Weights need a licence, that of your data: such as --licence CC-BY-4.0 or 'internal'."
        )
    return own if own == before else f"{own}; from weights under {before}"


def write_weights(network: EfficientSPN, path: Path, metadata: dict[str, str]) -> None:
    """Write PATH.safetensors and PATH.onnx, each whole or not at all; both note the hash of the values.

    Args:
        path: without ending.
        metadata: `networks`, `origin`, `sha256`, `licence` and others, as texts.
    """
    state_dict = {key: tensor.detach().cpu() for key, tensor in network.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    exported = {
        "network": metadata["networks"],
        "weights": metadata["origin"],
        "inner_size": "0",
        "size": "any",
        "content_sha256": content_hash(state_dict),
    }
    onnx_file = with_metadata(network_to_onnx(network.cpu()), metadata | exported, half=False)
    write_bytes(path.with_name(f"{path.name}.onnx"), onnx_file)
    save_weights(state_dict, path.with_name(f"{path.name}.safetensors"), metadata)


def write_state(state: dict[str, Any], path: Path) -> None:
    """Write the state of a fit, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as unfinished:
        torch.save(state, unfinished)


def read_state(path: Path) -> dict[str, Any] | None:
    """What `write_state` wrote; None where there is no such file.

    Raises:
        ValueError: it is damaged.
    """
    if not path.is_file():
        return None
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, ValueError, EOFError, OSError, KeyError) as error:
        why = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"The state '{path}' of a fit is damaged ({why}); start anew without --resume."
        ) from None
