"""Charts of an evaluation: error over range, reliability, places, times, and error against time."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from ..report import mean_error_mm, median_runtimes_ms
from ..runner import RANGE_EDGES, EvaluationResult
from .svg import Chart, Scale, cells

LEAST_SHARE = 1e-3
"""Of the pixels in a bin of confidence, for it to be drawn."""


def served(result: EvaluationResult) -> list[str]:
    """Protocols that some frame could serve, in the order asked for."""
    some = {row.protocol for row in result.rows}
    return [protocol.text for protocol in result.protocols if protocol.text in some]


def error_over_range(result: EvaluationResult) -> list[str]:
    """MAE over the true depth, one chart a protocol."""
    ends = (*RANGE_EDGES[:-1], 2 * RANGE_EDGES[-2])
    centres = [(low + high) / 2 for low, high in pairwise(ends)]
    drawn = []
    for protocol in served(result):
        lines = {}
        for at, name in enumerate(result.completers):
            sums = result.by_range[protocol, name]
            filled = np.flatnonzero(sums[1])
            lines[at] = [
                (
                    centres[at_bin],
                    float(error),
                    f"{name}: {error:.0f} mm at {_between(at_bin)}, {pixels:,.0f} pixels",
                )
                for at_bin, error, pixels in zip(
                    filled, mean_error_mm(sums)[filled], sums[1][filled], strict=True
                )
            ]
        x = Scale([p[0] for line in lines.values() for p in line], "true depth, m", log=True)
        y = Scale([p[1] for line in lines.values() for p in line], "MAE, mm", log=True)
        chart = Chart(protocol, x, y)
        for at, line in lines.items():
            chart.line([p[:2] for p in line], at, [p[2] for p in line])
        drawn.append(chart.svg())
    return drawn


def _between(at: int) -> str:
    low, high = RANGE_EDGES[at : at + 2]
    return f"{low:g} to {high:g} m" if math.isfinite(high) else f"more than {low:g} m"


def error_over_feed(result: EvaluationResult) -> list[str]:
    """RMSE over the number of lines or points, one chart a family of protocols with two members or more."""
    families: dict[tuple[str, str], dict[str, float]] = {}
    for protocol in result.protocols:
        if protocol.series is not None and protocol.text in served(result):
            families.setdefault(protocol.series, {})[protocol.text] = protocol.number
    drawn = []
    for (family, counted), members in families.items():
        if len(members) < 2:
            continue
        means = [m for m in result.means() if m.protocol in members and math.isfinite(m.metrics.rmse_mm)]
        x = Scale(members.values(), counted, log=True)
        chart = Chart(family, x, Scale([m.metrics.rmse_mm for m in means], "RMSE, mm", log=True))
        for at, name in enumerate(result.completers):
            own = sorted((members[m.protocol], m.metrics.rmse_mm) for m in means if m.completer == name)
            chart.line(own, at, [f"{name}: RMSE {rmse:.0f} mm at {number:g}" for number, rmse in own])
        drawn.append(chart.svg())
    return drawn


def reliability_diagrams(result: EvaluationResult) -> list[str]:
    """Share within 5 % of the truth over the confidence that was told, one chart a protocol."""
    means, drawn = result.reliability_means(), []
    for protocol in served(result):
        x, y = Scale([], "confidence told", limits=(0, 1)), Scale([], "share right", limits=(0, 1))
        chart = Chart(protocol, x, y)
        chart.guide([(0, 0), (1, 1)])
        for at, name in enumerate(result.completers):
            if (protocol, name) not in means:
                continue
            share, told, right = means[protocol, name]
            some = share > LEAST_SHARE
            points = list(zip(told[some] / share[some], right[some] / share[some], strict=True))
            texts = [
                f"{name}: told {x:.0%}, right {y:.0%}; {part:.1%} of the pixels"
                for (x, y), part in zip(points, share[some], strict=True)
            ]
            chart.line(points, at, texts)
        drawn.append(chart.svg())
    return drawn


def error_places(result: EvaluationResult) -> list[list[str]]:
    """Where in the image errors lie: of each protocol a grid a completer, whose colours compare."""
    ratio = float(np.median([width / height for height, width in result.sizes]))
    drawn: list[list[str]] = []
    for protocol in served(result):
        grids = {
            name: mean_error_mm(result.by_place[protocol, name])
            for name in result.completers
            if result.by_place[protocol, name][1].any()
        }
        if not grids:
            continue
        most = max(float(np.nanpercentile(grid, 98)) for grid in grids.values())
        drawn.append([])
        for name, grid in grids.items():
            pixels = result.by_place[protocol, name][1]
            texts = [
                [f"MAE {e:.0f} mm, {n:,.0f} pixels" for e, n in zip(*row, strict=True)]
                for row in zip(grid, pixels, strict=True)
            ]
            title = f"{protocol}, {name}: full colour is {most:.0f} mm"
            drawn[-1].append(cells(title, np.clip(grid / max(most, 1e-9), 0.06, 1), texts, ratio))
    return drawn


def time_histograms(result: EvaluationResult) -> list[str]:
    """How long completions took, one chart a completer on one scale."""
    times = {name: [t for *_, who, t in result.runtimes_ms if who == name] for name in result.completers}
    return histograms(times, "time of a completion, ms", "completions")


def histograms(times: dict[str, list[float]], x_title: str, y_title: str) -> list[str]:
    """Histograms over a logarithmic axis that all share; milliseconds by name."""
    x = Scale([t for values in times.values() for t in values], x_title, log=True)
    edges = np.geomspace(x.low, x.high, 41)
    drawn = []
    for at, (name, values) in enumerate(times.items()):
        if not values:
            continue
        counts, _ = np.histogram(np.clip(values, x.low, x.high), edges)
        p50, p95 = np.percentile(values, (50, 95))
        y = Scale([], y_title, limits=(0, max(1.1 * counts.max(), 2)), whole=True)
        chart = Chart(f"{name}: p50 {p50:.3g} ms, p95 {p95:.3g} ms", x, y)
        for low, high, count in zip(edges, edges[1:], counts, strict=False):
            if count:
                chart.bar(low, high, count, at, f"{count} of {low:.3g} to {high:.3g} ms")
        drawn.append(chart.svg())
    return drawn


def error_against_time(result: EvaluationResult) -> list[str]:
    """RMSE over the median time, one chart a protocol, with the line of those that nothing beats in both."""
    times, drawn = median_runtimes_ms(result), []
    for protocol in served(result):
        points = {
            mean.completer: (times[protocol, mean.completer], mean.metrics.rmse_mm)
            for mean in result.means()
            if mean.protocol == protocol and math.isfinite(mean.metrics.rmse_mm)
        }
        if points:
            drawn.append(pareto(protocol, points, result.completers, "RMSE, mm"))
    return drawn


def pareto(title: str, points: dict[str, tuple[float, float]], names: list[str], y_title: str) -> str:
    """Milliseconds and error of each name; the guide joins those without a better one in both."""
    x = Scale([p[0] for p in points.values()], "median time, ms", log=True)
    y = Scale([p[1] for p in points.values()], y_title)
    chart = Chart(title, x, y)
    front: list[tuple[float, float]] = []
    for ms, error in sorted(points.values()):
        if not front:
            front.append((ms, error))
        elif error < front[-1][1]:
            front += [(ms, front[-1][1]), (ms, error)]
    chart.guide(front)
    for name, (ms, error) in points.items():
        chart.mark(ms, error, names.index(name), f"{name}: {ms:.1f} ms, {error:.0f} mm", name)
    return chart.svg()
