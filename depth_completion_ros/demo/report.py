"""The table of a demo, and its page."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ..evaluation.html.charts import histograms, pareto
from ..evaluation.html.frames import compare, image_address, stack
from ..evaluation.html.page import Page, charts, table
from ..evaluation.html.svg import Chart, Scale, legend

COLUMNS = ("completer", "frames in", "completed", "dropped", "p50 ms", "p95 ms", "p99 ms")
METRICS = {
    "RMSE mm": "rmse_mm",
    "MAE mm": "mae_mm",
    "iRMSE 1/km": "irmse_per_km",
    "iMAE 1/km": "imae_per_km",
    "REL": "rel",
    "delta 1.25": "delta1",
    "coverage": "coverage",
}
MOST_SHOWN = 4
"""Frames of the page."""


def title(results: dict) -> str:
    """How frames were played and what they were scored on."""
    scored_on = next(iter(results["completers"].values()))["scored_on"]
    how = "in real time" if results["realtime"] else "each when the one before is completed"
    speed = f"at most {results['rate']:g} frames a second"
    return f"Live nodes on the demo drive, {how}, {speed}; scored on {scored_on}"


def demo_table(results: dict) -> tuple[list[str], list[list[str]]]:
    """Headings and cells, a row a completer."""
    rows = []
    for name, r in results["completers"].items():
        dropped = ", ".join(f"{cause}: {number}" for cause, number in r["dropped"].items()) or "none"
        cells = [name, str(r["played"]), str(r["completed"]), dropped]
        cells += [f"{value:.0f}" for value in (r["latency_ms"] or {}).values()] or ["-"] * 3
        rows.append([*cells, *(_number((r["mean"] or {}).get(key)) for key in METRICS.values())])
    return [*COLUMNS, *METRICS], rows


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def write_demo_html(reports: dict[str, dict], results: dict, out: Path) -> Path:
    """Write the page of a demo as one HTML file, and return its path.

    Args:
        reports: completer to what its session reported, with `per_frame` and `images`.
        results: as `demo_table` takes it.
        out: folder of the demo, which holds a folder of each completer.
    """
    names = list(reports)
    marks = legend(names)
    page = Page("The demo drive through the live nodes", f"{title(results)}.")
    note = "Milliseconds are from a pair of image and cloud to its published depth, on this machine."
    page.section("Completers", table(*demo_table(results), left=1), note=note)
    page.section("Frames", _frames(reports, out), note="Two completers lie over each other: move the slider.")
    if along := _along(reports):
        page.section("Error along the drive", marks, along, note="RMSE of each frame.")
    times = {name: [row["latency_ms"] for row in r["per_frame"]] for name, r in reports.items()}
    times = {name: [ms for ms in values if ms is not None] for name, values in times.items()}
    points = {
        name: (r["latency_ms"]["p50"], r["mean"]["rmse_mm"])
        for name, r in reports.items()
        if r["latency_ms"] and r["mean"] and r["mean"]["rmse_mm"] is not None
    }
    if points:
        against = charts([pareto("the demo drive", points, names, "RMSE, mm")])
        note = "Lower left is better. The dashed line joins the completers that no other beats in both."
        page.section("Accuracy against time", marks, against, note=note)
    if any(times.values()):
        page.section("Time", marks, charts(histograms(times, "time of a frame, ms", "frames")))
    page.section("Not completed, or not scored", _lost(reports), note="Every frame, by cause.")
    return page.write(out / "report.html")


def _along(reports: dict[str, dict]) -> str:
    lines = {
        at: [(i, row["rmse_mm"]) for i, row in enumerate(r["per_frame"]) if row.get("rmse_mm") is not None]
        for at, r in enumerate(reports.values())
    }
    if not any(lines.values()):
        return ""
    everything = [point for line in lines.values() for point in line]
    x = Scale([point[0] for point in everything], "frame", whole=True)
    chart = Chart("the demo drive", x, Scale([point[1] for point in everything], "RMSE, mm"))
    for at, (name, line) in enumerate(zip(reports, lines.values(), strict=True)):
        chart.line(line, at, [f"{name}, frame {i}: RMSE {rmse:.0f} mm" for i, rmse in line])
    return charts([chart.svg()])


def _lost(reports: dict[str, dict]) -> str:
    rows = [
        [name, what, cause, str(count), str(r["played"])]
        for name, r in reports.items()
        for what, causes in (("not completed", r["dropped"]), ("not scored", r["unscored"]))
        for cause, count in causes.items()
    ]
    if not rows:
        return "<p>None: each completer completed every frame, and each was scored.</p>"
    return table(["completer", "frames", "cause", "count", "of"], rows, left=3)


def _frames(reports: dict[str, dict], out: Path) -> str:
    """Some frames that the pages of all completers show: image, LiDAR, depth and error of each."""
    shown = [name for name in next(iter(reports.values()))["images"] if _in_all(name, reports)]
    step = max(1, -(-len(shown) // MOST_SHOWN))
    chosen = shown[::step]
    names = list(reports)
    bodies = [
        _body(names, [_quarters(out / name / r["images"][frame]) for name, r in reports.items()])
        for frame in chosen
    ]
    return compare(chosen, names, bodies)


def _in_all(frame: str, reports: dict[str, dict]) -> bool:
    return all(frame in r["images"] for r in reports.values())


def _body(names: list[str], quarters: list[list[str]]) -> str:
    """Image and LiDAR of the first, depth and error of all (HTML)."""
    image, lidar, *_ = quarters[0]
    return (
        '<div class="panels">'
        + stack("fixed", ("image", "LiDAR"), (image, lidar), "image; right of the slider with the LiDAR")
        + stack("depth", names, [each[2] for each in quarters], "depth; black is unknown")
        + stack("error", names, [each[3] for each in quarters], "error; black is not scored")
        + "</div>"
    )


def _quarters(file: Path) -> list[str]:
    """Image, LiDAR, depth and error of an image of a session's page, as addresses of data."""
    drawn = cv2.imread(str(file))
    if drawn is None:
        raise ValueError(f"Image '{file}' of the page cannot be read.")
    rows = np.vsplit(drawn[: drawn.shape[0] // 2 * 2], 2)
    panels = [panel for row in rows for panel in np.hsplit(row[:, : row.shape[1] // 2 * 2], 2)]
    return [image_address(panel[..., ::-1]) for panel in panels]
