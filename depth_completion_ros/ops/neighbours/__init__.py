"""The four measured cells nearest to every pixel of a grid."""

from .function import cpu_kernels_state, nearest_measured, of_levels, offsets_of
from .rule import NEIGHBOURS

__all__ = ["NEIGHBOURS", "cpu_kernels_state", "nearest_measured", "of_levels", "offsets_of"]
