"""Masked spatial propagation: pixel-to-window attention as a dynamic filter on depth and mask."""

from .function import cpu_kernels_state, propagate
from .reference import propagate_reference
from .rule import UpdateRule

__all__ = ["UpdateRule", "cpu_kernels_state", "propagate", "propagate_reference"]
