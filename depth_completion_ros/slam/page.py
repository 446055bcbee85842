"""The page of a run of SLAM: one HTML file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..evaluation.html.charts import histograms, pareto
from ..evaluation.html.page import Page, charts, table
from ..evaluation.html.svg import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Chart, Scale, legend
from .orbslam3 import TRACKED
from .plot import DrawnRun, drawn_runs, ground_plane
from .report import EXPLANATION, cut_off, slam_table
from .run import DepthResult, SlamResult


def write_slam_html(result: SlamResult, path: Path) -> Path:
    """Write tables and charts of a run, computed from the result alone, and return the path."""
    length = result.reference.trajectory.length
    lead = f"{result.frames} frames, {length:.1f} m; fed: {result.fed}. Reference: {result.reference.name}."
    names = [each.depth.label for each in result.depths]
    failed = [f"{each.depth.label}: {sentence}" for each in result.depths for sentence in each.failures]
    page = Page(f"ORB-SLAM3 with depth on {result.name}", lead, " ".join(failed))
    note = f"{EXPLANATION} {cut_off(result)}".strip()
    page.section("Depths", table(*slam_table(result), left=1), note=note)
    marks, runs = legend(names), drawn_runs(result)
    if runs:
        drawn = charts([_from_above(result, runs, names), _along(runs, names)])
        note = "The median run of each depth, begun where the reference (dashed) begins; its error after the "
        page.section("Trajectories", marks, drawn, note=note + "best rigid motion.")
    points = {
        each.depth.label: (each.complete_ms + each.track_ms, 1e3 * float(np.median(ate)))
        for each in result.depths
        if (ate := [score.ate_m for score in each.scores if score is not None])
    }
    if points:
        against = charts([pareto(result.name, points, names, "ATE, mm")])
        note = "ATE over the median time of completing and tracking; lower left is better."
        page.section("Accuracy against time", marks, against, note=note)
    times = {each.depth.label: [ms for run in each.runs for ms in run.track_ms] for each in result.depths}
    if any(times.values()):
        drawn = charts(histograms(times, "time of tracking a frame, ms", "frames"))
        page.section("Time", marks, drawn)
    page.section(
        "Frames without a pose", _states(result.depths), note="Over all runs, by state of the tracking."
    )
    return page.write(path)


def _from_above(result: SlamResult, runs: list[DrawnRun], names: list[str]) -> str:
    """Trajectories on the ground plane, a metre alike along both axes."""
    reference = list(zip(*ground_plane(result.reference.trajectory.seen_from_first()), strict=True))
    lines = {run.label: list(zip(*ground_plane(run.begun), strict=True)) for run in runs}
    everything = np.array([point for line in (reference, *lines.values()) for point in line])
    low, high = everything.min(axis=0), everything.max(axis=0)
    pixels = np.array([WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM])
    half = 0.55 * max(float(np.max((high - low) / pixels)), 1e-3) * pixels
    ends = np.stack([(low + high) / 2 - half, (low + high) / 2 + half], axis=1).tolist()
    x, y = (
        Scale([], name, limits=tuple(each))
        for name, each in zip(("right, m", "forward, m"), ends, strict=True)
    )
    chart = Chart("from above", x, y)
    chart.guide(reference)
    for name, line in lines.items():
        chart.line(line, names.index(name))
    return chart.svg()


def _along(runs: list[DrawnRun], names: list[str]) -> str:
    x = Scale([s for run in runs for s in run.seconds], "seconds")
    chart = Chart("error", x, Scale([e for run in runs for e in run.error_m], "m", limits=(0, None)))
    for run in runs:
        chart.line(list(zip(run.seconds, run.error_m, strict=True)), names.index(run.label))
    return chart.svg()


def _states(depths: list[DepthResult]) -> str:
    rows = []
    for each in depths:
        states = [state for run in each.runs for state in run.states]
        missing = sorted(set(states) - {TRACKED})
        rows += [[each.depth.label, state, str(states.count(state)), str(len(states))] for state in missing]
    if not rows:
        return "<p>None: every frame was tracked in every run.</p>"
    return table(["depth", "state", "frames", "of"], rows)
