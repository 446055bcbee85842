"""Files of an evaluation: JSON and CSV for programs, a Markdown report for people.

`metrics.json` and `metrics.csv` hold nothing that differs between two runs on the same input;
what does, the run times, is in `runtimes.csv`.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from io import StringIO
from pathlib import Path

import numpy as np

from ..core import Metrics
from ..core.safe.files import write_text
from .confidence import RANKINGS, ConfidenceScore
from .runner import RANGE_EDGES, EvaluationResult
from .structure import SENTENCE as STRUCTURE_SENTENCE
from .structure import structure_table

METRICS = tuple(field.name for field in fields(Metrics))
COLUMNS = {
    "rmse_mm": ("RMSE mm", "{:.0f}"),
    "mae_mm": ("MAE mm", "{:.0f}"),
    "irmse_per_km": ("iRMSE 1/km", "{:.1f}"),
    "imae_per_km": ("iMAE 1/km", "{:.1f}"),
    "rel": ("REL", "{:.4f}"),
    "delta1": ("δ < 1.25", "{:.4f}"),
    "coverage": ("coverage", "{:.1%}"),
}
"""Heading and format of the metrics that tables show."""
TOLD_COLUMNS = {"coverage": ("told", "{:.1%}"), "rmse_mm": ("RMSE told", "{:.0f}")}
"""The same of what robots are told: depth at least as sure as the completer's `least_confidence`."""
MEAN_SENTENCE = (
    "RMSE, MAE, iRMSE and iMAE are those of the KITTI depth completion server, REL and δ those of "
    "NYUv2. Pixels without a prediction are not scored; coverage is the share that has one. "
    "Told is the share that robots are told by default, as sure as the completer's own limit of "
    "confidence or surer, and the RMSE of that share. The last column is the median time of a "
    "completion on this machine, in milliseconds."
)
CONFIDENCE_SENTENCE = (
    "AUSE is the area between two curves of the error that is left when more and more pixels are removed, "
    "the least confident first and the worst first, relative to the error of all: 0 where confidence ranks "
    "as the error does. Beside confidence stand the distance to the nearest measured pixel as a ranking, and "
    "a random one. Where confidence is the probability to be within 5 % of the truth, as that of the default "
    "is meant to be, the calibration error, the mean difference of the two by tenths of confidence, is small."
)


def write_report(result: EvaluationResult, folder: str | Path, figures: Sequence[Path] = ()) -> list[Path]:
    """Write all files of an evaluation into a folder and return their paths, `report.md` first.

    Args:
        figures: PNG files inside the folder that the report shows at its end.
    """
    from .figures import plot_all

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "metrics.json": metrics_json(result),
        "metrics.csv": _metrics_csv(result),
        "runtimes.csv": _csv(("frame", "protocol", "completer", "ms"), result.runtimes_ms),
    }
    plots = plot_all(result, folder)
    texts = {"report.md": _markdown(result, plots, list(figures), folder), **texts}
    for name, text in texts.items():
        write_text(folder / name, text)
    return [folder / name for name in texts] + plots + list(figures)


