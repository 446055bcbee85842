"""MSPN-SDR: masked spatial propagation network (Jun, Lee, Kim, CVPR 2024)."""

from .network import MSPN, VARIANTS, MSPNOutput
from .propagation import iteration_count

__all__ = ["MSPN", "VARIANTS", "MSPNOutput", "iteration_count"]
