"""How errors grow with fewer, shifted and wrong measurements, as curves and a table.

    python bench/robustness.py FRAMES OUT.png [--select 'kitti_seq_*'] [--limit 10] [--weights FILE]

lines     the scan thinned to N evenly spaced rings; scored on the ground truth, and without one on the
          rings that no feed has
points    N random points; scored on all others. Without any, a network that guesses does so at the scale
          of the fullest feed
shifted   what is fed lies so many pixels too far right and too far down, as by a wrong calibration
wrong     a share of the measured pixels times a factor, log-uniform between 1/5 and 5; no filter sees them

The latter two start from the whole scan where there is a ground truth, else from every second ring, else
("wrong" only) from 500 points. Errors are geometric means over the frames of a panel. Steps that some of
them cannot serve, such as 64 lines of a scan without ground truth, are left out.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
from sources import frames_of

from depth_completion_ros import create_completer
from depth_completion_ros.completion import Completer
from depth_completion_ros.core import Frame, SparseDepth, compute_metrics
from depth_completion_ros.evaluation.drawing import new_figure, plain_log_axis, save, style
from depth_completion_ros.evaluation.protocols import CannotServe, Trial, parse_protocol
from depth_completion_ros.evaluation.report import table

COMPLETERS = ("default", "linear", "nearest", "morphological")
LINES = (64, 32, 16, 8, 4, 2, 1)
POINTS = (1000, 500, 200, 100, 50, 20, 10, 5, 2, 1)
PIXELS = (0, 0.5, 1, 2, 3, 4, 5)
SHARES = (0, 1, 2, 5, 10)
FACTOR = 5

Sweep = dict[float, Trial]
"""Step to what is fed and scored."""


def trial_of(frame: Frame, *protocols: str) -> Trial | None:
    """The trial of the first protocol that the frame serves."""
    for text in protocols:
        try:
            return parse_protocol(text).trial(frame)
        except CannotServe:
            continue
    return None


def fewer_lines(frame: Frame) -> Sweep:
    kind = "lines:" if frame.ground_truth is None else "truth:lines="
    trials = {lines: trial_of(frame, f"{kind}{lines}") for lines in LINES}
    trials = {lines: trial for lines, trial in trials.items() if trial is not None}
    # Half as many rings are every second of them, so what the fullest feed lacks, all lack.
    truth = trials[max(trials)].truth if trials else None
    return {lines: Trial(trial.feed, truth) for lines, trial in trials.items()}


def fewer_points(frame: Frame) -> Sweep:
    trials = {points: trial_of(frame, f"points:{points}") for points in POINTS}
    trials = {points: trial for points, trial in trials.items() if trial is not None}
    if trials:
        most = trials[max(trials)]
        nothing = SparseDepth.from_depth(np.zeros_like(most.feed.depth))
        trials = {max(trials): most, 0: Trial(nothing, most.truth), **trials}
    return trials


def shifted(frame: Frame) -> Sweep:
    straight = None if frame.points is None else trial_of(frame, "truth", "hide:2")
    if straight is None:
        return {}
    trials = {}
    for pixels in PIXELS:
        K = frame.camera.K + np.array([[0, 0, pixels], [0, 0, pixels], [0, 0, 0]])
        moved = trial_of(replace(frame, camera=replace(frame.camera, K=K)), "truth", "hide:2")
        trials[pixels] = Trial(moved.feed, straight.truth)
    return trials


def wrong(frame: Frame) -> Sweep:
    trial = trial_of(frame, "truth", "hide:2", "points:500")
    if trial is None:
        return {}
    random = np.random.default_rng(zlib.crc32(frame.name.encode()))
    measured = random.permutation(np.flatnonzero(trial.feed.depth))
    factors = np.exp(random.uniform(-np.log(FACTOR), np.log(FACTOR), measured.size)).astype(np.float32)
    trials = {}
    for share in SHARES:
        number = measured.size * share // 100
        depth = trial.feed.depth.copy()
        depth.flat[measured[:number]] *= factors[:number]
        trials[share] = Trial(SparseDepth.from_depth(depth), trial.truth)
    return trials


PANELS: dict[str, tuple[Callable[[Frame], Sweep], str]] = {
    "fewer lines": (fewer_lines, "LiDAR lines fed"),
    "fewer points": (fewer_points, "points fed"),
    "shifted": (shifted, "shift to the right and down, pixels"),
    "wrong": (wrong, "wrong measurements, %"),
}
Errors = dict[tuple[str, float, str], list[float]]
"""(panel, step, completer) to RMSE of each frame, mm."""


def measure(frames, completers: dict[str, Completer]) -> Errors:
    errors: Errors = {}
    served = dict.fromkeys(PANELS, 0)
    for frame in frames:
        for panel, (sweep, _) in PANELS.items():
            trials = sweep(frame)
            served[panel] += bool(trials)
            for step, trial in trials.items():
                for name, completer in completers.items():
                    depth = completer.complete(frame.image, trial.feed, frame.camera).depth
                    rmse = compute_metrics(depth, trial.truth).rmse_mm
                    if rmse > 0:  # else nothing was answered
                        errors.setdefault((panel, step, name), []).append(rmse)
    return {key: values for key, values in errors.items() if len(values) == served[key[0]]}


def curve(errors: Errors, panel: str, name: str) -> tuple[list[float], list[float]]:
    """Steps, ascending, and mean RMSE."""
    steps = sorted(step for of, step, who in errors if (of, who) == (panel, name))
    return steps, [float(np.exp(np.log(errors[panel, step, name]).mean())) for step in steps]


def draw(errors: Errors, completers: list[str], path: Path) -> None:
    figure, axes = new_figure((12, 8.4), 2, 2)
    for axis, (panel, (_, label)) in zip(axes, PANELS.items(), strict=True):
        frames = max((len(values) for (of, *_), values in errors.items() if of == panel), default=0)
        axis.set(title=f"{panel} ({frames} frames)", xlabel=label, ylabel="RMSE, mm", yscale="log")
        for at, name in enumerate(completers):
            steps, means = curve(errors, panel, name)
            # No point at all is no limit of few points, so no line leads there.
            apart = int("points" in panel and steps[:1] == [0])
            axis.plot(steps[apart:], means[apart:], **style(at, name))
            axis.plot(steps[:apart], means[:apart], **{**style(at, name), "label": None})
        plain_log_axis(axis.yaxis)
        if "fewer" in panel:
            ticks = LINES if panel == "fewer lines" else (*POINTS, 0)
            axis.set_xscale("symlog", linthresh=1, linscale=0.4)
            axis.set_xticks(ticks, labels=[f"{tick:g}" for tick in ticks])
            axis.minorticks_off()
    axes[0].legend(frameon=False)
    save(figure, path)


def markdown(errors: Errors, completers: list[str]) -> str:
    rows = []
    for panel in PANELS:
        curves = {name: dict(zip(*curve(errors, panel, name), strict=True)) for name in completers}
        for step in sorted({step for values in curves.values() for step in values}):
            cells = [curves[name].get(step) for name in completers]
            rows.append([panel, f"{step:g}", *("no answer" if c is None else f"{c:.0f}" for c in cells)])
    return table(["feed", "step", *(f"{name}, RMSE mm" for name in completers)], rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("frames", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--select", help="names of frame folders, such as kitti_seq_*")
    parser.add_argument("--limit", type=int, default=10, help="frames, at most")
    parser.add_argument("--weights", help="of the default; those that ship with the package")
    arguments = parser.parse_args()
    completers = {name: create_completer(name) for name in COMPLETERS[1:]}
    completers = {COMPLETERS[0]: create_completer(weights=arguments.weights), **completers}
    reader = frames_of(arguments.frames, arguments.select)
    errors = measure(islice(reader, arguments.limit), completers)
    print(markdown(errors, list(completers)))
    draw(errors, list(completers), arguments.out)


if __name__ == "__main__":
    main()
