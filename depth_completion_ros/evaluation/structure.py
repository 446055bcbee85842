"""Whether depth has the shape of the truth: outlines, surfaces, obstacles and free space.

RMSE and MAE hardly notice an outline that is smeared, which is a few per cent of the pixels. These scores do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import cv2
import numpy as np

from ..core import Camera
from ..core.metrics import mean_of_known

EDGE_RATIO = 1.1
"""Neighbours of which one is so many times as far as the other are the two sides of an edge."""
EDGE_LIMIT_PX = 10.0
"""No edge counts as farther than this (theta of Koch et al.)."""
NEAR_EDGE_PX = 3.0
DENSE = 0.5
"""Share of the pixels with truth whose right neighbour has one too, from which on a truth has a shape."""
TOLERANCE_M, TOLERANCE_SHARE = 0.2, 0.1
"""Depth counts as too near or too far from this difference on, or this share of the truth if that is more."""
NORMAL_DEG = 11.25
COLUMNS = {
    "edge_accuracy_px": ("edge accuracy px", "{:.2f}"),
    "edge_completeness_px": ("edge complete px", "{:.2f}"),
    "edge_mae_mm": ("MAE at edges mm", "{:.0f}"),
    "edge_coverage": ("coverage at edges", "{:.1%}"),
    "normal_deg": ("normals °", "{:.1f}"),
    "normal_right": ("normals < 11.25°", "{:.1%}"),
    "false_obstacle": ("false obstacle", "{:.2%}"),
    "missed_obstacle": ("missed obstacle", "{:.2%}"),
    "told_false_obstacle": ("false, told", "{:.2%}"),
    "told_missed_obstacle": ("missed, told", "{:.2%}"),
}
"""Heading and format of each score in tables."""
SENTENCE = (
    "Edges are where one of two neighbours is 1.1 times as far as the other. Edge accuracy is the mean "
    "distance of predicted edges to the nearest true one, edge completeness that of true edges to the "
    "nearest predicted one, none more than 10 pixels: 0 is best. MAE and coverage at edges are those "
    "within 3 pixels of a true edge. Normals is the mean angle between the surfaces. False obstacle is "
    "the share of the depth that is nearer than the truth by more than 10 % and 0.2 m, matter where "
    "there is none; missed obstacle is the same of depth that is too far, free space where there is "
    "matter. Told is of the depth that robots are told by default. Edges and normals need a dense "
    "truth: nan without."
)


@dataclass(frozen=True)
class StructureMetrics:
    """Scores of shape, see `SENTENCE`; NaN where the truth does not tell one.

    Edges are scored by the depth boundary errors of Koch et al. 2018, "Evaluation of CNN-based single-image
    depth estimation methods", on edges of depth ratio as in Bochkovskii et al. 2024, "Depth Pro"; normals
    by the angle and its share below 11.25 degrees as in Eigen & Fergus 2015, "Predicting depth, surface
    normals and semantic labels". Obstacles are scored along the ray of each pixel.
    """

    edge_accuracy_px: float
    edge_completeness_px: float
    edge_mae_mm: float
    edge_coverage: float
    normal_deg: float
    normal_right: float
    false_obstacle: float
    missed_obstacle: float
    told_false_obstacle: float
    told_missed_obstacle: float

    @classmethod
    def mean(cls, many: Sequence[StructureMetrics]) -> StructureMetrics:
        """Mean over frames, each that has a score counting alike."""
        return cls(*(mean_of_known([getattr(m, f.name) for m in many]) for f in fields(cls)))


def compute_structure(
    prediction: np.ndarray,
    truth: np.ndarray,
    camera: Camera | None = None,
    told: np.ndarray | None = None,
) -> StructureMetrics:
    """Compare the shape of a predicted depth with the true one.

    Args:
        prediction: H x W metres, NaN or not positive where unknown.
        truth: H x W metres, 0 where unknown.
        camera: of both, for normals; NaN without.
        told: of the prediction what robots are told, NaN elsewhere; all of it when None.
    """
    known = truth > 0
    predicted = np.isfinite(prediction) & (prediction > 0)
    nan = float("nan")
    edges = nan, nan, nan, nan
    normals = nan, nan
    if _is_dense(known):
        edges = _edge_scores(prediction, predicted, truth, known)
        if camera is not None:
            normals = _normal_scores(prediction, predicted, truth, known, camera)
    told = prediction if told is None else told
    obstacles = _obstacle_scores(prediction, truth, known & predicted)
    of_told = _obstacle_scores(told, truth, known & np.isfinite(told) & (told > 0))
    return StructureMetrics(*edges, *normals, *obstacles, *of_told)


def depth_edges(depth: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The near sides of edges, bool H x W: pixels one of whose four neighbours is far behind."""
    edges = np.zeros(depth.shape, bool)
    for here, beside in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        both = known[here] & known[beside]
        a, b = np.where(both, depth[here], 1), np.where(both, depth[beside], 1)
        edges[here] |= both & (b > EDGE_RATIO * a)
        edges[beside] |= both & (a > EDGE_RATIO * b)
    return edges


