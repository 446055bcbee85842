"""What layers, rate, steps and reminders `depth-completion adapt` takes: chosen in simulation alone.

    depth-completion demo-drive A
    depth-completion demo-drive B --frames 60 --speed 25 --seed 2 --lines 16      # another home
    depth-completion demo-drive C --frames 5 --speed 25 --seed 5 --route street
    simulate="python -m depth_completion_training.generation --views 1 --scans 2 --outdoor 0.5"
    $simulate elsewhere --scenes 12 --seed 5000
    $simulate remind --scenes 12 --seed 7000
    python bench/adapt_choose.py runs.jsonl --part heads,norms,all --rate 5e-4,2e-3 --seed 0,1
    python bench/adapt_choose.py runs.jsonl --table part,rate

Fits on three fifths of a drive, as the command does, and scores on its last fifth: on points that were
hidden, and on the exact truth. Elsewhere is another town, and outdoor and indoor scenes of the training's
generator with scans of other sensors, on their exact truth. Errors are RMSE and MAE after / before. Each
line of the file is a fit; those that are in it are not done again, so that a sweep that was ended goes on.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import torch
from adapt import Groups, home_groups, truth_groups

from depth_completion_ros import Camera, Frame
from depth_completion_ros.adaptation.fit import Fit
from depth_completion_ros.adaptation.frames import load_frames, part_frames
from depth_completion_ros.adaptation.hiding import Lesson, make_lesson
from depth_completion_ros.adaptation.run import read_start
from depth_completion_ros.adaptation.settings import FitSettings
from depth_completion_ros.core import SparseDepth
from depth_completion_ros.data import open_reader
from depth_completion_ros.evaluation.report import table

LOOKS = (50, 100, 200)
MOST = 30
"""Frames of a drive."""
SCORED = 3
"""Frames of each group that are scored."""
PROTOCOLS = {"A": ("lines:16", "lines:8"), "B": ("hide:2", "lines:4")}
"""At home, by how many lines there are."""
ASKED = 4000
"""Pixels of the truth."""
REMINDERS = ("none", "truth", "held", "street", "own")
"""Frames of the generator with their truth; without it; of one street; and one's own, both without."""


def simulated(folder: Path, kinds: str, truth: bool) -> Iterator[Frame]:
    """Frames of the training's generator, each with its first scan."""
    from depth_completion_training.simulation.frame_file import read_frame

    for file in sorted(folder.glob(f"{kinds}_*.npz")):
        made = read_frame(file)
        height, width = made.depth.shape
        scan, sparse = made.scans[0], np.zeros(made.depth.shape, np.float32)
        seen = ~scan.hidden
        sparse.flat[scan.pixel[seen]] = scan.z[seen]
        known = np.where(np.isfinite(made.depth), made.depth, 0)
        yield Frame(
            name=file.stem,
            image=made.image,
            camera=Camera(width, height, made.K),
            sparse_depth=sparse,
            ground_truth=known if truth else None,
        )


def asked_of(frame: Frame) -> Groups:
    """The question that all of a frame's points are, asked for its truth at some pixels."""
    fed = SparseDepth.from_points(replace(frame, image=None)).depth
    at = np.flatnonzero((frame.ground_truth > 0) & (fed == 0))
    at = np.random.default_rng(0).choice(at, min(len(at), ASKED), replace=False)
    hidden = np.zeros_like(fed)
    hidden.flat[at] = frame.ground_truth.flat[at]
    return make_lesson(frame).asked(fed, hidden)


