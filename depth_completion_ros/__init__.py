"""Depth completion for robots with a camera and a LiDAR, on ROS 2 and without it."""

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
