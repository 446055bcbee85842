"""Maps from above, right and wrong, and what the gate on confidence does to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

from ...evaluation.drawing import COLOURS, MARKERS, new_figure, save
from .run import DepthMap, MappingResult
from .truth import grown

UNKNOWN, FREE, RIGHT, MISSED, PHANTOM = range(5)
LOOKS = {
    UNKNOWN: ("unknown", "#d9d9d9"),
    FREE: ("free", "#ffffff"),
    RIGHT: ("surface, found", "#444444"),
    MISSED: ("surface, called free", "#0072b2"),
    PHANTOM: ("free space, called occupied", "#d55e00"),
}
COLUMNS = 4
LEAST_GATES = 3


def plot_maps(result: MappingResult, path: Path) -> Path:
    """Draw each occupancy grid from above: of each column of cells the worst that is in it."""
    box = result.truth.box
    ways = result.reference.trajectory.positions
    rows = -(-len(result.maps) // COLUMNS)
    columns = min(len(result.maps), COLUMNS)
    wide, deep = box.shape[1], box.shape[0]
    size = (3.4 * columns, 3.4 * columns / columns * deep / wide * rows + 0.8)
    figure, axes = new_figure(size, rows, columns)
    corners = box.origin[0], box.origin[0] + deep * box.cell, box.origin[1], box.origin[1] + wide * box.cell
    for axis, each in zip(axes, result.maps, strict=False):
        seen = seen_from_above(each, result)
        axis.imshow(
            seen,
            origin="lower",
            extent=(corners[2], corners[3], corners[0], corners[1]),
            cmap=ListedColormap([colour for _, colour in LOOKS.values()]),
            vmin=-0.5,
            vmax=len(LOOKS) - 0.5,
            interpolation="nearest",
        )
        axis.plot(ways[:, 1], ways[:, 0], color="#009e73", linewidth=1)
        axis.invert_xaxis()
        axis.set_title(each.depth.label, fontsize=9)
        axis.set(xlabel="y, m", ylabel="x, m")
    for axis in axes[len(result.maps) :]:
        axis.set_visible(False)
    patches = [Patch(facecolor=colour, edgecolor="#999999", label=name) for name, colour in LOOKS.values()]
    figure.legend(handles=patches, loc="outside lower center", ncols=len(patches), fontsize=8, frameon=False)
    return save(figure, path)


def seen_from_above(each: DepthMap, result: MappingResult) -> np.ndarray:
    """What is worst in each column of cells along z: uint8 X x Y of `LOOKS`."""
    truth, box = result.truth, result.truth.box
    look = np.where(each.free, np.uint8(FREE), np.uint8(UNKNOWN))
    look[truth.full & grown(each.occupied, box)] = RIGHT
    look[truth.full & each.free & ~grown(each.occupied, box)] = MISSED
    look[truth.empty & each.occupied] = PHANTOM
    return look.reshape(box.shape).max(axis=2)


def plot_gates(result: MappingResult, path: Path) -> list[Path]:
    """Draw scores over the least confidence, for completers with several; nothing where there are none."""
    bases = {}
    for each in result.maps:
        if each.depth.max_step is None:
            bases.setdefault(each.depth.base, []).append(each)
    curves = {base: maps for base, maps in bases.items() if len(maps) >= LEAST_GATES}
    if not curves:
        return []
    figure, axes = new_figure((13, 3.8), 1, 4)
    panels = {
        "F-score at 20 cm": lambda score: score.wide.f_score,
        "F-score at 5 cm": lambda score: score.near.f_score,
        "free space turned into obstacle, % of cells": lambda score: 100 * score.phantom,
        "surface called free or unknown, %": lambda score: 100 * (score.told_free + score.not_known),
    }
    for axis, (title, value) in zip(axes, panels.items(), strict=True):
        for at, (base, maps) in enumerate(curves.items()):
            ordered = sorted(maps, key=lambda each: each.depth.min_confidence)
            gates = [each.depth.min_confidence for each in ordered]
            values = [value(each.score) for each in ordered]
            if None not in values:
                axis.plot(gates, values, color=COLOURS[at], marker=MARKERS[at], markersize=4, label=base)
        axis.set(xlabel="least confidence", title=title)
        axis.title.set_fontsize(9)
        axis.grid(True, color="#dddddd", linewidth=0.6)
    axes[0].legend(fontsize=8, frameon=False)
    return [save(figure, path)]
