"""The four measured cells nearest to every pixel of a grid."""

from ..nearest_cells import NEIGHBOURS
from .function import cpu_kernels_state, nearest_measured, of_levels, offsets_of

__all__ = ["NEIGHBOURS", "cpu_kernels_state", "nearest_measured", "of_levels", "offsets_of"]
