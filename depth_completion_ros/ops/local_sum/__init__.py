"""Sums over a pixel's K x K neighbours with weights of its own, and the CSPN++ refinement made of them."""

from .function import cpu_kernels_state, local_sum
from .propagation import propagate

__all__ = ["cpu_kernels_state", "local_sum", "propagate"]
