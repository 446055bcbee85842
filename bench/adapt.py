"""What fitting the default to one's own data gains at home, and what it costs elsewhere, by number of steps.

    python bench/adapt.py kitti FRAMES [--part all] [--rate 5e-4] [--at 40,120,240] [--remind FOLDER]
    python bench/adapt.py drive DRIVE FRAMES [...]

`kitti` fits on frames 0 to 4 of the KITTI sequence among FRAMES (see bench/sources.py) and scores on 5 to 9,
and on a frame of every other source. `drive` fits on the parts of a simulated drive that `depth-completion
adapt` would, and scores on the others, once by points that were hidden and once by the exact truth. Errors
are those after / before, RMSE and MAE, geometric means; weights are not kept. Confidence is scored before,
calibrated alone, and calibrated after the last step; `--plot FILE.png` draws it.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from sources import source_of

from depth_completion_ros import Frame, create_completer
from depth_completion_ros.adaptation.calibration import Calibration
from depth_completion_ros.adaptation.fit import PARTS, Fit, FitSettings
from depth_completion_ros.adaptation.frames import load_frames, part_frames
from depth_completion_ros.adaptation.hiding import Lesson, make_lesson
from depth_completion_ros.adaptation.run import hidden_answers, questions_for, read_start
from depth_completion_ros.completion.efficient_spn.network import EfficientSPN
from depth_completion_ros.completion.efficient_spn.onnx_file import to_onnx
from depth_completion_ros.completion.efficient_spn.onnx_runner import OnnxRunner
from depth_completion_ros.data import open_reader
from depth_completion_ros.evaluation.confidence import ConfidenceScore
from depth_completion_ros.evaluation.report import table
from depth_completion_ros.evaluation.runner import evaluate

HOME = ("hide:2", "lines:16", "lines:8", "points:500")
ELSEWHERE = ("lines:16", "points:500")
Ratios = dict[str, tuple[float, float]]


def completer_of(network: EfficientSPN):
    """The completer as a robot without a GPU has it, with these weights."""
    completer = create_completer("efficient_spn", device="cpu")
    completer.runner = OnnxRunner(to_onnx(copy.deepcopy(network)), threads=1)
    return completer


class Errors:
    """Errors of a network on frames, relative to those of another before."""

    def __init__(self, frames: Sequence[Frame], protocols: Sequence[str], by_source: bool):
        self.frames, self.protocols, self.by_source = frames, protocols, by_source
        self.before: dict[tuple[str, str], tuple[float, float]] = {}

    def measure(self, network: EfficientSPN) -> dict[tuple[str, str], tuple[float, float]]:
        """RMSE and MAE by frame and protocol."""
        rows = evaluate(self.frames, {"it": completer_of(network)}, self.protocols).rows
        return {(row.frame, row.protocol): (row.metrics.rmse_mm, row.metrics.mae_mm) for row in rows}

    def ratios(self, network: EfficientSPN) -> Ratios:
        """Geometric means by protocol, or by source, and of `all`."""
        groups = defaultdict(list)
        for (frame, protocol), after in self.measure(network).items():
            ratio = np.log(np.divide(after, self.before[frame, protocol]))
            groups[source_of(frame) if self.by_source else protocol].append(ratio)
        means = {name: np.mean(ratios, axis=0) for name, ratios in groups.items()}
        means["all"] = np.mean(list(means.values()), axis=0)
        return {name: tuple(np.exp(mean).round(4).tolist()) for name, mean in means.items()}


def simulated_lessons(folder: Path | None, most: int) -> list[Lesson]:
    """Frames to be reminded of; none without a folder."""
    if folder is None:
        return []
    return [make_lesson(frame, simulated=True) for frame in load_frames(open_reader(folder), most, True)]


def calibrated(network: EfficientSPN, lessons: Sequence[Lesson], protocols: Sequence[str]) -> EfficientSPN:
    """A copy whose confidence is calibrated on hidden points of frames."""
    network = copy.deepcopy(network)
    found = Calibration.fitted(*hidden_answers(network, questions_for(lessons, protocols)))
    print(f"calibration: slope {found.slope:.3f}, offset {found.offset:.3f}", flush=True)
    found.put_into(network)
    return network


def confidence_of(networks: dict[str, EfficientSPN], frames, protocols) -> dict[str, ConfidenceScore]:
    """Mean score of confidence of each network, over frames and protocols."""
    completers = {name: completer_of(network) for name, network in networks.items()}
    result = evaluate(frames, completers, protocols, confidence=True)
    scores = defaultdict(list)
    for _, _, name, score in result.confidence:
        scores[name].append(score)
    return {name: ConfidenceScore.mean(each) for name, each in scores.items()}


def run(arguments, fit_frames, judged: dict[str, Errors], home, confidence_protocols) -> None:
    """Fit, and print the errors at each of the numbers of steps asked for."""
    torch.set_num_threads(1)
    steps = [int(text) for text in arguments.at.split(",")]
    network = read_start(None).network
    start = copy.deepcopy(network)
    for errors in judged.values():
        errors.before = errors.measure(start)
    lessons = [make_lesson(frame) for frame in fit_frames]
    reminders = simulated_lessons(arguments.remind, 200)
    settings = FitSettings(
        part=arguments.part, steps=max(steps), batch=arguments.batch, rate=arguments.rate, seed=arguments.seed
    )
    fit = Fit(network, lessons, {}, settings, reminders)
    begun = time.process_time()

    def look(state) -> None:
        if state.step not in steps:
            return
        note(arguments, state.step, time.process_time() - begun, network, judged, "")
        if arguments.mean and state.step == max(steps):
            half = mean_of(start, network)
            note(arguments, state.step, time.process_time() - begun, half, judged, "mean with the start")

    fit.run(look)
    networks = {
        "before": start,
        "calibrated alone": calibrated(start, lessons, confidence_protocols),
        "fitted": network,
        "fitted and calibrated": calibrated(network, lessons, confidence_protocols),
    }
    tell_confidence(arguments, confidence_of(networks, home, confidence_protocols))


def mean_of(one: EfficientSPN, other: EfficientSPN) -> EfficientSPN:
    """The mean of two networks' weights."""
    both = copy.deepcopy(one)
    with torch.no_grad():
        for parameter, second in zip(both.parameters(), other.parameters(), strict=True):
            parameter.lerp_(second, 0.5)
    return both