def metrics_json(result: EvaluationResult) -> str:
    """All metrics as JSON; byte for byte the same for the same input. Unknown is null."""
    content = {
        "name": result.name,
        "frames": result.frames,
        "settings": _json_value(asdict(result.settings)),
        "protocols": [protocol.text for protocol in result.protocols],
        "completers": result.completers,
        "means": [_json_value(asdict(mean)) for mean in result.means()],
        "by_range": {
            "edges_m": _json_value(RANGE_EDGES),
            "mae_mm": [
                {"protocol": protocol, "completer": completer, "values": _json_value(mean_error_mm(sums))}
                for (protocol, completer), sums in result.by_range.items()
            ],
        },
        "by_place": [
            {"protocol": protocol, "completer": completer, "mae_mm": _json_value(mean_error_mm(sums))}
            for (protocol, completer), sums in result.by_place.items()
        ],
        "reliability": [
            {"protocol": protocol, "completer": completer, "values": _json_value(values)}
            for (protocol, completer), values in result.reliability_means().items()
        ],
        "rows": [_json_value(asdict(row)) for row in result.rows],
        "skipped": [
            {"frame": frame, "protocol": protocol, "reason": reason}
            for frame, protocol, reason in result.skipped
        ],
        "left_out": result.left_out,
    }
    if result.over_time:
        content["over_time"] = dict(result.over_time)
    if result.confidence:
        content["confidence"] = [
            {"protocol": protocol, "completer": completer, **_json_value(_confidence(score))}
            for (protocol, completer), score in result.confidence_means().items()
        ]
    if result.structure:
        content["structure"] = [
            {"protocol": protocol, "completer": completer, **_json_value(asdict(score))}
            for (protocol, completer), score in result.structure_means().items()
        ]
        content["structure_rows"] = [
            {"frame": frame, "protocol": protocol, "completer": completer, **_json_value(asdict(score))}
            for frame, protocol, completer, score in result.structure
        ]
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _confidence(score: ConfidenceScore) -> dict:
    """A score as numbers for a program."""
    return {
        "ause_rmse": {ranking: score.ause(ranking)[0] for ranking in RANKINGS[:-1]},
        "ause_mae": {ranking: score.ause(ranking)[1] for ranking in RANKINGS[:-1]},
        "confidence": score.confidence,
        "right": score.right,
        "calibration_error": score.calibration_error,
        "reliability": score.reliability,
    }


def mean_error_mm(sums: np.ndarray) -> np.ndarray:
    """MAE in millimetres in each bin of `by_range` or `by_place`, NaN in empty ones."""
    with np.errstate(invalid="ignore"):
        return 1e3 * sums[0] / sums[1]


def _json_value(value):
    """The value as JSON knows it; floats to seven digits, what is not finite as null."""
    if isinstance(value, dict):
        return {key: _json_value(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_json_value(entry) for entry in value]
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.7g}") if math.isfinite(value) else None
    return value


def _metrics_csv(result: EvaluationResult) -> str:
    header = ("frame", "protocol", "completer", "points_fed", *METRICS, *(f"told_{name}" for name in METRICS))
    rows = (
        (
            row.frame,
            row.protocol,
            row.completer,
            row.points_fed,
            *asdict(row.metrics).values(),
            *asdict(row.told).values(),
        )
        for row in result.rows
    )
    return _csv(header, rows)


def _csv(header: Sequence[str], rows: Iterable[Sequence]) -> str:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow(f"{cell:.7g}" if isinstance(cell, float) else cell for cell in row)
    return text.getvalue()


# Tables ------------------------------------------------------------------------------------------


def mean_table(result: EvaluationResult) -> tuple[list[str], list[list[str]]]:
    """Headings and cells of the table of means, with the median run time."""
    headings = ["protocol", "completer", "frames", "points fed"]
    headings += [heading for heading, _ in (*COLUMNS.values(), *TOLD_COLUMNS.values())] + ["ms"]
    median = median_runtimes_ms(result)
    cells = []
    for mean in result.means():
        values = [pattern.format(getattr(mean.metrics, key)) for key, (_, pattern) in COLUMNS.items()]
        values += [pattern.format(getattr(mean.told, key)) for key, (_, pattern) in TOLD_COLUMNS.items()]
        row = [mean.protocol, mean.completer, str(mean.frames), f"{mean.points_fed:.0f}", *values]
        cells.append([*row, f"{median[mean.protocol, mean.completer]:.1f}"])
    return headings, cells


def confidence_table(
    scores: Mapping[tuple[str, ...], ConfidenceScore], keys: Sequence[str] = ("protocol", "completer")
) -> tuple[list[str], list[list[str]]]:
    """Headings and cells of the table of confidence.

    Args:
        scores: what a row is of to its mean score.
        keys: headings of what a row is of.
    """
    rankings = RANKINGS[:-1]
    headings = [*keys, *(f"AUSE {error}, {name}" for error in ("RMSE", "MAE") for name in rankings)]
    headings += ["mean confidence", "within 5 %", "calibration error"]
    cells = []
    for key, score in scores.items():
        ause = [score.ause(name)[error] for error in (0, 1) for name in rankings]
        calibration = [score.confidence, score.right, score.calibration_error]
        row = [f"{value:.3f}" for value in ause] + [f"{value:.1%}" for value in calibration]
        cells.append([*key, *row])
    return headings, cells


