"""The four nearest measured cells of every pixel: all pairs against ours, in one run.

    python bench/neighbours.py [--size 256x1216] [--points 16000] [--threads 2] [--device cuda]

all pairs   squared distances of all pixels to all points in float32 and `topk`, in chunks, as BP-Net's kernel
            searches; it does not even settle ties. Timed on some rows and scaled.
ours        `depth_completion_ros.ops.neighbours`, every backend that works on the device

Points are drawn as a scanner leaves them: 48 lines in the lower 60 % of the image.
"""

from __future__ import annotations

import argparse
import os
import time

import torch

from depth_completion_ros.ops.neighbours import nearest_measured, of_levels

PAIRS = 2**24
ROWS = 8
"""Rows of pixels on which all pairs are timed."""


def scan(height: int, width: int, points: int) -> torch.Tensor:
    """Mask of about so many points on 48 lines."""
    make = torch.Generator().manual_seed(0)
    lines = torch.linspace(0.4 * height, height - 1, 48).long()
    measured = torch.zeros(1, height, width, dtype=torch.bool)
    measured[0, lines] = torch.rand(48, width, generator=make) < points / (48 * width)
    return measured


def all_pairs(measured: torch.Tensor, rows: int) -> torch.Tensor:
    """Four nearest for the first so many rows of pixels."""
    width = measured.shape[2]
    cells = measured[0].nonzero().float()
    pixels = torch.cartesian_prod(torch.arange(rows), torch.arange(width)).to(cells)
    found = []
    for chunk in pixels.split(max(1, PAIRS // len(cells))):
        distance = (chunk[:, None, 0] - cells[:, 0]).square_()
        distance += (chunk[:, None, 1] - cells[:, 1]).square_()
        found.append(distance.topk(4, largest=False).indices)
    return torch.cat(found)


def seconds(function, runs: int) -> float:
    """Least time of a call, after one that compiles what there is."""
    taken = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        function()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - start)
    return min(taken[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="256x1216", help="HEIGHTxWIDTH")
    parser.add_argument("--points", type=int, default=16_000)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    height, width = map(int, arguments.size.split("x"))
    measured = scan(height, width, arguments.points).to(arguments.device)
    print(
        f"{height} x {width}, {int(measured.sum())} points, {arguments.device}, {arguments.threads} threads"
    )
    whole = seconds(lambda: all_pairs(measured, ROWS), 2) * height / ROWS
    print(f"| form | ms | ratio |\n|---|---|---|\n| all pairs, float32 | ~{1e3 * whole:.0f} | 1 |")
    for backend in ("torch", "triton") if arguments.device.startswith("cuda") else ("torch", "cpu"):
        ours = seconds(lambda: nearest_measured(measured, backend), 3)  # noqa: B023
        print(f"| {backend} | {1e3 * ours:.1f} | {whole / ours:.0f} |")
    levels = seconds(lambda: of_levels(measured), 3)
    print(f"| all six levels, auto | {1e3 * levels:.1f} | |")


if __name__ == "__main__":
    main()
