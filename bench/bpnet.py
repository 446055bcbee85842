"""BP-Net: the straightforward form and ours, time and peak memory in one run.

    python bench/bpnet.py [--size 256x1216] [--points 16000] [--threads 2] [--device cuda]

plain      the order of the published code: search by all pairs of pixel and point, features of both pixels
           laid side by side for the propagation, images unfolded in every step of the refinement, all six
           outputs enlarged; float32, channels one after another in memory
ours       `create_completer("bpnet").quick`: exact search for all levels at once, the first layer of the
           propagation before its gather, refinement in one kernel, norms folded, channels last

Each form runs in a process of its own. Weights are random, which does not change the time. The last
column is the largest relative difference from `plain` at 99 % of the pixels.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from unittest import mock

import torch
from mspn import best
from mspn_op import PeakMemory

from depth_completion_ros import create_completer
from depth_completion_ros.completion.bpnet import network as network_module
from depth_completion_ros.completion.bpnet import propagation, refinement
from depth_completion_ros.completion.bpnet.network import rays_of
from depth_completion_ros.ops import local_sum, neighbours

FORMS = ("plain", "ours float32", "ours bfloat16")


def make_inputs(size: str, points: int, device: str) -> tuple[torch.Tensor, ...]:
    height, width = map(int, size.split("x"))
    make = torch.Generator().manual_seed(0)
    depth = 5 + 40 * torch.rand(1, 1, height, width, generator=make)
    hit = torch.rand(1, 1, height, width, generator=make) < points / (height * width)
    K = torch.tensor([[[720.0, 0, width / 2], [0, 720, height / 2], [0, 0, 1]]])
    rgb = torch.randn(1, 3, height, width, generator=make)
    inputs = rgb, torch.where(hit, depth, 0.0), rays_of(K, height, width)
    return tuple(x.to(device) for x in inputs)


def side_by_side(block: propagation.BilateralPropagation, features, points, indices):
    """The first layer on 2 C + 5 channels of every pixel and neighbour."""
    index, width = indices.flatten(2), features.shape[3]

    def gathered(x):
        x = x.flatten(2)[:, :, None].expand(-1, -1, 4, -1)
        return x.gather(3, index[:, None].expand(-1, x.shape[1], -1, -1))

    own = features.flatten(2)[:, :, None].expand(-1, -1, 4, -1)
    offsets = neighbours.offsets_of(indices, width).flatten(3)
    return block.convXF[0](torch.cat([own, gathered(features), gathered(points), offsets], dim=1))


def as_published():
    """Puts the straightforward forms in the place of ours."""

    def levels(measured, count):
        return neighbours.of_levels(measured, count, backend="reference")

    def refine(*given):
        return local_sum.propagate(*given, backend="reference")

    stack = mock.patch.multiple(network_module, of_levels=levels)
    return (
        stack,
        mock.patch.multiple(refinement, propagate=refine),
        mock.patch.object(propagation.BilateralPropagation, "_first", side_by_side),
    )


def measure(form: str, size: str, points: int, device: str, threads: int, kept: str) -> None:
    """Run in a process of its own: print seconds of all and of the search, and bytes."""
    torch.set_num_threads(threads)
    inputs, plain = make_inputs(size, points, device), form == "plain"
    precision = "bfloat16" if form.endswith("bfloat16") else "float32"
    completer = create_completer("bpnet", device=device, precision=precision)
    network = completer.quick
    if plain:
        network = completer.network.to(memory_format=torch.contiguous_format)
        for patch in as_published():
            patch.start()
    measured = inputs[1][:, 0] > 0
    with torch.inference_mode():
        with PeakMemory(device) as peak:
            depth = network.predict(*inputs, every_level=plain).depth
        torch.save(depth.float().cpu(), kept)
        seconds = best(lambda: network.predict(*inputs, every_level=plain), device)
        search = best(lambda: network_module.of_levels(measured, network_module.LEVELS), device)
    print(json.dumps({"seconds": seconds, "search": search, "bytes": peak.bytes}))


def difference(kept: str, other: str) -> float:
    one, two = torch.load(kept), torch.load(other)
    return (
        ((one - two).abs() / two.abs().clamp(min=1)).flatten().kthvalue(int(0.99 * one.numel())).values.item()
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="256x1216")
    parser.add_argument("--points", type=int, default=16000)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        return measure(*json.loads(arguments.measure))
    print(f"{arguments.device}, {arguments.threads} threads, torch {torch.__version__}, {arguments.size}")
    print("form           seconds   search    MiB    of plain: time, search, memory    differs")
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for form in FORMS:
            given = form, arguments.size, arguments.points, arguments.device, arguments.threads
            command = [sys.executable, __file__, "--measure", json.dumps([*given, f"{folder}/{form}"])]
            run = subprocess.run(command, capture_output=True, text=True)
            if run.returncode:
                raise SystemExit(run.stderr)
            row = rows[form] = json.loads(run.stdout.splitlines()[-1])
            ratios = [rows["plain"][key] / row[key] for key in ("seconds", "search", "bytes")]
            print(
                f"{form:14s} {row['seconds']:7.2f}  {row['search']:7.4f} {row['bytes'] / 2**20:6.0f}"
                f"              {ratios[0]:6.1f} {ratios[1]:7.1f} {ratios[2]:7.1f}"
                f"    {difference(f'{folder}/{form}', f'{folder}/plain'):.1e}"
            )


if __name__ == "__main__":
    main()
