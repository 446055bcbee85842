"""What a trained network is judged by: frames of the generator that it has not seen, fed in several ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from depth_completion_training.data.sparse.sampling import every_line, random_points, scan_depth
from depth_completion_training.simulation.frame_file import read_frame

from depth_completion_ros.completion.efficient_spn.completer import EfficientSPNCompleter
from depth_completion_ros.core import SparseDepth

FEW, MANY = 20, 1000
"""Points at random, between which their number is log-uniform."""


class Trial(NamedTuple):
    """A frame as it is fed: image uint8 H x W x 3, sparse depth and truth float32 H x W metres.

    Sparse depth is 0 where not measured; truth is 0 where unknown and inf in the sky.
    """

    feed: str
    image: np.ndarray
    sparse: np.ndarray
    truth: np.ndarray


def trials(folder: Path, most: int) -> Iterator[Trial]:
    """Up to `most` frames, each with its first scan, every 4th line of its second, and points at random."""
    for number, file in enumerate(sorted(folder.glob("*.npz"))[:most]):
        frame, rng = read_frame(file), np.random.default_rng(number)
        shape = frame.depth.shape
        feeds = {"scan": scan_depth(frame.scans[0], shape, filtered=True)}
        line = frame.scans[1].line
        if line.size and line.max() > 8:
            feeds["every 4th line"] = scan_depth(
                frame.scans[1], shape, filtered=True, kept=every_line(line, 4, 0)
            )
        count = int(np.exp(rng.uniform(np.log(FEW), np.log(MANY))))
        feeds["20 to 1,000 points"] = random_points(frame.depth, count, rng)
        for feed, sparse in feeds.items():
            if sparse.any() and np.isfinite(frame.depth[frame.depth > 0]).any():
                yield Trial(feed, frame.image, sparse, frame.depth)


def completer_of(make_network: Callable, weights: Path) -> EfficientSPNCompleter:
    """The default's completer with another network; as the default it runs in ONNX Runtime."""
    made = type("Ablated", (EfficientSPNCompleter,), {"make_network": staticmethod(lambda _: make_network())})
    return made.create(weights=str(weights), runtime="pytorch")


def scores(completer: EfficientSPNCompleter, given: list[Trial]) -> list[tuple[float, float, float, float]]:
    """RMSE and MAE in millimetres, share of the sky that is told, and of what has a depth that is lost."""
    found = []
    for trial in given:
        completer.forget()
        depth = completer.complete(trial.image, SparseDepth(trial.sparse)).depth
        sky, known = np.isinf(trial.truth), (trial.truth > 0) & np.isfinite(trial.truth)
        told = np.isnan(depth)
        error = 1000 * (depth.astype(float) - np.where(known, trial.truth, 0))[known & ~told]
        rmse, mae = (np.sqrt(np.mean(error**2)), np.mean(np.abs(error))) if error.size else (np.nan,) * 2
        found.append((rmse, mae, np.mean(told[sky]) if sky.any() else np.nan, np.mean(told[known])))
    return [tuple(map(float, row)) for row in found]
