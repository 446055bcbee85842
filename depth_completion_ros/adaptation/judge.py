"""Whether fitted weights are better than those before, on stretches that nothing was chosen by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..completion import Completer
from ..core import Frame
from ..evaluation.runner import EvaluationResult, evaluate

BEFORE, AFTER = "before", "after"
SAME_DEPTH, SAME_CONFIDENCE = 1e-3, 2e-3
"""Relative difference of errors, and difference of calibration errors, up to which both are alike."""


class NotBetter(ValueError):
    """Weights that gain nothing are not written; the message says what became worse.

    Args:
        verdict: what was found.
    """

    def __init__(self, message: str, verdict: Verdict):
        super().__init__(message)
        self.verdict = verdict


@dataclass(frozen=True, eq=False)
class Verdict:
    """What was found on the frames that judge.

    Args:
        depth: geometric mean of RMSE and MAE over the protocols, after relative to before.
        calibration: mean |confidence - share that is right|, before and after.
        ause: of RMSE, before and after.
        result: all of it, of completers `BEFORE` and `AFTER`.
    """

    depth: float
    calibration: tuple[float, float]
    ause: tuple[float, float]
    result: EvaluationResult

    def refuse_worse(self) -> None:
        """Raise where depth or confidence is worse than before, or neither is better.

        Raises:
            NotBetter: with both figures.
        """
        before, after = self.calibration
        depth_is_worse = self.depth > 1 + SAME_DEPTH
        confidence_is_worse = after > before + SAME_CONFIDENCE
        none_is_better = self.depth > 1 - SAME_DEPTH and after > before - SAME_CONFIDENCE
        if not (depth_is_worse or confidence_is_worse or none_is_better):
            return
        worse = [
            *(["depth is worse"] if depth_is_worse else []),
            *(["confidence is worse"] if confidence_is_worse else []),
        ]
        what = " and ".join(worse) or "nothing is better"
        hint = " Try --confidence-only." if depth_is_worse and not confidence_is_worse else ""
        raise NotBetter(
            f"No weights are written: on the stretches held out {what} (errors {self.depth:.3f} times those "
            f"before, calibration error {before:.3f} before and {after:.3f} after).{hint}",
            self,
        )


def judge(
    before: Completer, after: Completer, frames: Sequence[Frame], protocols: Sequence[str], name: str
) -> Verdict:
    """Score both on hidden points of frames.

    Raises:
        ValueError: no frame can serve any of the protocols.
    """
    result = evaluate(frames, {BEFORE: before, AFTER: after}, protocols, name=name, confidence=True)
    means = {(mean.completer, mean.protocol): mean.metrics for mean in result.means()}
    ratios = [
        (metrics.rmse_mm / means[BEFORE, text].rmse_mm, metrics.mae_mm / means[BEFORE, text].mae_mm)
        for (who, text), metrics in means.items()
        if who == AFTER and means[BEFORE, text].mae_mm > 0 and metrics.mae_mm > 0
    ]
    scores = result.confidence_means()
    calibration, ause = (
        tuple(
            float(np.mean([value(score) for (_, who), score in scores.items() if who == one]))
            for one in (BEFORE, AFTER)
        )
        for value in (lambda score: score.calibration_error, lambda score: score.ause()[0])
    )
    depth = float(np.exp(np.mean(np.log(ratios)))) if ratios else 1.0
    return Verdict(depth, calibration, ause, result)
