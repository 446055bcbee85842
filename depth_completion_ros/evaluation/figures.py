"""Plots and pictures of an evaluation, drawn by matplotlib without a display."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ..completion import Completion
from ..core import Frame, compute_metrics
from .protocols import Protocol, Trial
from .runner import RANGE_EDGES, EvaluationResult

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Okabe and Ito's palette, which colour-blind people can tell apart; one a completer."""
MARKERS = "osD^vP*"
DEPTH_MAP, ERROR_MAP = "turbo_r", "plasma"


def plot_all(result: EvaluationResult, folder: Path) -> list[Path]:
    """Draw every plot that the result has data for; paths of the PNG files."""
    plots = [plot_series(result, folder, name) for name in _series_names(result)]
    return [*plots, plot_ranges(result, folder), plot_runtimes(result, folder)]


def plot_series(result: EvaluationResult, folder: Path, name: str) -> Path:
    """RMSE and MAE over the number of lines or points of one family of protocols."""
    members = {p.text: p.number for p in result.protocols if p.series and p.series[0] == name}
    label = next(p.series[1] for p in result.protocols if p.series and p.series[0] == name)
    figure, axes = _figure((10, 4), 1, 2)
    for axis, (key, title) in zip(axes, (("rmse_mm", "RMSE"), ("mae_mm", "MAE")), strict=True):
        for at, completer in enumerate(result.completers):
            means = [m for m in result.means() if m.completer == completer and m.protocol in members]
            means.sort(key=lambda mean: members[mean.protocol])
            x = [members[mean.protocol] for mean in means]
            axis.plot(x, [getattr(mean.metrics, key) for mean in means], **_style(at, completer))
        axis.set(xscale="log", yscale="log", xlabel=label, ylabel=f"{title}, mm")
        axis.xaxis.set_major_locator(FixedLocator(sorted(set(members.values()))))
        axis.xaxis.set_minor_locator(NullLocator())
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        _plain_log_axis(axis.yaxis)
    axes[0].legend(frameon=False)
    figure.suptitle(f"{result.name}, protocol {name}")
    return _save(figure, folder / f"error_over_{''.join(c if c.isalnum() else '_' for c in name)}.png")


