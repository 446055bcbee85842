"""Throughput of `complete` against the number of workers, with equal bytes checked, and with workers killed.

    python bench/fleet.py frames --select "kitti_seq_*" --copies 4 --workers 1 2 --kill 2 --json fleet.json

Each number of workers does all frames once, from the start of its processes to the last file. With `--kill N`
the largest number does them once more while N of its processes are killed, each in the middle of a stretch.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import tempfile
import time
from functools import partial
from pathlib import Path

from depth_completion_ros.fleet.completing import CompleteJob, Files, place
from depth_completion_ros.fleet.job import Completers
from depth_completion_ros.fleet.journal import FOLDER
from depth_completion_ros.fleet.run import Fleet, run_fleet
from depth_completion_ros.fleet.workers import crew
from depth_completion_ros.fleet.workers.processes import ProcessWorker


class Killer:
    """Makes workers, and kills so many of them while they do a stretch."""

    def __init__(self, kills: int, folder: Path):
        self.left, self._folder = kills, folder

    def __call__(self, make) -> ProcessWorker:
        worker = ProcessWorker(make)
        worker.do = partial(self._do, worker, worker.do)
        return worker

    def _do(self, worker: ProcessWorker, do, named):
        future, (_, name) = do(named), named
        if self.left:
            self.left -= 1
            # As soon as the first file of the stretch is there.
            while not future.done() and not any((self._folder / name).glob("depth_*.png")):
                time.sleep(0.002)
            os.kill(worker._process.pid, signal.SIGKILL)
        return future


def measure(drives: Path, completer: str, options: dict, workers: int, stretch: int, kills: int = 0) -> dict:
    """Frames a second, workers lost and a hash of all files of one run."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        job = CompleteJob(Completers((completer,)), Files(preview=False), options)
        fleet = Fleet(workers, None, stretch)
        if kills:
            crew.ProcessWorker = Killer(kills, out / FOLDER)
        start = time.perf_counter()
        try:
            found = run_fleet(drives, job, out, fleet, lambda done, total: None)
        finally:
            if kills:
                crew.ProcessWorker = ProcessWorker
        frames = len(place(found, out).names)
        seconds = time.perf_counter() - start
        digest = hashlib.sha256()
        files = [file for file in sorted(out.rglob("*.png")) if FOLDER not in file.parts]
        for file in files:
            digest.update(f"{file.relative_to(out)}\n".encode() + file.read_bytes())
    return {
        "workers": workers,
        "killed": found.lost,
        "frames": frames,
        "failures": len(found.failures),
        "seconds": round(seconds, 2),
        "frames_per_second": round(frames / seconds, 3),
        "sha256": digest.hexdigest(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="a drive, which is done several times under other names")
    parser.add_argument("-c", "--completer", default="default")
    parser.add_argument("--select", help="of a folder of frames")
    parser.add_argument("--copies", type=int, default=4)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--stretch", type=int, default=5)
    parser.add_argument("--kill", type=int, default=0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    options = {"select": given.select} if given.select else {}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(given.copies):
            (Path(folder) / f"drive_{number}").symlink_to(given.data.resolve())
        run = partial(measure, Path(folder), given.completer, options, stretch=given.stretch)
        rows = [run(workers=workers) for workers in given.workers]
        if given.kill:
            rows.append(run(workers=max(given.workers), kills=given.kill))
    for row in rows:
        row["ratio"] = round(row["frames_per_second"] / rows[0]["frames_per_second"], 2)
        print("{workers} workers, {killed} killed: {frames} frames in {seconds} s, x {ratio}".format(**row))
    same = len({row["sha256"] for row in rows}) == 1
    print(f"The files of all runs are {'the same' if same else 'DIFFERENT'}.")
    if given.json:
        given.json.write_text(
            json.dumps({"load": os.getloadavg(), "same_files": same, "rows": rows}, indent=1)
        )


if __name__ == "__main__":
    main()
