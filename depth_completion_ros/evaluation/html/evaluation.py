"""The page of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..report import (
    COLUMNS,
    CONFIDENCE_SENTENCE,
    MEAN_SENTENCE,
    TOLD_COLUMNS,
    confidence_table,
    mean_table,
    settings_sentence,
)
from ..runner import EvaluationResult, Row
from ..structure import SENTENCE as STRUCTURE_SENTENCE
from ..structure import structure_table
from . import charts as draw
from .frames import ShownTrial, viewer
from .page import Page, charts, table
from .svg import legend

MOST_ROWS = 300
"""Single frames in the table, those of the largest error; all are in `metrics.csv`."""


@dataclass(frozen=True)
class Extra:
    """A table that only this evaluation has, shown first.

    Args:
        headings, rows: the first two columns are words, all others numbers.
        note: a sentence about it.
    """

    heading: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


def write_html(
    result: EvaluationResult,
    path: str | Path,
    shown: Sequence[ShownTrial] = (),
    extra: Extra | None = None,
) -> Path:
    """Write all of an evaluation as one HTML file, computed from the result alone.

    Args:
        shown: frames to look at, see `show_trial`.

    Raises:
        OSError: the file cannot be written.
    """
    damage = f"These are not all frames of the data: {result.damage}" if result.damage else ""
    page = Page(f"Depth completion on {result.name}", settings_sentence(result), damage)
    if extra is not None:
        page.section(extra.heading, table(extra.headings, extra.rows), note=extra.note)
    page.section("Mean over frames", table(*mean_table(result)), note=MEAN_SENTENCE)
    if result.confidence:
        confidence = table(*confidence_table(result.confidence_means()))
        page.section("Confidence", confidence, note=CONFIDENCE_SENTENCE)
    if result.structure:
        page.section("Shape", table(*structure_table(result.structure_means())), note=STRUCTURE_SENTENCE)
    _frames(page, result, shown)
    names = legend(result.completers)
    for heading, drawn, note in (
        ("Error over range", draw.error_over_range(result), "MAE in each bin of the true depth."),
        ("Error over the feed", draw.error_over_feed(result), "RMSE over how much was fed."),
        (
            "Is confidence true?",
            draw.reliability_diagrams(result),
            "Share of the pixels within 5 % of the truth, in ten bins of the confidence that was told. On "
            "the diagonal, confidence is the probability to be right; below it, the completer is too sure.",
        ),
        (
            "Accuracy against time",
            draw.error_against_time(result),
            "Lower left is better. The dashed line joins the completers that no other beats in both.",
        ),
        ("Time", draw.time_histograms(result), "Each completion on this machine, the first one left out."),
    ):
        if drawn:
            page.section(heading, names, charts(drawn), note=note)
    note = "MAE by part of the image; the fuller the colour, the larger. Parts without have nothing to score."
    page.section("Where errors lie", *map(charts, draw.error_places(result)), note=note)
    page.section("Left out", _left_out(result), note="Every frame that was not scored, by cause.")
    _single_frames(page, result)
    return page.write(path)


def _frames(page: Page, result: EvaluationResult, shown: Sequence[ShownTrial]) -> None:
    rows = {(row.frame, row.protocol, row.completer): row for row in result.rows}
    scores = [[_score(rows[each.frame, each.protocol, name]) for name in result.completers] for each in shown]
    note = "Two completers lie over each other: move the slider, or drag in an image."
    page.section("Frames", viewer(shown, result.completers, scores), note=note if shown else "")


def _score(row: Row) -> str:
    m = row.metrics
    return f"{row.completer}: RMSE {m.rmse_mm:.0f} mm, MAE {m.mae_mm:.0f} mm, {m.coverage:.1%} covered."


def _left_out(result: EvaluationResult) -> str:
    rows = [
        [protocol, reason, str(count), str(result.frames)]
        for (protocol, reason), count in result.skip_counts().items()
    ]
    read = result.frames + sum(result.left_out.values())
    rows += [
        ["all, by the reader", cause, str(count), str(read)]
        for cause, count in sorted(result.left_out.items())
    ]
    if not rows:
        return f"<p>None: all {result.frames} frames were scored under every protocol.</p>"
    return table(["protocol", "cause", "frames", "of"], rows)


def _single_frames(page: Page, result: EvaluationResult) -> None:
    headings = ["frame", "protocol", "completer", "points fed"]
    headings += [heading for heading, _ in (*COLUMNS.values(), *TOLD_COLUMNS.values())]
    # What is not a number comes first: a frame without a depth is the worst.
    ordered = sorted(result.rows, key=lambda row: (row.metrics.rmse_mm <= float("inf"), -row.metrics.rmse_mm))
    cells = []
    for row in ordered[:MOST_ROWS]:
        metrics = [pattern.format(getattr(row.metrics, key)) for key, (_, pattern) in COLUMNS.items()]
        told = [pattern.format(getattr(row.told, key)) for key, (_, pattern) in TOLD_COLUMNS.items()]
        cells.append([row.frame, row.protocol, row.completer, f"{row.points_fed:.0f}", *metrics, *told])
    what = (
        "All" if len(cells) == len(ordered) else f"The {len(cells)} of {len(ordered)} with the largest RMSE"
    )
    note = f"{what}, the worst first. A click on a heading sorts; metrics.csv has every row."
    page.section("Single frames", table(headings, cells, left=3), note=note)