def plot_ranges(result: EvaluationResult, folder: Path) -> Path:
    """MAE over the true depth, one panel a protocol."""
    shown = [p.text for p in result.protocols if any(p.text == row.protocol for row in result.rows)]
    columns = min(len(shown), 3)
    rows = -(-len(shown) // columns)
    figure, axes = _figure((max(6, 4 * columns), 3.2 * rows + 0.6), rows, columns, sharey=True)
    edges = np.array(RANGE_EDGES[:-1] + (2 * RANGE_EDGES[-2],))
    for axis, protocol in zip(axes, shown, strict=False):
        for at, completer in enumerate(result.completers):
            total, pixels = result.by_range[protocol, completer]
            filled = np.flatnonzero(pixels)
            centres = (edges[filled] + edges[filled + 1]) / 2
            axis.plot(centres, 1e3 * total[filled] / pixels[filled], **_style(at, completer))
        axis.set(xscale="log", yscale="log", title=protocol)
        _plain_log_axis(axis.xaxis)
        _plain_log_axis(axis.yaxis)
    for axis in axes[len(shown) :]:
        axis.remove()
    axes[0].legend(frameon=False)
    figure.supxlabel("true depth, m")
    figure.supylabel("MAE, mm")
    return _save(figure, folder / "error_over_range.png")


def plot_runtimes(result: EvaluationResult, folder: Path) -> Path:
    """Histogram of the run times of each completer."""
    times = {name: [t for *_, who, t in result.runtimes_ms if who == name] for name in result.completers}
    everything = np.concatenate(list(times.values()))
    low, high = max(everything.min(), 1e-3), everything.max()
    bins = np.geomspace(low * 0.9, high * 1.1, 40)
    figure, axes = _figure((8, 1.6 * len(times) + 1), len(times), 1, sharex=True)
    for at, (axis, (completer, values)) in enumerate(zip(axes, times.items(), strict=True)):
        axis.hist(np.maximum(values, low), bins, color=COLOURS[at % len(COLOURS)])
        p50, p95 = np.percentile(values, (50, 95))
        axis.set(xscale="log", ylabel="completions")
        axis.set_title(f"{completer}: median {p50:.1f} ms, 95th percentile {p95:.1f} ms", loc="left")
        _plain_log_axis(axis.xaxis)
    axes[-1].set_xlabel("time of a completion, ms")
    return _save(figure, folder / "runtimes.png")


def draw_trial(
    frame: Frame,
    trial: Trial,
    protocol: Protocol,
    completions: dict[str, Completion],
    path: str | Path,
) -> Path:
    """Picture of one trial: what is fed and the truth, then depth and error of every completer."""
    height, width = trial.truth.shape
    rows = 1 + len(completions)
    panel = 6.0 if width > 1.6 * height else 4.0
    panel_height = panel * min(height / width, 2)  # a tall image is drawn narrow
    figure, axes = _figure((2 * panel + 1, rows * (panel_height + 0.3) + 0.9), rows, 2)
    background = _dimmed(frame.image, (height, width))
    known = trial.truth[trial.truth > 0]
    low, high = np.percentile(np.concatenate([known, trial.feed.depth[trial.feed.depth > 0]]), (1, 99))
    norm = LogNorm(max(low, 0.05), max(high, low * 1.1))
    errors = {name: _error(completion.depth, trial.truth) for name, completion in completions.items()}
    finite = np.concatenate([error[np.isfinite(error)] for error in errors.values()])
    error_norm = Normalize(0, max(np.percentile(finite, 95), 1e-3) if finite.size else 1)
    depth_image = _points(axes[0], background, trial.feed.depth, DEPTH_MAP, norm)
    _points(axes[1], background, trial.truth, DEPTH_MAP, norm)
    axes[0].set_title(f"fed: {trial.feed.count:,} points")
    axes[1].set_title(f"scored on: {len(known):,} pixels")
    error_image = None
    for at, (name, completion) in enumerate(completions.items()):
        left, right = axes[2 + 2 * at], axes[3 + 2 * at]
        left.imshow(completion.depth, cmap=DEPTH_MAP, norm=norm, interpolation="nearest")
        left.set_title(f"{name}: depth")
        error_image = _points(right, background // 3, errors[name], ERROR_MAP, error_norm, True)
        mae = compute_metrics(completion.depth, trial.truth).mae_mm
        right.set_title(f"{name}: error, mean {mae:.0f} mm")
    for axis in axes:
        axis.set_axis_off()
    _colour_bars(figure, axes, depth_image, error_image, norm)
    figure.suptitle(f"{frame.name}, protocol {protocol.text}")
    return _save(figure, Path(path))


def _error(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Absolute error in metres, NaN where there is no truth or no prediction."""
    error = np.abs(prediction - truth)
    return np.where((truth > 0) & np.isfinite(error), np.maximum(error, 1e-6), np.nan)


# Pieces ------------------------------------------------------------------------------------------


def _points(axis, background: np.ndarray, values: np.ndarray, colours: str, norm, largest=False):
    """Draw sparse values over a picture, grown so that they can be seen, the least on top."""
    axis.imshow(background)
    nothing = 0 if largest else np.inf
    count = max(1, np.count_nonzero(values > 0))
    wide, spacing = values.shape[1], np.sqrt(values.size / count)
    size = max(1, round(wide / 400), round(min(spacing / 7, wide / 100)))
    values = np.where(values > 0, values, nothing).astype(np.float32)
    grow = cv2.dilate if largest else cv2.erode
    shown = grow(values, np.ones((size, size), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=nothing)
    empty = shown == nothing
    shown = np.ma.masked_array(np.where(empty, np.float32(1), shown), empty)
    return axis.imshow(shown, cmap=colours, norm=norm, interpolation="nearest")


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


def _dimmed(image: np.ndarray | None, shape: tuple[int, int]) -> np.ndarray:
    """The image in grey and dark, so that coloured points stand out."""
    if image is None:
        return np.full((*shape, 3), 40, np.uint8)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return np.repeat((grey * 0.6).astype(np.uint8)[..., None], 3, axis=2)


def _figure(size: tuple[float, float], rows: int, columns: int, **shared):
    figure = Figure(size, dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False, **shared).ravel()
    for axis in axes:
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _style(at: int, name: str) -> dict:
    look = {"color": COLOURS[at % len(COLOURS)], "marker": MARKERS[at % len(MARKERS)]}
    return {**look, "markersize": 5, "linewidth": 1.6, "label": name}


def _plain_log_axis(axis) -> None:
    """Ticks at 1, 2 and 5 written as plain numbers instead of powers of ten."""
    ticks = [step * 10.0**power for power in range(-3, 7) for step in (1, 2, 5)]
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.axes.grid(True, color="#dddddd", linewidth=0.6)


def _series_names(result: EvaluationResult) -> list[str]:
    """Families of protocols with two members or more that some frame served."""
    served = {row.protocol for row in result.rows}
    names = [p.series[0] for p in result.protocols if p.series and p.text in served]
    return [name for name in dict.fromkeys(names) if names.count(name) > 1]


def _save(figure: Figure, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})
    return path
