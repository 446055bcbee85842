"""The report of a soak: plots, the account, and what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from account import NOTHING
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from depth_completion_ros.core.safe.files import write_text
from depth_completion_ros.evaluation.drawing import save

QUANTITIES = {
    "memory": "MiB of own memory",
    "in use": "MiB of it in use by malloc",
    "descriptors": "file descriptors",
    "threads": "threads",
    "shared memory": "MiB of shared memory mapped",
}
WARM_SHARE = 0.5
"""Of the time, in which memory may grow: the first dense cloud, or the first overlay, sets buffers up."""
GROWTH_MIB_H = 20.0
LOST_SHARE = 1e-3
OTHER_SHARE = 1e-2
"""Of the images, by which the evaluation node may differ: it hears of truth and depth, which may get lost."""


def growth(samples: list[tuple[float, float]]) -> float:
    """Slope of a straight line through what was held after the first part, per hour."""
    seconds, values = np.array(samples).T
    late = seconds > WARM_SHARE * seconds[-1]
    if np.count_nonzero(late) < 3:
        return 0.0
    return float(np.polyfit(seconds[late] / 3600, values[late], 1)[0])


def grows(samples: list[tuple[float, float]]) -> bool:
    """Whether more is held in each eighth of the second half, and much of it; a step or two are no leak."""
    seconds, values = np.array(samples).T
    late = values[seconds > WARM_SHARE * seconds[-1]]
    means = [part.mean() for part in np.array_split(late, 4)] if len(late) >= 8 else [0.0]
    return growth(samples) > GROWTH_MIB_H and bool((np.diff(means) > 0.5).all())


def plot(samples: dict, path: Path) -> Path:
    """What was held over time, one panel a quantity."""
    figure = Figure(figsize=(9, 13), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(QUANTITIES), sharex=True)
    for axis, (quantity, label) in zip(panels, QUANTITIES.items(), strict=True):
        most = 0.0
        for number, (name, of_process) in enumerate(samples.items()):
            if quantity in of_process:
                seconds, values = np.array(of_process[quantity]).T
                axis.plot(seconds / 60, values, label=name, linewidth=2.4 - 0.5 * number)
                most = max(most, values.max())
        axis.set_ylabel(label)
        axis.set_ylim(0, 1.2 * most or 1)
        axis.grid(True, color="#dddddd", linewidth=0.6)
    panels[0].legend(loc="lower left", ncols=4, fontsize=8)
    panels[-1].set_xlabel("minutes")
    return save(figure, path)


def faults(result: dict) -> list[str]:
    """What is wrong, a sentence each."""
    found = []
    for name, process in result["processes"].items():
        if not process["alive"]:
            found.append(f"{name} had ended before the end.")
        if process["exit code"]:
            found.append(f"{name} ended with code {process['exit code']}.")
        if process["tracebacks"]:
            found.append(f"{name} printed {process['tracebacks']} tracebacks.")
        if process["grows"] and result["minutes"] >= 10:
            found.append(f"{name} grew by {process['growth MiB/h']:.1f} MiB an hour.")
        if process["descriptors"][1] > process["descriptors"][0] + 10:
            found.append(
                f"{name} went from {process['descriptors'][0]} to {process['descriptors'][1]} files."
            )
    unheard = result["fates"].get(NOTHING, 0)
    if unheard > LOST_SHARE * result["published"]:
        found.append(f"Nothing was told of {unheard} of {result['published']} images.")
    counted = sum(result["evaluation"].values())
    if abs(counted - result["published"]) > OTHER_SHARE * result["published"]:
        found.append(f"The evaluation node counts {counted} frames; {result['published']} were published.")
    if not result["good at the end"]:
        found.append("At the end, good frames were not completed.")
    return found


def write(result: dict, samples: dict, out: Path) -> list[str]:
    """Write soak.json, soak.png and soak.md into a folder; what is wrong."""
    out.mkdir(parents=True, exist_ok=True)
    found = faults(result)
    plot(samples, out / "soak.png")
    write_text(out / "soak.json", json.dumps(result | {"faults": found}, indent=1) + "\n")
    lines = [
        f"# Soak with {result['completer']}, {result['minutes']:.0f} minutes at {result['rate']:g} Hz",
        "",
        f"{result['published']} images published, {result['depths']} depth images received. From an image to "
        f"the word of it took {result['slowest word s']} s at most.",
        "",
        "| what became of an image | number |",
        "|---|---|",
        *(f"| {fate} | {n} |" for fate, n in sorted(result["fates"].items(), key=lambda item: -item[1])),
        "",
        "Evaluation node: " + ", ".join(f"{n} {what}" for what, n in result["evaluation"].items()) + ".",
        "",
        "| process | MiB at half time / end / most | growth from half time on, MiB/h | of it in use "
        "| files | threads |",
        "|---|---|---|---|---|---|",
    ]
    for name, p in result["processes"].items():
        memory, in_use = (" / ".join(f"{value:.0f}" for value in p[q]) for q in ("memory", "in use"))
        files, threads = (" to ".join(f"{v:.0f}" for v in p[q]) for q in ("descriptors", "threads"))
        lines.append(f"| {name} | {memory} | {p['growth MiB/h']:+.1f} | {in_use} | {files} | {threads} |")
    lines += ["", "| disturbance | times |", "|---|---|"]
    lines += [f"| {kind} | {n} |" for kind, n in sorted(result["disturbances"].items())]
    lines += ["", *(found or ["Nothing is wrong."]), "", "![what was held over time](soak.png)"]
    write_text(out / "soak.md", "\n".join(lines) + "\n")
    return found
