"""Trajectories seen from above, and their error along the way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core import invert
from ..evaluation.drawing import COLOURS, new_figure, save, style
from .run import DepthResult, SlamResult
from .trajectory import Trajectory

DASHES = ("-", "--", ":")
LEAST_GATES = 3
"""Of one completer, to draw a curve."""


@dataclass(frozen=True, eq=False)
class DrawnRun:
    """The median run of one depth.

    Args:
        label: of the depth.
        begun: its poses when begun at the pose of the reference, which begins at the origin.
        seconds: since the reference began, N.
        error_m: what is left after the best rigid motion, N metres.
    """

    label: str
    begun: Trajectory
    seconds: np.ndarray
    error_m: np.ndarray


def plot_trajectories(result: SlamResult, path: Path) -> Path:
    """Draw the median run of every depth: from above as it began, and its error when aligned over time."""
    figure, (above, error) = new_figure((13, 5.5), 1, 2)
    reference = result.reference.trajectory
    first = reference.seen_from_first()
    above.plot(*ground_plane(first), color="#999999", linewidth=5, label="reference", solid_capstyle="round")
    labels = [each.depth.label for each in result.depths]
    for run in drawn_runs(result):
        at = labels.index(run.label)
        look = {"color": COLOURS[at % len(COLOURS)], "linestyle": DASHES[at // len(COLOURS) % len(DASHES)]}
        label = f"{run.label} ({len(run.seconds)} of {result.frames})"
        above.plot(*ground_plane(run.begun), **look, linewidth=1.4, label=label, marker=".", markersize=3)
        error.plot(run.seconds, run.error_m, **look, linewidth=1.4)
    above.set_aspect("equal", adjustable="datalim")
    above.set(xlabel="right, m", ylabel="forward, m", title=f"{result.name}, each from its first pose")
    above.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    error.set(xlabel="seconds", ylabel="m", title="error after the best rigid motion", yscale="log")
    for axis in (above, error):
        axis.grid(True, color="#dddddd", linewidth=0.6)
    return save(figure, path)


def drawn_runs(result: SlamResult) -> list[DrawnRun]:
    """The median run of every depth that has one, in the order of the depths."""
    reference = result.reference.trajectory
    first, drawn = reference.seen_from_first(), []
    for each in result.depths:
        trajectory = _median_run(each, reference)
        if trajectory is None:
            continue
        partner = np.searchsorted(reference.stamps, trajectory.stamps)
        begun = first.poses[partner[0]] @ invert(trajectory.poses[0]) @ trajectory.poses
        left = left_after_alignment(trajectory.positions, first.positions[partner])
        seconds = (trajectory.stamps - reference.stamps[0]) / 1e9
        begun = Trajectory(trajectory.stamps, begun)
        drawn.append(DrawnRun(each.depth.label, begun, seconds, np.linalg.norm(left, axis=1)))
    return drawn


def plot_gates(result: SlamResult, path: Path) -> list[Path]:
    """Draw ATE and scale over the least confidence of completers with several gates; else draw nothing."""
    bases: dict[str, list[DepthResult]] = {}
    for each in result.depths:
        if each.depth.max_step is None and any(each.scores):
            bases.setdefault(each.depth.base, []).append(each)
    curves = {base: results for base, results in bases.items() if len(results) >= LEAST_GATES}
    if not curves:
        return []
    figure, axes = new_figure((10, 3.8), 1, 2)
    for axis, (name, title) in zip(axes, (("ate_m", "ATE, m"), ("scale", "scale")), strict=True):
        for at, (base, results) in enumerate(curves.items()):
            ordered = sorted(results, key=lambda each: each.depth.min_confidence)
            values = [[getattr(score, name) for score in each.scores if score] for each in ordered]
            gates = [each.depth.min_confidence for each in ordered]
            axis.plot(gates, [np.median(v) for v in values], **style(at, base))
            low, high = [min(v) for v in values], [max(v) for v in values]
            axis.fill_between(gates, low, high, color=style(at, base)["color"], alpha=0.2, linewidth=0)
        axis.set(xlabel="least confidence", title=f"{title}: median and range of the runs")
        axis.grid(True, color="#dddddd", linewidth=0.6)
    axes[0].legend(fontsize=8, frameon=False)
    return [save(figure, path)]


def ground_plane(trajectory: Trajectory) -> tuple[np.ndarray, np.ndarray]:
    """Right and forward of positions in the optical frame of the first pose."""
    return trajectory.positions[:, 0], trajectory.positions[:, 2]


def _median_run(result: DepthResult, reference: Trajectory) -> Trajectory | None:
    """The trajectory whose ATE is the median, where the reference is known; None without three poses."""
    scored = [(score.ate_m, at) for at, score in enumerate(result.scores) if score is not None]
    if not scored:
        return None
    trajectory = result.runs[sorted(scored)[len(scored) // 2][1]].trajectory
    known = np.isin(trajectory.stamps, reference.stamps)
    return Trajectory(trajectory.stamps[known], trajectory.poses[known])


def left_after_alignment(positions: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Differences between positions and targets, both N x 3, after the best rigid motion (Umeyama 1991)."""
    a, b = positions - positions.mean(axis=0), targets - targets.mean(axis=0)
    U, _, Vt = np.linalg.svd(b.T @ a)
    R = U @ np.diag([1, 1, np.sign(np.linalg.det(U @ Vt))]) @ Vt
    return a @ R.T - b