def _is_dense(known: np.ndarray) -> bool:
    pairs = np.count_nonzero(known[:, :-1] & known[:, 1:])
    return int(pairs) > DENSE * max(int(np.count_nonzero(known)), 1)


def _distance_to(edges: np.ndarray) -> np.ndarray:
    """Pixels to the nearest edge, at most `EDGE_LIMIT_PX`."""
    if not edges.any():
        return np.full(edges.shape, EDGE_LIMIT_PX, np.float32)
    distance = cv2.distanceTransform(1 - edges.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.minimum(distance, EDGE_LIMIT_PX)


def _edge_scores(prediction, predicted, truth, known) -> tuple[float, float, float, float]:
    true_edges = depth_edges(truth, known)
    if not true_edges.any():
        return (float("nan"),) * 4
    to_true = _distance_to(true_edges)
    edges = depth_edges(prediction, predicted) & known
    near = known & (to_true <= NEAR_EDGE_PX)
    error = np.abs(prediction - truth)[near & predicted].astype(np.float64)
    return (
        _mean(to_true[edges]),
        _mean(_distance_to(edges)[true_edges]),
        1e3 * _mean(error),
        _mean(predicted[near]),
    )


def _normal_scores(prediction, predicted, truth, known, camera: Camera) -> tuple[float, float]:
    """Mean angle in degrees, and share of small ones, where neither depth has an edge or a hole."""
    whole = known & predicted & ~depth_edges(truth, known) & ~depth_edges(prediction, predicted)
    inner = cv2.erode(whole.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0) > 0
    if not inner.any():
        return float("nan"), float("nan")
    ours, true = (_normals(np.where(whole, depth, 1), camera)[inner] for depth in (prediction, truth))
    cosine = np.clip((ours * true).sum(axis=1), -1, 1)
    angle = np.degrees(np.arccos(cosine))
    return _mean(angle), _mean(angle < NORMAL_DEG)


def _normals(depth: np.ndarray, camera: Camera) -> np.ndarray:
    """Unit normals H x W x 3 from the differences of the points to the left and right, above and below."""
    x, y = camera.rays
    points = np.stack([x * depth, y * depth, depth], axis=-1).astype(np.float64)
    across, down = np.zeros_like(points), np.zeros_like(points)
    across[:, 1:-1] = points[:, 2:] - points[:, :-2]
    down[1:-1] = points[2:] - points[:-2]
    normals = np.cross(across, down)
    return normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12)


def _obstacle_scores(prediction, truth, both) -> tuple[float, float]:
    difference = prediction[both].astype(np.float64) - truth[both]
    tolerance = np.maximum(TOLERANCE_M, TOLERANCE_SHARE * truth[both])
    return _mean(difference < -tolerance), _mean(difference > tolerance)


def _mean(values: np.ndarray) -> float:
    return float(values.mean(dtype=np.float64)) if values.size else float("nan")


def structure_table(
    scores: Mapping[tuple[str, str], StructureMetrics],
) -> tuple[list[str], list[list[str]]]:
    """Headings and cells of the table of shape; keys are protocol and completer."""
    headings = ["protocol", "completer", *(heading for heading, _ in COLUMNS.values())]
    cells = [
        [*key, *(pattern.format(getattr(score, name)) for name, (_, pattern) in COLUMNS.items())]
        for key, score in scores.items()
    ]
    return headings, cells
