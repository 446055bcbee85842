"""Tasks for worker processes, in a module that they import quickly."""

from __future__ import annotations

import os

import cv2
from depth_completion_training.generation.workers import Report


def dies_at_three(item: int) -> Report:
    if item == 3:
        os._exit(9)
    return Report(item, 1, os.getpid())


def threads_of(item: int) -> Report:
    return Report(item, int(os.environ["OMP_NUM_THREADS"]), cv2.getNumThreads())
