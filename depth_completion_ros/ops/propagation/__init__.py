"""Masked spatial propagation: pixel-to-window attention as a dynamic filter on depth and mask."""

from .backends import list_backends
from .cpu_kernels import cpu_kernels_state
from .function import propagate
from .reference import propagate_reference
from .rule import UpdateRule

__all__ = ["UpdateRule", "cpu_kernels_state", "list_backends", "propagate", "propagate_reference"]
