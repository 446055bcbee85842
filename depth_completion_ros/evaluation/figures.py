"""Plots and figures of an evaluation, drawn by matplotlib without a display."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

import numpy as np
from matplotlib.colors import LogNorm, Normalize
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ..completion import Completion
from ..core import Frame, compute_metrics
from .confidence import REMOVED, ConfidenceScore
from .drawing import (
    COLOURS,
    DEPTH_MAP,
    ERROR_MAP,
    dimmed,
    draw_points,
    new_figure,
    plain_log_axis,
    save,
    style,
)
from .html.frames import ShownTrial, show_trial
from .protocols import Protocol, Trial
from .runner import RANGE_EDGES, EvaluationResult


class TrialFigures:
    """Draws a figure of every protocol on some frames while they are evaluated.

    Args:
        folder: for the figures.
        chosen: indices of the frames.

    Attributes:
        paths: of the figures.
        shown: the same trials for the page.
    """

    def __init__(self, folder: Path, chosen: Collection[int]):
        self.folder, self.chosen = folder, chosen
        self.paths: list[Path] = []
        self.shown: list[ShownTrial] = []

    def __call__(self, index, frame, trial, protocol, completions) -> None:
        if index not in self.chosen:
            return
        name = re.sub(r"[^\w.-]+", "_", f"{frame.name or index}-{protocol.text}")
        path = self.folder / f"{name}.png"
        self.paths.append(draw_trial(frame, trial, protocol, completions, path))
        self.shown.append(show_trial(frame, trial, protocol, completions))


def plot_all(result: EvaluationResult, folder: Path) -> list[Path]:
    """Draw every plot that the result has data for; paths of the PNG files."""
    plots = [plot_series(result, folder, name) for name in _series_names(result)]
    if result.confidence:
        plots.append(plot_confidence(result.confidence_means(), folder / "confidence.png"))
    return [*plots, plot_ranges(result, folder), plot_runtimes(result, folder)]


def plot_series(result: EvaluationResult, folder: Path, name: str) -> Path:
    """RMSE and MAE over the number of lines or points of one family of protocols."""
    members = {p.text: p.number for p in result.protocols if p.series and p.series[0] == name}
    label = next(p.series[1] for p in result.protocols if p.series and p.series[0] == name)
    figure, axes = new_figure((10, 4), 1, 2)
    for axis, (key, title) in zip(axes, (("rmse_mm", "RMSE"), ("mae_mm", "MAE")), strict=True):
        for at, completer in enumerate(result.completers):
            means = [m for m in result.means() if m.completer == completer and m.protocol in members]
            means.sort(key=lambda mean: members[mean.protocol])
            x = [members[mean.protocol] for mean in means]
            axis.plot(x, [getattr(mean.metrics, key) for mean in means], **style(at, completer))
        axis.set(xscale="log", yscale="log", xlabel=label, ylabel=f"{title}, mm")
        axis.xaxis.set_major_locator(FixedLocator(sorted(set(members.values()))))
        axis.xaxis.set_minor_locator(NullLocator())
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        plain_log_axis(axis.yaxis)
    axes[0].legend(frameon=False)
    figure.suptitle(f"{result.name}, protocol {name}")
    return save(figure, folder / f"error_over_{''.join(c if c.isalnum() else '_' for c in name)}.png")


def plot_ranges(result: EvaluationResult, folder: Path) -> Path:
    """MAE over the true depth, one panel a protocol."""
    shown = [p.text for p in result.protocols if any(p.text == row.protocol for row in result.rows)]
    columns = min(len(shown), 3)
    rows = -(-len(shown) // columns)
    figure, axes = new_figure((max(6, 4 * columns), 3.2 * rows + 0.6), rows, columns, sharey=True)
    edges = np.array(RANGE_EDGES[:-1] + (2 * RANGE_EDGES[-2],))
    for axis, protocol in zip(axes, shown, strict=False):
        for at, completer in enumerate(result.completers):
            total, pixels = result.by_range[protocol, completer]
            filled = np.flatnonzero(pixels)
            centres = (edges[filled] + edges[filled + 1]) / 2
            axis.plot(centres, 1e3 * total[filled] / pixels[filled], **style(at, completer))
        axis.set(xscale="log", yscale="log", title=protocol)
        plain_log_axis(axis.xaxis)
        plain_log_axis(axis.yaxis)
    for axis in axes[len(shown) :]:
        axis.remove()
    axes[0].legend(frameon=False)
    figure.supxlabel("true depth, m")
    figure.supylabel("MAE, mm")
    return save(figure, folder / "error_over_range.png")


def plot_runtimes(result: EvaluationResult, folder: Path) -> Path:
    """Histogram of the run times of each completer."""
    times = {name: [t for *_, who, t in result.runtimes_ms if who == name] for name in result.completers}
    everything = np.concatenate(list(times.values()))
    low, high = max(everything.min(), 1e-3), everything.max()
    bins = np.geomspace(low * 0.9, high * 1.1, 40)
    figure, axes = new_figure((8, 1.6 * len(times) + 1), len(times), 1, sharex=True)
    for at, (axis, (completer, values)) in enumerate(zip(axes, times.items(), strict=True)):
        axis.hist(np.maximum(values, low), bins, color=COLOURS[at % len(COLOURS)])
        p50, p95 = np.percentile(values, (50, 95))
        axis.set(xscale="log", ylabel="completions")
        axis.set_title(f"{completer}: median {p50:.1f} ms, 95th percentile {p95:.1f} ms", loc="left")
        plain_log_axis(axis.xaxis)
    axes[-1].set_xlabel("time of a completion, ms")
    return save(figure, folder / "runtimes.png")


def plot_confidence(scores: dict[tuple[str, str], ConfidenceScore], path: Path) -> Path:
    """Sparsification curves of RMSE, and below each how often confidence is right.

    Args:
        scores: (title of the panel, completer) to the mean score. The rankings by distance and by error
            are drawn for the first completer.
    """
    titles = list(dict.fromkeys(title for title, _ in scores))
    names = list(dict.fromkeys(name for _, name in scores))
    columns = min(len(titles), 4)
    rows = -(-len(titles) // columns)
    figure, axes = new_figure((max(6, 3.6 * columns), 6.6 * rows), 2 * rows, columns)
    grid = axes.reshape(rows, 2, columns).transpose(0, 2, 1).reshape(-1, 2)
    for title, (upper, lower) in zip(titles, grid, strict=False):
        lower.plot([0, 1], [0, 1], color="#888888", linewidth=1)
        panel = {name: scores[title, name] for name in names if (title, name) in scores}
        for ranking, dashes in (("distance", "--"), ("oracle", ":")):
            curve = next(iter(panel.values())).curves[ranking][0]
            upper.plot(REMOVED, curve, color="#888888", linestyle=dashes, label=f"by {ranking}")
        for name, score in panel.items():
            line = style(names.index(name), name)
            upper.plot(REMOVED, score.curves["confidence"][0], **{**line, "marker": ""})
            share, claimed, right = score.reliability
            some = share > 1e-3
            lower.plot(claimed[some] / share[some], right[some] / share[some], **line)
        upper.set(title=title, xlabel="least confident removed, %", ylim=(0, 1.5))
        lower.set(xlabel="confidence", xlim=(0, 1), ylim=(0, 1))
        for axis in (upper, lower):
            axis.grid(True, color="#dddddd", linewidth=0.6)
    for axis in grid[len(titles) :].ravel():
        axis.remove()
    for upper, lower in grid[::columns]:
        upper.set_ylabel("RMSE of the rest / RMSE of all")
        lower.set_ylabel("share within 5 % of the truth")
    axes[0].legend(frameon=False, fontsize="small", loc="upper right")
    return save(figure, path)


def draw_trial(
    frame: Frame,
    trial: Trial,
    protocol: Protocol,
    completions: dict[str, Completion],
    path: str | Path,
) -> Path:
    """Figure of one trial: what is fed and the truth, then depth and error of every completer."""
    height, width = trial.truth.shape
    rows = 1 + len(completions)
    panel = 6.0 if width > 1.6 * height else 4.0
    panel_height = panel * min(height / width, 2)  # a tall image is drawn narrow
    figure, axes = new_figure((2 * panel + 1, rows * (panel_height + 0.3) + 0.9), rows, 2)
    background = dimmed(frame.image, (height, width))
    known = trial.truth[trial.truth > 0]
    low, high = np.percentile(np.concatenate([known, trial.feed.depth[trial.feed.depth > 0]]), (1, 99))
    norm = LogNorm(max(low, 0.05), max(high, low * 1.1))
    errors = {name: _error(completion.depth, trial.truth) for name, completion in completions.items()}
    finite = np.concatenate([error[np.isfinite(error)] for error in errors.values()])
    error_norm = Normalize(0, max(np.percentile(finite, 95), 1e-3) if finite.size else 1)
    depth_image = draw_points(axes[0], background, trial.feed.depth, DEPTH_MAP, norm)
    draw_points(axes[1], background, trial.truth, DEPTH_MAP, norm)
    axes[0].set_title(f"fed: {trial.feed.count:,} points")
    axes[1].set_title(f"scored on: {len(known):,} pixels")
    error_image = None
    for at, (name, completion) in enumerate(completions.items()):
        left, right = axes[2 + 2 * at], axes[3 + 2 * at]
        left.imshow(completion.depth, cmap=DEPTH_MAP, norm=norm, interpolation="nearest")
        left.set_title(f"{name}: depth")
        error_image = draw_points(right, background // 3, errors[name], ERROR_MAP, error_norm, True)
        mae = compute_metrics(completion.depth, trial.truth).mae_mm
        right.set_title(f"{name}: error, mean {mae:.0f} mm")
    for axis in axes:
        axis.set_axis_off()
    _colour_bars(figure, axes, depth_image, error_image, norm)
    figure.suptitle(f"{frame.name}, protocol {protocol.text}")
    return save(figure, Path(path))


def _error(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Absolute error in metres, NaN where there is no truth or no prediction."""
    error = np.abs(prediction - truth)
    return np.where((truth > 0) & np.isfinite(error), np.maximum(error, 1e-6), np.nan)


def _colour_bars(figure, axes, depth_image, error_image, norm) -> None:
    bar = figure.colorbar(depth_image, ax=list(axes[0::2]), location="bottom", aspect=50, pad=0.02)
    bar.set_label("depth, m")
    steps = [t for t in (0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 20, 30, 50, 80) if norm.vmin <= t <= norm.vmax]
    bar.set_ticks(steps, labels=[f"{step:g}" for step in steps])
    bar.minorticks_off()
    if error_image is not None:
        bar = figure.colorbar(
            error_image, ax=list(axes[1::2]), location="bottom", aspect=50, pad=0.02, extend="max"
        )
        bar.set_label("absolute error, m")


def _series_names(result: EvaluationResult) -> list[str]:
    """Families of protocols with two members or more that some frame served."""
    served = {row.protocol for row in result.rows}
    names = [p.series[0] for p in result.protocols if p.series and p.text in served]
    return [name for name in dict.fromkeys(names) if names.count(name) > 1]
