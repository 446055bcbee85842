"""Error measures of dense depth, in the units of the papers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np


@dataclass(frozen=True)
class Metrics:
    """Errors over the pixels that have both a truth and a prediction.

    RMSE and MAE are in millimetres and their inverse-depth counterparts in 1/km, as on the KITTI
    depth completion server; NYUv2 papers quote RMSE in metres (divide by 1000). `rel` is the mean of
    |d - t| / t, `delta_k` the share of pixels with max(d/t, t/d) < 1.25^k.
    """

    rmse_mm: float
    mae_mm: float
    irmse_per_km: float
    imae_per_km: float
    rel: float
    delta1: float
    delta2: float
    delta3: float
    pixels: int
    """Number of pixels scored."""
    coverage: float
    """Share of the pixels with truth that have a prediction."""

    @classmethod
    def mean(cls, many: Sequence[Metrics]) -> Metrics:
        """Mean over frames, each counting alike as on the KITTI server; `pixels` is the sum."""
        if not many:
            raise ValueError("There are no metrics to take the mean of.")
        values = {}
        for f in fields(cls):
            column = np.array([getattr(m, f.name) for m in many], dtype=np.float64)
            if f.name == "pixels":
                values[f.name] = int(column.sum())
            else:
                values[f.name] = mean_of_known(column)
        return cls(**values)


def mean_of_known(values: Sequence[float] | np.ndarray) -> float:
    """Mean of the finite values; NaN where there is none."""
    column = np.asarray(values, np.float64)
    known = column[np.isfinite(column)]
    return float(known.mean()) if known.size else float("nan")


def compute_metrics(prediction: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> Metrics:
    """Compare a predicted depth with the true one.

    Args:
        prediction: H x W metres, NaN or not positive where unknown.
        truth: H x W metres, 0 where unknown.
        mask: boolean H x W of the pixels to score; all that have a truth when None.

    Returns:
        the metrics; NaN, with `pixels` 0, where no pixel can be scored.
    """
    if prediction.shape != truth.shape:
        raise ValueError(f"Prediction is {prediction.shape} but truth is {truth.shape}.")
    known = np.isfinite(truth) & (truth > 0)
    if mask is not None:
        known &= mask
    d = prediction[known].astype(np.float64)
    t = truth[known].astype(np.float64)
    valid = np.isfinite(d) & (d > 0)
    coverage = float(valid.mean()) if valid.size else float("nan")
    d, t = d[valid], t[valid]
    if not d.size:
        return Metrics(*[float("nan")] * 8, pixels=0, coverage=coverage)
    error, inverse_error = d - t, 1 / d - 1 / t
    ratio = np.maximum(d / t, t / d)
    return Metrics(
        rmse_mm=float(1e3 * np.sqrt(np.mean(error**2))),
        mae_mm=float(1e3 * np.mean(np.abs(error))),
        irmse_per_km=float(1e3 * np.sqrt(np.mean(inverse_error**2))),
        imae_per_km=float(1e3 * np.mean(np.abs(inverse_error))),
        rel=float(np.mean(np.abs(error) / t)),
        delta1=float(np.mean(ratio < 1.25)),
        delta2=float(np.mean(ratio < 1.25**2)),
        delta3=float(np.mean(ratio < 1.25**3)),
        pixels=int(d.size),
        coverage=coverage,
    )
