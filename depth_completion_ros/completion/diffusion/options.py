"""What one can choose of every completer by diffusion."""

from __future__ import annotations

from dataclasses import dataclass

from ..learned.options import NetworkOptions


@dataclass(frozen=True)
class DiffusionOptions(NetworkOptions):
    """Options of a diffusion; a subclass adds how depth is sampled, with `steps`.

    Args:
        paste_back: keep measured depth exactly; else all is as the network gives it.
    """

    paste_back: bool = True
