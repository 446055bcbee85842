"""The default completer: time, memory, and where the time goes, against the others, in one run.

    python bench/mspn_lite.py [--size 375x1242] [--threads 2] [--device cuda] [--all]

In: an image and the filtered 64-line scan of the simulated drive (needs Open3D). Out: a `Completion`.
Each row is measured in a process of its own that is kept to as many cores as it has threads; `times` is
its time over that of linear completion in the same conditions. --all adds MSPN, with random weights, which
does not change its time. Classical completers run on the CPU whatever the device.

first fill    linear completion at a quarter of the size; packing, normalising
inputs        pyramids of the measurements, smooth fill, layout
encoder, decoder
depth         heads, propagation, enlarging
rest          confidence, transfer, result
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from itertools import pairwise

import cv2
import torch
from measure import PeakMemory, apart, height_width, synchronise

from depth_completion_ros import SparseDepth, create_completer
from depth_completion_ros.data import open_reader
from depth_completion_ros.demo.drive import make_demo_drive

SIZES = ("375x1242", "480x640")
CLASSICAL = ("linear", "nearest", "morphological")
PRECISIONS = ("float32", "bfloat16")
STAGES = ("first fill", "inputs", "encoder", "decoder", "depth", "rest")


def measure(name: str, precision: str, drive: str, device: str, threads: int, runs: int) -> dict:
    """Milliseconds, bytes, and milliseconds by stage; to be run in a process of its own."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    options = {} if name in CLASSICAL else {"device": device, "precision": precision}
    completer = create_completer(name, **options)
    frame = next(iter(open_reader(drive)))
    sparse = SparseDepth.from_points(frame)
    watch = Watch(device)
    if name == "default":
        watch.stages_of(completer)
    for _ in range(2):
        completer(frame, sparse)
    with PeakMemory(device if options else "cpu") as peak:
        completer(frame, sparse)
    times = []
    for _ in range(runs):
        watch.marks.clear()
        watch.mark()
        completer(frame, sparse)
        watch.mark()
        times.append([1e3 * (b - a) for a, b in pairwise(watch.marks)])
    stages = [statistics.median(stage) for stage in zip(*times, strict=True)]
    total = statistics.median(sum(row) for row in times)
    return {"ms": total, "bytes": peak.bytes, "stages": stages, "points": sparse.count}


class Watch:
    """Marks in time, when the device has done all that it was told to do."""

    def __init__(self, device: str):
        self._device = device
        self.marks: list[float] = []

    def mark(self, *_) -> None:
        synchronise(self._device)
        self.marks.append(time.perf_counter())

    def stages_of(self, completer) -> None:
        """Mark where the stages of the default completer end; what comes before the network is the fill."""
        network = completer.inference_network
        network.register_forward_pre_hook(self.mark)
        network.encoder.register_forward_pre_hook(self.mark)
        network.decoder.register_forward_pre_hook(self.mark)
        network.decoder.register_forward_hook(self.mark)
        network.register_forward_hook(self.mark)


def rows(everything: bool) -> list[tuple[str, str]]:
    names = ("default", "mspn") if everything else ("default",)
    return [(name, "") for name in CLASSICAL] + [(name, p) for name in names for p in PRECISIONS]


def compare(size: str, device: str, threads: int, everything: bool, runs: int) -> list[str]:
    """Print the table of a size; gives the lines of stages."""
    height, width = height_width(size)
    stages, linear = [], None
    with tempfile.TemporaryDirectory() as folder:
        make_demo_drive(folder, frames=2, width=width, height=height)
        for name, precision in rows(everything):
            run = apart(measure, name, precision, folder, device, threads, 3 if name == "mspn" else runs)
            linear = linear or run["ms"]
            print(
                f"| {size} | {run['points']} | {threads} | {name} {precision} | {run['ms']:.1f} "
                f"| {run['ms'] / linear:.2f} | {run['bytes'] / 2**20:.0f} |",
                flush=True,
            )
            if name == "default":
                parts = " | ".join(f"{ms:.1f}" for ms in run["stages"])
                stages.append(f"| {size} | {threads} | {precision} | {parts} |")
    return stages


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", action="append", help="HEIGHTxWIDTH; repeat for more")
    parser.add_argument("--threads", action="append", type=int, help="repeat for more; 1 and all cores")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--all", action="store_true", help="measure MSPN too")
    parser.add_argument("--runs", type=int, default=15)
    arguments = parser.parse_args()
    print(f"{arguments.device}, torch {torch.__version__}; medians of {arguments.runs} frames\n")
    print("| size | points | threads | completer | ms | times | peak MiB |\n|---|---|---|---|---|---|---|")
    stages = []
    for size in arguments.size or SIZES:
        for threads in arguments.threads or sorted({1, len(os.sched_getaffinity(0))}):
            stages += compare(size, arguments.device, threads, arguments.all, arguments.runs)
    print(f"\n| size | threads | default | {' | '.join(STAGES)} |\n|---|---|---|{'---|' * len(STAGES)}")
    print("\n".join(stages))


if __name__ == "__main__":
    main()
