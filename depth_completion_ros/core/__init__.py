"""Geometry and measures, in numpy and OpenCV alone."""

from .camera import Camera
from .cloud import depth_to_cloud, depth_to_points
from .frame import Frame
from .geometry import Box, check_rigid, invert, rigid
from .metrics import Metrics, compute_metrics
from .sparse import SparseDepth
from .transform_tree import TransformError, TransformTree

__all__ = [
    "Box",
    "Camera",
    "Frame",
    "Metrics",
    "SparseDepth",
    "TransformError",
    "TransformTree",
    "check_rigid",
    "compute_metrics",
    "depth_to_cloud",
    "depth_to_points",
    "invert",
    "rigid",
]
