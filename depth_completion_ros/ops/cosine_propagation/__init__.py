"""Propagation of depth whose affinities are cosines of features, with no learned weight."""

from .function import cosine_affinity, cosine_propagate, cpu_kernels_state

__all__ = ["cosine_affinity", "cosine_propagate", "cpu_kernels_state"]