def note(arguments, step: int, seconds: float, network, judged: dict[str, Errors], what: str) -> None:
    """Print the ratios at a step, and add them to the file."""
    row = {
        "data": arguments.what,
        "part": arguments.part,
        "rate": arguments.rate,
        "reminded": bool(arguments.remind),
        "seed": arguments.seed,
        "what": what,
        "step": step,
        "cpu_s": round(seconds),
        **{name: errors.ratios(network) for name, errors in judged.items()},
    }
    print(json.dumps(row), flush=True)
    if arguments.out:
        with arguments.out.open("a") as file:
            file.write(json.dumps(row) + "\n")


def tell_confidence(arguments, scores: dict[str, ConfidenceScore]) -> None:
    """Print the table of confidence, and draw it where asked to."""
    rows = [
        [
            name,
            *(f"{value:.3f}" for value in score.ause()),
            *(f"{value:.3f}" for value in (score.confidence, score.right, score.calibration_error)),
        ]
        for name, score in scores.items()
    ]
    headings = ["", "AUSE RMSE", "AUSE MAE", "confidence", "right", "calibration error"]
    print(table(headings, rows, 1), flush=True)
    if arguments.plot:
        from depth_completion_ros.evaluation.figures import plot_confidence

        title = "KITTI, other frames" if arguments.what == "kitti" else "simulated drive, other stretches"
        shown = {(title, name): score for name, score in scores.items() if name != "fitted"}
        plot_confidence(shown, arguments.plot)


def without_truth(frames: Iterable[Frame]) -> list[Frame]:
    """Frames whose hidden points are all that is scored."""
    from dataclasses import replace

    return [replace(frame, ground_truth=None) for frame in frames if frame.points is not None]


def one_of_each(frames: Iterable[Frame], with_sequence: bool = False) -> list[Frame]:
    """The last frame of each source, but of the KITTI sequence where it is not asked for."""
    last = {source_of(frame.name): frame for frame in frames}
    return [frame for frame in last.values() if with_sequence or not frame.name.startswith("kitti_seq_")]


def kitti(arguments) -> None:
    """Fit on the KITTI sequence."""
    frames = list(open_reader(arguments.frames))
    sequence = [frame for frame in frames if frame.name.startswith("kitti_seq_")]
    home = without_truth(sequence[5:10])
    judged = {"home": Errors(home, HOME, False), "elsewhere": Errors(one_of_each(frames), ELSEWHERE, True)}
    run(arguments, without_truth(sequence[:5]), judged, home, ("hide:2", "lines:16", "lines:8", "share:3"))


def drive(arguments) -> None:
    """Fit on a simulated drive."""
    reader = open_reader(arguments.drive)
    parts = part_frames(list(load_frames(reader, arguments.most)))
    names = {frame.name for frame in parts.judge}
    with_truth = [frame for frame in reader if frame.name in names][:: arguments.judge_every]
    home, lines = without_truth(with_truth), (16, 8)
    others = one_of_each(open_reader(arguments.frames), with_sequence=True)
    judged = {
        "home": Errors(home, [f"lines:{n}" for n in lines], False),
        "truth": Errors(with_truth, [f"truth:lines={n}" for n in lines], False),
        "elsewhere": Errors(others, ELSEWHERE, True),
    }
    run(arguments, parts.fit, judged, home, ("hide:2", "lines:16", "lines:8", "share:3"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_subparsers(dest="what", required=True)
    for name in ("kitti", "drive"):
        mine = what.add_parser(name)
        if name == "drive":
            mine.add_argument("drive", type=Path)
            mine.add_argument("--most", type=int, default=60, help="frames of the drive, evenly spaced")
            mine.add_argument("--judge-every", type=int, default=2, help="of its frames that judge")
        mine.add_argument("frames", type=Path)
        mine.add_argument("--part", choices=PARTS, default="all")
        mine.add_argument("--rate", type=float, help="highest learning rate; that of the part")
        mine.add_argument("--batch", type=int, default=2)
        mine.add_argument("--at", default="50,150,300", help="steps, the last of which ends it")
        mine.add_argument("--remind", type=Path, help="folder of simulated frames; half of each step")
        mine.add_argument("--mean", action="store_true", help="score the mean with the start too")
        mine.add_argument("--seed", type=int, default=0)
        mine.add_argument("--out", type=Path, help="file to which lines of JSON are added")
        mine.add_argument("--plot", type=Path, help="PNG file of confidence")
    arguments = parser.parse_args()
    {"kitti": kitti, "drive": drive}[arguments.what](arguments)


if __name__ == "__main__":
    main()
