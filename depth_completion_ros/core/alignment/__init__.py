"""Whether LiDAR and camera fit together, told by the frames themselves: depth edges against image edges."""

from .check import AlignmentCheck
from .verdict import Alignment

__all__ = ["Alignment", "AlignmentCheck"]
