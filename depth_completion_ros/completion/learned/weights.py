"""Weights of a network as it is made: whose they are, under which licence, or random ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..weights.folder import open_weights
from ..weights.licences import refuse_noncommercial

if TYPE_CHECKING:
    import torch

    from ..weights.checkpoint import Checkpoint

SHIPPED = "those that ship with the package"


def open_checkpoint(
    weights: str | None, shipped: Path | None, network: str, allow_noncommercial: bool
) -> Checkpoint | None:
    """The checkpoint that was asked for, else the one that ships; None where there is neither.

    Args:
        weights: path or stored name.
        network: 'completer:variant' that it is for.

    Raises:
        ValueError, FileNotFoundError: it cannot be used, is stored for another network, or its licence is
            not allowed; in a sentence.
    """
    if not weights and shipped is None:
        return None
    checkpoint = open_weights(weights or str(shipped))
    refuse_noncommercial(checkpoint.description, checkpoint.metadata.get("licence", ""), allow_noncommercial)
    refuse_others(checkpoint.description, checkpoint.metadata, network)
    return checkpoint


def refuse_others(what: str, metadata: dict[str, str], network: str) -> None:
    """Raise where weights say that they are of other networks than 'completer:variant'."""
    stored_for = metadata.get("networks", "").split()
    if stored_for and network not in stored_for:
        raise ValueError(f"{what} is stored as weights of {' or '.join(stored_for)}, not of {network}.")


def with_random_weights(make: Callable[[], torch.nn.Module]) -> torch.nn.Module:
    """A network made with the same random weights every time; no other random number changes."""
    import torch

    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        return make()
