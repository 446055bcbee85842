"""What fitting the default to one's own data gains at home, and what it costs elsewhere, by number of steps.

    python bench/adapt.py kitti FRAMES [--part heads] [--rate 2e-3] [--at 50,100,200] [--remind FOLDER]
    python bench/adapt.py drive DRIVE FRAMES [...]

`kitti` fits on frames 0 to 4 of the KITTI sequence among FRAMES (see bench/sources.py) and scores on 5 to 9,
and on a frame of every other source. `drive` fits on the parts of a simulated drive that `depth-completion
adapt` would, and scores on those that would judge, once by points that were hidden and once by the truth.

Errors are RMSE and MAE after / before at the points that are scored, computed as the completer does but for
those points alone. Confidence is scored before, calibrated alone, fitted, and both; `--plot` draws it.
Weights are not kept.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from sources import source_of

from depth_completion_ros import Frame
from depth_completion_ros.adaptation.calibration import Calibration
from depth_completion_ros.adaptation.fit import Fit
from depth_completion_ros.adaptation.frames import load_frames, part_frames
from depth_completion_ros.adaptation.hiding import Lesson, Question, make_lesson, question_of, questions_for
from depth_completion_ros.adaptation.run import read_start
from depth_completion_ros.adaptation.settings import PARTS, FitSettings
from depth_completion_ros.completion.efficient_spn.at_points import at_points
from depth_completion_ros.data import open_reader
from depth_completion_ros.evaluation.confidence import (
    CLOSE,
    ConfidenceScore,
    distance_to_measurement,
    reliability,
    sparsification,
)
from depth_completion_ros.evaluation.protocols import CannotServe, parse_protocol
from depth_completion_ros.evaluation.report import table

HOME = ("hide:2", "lines:16", "lines:8")
ELSEWHERE = ("lines:16", "points:500")
"""The first that a frame can serve."""
CALIBRATED_ON = ("hide:2", "lines:16", "lines:8")
Groups = dict[str, list[Question]]


class Experiment:
    """A fit whose errors are looked at on groups of questions.

    Args:
        groups: by name; that of those at home begins with `home`.
        own: questions of the frames that it is fitted on, for calibration.
    """

    def __init__(self, arguments, lessons: list[Lesson], groups: Groups, own: Groups):
        self.arguments, self.groups = arguments, groups
        steps = self.steps = [int(text) for text in arguments.at.split(",")]
        settings = FitSettings(
            part=arguments.part,
            steps=max(steps),
            batch=arguments.batch,
            kept=arguments.kept,
            rate=arguments.rate,
            seed=arguments.seed,
            tune_every=max(steps) + 1,
        )
        self.fit = Fit(read_start(None).network, lessons, groups | own, settings, reminders_of(arguments))
        self.own, self.before = list(own), self.fit.start.by_protocol
        self.start = {name: p.detach().clone() for name, p in self.fit.learning.items()}

    def run(self) -> dict[str, ConfidenceScore]:
        """Fit, print the errors on the way, and score confidence at home, uncalibrated and calibrated."""
        scores = self.confidence("before", "calibrated alone")
        begun = time.process_time()

        def look(state) -> None:
            if state.step in self.steps:
                self.note(state.step, time.process_time() - begun)
            if state.step == max(self.steps):
                scores.update(self.confidence("fitted", "fitted and calibrated"))
                self._go_half_way_back()
                self.note(state.step, time.process_time() - begun, "mean of the weights with those before")

        self.fit.run(look)
        return scores

    def _go_half_way_back(self) -> None:
        with torch.no_grad():
            for name, parameter in self.fit.learning.items():
                parameter.lerp_(self.start[name], 0.5)

    def note(self, step: int, seconds: float, what: str = "") -> None:
        """Print the errors relative to those before, and add them to the file."""
        now = self.fit.errors().by_protocol
        row = {name: getattr(self.arguments, name) for name in ("what", "part", "rate", "seed", "batch")}
        row |= {
            "reminded": bool(self.arguments.remind),
            "step": step,
            "cpu_s": round(seconds),
            "weights": what,
        }
        row |= {
            name: [round(a / b, 4) for a, b in zip(now[name], self.before[name], strict=True)]
            for name in self.groups
        }
        print(json.dumps(row), flush=True)
        if self.arguments.out:
            with self.arguments.out.open("a") as file:
                file.write(json.dumps(row) + "\n")

    def confidence(self, plain: str, calibrated: str) -> dict[str, ConfidenceScore]:
        """Scores at home of the confidence as it is, and calibrated on the frames that are learned from."""
        home = [name for name in self.groups if name.startswith("home")]
        own = [self._answer(asked) for name in self.own for asked in self.fit.tune[name]]
        weight = np.concatenate([np.full(len(each[0]), 1 / len(each[0]) / len(own)) for each in own])
        logit, right = (
            np.concatenate(each) for each in zip(*((a, _right(b, c)) for a, b, c in own), strict=True)
        )
        found = Calibration.fitted(logit, right, weight)
        print(f"{calibrated}: slope {found.slope:.3f}, offset {found.offset:.3f}", flush=True)
        scores: dict[str, list[ConfidenceScore]] = defaultdict(list)
        for name in home:
            for asked, question in zip(self.fit.tune[name], self.groups[name], strict=True):
                logit, depth, truth = self._answer(asked)
                for title, calibration in ((plain, Calibration()), (calibrated, found)):
                    scores[title].append(score(calibration(logit), depth, truth, question))
        return {title: ConfidenceScore.mean(each) for title, each in scores.items()}

    @torch.no_grad()
    def _answer(self, asked) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Logit of confidence, depth and truth of the hidden points, float64 N each."""
        n = asked.points.measured
        found = at_points(asked.prediction(self.fit.network, self.fit.heads), asked.points)
        planes = found.logit[n:], found.log_depth[n:].exp(), asked.points.log_depth[n:].exp()
        return tuple(plane.double().numpy() for plane in planes)


