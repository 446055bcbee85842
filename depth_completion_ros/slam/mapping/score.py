"""How right a map is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .occupancy import OccupancyGrid
from .truth import MapTruth, distances, grown

NEAR_M, WIDE_M = 0.05, 0.20


@dataclass(frozen=True)
class SurfaceScore:
    """A surface within a distance of the true one (Knapitsch et al.: Tanks and Temples, 2017).

    Args:
        accuracy: share of its points that are as near to the true surface; None where that is only known in
            places.
        completeness: share of the true surface that is as near to one of its points.
    """

    accuracy: float | None
    completeness: float

    @property
    def f_score(self) -> float | None:
        """Harmonic mean of both."""
        if self.accuracy is None:
            return None
        total = self.accuracy + self.completeness
        return 2 * self.accuracy * self.completeness / total if total else 0.0


@dataclass(frozen=True)
class MapScore:
    """A map against the truth.

    Args:
        near, wide: the surface at `NEAR_M` and at `WIDE_M`.
        phantom: share of the occupied cells that were seen to be empty: free space turned into obstacle.
        phantom_m3: volume of these.
        told_free: share of the cells with a surface that the map calls free, and all around them: obstacles
            missed, which a robot may drive into.
        not_known: share of the same that the map knows nothing of.
    """

    near: SurfaceScore
    wide: SurfaceScore
    phantom: float
    phantom_m3: float
    told_free: float
    not_known: float


def score_map(points: np.ndarray, grid: OccupancyGrid, truth: MapTruth) -> MapScore:
    """Score the points of a surface (N x 3, world) and an occupancy grid."""
    to_map = distances(truth.points, points)
    to_truth = truth.to_surface(points) if truth.surface is not None else None
    occupied, full = grid.occupied, truth.full
    phantom, missed = occupied & truth.empty, full & ~grown(occupied, grid.box)
    return MapScore(
        near=_surface(to_map, to_truth, NEAR_M),
        wide=_surface(to_map, to_truth, WIDE_M),
        phantom=_share(phantom, occupied),
        phantom_m3=float(np.count_nonzero(phantom)) * grid.box.cell**3,
        told_free=_share(missed & grid.free, full),
        not_known=_share(missed & ~grid.free, full),
    )


def _share(part: np.ndarray, whole: np.ndarray) -> float:
    """Cells of one mask by those of another; 0 where that is empty."""
    count = int(np.count_nonzero(whole))
    return int(np.count_nonzero(part)) / count if count else 0.0


def _surface(to_map: np.ndarray, to_truth: np.ndarray | None, limit: float) -> SurfaceScore:
    accuracy = None if to_truth is None else float(np.mean(to_truth <= limit)) if len(to_truth) else 0.0
    return SurfaceScore(accuracy, float(np.mean(to_map <= limit)) if len(to_map) else 0.0)
