"""The table, the files and the plot of a run of SLAM."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from ..core.safe.files import write_text
from ..evaluation.report import table
from .run import DepthResult, SlamResult

EXPLANATION = (
    "Medians over the runs; of ATE the least and the largest too. ATE is the root mean square of the "
    "distance between the positions of trajectory and reference after the best rigid alignment, RPE that of "
    "the motion from one frame to the next (both by evo), over the tracked frames alone: read them beside "
    "the number of those. Scale is by what the trajectory must be multiplied to fit best. Lost are frames "
    "after the first tracked one without a pose; after a loss another map is begun at the origin, so that "
    "the pose of a robot jumps. Completing and tracking are medians over the frames, on this machine."
)


def slam_table(result: SlamResult) -> tuple[list[str], list[list[str]]]:
    """Headings and cells of the table, a row a depth."""
    headings = ["depth", "runs", "tracked", "lost", "maps", "ATE m", "from-to", "scale", "RPE m", "RPE °"]
    headings += ["completing ms", "tracking ms"]
    return headings, [_row(each, result.frames) for each in result.depths]


def _row(result: DepthResult, frames: int) -> list[str]:
    failed = len(result.failures)
    runs = f"{len(result.runs)}{f', {failed} failed' if failed else ''}"
    maps = [run.maps for run in result.runs]
    ate = [score.ate_m for score in result.scores if score is not None]
    cells = [result.depth.label, runs, f"{_median(result.tracked, '{:.0f}')} / {frames}"]
    cells += [_median(result.lost, "{:.0f}"), _median(maps, "{:.0f}"), _median(ate, "{:.3f}")]
    cells.append(f"{min(ate):.3f}-{max(ate):.3f}" if ate else "-")
    for name, pattern in (("scale", "{:.3f}"), ("rpe_m", "{:.3f}"), ("rpe_deg", "{:.2f}")):
        values = [getattr(score, name) for score in result.scores if score is not None]
        cells.append(_median([value for value in values if value is not None], pattern))
    return [*cells, f"{result.complete_ms:.0f}", f"{result.track_ms:.0f}"]


def _median(values: Sequence[float], pattern: str) -> str:
    return pattern.format(float(np.median(values))) if values else "-"


def cut_off(result: SlamResult) -> str:
    """A sentence that says before how many frames mapping had not come to rest; empty where it always had."""
    rested = [each for depth in result.depths for run in depth.runs for each in run.rested]
    cut = rested.count(False)
    return f"Mapping was cut off after {cut} of {len(rested)} frames." if cut else ""


def write_slam_report(result: SlamResult, out: Path) -> Path:
    """Write `report.md`, `slam.json` and the plots into a folder; return the first."""
    from .plot import plot_gates, plot_trajectories

    out.mkdir(parents=True, exist_ok=True)
    plots = [plot_trajectories(result, out / "trajectories.png"), *plot_gates(result, out / "gates.png")]
    write_text(out / "slam.json", json.dumps(_content(result), indent=1) + "\n")
    length = result.reference.trajectory.length
    parts = [
        f"# ORB-SLAM3 with depth on {result.name}",
        f"{result.frames} frames, {length:.1f} m; fed: {result.fed}. Reference: {result.reference.name}.",
        table(*slam_table(result)),
        EXPLANATION,
        *filter(None, [cut_off(result)]),
        *(f"- {each.depth.label}: {sentence}" for each in result.depths for sentence in each.failures),
        *(f"![{plot.stem}]({plot.name})" for plot in plots),
    ]
    report = out / "report.md"
    write_text(report, "\n\n".join(parts) + "\n")
    return report


def _content(result: SlamResult) -> dict:
    """All numbers for programs."""
    depths = [
        {
            "depth": each.depth.base,
            "min_confidence": each.depth.min_confidence,
            "max_step": each.depth.max_step,
            "complete_ms": each.complete_ms,
            "failures": each.failures,
            "runs": [
                {
                    "trajectory": str(file),
                    "states": run.states,
                    "track_ms": run.track_ms,
                    "rested": run.rested,
                    "score": None if score is None else asdict(score),
                }
                for run, file, score in zip(each.runs, each.files, each.scores, strict=True)
            ],
        }
        for each in result.depths
    ]
    return {
        "name": result.name,
        "frames": result.frames,
        "fed": result.fed,
        "reference": result.reference.name,
        "length_m": result.reference.trajectory.length,
        "depths": depths,
    }