def _right(depth: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return np.abs(depth - truth) <= CLOSE * truth


def score(confidence, depth, truth, question: Question) -> ConfidenceScore:
    """As `evaluation.confidence.score_confidence`, at the hidden points alone."""
    error = np.abs(depth - truth)
    keys = {
        "confidence": confidence,
        "distance": -distance_to_measurement(question.fed)[question.hidden > 0],
        "random": np.zeros_like(error),
        "oracle": -error,
    }
    curves = {name: sparsification(error, key) for name, key in keys.items()}
    whole = curves["random"][:, :1]
    return ConfidenceScore(
        {name: curve / whole for name, curve in curves.items()},
        reliability(confidence, _right(depth, truth)),
    )


def reminders_of(arguments) -> list[Lesson]:
    """Simulated frames to be reminded of; none without a folder."""
    if arguments.remind is None:
        return []
    return [make_lesson(f, simulated=True) for f in load_frames(open_reader(arguments.remind), 40, True)]


def elsewhere(frames: Iterable[Frame], sequence_too: bool, sources: str) -> Groups:
    """A question of the last frame of each source whose name matches, by source."""
    last = {source_of(f.name): f for f in frames if re.search(sources, source_of(f.name))}
    groups: Groups = {}
    for source, frame in last.items():
        if frame.name.startswith("kitti_seq_") and not sequence_too:
            continue
        lesson = make_lesson(frame)
        for text in ELSEWHERE:
            try:
                truth = frame if frame.points is None else replace(frame, ground_truth=None)
                trial = parse_protocol(text).trial(replace(truth, image=None))
            except CannotServe:
                continue
            groups[source] = [lesson.asked(trial.feed.depth, trial.truth)]
            break
    return groups


def home_groups(frames: Iterable[Frame], prefix: str, protocols: Iterable[str]) -> Groups:
    """Questions by protocol, their names with a prefix."""
    lessons = [make_lesson(frame) for frame in frames]
    return {f"{prefix} {text}": each for text, each in questions_for(lessons, protocols).items()}


def truth_groups(frames: list[Frame], protocols: Iterable[str]) -> Groups:
    """The same, but scored on the exact truth at 8000 pixels that are not fed."""
    groups: Groups = {}
    for text in protocols:
        for frame in frames:
            question = question_of(make_lesson(frame), text)
            at = np.flatnonzero((frame.ground_truth > 0) & (question.fed == 0))
            at = np.random.default_rng(0).choice(at, min(len(at), 8000), replace=False)
            asked = np.zeros_like(question.fed)
            asked.flat[at] = frame.ground_truth.flat[at]
            groups.setdefault(f"truth {text}", []).append(question._replace(hidden=asked))
    return groups


def kitti(arguments) -> Experiment:
    """Fit on the KITTI sequence."""
    frames = list(open_reader(arguments.frames))
    sequence = [frame for frame in frames if frame.name.startswith("kitti_seq_")]
    own = sequence[:5]
    groups = home_groups(sequence[5 : 10 : arguments.every], "home", HOME) | elsewhere(
        frames, False, arguments.sources
    )
    calibration = home_groups(own[:: arguments.every], "own", CALIBRATED_ON)
    return Experiment(arguments, [make_lesson(frame) for frame in own], groups, calibration)


def drive(arguments) -> Experiment:
    """Fit on a simulated drive."""
    parts = part_frames(list(load_frames(open_reader(arguments.drive), arguments.most, with_truth=True)))
    judge = parts.judge[:: arguments.every]
    groups = home_groups(judge, "home", HOME[1:]) | truth_groups(judge, HOME[1:])
    groups |= elsewhere(open_reader(arguments.frames), True, arguments.sources)
    calibration = home_groups(parts.tune[:: arguments.every], "own", CALIBRATED_ON)
    return Experiment(arguments, [make_lesson(frame) for frame in parts.fit], groups, calibration)


def tell(arguments, scores: dict[str, ConfidenceScore]) -> None:
    """Print the table of confidence, and draw it where asked to."""
    rows = [
        [name, *(f"{x:.3f}" for x in (*score.ause(), score.confidence, score.right, score.calibration_error))]
        for name, score in scores.items()
    ]
    print(table(["", "AUSE RMSE", "AUSE MAE", "confidence", "right", "calibration error"], rows, 1))
    if arguments.plot:
        from depth_completion_ros.evaluation.figures import plot_confidence

        title = {"kitti": "KITTI, other frames", "drive": "simulated drive, held out"}[arguments.what]
        shown = {(title, name): score for name, score in scores.items() if name != "fitted"}
        plot_confidence(shown, arguments.plot)


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
        mine.add_argument("frames", type=Path)
        mine.add_argument("--every", type=int, default=1, help="of the frames that are scored")
        mine.add_argument("--sources", default="", help="pattern of those that are scored beside home")
        mine.add_argument("--part", choices=PARTS, default="all")
        mine.add_argument("--rate", type=float, help="highest learning rate; that of the part")
        mine.add_argument("--batch", type=int, default=2)
        mine.add_argument("--kept", type=int, default=64, help="hidden scans that are learned from")
        mine.add_argument("--at", default="50,100,200", help="steps, the last of which ends it")
        mine.add_argument("--remind", type=Path, help="folder of simulated frames; half of each step")
        mine.add_argument("--seed", type=int, default=0)
        mine.add_argument("--out", type=Path, help="file to which lines of JSON are added")
        mine.add_argument("--plot", type=Path, help="PNG file of confidence")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    tell(arguments, {"kitti": kitti, "drive": drive}[arguments.what](arguments).run())


if __name__ == "__main__":
    main()