def some(frames: list, most: int = SCORED) -> list:
    """At most so many, evenly spaced."""
    return [frames[at * len(frames) // most] for at in range(most)] if len(frames) > most else frames


class World:
    """All data of a sweep, read once.

    Args:
        folder: of the drives and frames.
        home: name of the drive that is fitted to.
    """

    def __init__(self, folder: Path, home: str):
        self.folder = folder
        parts = part_frames(list(load_frames(open_reader(folder / home), MOST, with_truth=True)))
        judge = some(parts.judge)
        self.lessons = [make_lesson(frame) for frame in parts.fit]
        self.groups = home_groups(judge, "hidden", PROTOCOLS[home]) | truth_groups(judge, PROTOCOLS[home])
        town = some(list(load_frames(open_reader(folder / "C"), 10, with_truth=True)))
        self.groups |= {"town": truth_groups(town, ["lines:16"])["truth lines:16"]}
        for kind in ("outdoor", "indoor"):
            self.groups[kind] = [asked_of(f) for f in simulated(folder / "elsewhere", kind, True)]

    def reminders(self, kind: str) -> list[Lesson]:
        """Frames to be reminded of, by one of `REMINDERS`."""
        if kind == "own":
            return self.lessons
        if kind == "street":
            return [make_lesson(frame) for frame in load_frames(open_reader(self.folder / "B"), 40)]
        if kind == "none":
            return []
        truth = kind == "truth"
        return [make_lesson(f, simulated=truth) for f in simulated(self.folder / "remind", "*", truth)]


def run(world: World, config: dict) -> dict:
    """One fit: errors by step and group, after / before."""
    reminders = world.reminders(config["remind"])
    settings = FitSettings(
        part=config["part"],
        steps=config["steps"],
        batch=4 if reminders else 2,
        kept=config["kept"] * (2 if reminders else 1),
        rate=config["rate"],
        seed=config["seed"],
        tune_every=config["steps"] + 1,
    )
    lessons = some(world.lessons, config["frames"])
    fit = Fit(read_start(None).network, lessons, world.groups, settings, reminders)
    start = {name: p.detach().clone() for name, p in fit.learning.items()}
    begun, looks = time.process_time(), {}

    def note(step: str) -> None:
        now = fit.errors().by_protocol
        looks[step] = {
            name: [round(a / b, 4) for a, b in zip(now[name], fit.start.by_protocol[name], strict=True)]
            for name in world.groups
        }

    def look(state) -> None:
        if state.step in LOOKS or state.step == settings.steps:
            note(str(state.step))
        if state.step == settings.steps:
            with torch.no_grad():
                for name, parameter in fit.learning.items():
                    parameter.lerp_(start[name], 0.5)
            note(f"{state.step} / 2")

    fit.run(look)
    return config | {"cpu_s": round(time.process_time() - begun), "looks": looks}


def sweep(arguments) -> None:
    """Do what is asked for and not in the file."""
    names = ("home", "part", "rate", "seed", "frames", "kept", "remind", "steps")
    lists = [getattr(arguments, name).split(",") for name in names]
    kinds = (str, str, float, int, int, int, str, int)
    worlds: dict[str, World] = {}
    for values in product(*lists):
        config = {n: kind(value) for n, kind, value in zip(names, kinds, values, strict=True)}
        if any(all(row[name] == config[name] for name in names) for row in rows_of(arguments.file)):
            continue
        if config["home"] not in worlds:
            worlds[config["home"]] = World(arguments.folder, config["home"])
        row = run(worlds[config["home"]], config)
        with arguments.file.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)


def rows_of(file: Path) -> list[dict]:
    """The fits in a file."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []


def means(rows: list[dict], names: list[str]) -> str:
    """Geometric means over what is not named, of RMSE and MAE, by step."""
    cells: dict = defaultdict(lambda: defaultdict(list))
    for row in rows:
        for step, groups in row["looks"].items():
            key = (row["home"], *(str(row[name]) for name in names), step)
            for group, ratios in groups.items():
                kind = group.partition(" ")[0]
                cells[key][kind].append(np.log(ratios))
    kinds = ["hidden", "truth", "town", "outdoor", "indoor"]
    lines = []
    for key, cell in cells.items():
        ratios = {kind: np.exp(np.mean(cell[kind], axis=0)) for kind in kinds}
        number = str(len(cell["town"]))
        lines.append([*key, number, *(f"{rmse:.3f} / {mae:.3f}" for rmse, mae in ratios.values())])
    return table(["home", *names, "steps", "fits", *kinds], lines, len(names) + 1)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, help="lines of JSON, a fit each")
    parser.add_argument("--folder", type=Path, default=Path(), help="of the drives A to C, elsewhere, remind")
    parser.add_argument("--home", default="A")
    parser.add_argument("--part", default="heads")
    parser.add_argument("--rate", default="2e-3")
    parser.add_argument("--seed", default="0")
    parser.add_argument("--frames", default="18", help="to fit on, at most")
    parser.add_argument("--kept", default="32", help="hidden scans of one's own")
    parser.add_argument("--remind", default="none", help=f"of {', '.join(REMINDERS)}")
    parser.add_argument("--steps", default="200")
    parser.add_argument("--table", help="print means by these, such as part,rate")
    parser.add_argument("--where", default="", help="with --table: only fits with NAME=VALUE,...")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.table is None:
        sweep(arguments)
        return
    wanted = dict(each.split("=") for each in arguments.where.split(",") if each)
    rows = [r for r in rows_of(arguments.file) if all(str(r[n]) == value for n, value in wanted.items())]
    print(means(rows, arguments.table.split(",")))


if __name__ == "__main__":
    main()
