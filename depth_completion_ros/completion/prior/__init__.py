"""Monocular priors: depth from one image by a network, and its alignment with measured depth."""

from .alignment import Alignment, align
from .interface import MonocularPrior, PriorOutput
from .local_correction import local_correction
from .registry import create_prior, list_priors
from .schedule import PriorSchedule

__all__ = [
    "Alignment",
    "MonocularPrior",
    "PriorOutput",
    "PriorSchedule",
    "align",
    "create_prior",
    "list_priors",
    "local_correction",
]
