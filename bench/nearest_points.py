"""The nearest measured points in space of all other pixels: time and peak memory in one run.

    python bench/nearest_points.py [--size 120x160] [--points 2822] [-k 2] [--threads 2] [--device cuda]

repeated    as the published code of PSD searches: queries and sources repeated to tensors of m x n x 3, the
            norm of their difference, and `topk` along the first axis
ours        `depth_completion_ros.ops.nearest_points`, every backend that works on the device

The cloud is a depth image of a street at a quarter of 480 x 640, as PSD makes one; its queries are all pixels
without a point. Each form runs in a process of its own, so that peak memory (beyond the inputs) is its own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from measure import PeakMemory, apart, best, height_width, options

from depth_completion_ros.ops.nearest_points import nearest_points


def cloud(height: int, width: int, points: int, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Queries and sources: ground, a wall at the left, and sky that ends at 80 m."""
    row, column = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    focal = 0.8 * width
    right, down = (column - width / 2) / focal, (row - height / 2) / focal
    depth = torch.minimum(1.6 / down.clamp(min=1e-3), 5 / (-right).clamp(min=1e-3)).clamp(max=80)
    depth = depth + 0.05 * torch.sin(row / 3) * torch.cos(column / 5)
    lifted = torch.stack([right * depth, down * depth, depth], dim=2).reshape(-1, 3)
    drawn = torch.randperm(len(lifted), generator=torch.Generator().manual_seed(0))
    sources, queries = (part.sort().values for part in (drawn[:points], drawn[points:]))
    return lifted[queries].to(device), lifted[sources].to(device)


def repeated(queries: torch.Tensor, sources: torch.Tensor, k: int) -> torch.Tensor:
    """The search of the published code, before it gathers features."""
    from_each = sources[:, None].repeat(1, len(queries), 1)
    to_each = queries[None].repeat(len(sources), 1, 1)
    return (from_each - to_each).norm(dim=2).topk(k, dim=0, largest=False).indices.T


def measure(form: Callable, inputs: Callable, device: str, threads: int):
    """Seconds, bytes beyond the inputs and result of `form(*inputs())`; to be run in a process of its own."""
    torch.set_num_threads(threads)
    arguments = inputs()
    form(*(x[..., :40, :] for x in arguments))  # loads and compiles what there is
    with PeakMemory(device) as peak:
        result = form(*arguments)
    return best(partial(form, *arguments), device), peak.bytes, result.cpu().numpy()


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--size", default="120x160", help="HEIGHTxWIDTH")
    parser.add_argument("--points", type=int, default=2822)
    parser.add_argument("-k", type=int, default=2)
    arguments = parser.parse_args()
    device, (height, width) = arguments.device, height_width(arguments.size)
    inputs = partial(cloud, height, width, arguments.points, device)
    queries, sources = (x.cpu() for x in inputs())
    print(
        f"{len(sources)} sources, {len(queries)} queries, k = {arguments.k}, {device}, "
        f"{arguments.threads} threads"
    )
    print("| form | ms | ratio | MiB | others found | of them not as far |\n" + 6 * "|---" + "|")
    forms = {"repeated": partial(repeated, k=arguments.k)}
    for backend in ("torch", "triton") if device.startswith("cuda") else ("torch", "cpu"):
        forms[backend] = partial(nearest_points, k=arguments.k, backend=backend)
    first = None
    for name, form in forms.items():
        seconds, most, found = apart(measure, form, inputs, device, arguments.threads)
        found = torch.from_numpy(found)
        first = first or (seconds, found)
        distances = [(queries[:, None] - sources[x]).double().square().sum(dim=2) for x in (found, first[1])]
        other = found != first[1]
        unequal = other & ~torch.isclose(*distances, rtol=1e-6, atol=0)
        print(
            f"| {name} | {1e3 * seconds:.1f} | {first[0] / seconds:.1f} | {most / 2**20:.1f} | "
            f"{int(other.sum())} | {int(unequal.sum())} |"
        )


if __name__ == "__main__":
    main()
