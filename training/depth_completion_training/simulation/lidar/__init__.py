"""Range sensors: what rays they send, what comes back, and which pixels of a camera that measures."""

from .corners import corners
from .depth_mesh import world_from_depth, world_from_mesh
from .faults import Faults
from .pattern import Pattern, view_sector
from .patterns import random_pattern
from .project import Projected, from_depth, project_scan, to_depth
from .rig import lidar_pose, random_extrinsics, unblocked
from .scanner import Scan, scan

__all__ = [
    "Faults", "Pattern", "Projected", "Scan", "corners", "from_depth", "lidar_pose", "project_scan",
    "random_extrinsics", "random_pattern", "scan", "to_depth", "unblocked", "view_sector",
    "world_from_depth", "world_from_mesh",
]  # fmt: skip
