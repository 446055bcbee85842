"""Trains the default's network with one thing changed at a time, at equal steps, and judges it.

    generate="python -m depth_completion_training.generation"
    $generate frames --scenes 200 --views 4 --size 384x640
    $generate held_out --scenes 40 --views 2 --size 384x640 --seed 50000
    python bench/ablations frames held_out --steps 600 --seeds 1 2
    python bench/ablations frames held_out --table

Each training is a line of OUT/runs.jsonl; those that are in it are not done again, so that a sweep that was
ended goes on. The table has RMSE and MAE relative to the network as it is, geometric means over the trials
and seeds; then how far apart the seeds are, and the sky.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from depth_completion_training.data.simulator import split_of
from depth_completion_training.export import export
from trials import completer_of, scores, trials
from variants import VARIANTS, Variant

from depth_completion_ros.evaluation.report import table

BASE = next(iter(VARIANTS))


def train(variant: Variant, frames: Path, folder: Path, seed: int, given: argparse.Namespace) -> Path:
    """Train from the start, and export; what was begun goes on."""
    command = [sys.executable, "-m", "depth_completion_training", "fit", "--config", "efficient_spn"]
    command += [f"--model.network.class_path={variant.trained()}", *variant.settings]
    command += [f"--data.init_args.folder={frames}", f"--trainer.default_root_dir={folder}"]
    command += [f"--trainer.max_steps={given.steps}", f"--seed_everything={seed}", "--ckpt_path=last"]
    command += ["--trainer.accelerator=cpu", f"--trainer.precision={given.precision}"]
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": path}, stdout=sys.stderr)
    weights = folder / "weights.safetensors"
    last = folder / "checkpoints" / "last.ckpt"
    export(last, weights, "Apache-2.0", "efficient_spn:general", half=True)
    return weights


def some_scenes(frames: Path, share: int, folder: Path) -> Path:
    """A folder with links to the frames of every `share`-th scene, and to all that validate."""
    if share == 1:
        return frames
    scenes = sorted({file.name.rsplit("_", 1)[0] for file in frames.glob("*.npz")})[::share]
    folder.mkdir(parents=True, exist_ok=True)
    for file in frames.glob("*.npz"):
        wanted = file.name.rsplit("_", 1)[0] in scenes or split_of(file.name) == "val"
        if wanted and not (folder / file.name).exists():
            (folder / file.name).symlink_to(file.resolve())
    return folder


def write_table(rows: list[dict]) -> str:
    """Of the runs that there are."""
    runs = defaultdict(dict)
    for row in rows:
        runs[row["variant"]][row["seed"]] = np.array(row["scores"])
    feeds = np.array(rows[0]["feeds"])
    base = runs[BASE]
    lines = []
    for name, seeds in runs.items():
        both = sorted(set(seeds) & set(base))
        logs = np.log([seeds[s][:, :2] / np.nanmean([base[b][:, :2] for b in base], axis=0) for s in both])
        cells = [_pair(np.nanmean(logs[:, feeds == feed], axis=(0, 1))) for feed in dict.fromkeys(feeds)]
        by_seed = np.nanmean(logs, axis=1)
        apart = _pair(np.ptp(by_seed, axis=0)) if len(both) > 1 else ""
        sky, lost = np.nanmean([seeds[s][:, 2:] for s in both], axis=(0, 1))
        lines.append(
            [
                VARIANTS[name].text,
                _pair(by_seed.mean(axis=0)),
                *cells,
                apart,
                f"{100 * sky:.0f} %",
                f"{100 * lost:.1f} %",
            ]
        )
    headings = ["", "all", *dict.fromkeys(feeds), "seeds apart", "sky told", "depth lost"]
    return table(headings, lines, 1)


def _pair(logs: np.ndarray) -> str:
    return " / ".join(f"{value:.3f}" for value in np.exp(logs))


def main() -> None:
    parser = argparse.ArgumentParser("bench/ablations", description=__doc__.splitlines()[0])
    parser.add_argument("frames", type=Path, help="folder of simulated frames to train on")
    parser.add_argument("held_out", type=Path, help="one of other scenes, to judge by")
    parser.add_argument("--out", type=Path, default=Path("ablations"))
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--most", type=int, default=80, help="held-out frames")
    parser.add_argument("--precision", default="bf16-mixed")
    parser.add_argument("--table", action="store_true", help="train nothing, show what there is")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    file = given.out / "runs.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    settings = {"steps": given.steps, "frames": str(given.frames), "held_out": str(given.held_out)}
    settings |= {"most": given.most, "precision": given.precision}
    if not given.table and any({name: row.get(name) for name in settings} != settings for row in rows):
        parser.error(f"{file} has runs with other settings; choose another --out.")
    if not given.table:
        held_out = list(trials(given.held_out, given.most))
        done = {(row["variant"], row["seed"]) for row in rows}
        for name, seed in ((name, seed) for name in given.only for seed in given.seeds):
            if (name, seed) in done:
                continue
            start, variant = time.time(), VARIANTS[name]
            frames = some_scenes(given.frames, variant.scenes, given.out / "scenes" / str(variant.scenes))
            weights = train(variant, frames, given.out / f"{name}_{seed}", seed, given)
            found = scores(completer_of(variant.network, weights), held_out)
            row = {"variant": name, "seed": seed, "seconds": round(time.time() - start)} | settings
            rows.append(row | {"feeds": [trial.feed for trial in held_out], "scores": found})
            with file.open("a") as opened:
                opened.write(json.dumps(rows[-1]) + "\n")
            print(f"{name}, seed {seed}: {row['seconds']} s", file=sys.stderr)
    if not any(row["variant"] == BASE for row in rows):
        parser.error(f"{file} has no run of '{BASE}', to which the others are compared.")
    print(write_table(rows))


if __name__ == "__main__":
    main()
