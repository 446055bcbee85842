"""Local sums and the CSPN++ loop: unfolded, shifted and compiled, time and peak memory in one run.

    python bench/local_sum.py [--size 256x1216] [--threads 2] [--device cuda]

unfold      K^2 copies of the image, multiplied and summed: `reference`
ours        the other backends of `depth_completion_ros.ops.local_sum`; of `cpu`, the loop is one sweep

Forms take turns, so that a drift of the machine meets all alike. Memory is the most that is taken beyond
the inputs.
"""

from __future__ import annotations

import torch
from measure import PeakMemory, height_width, in_turn, options

from depth_completion_ros.ops.local_sum import local_sum, propagate


def inputs(height: int, width: int, device: str):
    """depth, sparse, weights, gates, mixing of one image."""
    make = torch.Generator().manual_seed(0)
    maps = [torch.rand(1, n, height, width, generator=make).to(device) for n in (1, 1, 9, 25, 49, 3, 3)]
    weights = {size: x / x.sum(dim=1, keepdim=True) for size, x in zip((3, 5, 7), maps[2:5], strict=True)}
    return maps[0], maps[1], weights, maps[5], maps[6] / maps[6].sum(dim=1, keepdim=True)


def compare(title: str, forms: dict, device: str, runs: int) -> None:
    """Print a row for each form; the first one has ratio 1."""
    taken = in_turn(forms, runs, device)
    first = min(taken[next(iter(forms))])
    for name, function in forms.items():
        least = min(taken[name])
        with PeakMemory(device) as peak:
            function()
        print(f"| {title} | {name} | {1e3 * least:.1f} | {first / least:.1f} | {peak.bytes / 2**20:.0f} |")


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--size", default="256x1216", help="HEIGHTxWIDTH")
    parser.add_argument("--iterations", type=int, default=12)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device, (height, width) = arguments.device, height_width(arguments.size)
    depth, sparse, weights, gates, mixing = inputs(height, width, device)
    low = {size: x.bfloat16() for size, x in weights.items()}
    backends = ("reference", "torch", "triton" if device.startswith("cuda") else "cpu")
    print(f"{height} x {width}, {device}, {arguments.threads} threads")
    print("| what | form | ms | ratio | MiB |\n|---|---|---|---|---|")
    for size, x in weights.items():
        forms = {name: lambda name=name, x=x: local_sum(depth, x, name) for name in backends}
        compare(f"sum, K = {size}", forms, device, 5)
    rest = gates, mixing, arguments.iterations
    loops = {name: lambda name=name: propagate(depth, sparse, weights, *rest, name) for name in backends}
    loops[f"{backends[-1]}, bfloat16 weights"] = lambda: propagate(depth, sparse, low, *rest, backends[-1])
    compare(f"loop of {arguments.iterations}", loops, device, 2)


if __name__ == "__main__":
    main()