def median_runtimes_ms(result: EvaluationResult) -> dict[tuple[str, str], float]:
    """(protocol, completer) to median milliseconds of a completion."""
    times: dict[tuple[str, str], list[float]] = {}
    for _, protocol, completer, elapsed in result.runtimes_ms:
        times.setdefault((protocol, completer), []).append(elapsed)
    return {key: float(np.median(values)) for key, values in times.items()}


def skip_sentences(result: EvaluationResult) -> list[str]:
    """One sentence for each protocol and reason that frames were left out for."""
    return [
        f"{count} of {result.frames} frames cannot serve {protocol}: {reason}."
        for (protocol, reason), count in result.skip_counts().items()
    ]


def left_out_sentences(result: EvaluationResult) -> list[str]:
    """One sentence for each cause that the reader left frames out for."""
    return [f"Left out by the reader: {n} x {cause}." for cause, n in sorted(result.left_out.items())]


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], left: int = 2) -> str:
    """A table in Markdown, so many of whose columns are words."""
    rule = ["---" if at < left else "---:" for at in range(len(headings))]
    return "\n".join("| " + " | ".join(row) + " |" for row in (headings, rule, *rows))


def _markdown(result: EvaluationResult, plots: list[Path], figures: list[Path], folder: Path) -> str:
    parts = [f"# Depth completion on {result.name}", settings_sentence(result)]
    if result.damage:
        parts.append(f"**These are not all frames of the data: {result.damage}**")
    parts += ["## Mean over frames", table(*mean_table(result)), MEAN_SENTENCE]
    if result.confidence:
        parts += ["## Confidence", table(*confidence_table(result.confidence_means())), CONFIDENCE_SENTENCE]
    if result.structure:
        parts += ["## Shape", table(*structure_table(result.structure_means())), STRUCTURE_SENTENCE]
    if left_out := [*skip_sentences(result), *left_out_sentences(result)]:
        parts += ["## Left out", "\n".join(f"- {text}" for text in left_out)]
    for title, files in (("Plots", plots), ("Figures", figures)):
        if files:
            shown = [f"![{path.stem}]({path.relative_to(folder).as_posix()})" for path in files]
            parts += [f"## {title}", *shown]
    return "\n\n".join(parts) + "\n"


def settings_sentence(result: EvaluationResult) -> str:
    """What was fed and what was scored."""
    settings = result.settings
    filters = [name for name in ("see_through", "isolated") if getattr(settings, name)]
    sentence = f"{result.frames} frames; filters on the feed: "
    sentence += (" and ".join(filters) or "none").replace("_", "-")
    if filters and result.without_points:
        without = f"{result.without_points} of {result.frames} frames"
        sentence += f" (of LiDAR points; {without} have none and are not filtered)"
    if math.isfinite(settings.max_range):
        sentence += f"; fed up to {settings.max_range:g} m"
    if math.isfinite(settings.max_depth):
        sentence += f"; truth scored up to {settings.max_depth:g} m"
    if settings.region is not None:
        sentence += f"; scored inside {','.join(map(str, settings.region))} (left, top, right, bottom)"
    if settings.seeds > 1 and any(protocol.is_random for protocol in result.protocols):
        sentence += f"; random protocols are the mean over {settings.seeds} draws"
    if result.over_time:
        counts = ", ".join(f"{count} {outcome}" for outcome, count in result.over_time.most_common())
        sentence += f"; completions blended with those of the frames before: {counts}"
    return f"{sentence}. Size of the frames: {_sizes_text(result)}."


def _sizes_text(result: EvaluationResult) -> str:
    """Widths and heights; the first three where there are many."""
    sizes = [f"{width} x {height}" for height, width in sorted(result.sizes)]
    return ", ".join(sizes[:3]) + (f" and {len(sizes) - 3} more" if len(sizes) > 3 else "")
