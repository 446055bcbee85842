"""Results of an evaluation in parts: as JSON, and put together."""

from __future__ import annotations

from dataclasses import asdict, astuple

import numpy as np

from ..core import Metrics
from ..evaluation.confidence import ConfidenceScore
from ..evaluation.runner import EvaluationResult, Row
from ..evaluation.structure import StructureMetrics

SUMS = ("by_range", "by_place", "reliability")


def content_of(result: EvaluationResult) -> dict:
    """All that frames have added to a result, as JSON knows it, exactly."""
    return {
        "frames": result.frames,
        "without_points": result.without_points,
        "sizes": sorted(result.sizes),
        "rows": [
            [
                row.frame,
                row.protocol,
                row.completer,
                row.points_fed,
                _numbers(row.metrics),
                _numbers(row.told),
            ]
            for row in result.rows
        ],
        "skipped": result.skipped,
        "sums": {
            name: [[*key, np.asarray(sums).tolist()] for key, sums in getattr(result, name).items()]
            for name in SUMS
        },
        "runtimes_ms": result.runtimes_ms,
        "structure": [
            [*key, {name: float(x) for name, x in asdict(score).items()}] for *key, score in result.structure
        ],
        "confidence": [
            [*key, {name: curve.tolist() for name, curve in score.curves.items()}, score.reliability.tolist()]
            for *key, score in result.confidence
        ],
    }


def add(result: EvaluationResult, content: dict, drive: str) -> None:
    """Add to a result what `content_of` gave of a part.

    Args:
        drive: put before the names of frames; empty for nothing.
    """

    def named(frame: str) -> str:
        return f"{drive}/{frame}" if drive else frame

    result.frames += content["frames"]
    result.without_points += content["without_points"]
    result.sizes |= {(height, width) for height, width in content["sizes"]}
    for frame, protocol, completer, fed, metrics, told in content["rows"]:
        each = Metrics(*metrics), Metrics(*told)
        result.rows.append(Row(named(frame), protocol, completer, fed, *each))
    result.skipped += [(named(frame), protocol, reason) for frame, protocol, reason in content["skipped"]]
    for name in SUMS:
        sums = getattr(result, name)
        for protocol, completer, values in content["sums"][name]:
            sums[protocol, completer] = sums.get((protocol, completer), 0) + np.array(values)
    result.runtimes_ms += [(named(frame), *rest) for frame, *rest in content["runtimes_ms"]]
    for frame, protocol, completer, score in content["structure"]:
        result.structure.append((named(frame), protocol, completer, StructureMetrics(**score)))
    for frame, protocol, completer, curves, reliability in content["confidence"]:
        arrays = {name: np.array(curve) for name, curve in curves.items()}
        score = ConfidenceScore(arrays, np.array(reliability))
        result.confidence.append((named(frame), protocol, completer, score))


def _numbers(metrics: Metrics) -> list[float]:
    return [value.item() if isinstance(value, np.generic) else value for value in astuple(metrics)]


def shown_content(shown) -> list[dict]:
    """Trials for the page, as JSON knows them."""
    return [asdict(each) for each in shown]
