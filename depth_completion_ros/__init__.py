"""Depth completion for robots with a camera and a LiDAR, on ROS 2 and without it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .completion import Completion, create_completer, list_completers
    from .core import Camera, Frame, SparseDepth

__version__ = "0.1.0"

__all__ = [
    "Camera",
    "Completion",
    "Frame",
    "SparseDepth",
    "create_completer",
    "list_completers",
]

_CORE = ("Camera", "Frame", "SparseDepth")


def __getattr__(name: str):
    # Imported when asked for: a node must be able to take signals before NumPy and OpenCV are read.
    if name not in __all__:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(".core" if name in _CORE else ".completion", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
