"""Alignment of a monocular prediction with the few depths that were measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .interface import SPACES

METHODS = ("robust", "least_squares", "none")
FAR = 200.0
"""Metres at which aligned depth ends: disparity of zero and below (sky) would be infinitely far."""

SAMPLE = 4096
"""Points that take part in a fit. More change the result by less than the prior's own errors do."""
PAIRS = 256
"""Pairs of points that each propose a line. With 30 % outliers half are clean, with 80 % still ten."""
GROSS = 0.25
"""Relative error from which on a point says nothing more against a proposal."""
NOISE_FLOOR = 0.01
"""Relative error below which no prior and no sensor is trusted to be, so that one point never rules."""
SIGNIFICANCE = 3.0
"""Standard errors that a scale must be above zero; points of about one depth tell no slope."""


@dataclass(frozen=True)
class Alignment:
    """The line that takes a prediction to metres: s p + t is 1 / z (disparity) or z (depth, metric).

    Args:
        space: what the prediction means, see `MonocularPrior`.
        scale, shift: s, positive, and t; NaN where nothing tells them.
        count: number of measured pixels with a prediction.
        inliers: share of them in [0, 1] within `tolerance`; 0 where there is none.
        residual: median relative error of the inliers; NaN where there is none.
        tolerance: relative error up to which a point is an inlier.
    """

    space: str
    scale: float
    shift: float
    count: int = 0
    inliers: float = 0.0
    residual: float = float("nan")
    tolerance: float = GROSS

    def apply(self, prediction: np.ndarray) -> np.ndarray:
        """Depth of a prediction, float32 H x W metres along z in (0, `FAR`].

        Disparity of zero and below is at `FAR`. Depth of zero and below is unknown (NaN), as all is
        where the line is not known.
        """
        value = prediction * np.float32(self.scale) + np.float32(self.shift)
        if self.space == "disparity":
            return 1 / np.maximum(value, np.float32(1 / FAR))
        return np.minimum(np.where(value > 0, value, np.float32(np.nan)), np.float32(FAR))


def align(prediction: np.ndarray, sparse_depth: np.ndarray, space: str, method: str = "robust") -> Alignment:
    """Find scale and shift of a prediction from the measured pixels.

    The error minimised is relative: z (s p + t) - 1 for disparity, (s p + t) / z - 1 for depth, both
    linear in s and t. Residuals of disparity itself would count a metre at 5 m 256 times as much as one
    at 80 m, residuals of depth the other way round; a prior errs in proportion to the distance.

    `robust` takes the best of many lines through two points each (RANSAC with a truncated cost, of fixed
    seed), then reweighted least squares after Geman and McClure; `least_squares` is for points without
    outliers; `none` leaves a metric prediction as it is. Metric predictions get a scale alone (`robust`:
    the median of the ratios around the most common one), and so do others where the points leave the
    slope open (one point, one depth, a prediction that is constant or upside down).

    Args:
        prediction: float32 H x W, NaN where unknown.
        sparse_depth: float32 H x W metres, 0 where not measured.
        space: of the prediction, see `MonocularPrior`.
        method: `robust`, `least_squares` or `none`.

    Raises:
        ValueError: shapes differ, or `space` or `method` is unknown.
    """
    _check(prediction, sparse_depth, space, method)
    measured = np.flatnonzero(sparse_depth > 0)
    p, z = prediction.ravel()[measured].astype(np.float64), sparse_depth.ravel()[measured].astype(np.float64)
    known = np.isfinite(p)
    p, z = (p, z) if known.all() else (p[known], z[known])
    if not len(z) or method == "none":
        line = (1.0, 0.0) if space == "metric" else None
    else:
        line = _fit(*_sample(p, z), space, method)
    if line is None:
        return Alignment(space, float("nan"), float("nan"), len(z))
    return _judge(p, z, space, line)


