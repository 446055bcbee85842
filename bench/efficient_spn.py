"""Time of the completers that run on a CPU, as a ratio to `linear`, on idle cores and beside a busy process.

    python bench/efficient_spn.py [--size 375x1242] [--threads 2] [--runs 30] [--completer NAME ...]

In: an image and the filtered 64-line scan of the simulated drive (needs Open3D). Out: a `Completion`. Each
row of conditions is measured in a process of its own that is kept to as many cores as it has threads.
There the completers take turns, so that what else the machine does is spread over all of them alike;
medians of the time that passes. `CPU` is the time that the cores worked on it, the least of all runs,
which says most on a machine that others use too. A busy process, which multiplies matrices, is one for
each of those cores.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import torch

from depth_completion_ros import SparseDepth, create_completer
from depth_completion_ros.data import open_reader
from depth_completion_ros.demo.drive import make_demo_drive

BASELINE = "linear"
COMPLETERS = ("efficient_spn", "default")
BUSY = "import numpy as np\na = np.ones((256, 256), np.float32)\nwhile True: a @ a"


def measure(names: list[str], drive: str, threads: int, runs: int) -> None:
    """Run in a process of its own: print milliseconds by completer, elapsed and CPU, and the points."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    frame = next(iter(open_reader(drive)))
    sparse = SparseDepth.from_points(frame)
    completers = {name: create_completer(name) for name in names}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for run in range(runs + 2):
        for name, completer in completers.items():
            start = time.perf_counter(), time.process_time()
            completer(frame, sparse)
            end = time.perf_counter(), time.process_time()
            if run >= 2:
                times[name].append(tuple(1e3 * (b - a) for a, b in zip(start, end, strict=True)))
    found = {}
    for name, rows in times.items():
        elapsed, cpu = zip(*rows, strict=True)
        found[name] = statistics.median(elapsed), min(cpu)
    print(json.dumps({"ms": found, "points": sparse.count}))


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """So many processes that keep a core each busy, on the first cores."""
    cores = sorted(os.sched_getaffinity(0))[:processes]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", f"import os\nos.sched_setaffinity(0, [{core}])\n{BUSY}"], env=environment
        )
        for core in cores
    ]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def apart(*arguments) -> dict:
    command = [sys.executable, __file__, "--measure", json.dumps(arguments)]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(run.stderr)
    return json.loads(run.stdout.splitlines()[-1])


def compare(names: list[str], size: str, threads: int, beside: bool, runs: int) -> None:
    """Print the rows of one size in one condition."""
    height, width = map(int, size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        make_demo_drive(folder, frames=2, width=width, height=height)
        with busy(threads if beside else 0):
            run = apart(names, folder, threads, runs)
    for name, (ms, cpu) in run["ms"].items():
        by, by_cpu = (a / b for a, b in zip((ms, cpu), run["ms"][BASELINE], strict=True))
        print(
            f"| {size} | {run['points']} | {threads} | {'busy' if beside else 'idle'} | {name} | {ms:.1f} "
            f"| {by:.2f} | {cpu:.1f} | {by_cpu:.2f} |",
            flush=True,
        )


def processor() -> str:
    """Name of the processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", action="append", help="HEIGHTxWIDTH; repeat for more")
    parser.add_argument("--threads", action="append", type=int, help="repeat for more; 1 and all cores")
    parser.add_argument("--completer", action="append", help="beside linear; repeat for more")
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(*json.loads(arguments.measure))
        return
    names = [BASELINE, *(arguments.completer or COMPLETERS)]
    load = os.getloadavg()[0]
    print(f"{processor()}, NumPy {np.__version__}, load average before {load:.1f}\n")
    print(
        f"| size | points | threads | cores | completer | ms | times {BASELINE} | CPU ms | times {BASELINE} |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for size in arguments.size or ("375x1242",):
        for threads in arguments.threads or sorted({1, len(os.sched_getaffinity(0))}):
            for beside in (False, True):
                compare(names, size, threads, beside, arguments.runs)


if __name__ == "__main__":
    main()
