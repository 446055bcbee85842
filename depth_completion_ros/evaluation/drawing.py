"""Pieces that plots and figures are made of."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ..core.safe.files import whole_file

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Okabe and Ito's palette, which colour-blind people can tell apart; one a completer."""
MARKERS = "osD^vP*"
DEPTH_MAP, ERROR_MAP = "turbo_r", "plasma"


def draw_points(axis, background: np.ndarray, values: np.ndarray, colours: str, norm, largest=False):
    """Draw sparse values over an image, grown so that they can be seen, the least on top."""
    axis.imshow(background)
    nothing = 0 if largest else np.inf
    count = max(1, int(np.count_nonzero(values > 0)))
    wide, spacing = values.shape[1], np.sqrt(values.size / count)
    size = max(1, round(wide / 400), round(min(spacing / 7, wide / 100)))
    values = np.where(values > 0, values, nothing).astype(np.float32)
    grow = cv2.dilate if largest else cv2.erode
    shown = grow(values, np.ones((size, size), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=nothing)
    empty = shown == nothing
    shown = np.ma.masked_array(np.where(empty, np.float32(1), shown), empty)
    return axis.imshow(shown, cmap=colours, norm=norm, interpolation="nearest")


def dimmed(image: np.ndarray | None, shape: tuple[int, int]) -> np.ndarray:
    """The image in grey and dark, so that coloured points stand out."""
    if image is None:
        return np.full((*shape, 3), 40, np.uint8)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return np.repeat((grey * 0.6).astype(np.uint8)[..., None], 3, axis=2)


def new_figure(size: tuple[float, float], rows: int, columns: int, **shared):
    """A figure of so many inches that needs no display, and its axes in a row."""
    figure = Figure(size, dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False, **shared).ravel()
    for axis in axes:
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def style(at: int, name: str) -> dict:
    """Keyword arguments of matplotlib for the line of one of many completers."""
    line = {"color": COLOURS[at % len(COLOURS)], "marker": MARKERS[at % len(MARKERS)]}
    return {**line, "markersize": 5, "linewidth": 1.6, "label": name}


def plain_log_axis(axis) -> None:
    """Ticks at 1, 2 and 5 written as plain numbers instead of powers of ten."""
    ticks = [step * 10.0**power for power in range(-3, 7) for step in (1, 2, 5)]
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.axes.grid(True, color="#dddddd", linewidth=0.6)


def save(figure: Figure, path: Path) -> Path:
    """Write a figure the same way every time, and return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as unfinished:
        figure.savefig(unfinished, metadata={"Software": None})
    return path