def relative_error(depth: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """How much greater the greater of two depths is than the lesser, as a share; infinite where unknown."""
    with np.errstate(invalid="ignore"):
        error = np.maximum(depth / measured, measured / depth) - 1
    return np.where(np.isnan(error), np.inf, error)


def _check(prediction, sparse_depth, space, method):
    if prediction.shape != sparse_depth.shape:
        raise ValueError(
            f"Prediction has shape {prediction.shape}, sparse depth {sparse_depth.shape}; they must be equal."
        )
    if space not in SPACES:
        raise ValueError(f"Space '{space}' is unknown; it must be one of {', '.join(SPACES)}.")
    if method not in METHODS:
        raise ValueError(f"Alignment method '{method}' is unknown; it must be one of {', '.join(METHODS)}.")
    if method == "none" and space != "metric":
        raise ValueError(f"A prediction of {space} needs an alignment; method 'none' is for metric ones.")


def _sample(p: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most `SAMPLE` points, spread evenly over the ranks of the prediction, in their order."""
    order = np.argsort(p)
    if len(order) > SAMPLE:
        order = order[np.linspace(0, len(order) - 1, SAMPLE).astype(np.intp)]
    return p[order], z[order]


def _design(p: np.ndarray, z: np.ndarray, space: str) -> tuple[np.ndarray, np.ndarray]:
    """a and b of the relative error a s + b t - 1 of each point."""
    return (z * p, z) if space == "disparity" else (p / z, 1 / z)


def _fit(p: np.ndarray, z: np.ndarray, space: str, method: str) -> tuple[float, float] | None:
    """Scale and shift, or None where no positive scale fits any point; p ascending."""
    if space != "metric":
        # Around its median, in its own spread, so that neither its unit nor its offset costs digits.
        centre, unit = np.median(p), np.ptp(p) or 1.0
        a, b = _design((p - centre) / unit, z, space)
        line = _consensus(a, b) if method == "robust" else _least_squares(a, b, np.ones_like(a))
        if line is not None and method == "robust":
            line = _reweighted(a, b, line)
        if line is not None and _is_significant(a, b, line):
            scale = line[0] / unit
            return float(scale), float(line[1] - scale * centre)
    a, _ = _design(p, z, space)
    a = a[a > 0]
    if not len(a):
        return None
    return (_common_scale(-np.log(a)) if method == "robust" else float(a.sum() / (a @ a))), 0.0


def _common_scale(logarithm: np.ndarray) -> float:
    """The scale that most agree on: the median of those that are not gross seen from the best of them."""
    ranks = np.linspace(0, len(logarithm) - 1, min(PAIRS, len(logarithm))).astype(np.intp)
    some = np.sort(logarithm)[ranks]
    best = some[np.minimum(np.abs(some - some[:, None]), GROSS).sum(axis=1).argmin()]
    return float(np.exp(np.median(logarithm[np.abs(logarithm - best) <= GROSS])))


def _consensus(a: np.ndarray, b: np.ndarray) -> tuple[float, float] | None:
    """The line through two points that the most others agree with; None without one of positive scale."""
    n = len(a)
    if n * (n - 1) // 2 <= PAIRS:
        i, j = np.triu_indices(n, 1)
    else:  # at least a quarter of the ranks apart, as close pairs propose only noise
        random = np.random.default_rng(0)
        i = random.integers(0, n, PAIRS)
        j = (i + random.integers(n // 4, n - n // 4 + 1, PAIRS)) % n
    with np.errstate(divide="ignore", invalid="ignore"):
        determinant = a[i] * b[j] - a[j] * b[i]
        scale, shift = (b[j] - b[i]) / determinant, (a[i] - a[j]) / determinant
    proper = np.isfinite(scale) & np.isfinite(shift) & (scale > 0)
    if not proper.any():
        return None
    lines = np.column_stack([scale, shift])[proper]
    every = -(-n // 1024)
    points = np.stack([a[::every], b[::every]]).astype(np.float32)
    error = np.abs(lines.astype(np.float32) @ points - 1)
    best = np.fmin(error, np.float32(GROSS)).sum(axis=1).argmin()
    return tuple(lines[best].tolist())


def _reweighted(a: np.ndarray, b: np.ndarray, line: tuple[float, float]) -> tuple[float, float] | None:
    """Geman-McClure least squares from a first line; its width follows the errors that are not gross."""
    for _ in range(15):
        error = a * line[0] + b * line[1] - 1
        width = _deviation(error)
        weight = (width**2 / (width**2 + error**2)) ** 2
        refined = _least_squares(a, b, weight)
        if refined is None:
            return None
        converged = np.allclose(refined, line, rtol=1e-6, atol=1e-9)
        line = refined
        if converged:
            break
    return line


def _least_squares(a: np.ndarray, b: np.ndarray, weight: np.ndarray) -> tuple[float, float] | None:
    """s and t that minimise the weighted squares of a s + b t - 1; None where they are not determined."""
    wa, wb = weight * a, weight * b
    aa, ab, bb = wa @ a, wa @ b, wb @ b
    determinant = aa * bb - ab * ab
    if determinant <= 1e-12 * aa * bb:
        return None
    return (
        float((wa.sum() * bb - wb.sum() * ab) / determinant),
        float((wb.sum() * aa - wa.sum() * ab) / determinant),
    )


def _is_significant(a: np.ndarray, b: np.ndarray, line: tuple[float, float]) -> bool:
    """Whether the scale is positive by more than chance."""
    error = a * line[0] + b * line[1] - 1
    agree = np.abs(error) < GROSS
    a, b = a[agree], b[agree]
    determinant = (a @ a) * (b @ b) - (a @ b) ** 2
    if determinant <= 0:
        return False
    return line[0] > SIGNIFICANCE * _deviation(error) * np.sqrt((b @ b) / determinant)


def _deviation(error: np.ndarray) -> float:
    """Standard deviation of the errors that are not gross, from their median."""
    error = np.abs(error)
    agree = error[error < GROSS]
    return max(1.4826 * float(np.median(agree)) if len(agree) else GROSS, NOISE_FLOOR)


def _judge(p: np.ndarray, z: np.ndarray, space: str, line: tuple[float, float]) -> Alignment:
    """The alignment with what the points say of it."""
    if not len(z):
        return Alignment(space, *line)
    error = relative_error(Alignment(space, *line).apply(p), z)
    tolerance = 3 * _deviation(error)
    agree = error[error <= tolerance]
    residual = float(np.median(agree)) if len(agree) else float("nan")
    return Alignment(space, *line, len(z), len(agree) / len(z), residual, tolerance)
