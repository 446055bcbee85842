"""The points of a cloud nearest to every point of another."""

from .function import cpu_kernels_state, nearest_points

__all__ = ["cpu_kernels_state", "nearest_points"]
