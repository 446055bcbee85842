"""Propagation of depth by cosines of features: time and peak memory in one run.

    python bench/cosine_propagation.py [--size 480x640] [--channels 16] [--threads 2] [--device cuda]

unfolded    as CSPN is usually written: nine copies of the guide side by side, each normalised, multiplied and
            summed, and eight copies of the depth in every iteration
ours        `depth_completion_ros.ops.cosine_propagation`, every backend that works on the device

Features are upsampled from a coarse grid, as those of PSD are. Each form runs in a process of its own, so
that peak memory (beyond the inputs) is its own.
"""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from measure import apart, height_width, options
from nearest_points import measure

from depth_completion_ros.ops.cosine_propagation import cosine_propagate


def inputs(height: int, width: int, channels: int, device: str) -> tuple[torch.Tensor, ...]:
    """Guide, dense, and sparse at 1 % of the pixels."""
    make = torch.Generator().manual_seed(0)
    coarse = torch.randn(1, channels, height // 16, width // 16, generator=make)
    guide = F.interpolate(coarse, (height, width), mode="bilinear")
    dense, noise, drawn = torch.rand(3, 1, 1, height, width, generator=make)
    dense = 1 + 9 * dense
    sparse = torch.where(drawn < 0.01, dense + noise, 0)
    return tuple(x.to(device) for x in (guide, dense, sparse))


def unfolded(guide: torch.Tensor, dense: torch.Tensor, sparse: torch.Tensor, iterations: int) -> torch.Tensor:
    """The formula, with a copy of guide and depth for every neighbour."""
    batch, _, height, width = guide.shape
    others = [0, 1, 2, 3, 5, 6, 7, 8]

    def neighbours(x: torch.Tensor) -> torch.Tensor:
        return F.unfold(x, 3, padding=1).reshape(batch, -1, 9, height, width)[:, :, others]

    copies = F.normalize(neighbours(guide), dim=1)
    cosines = (copies * F.normalize(guide, dim=1)[:, :, None]).sum(dim=1)
    weights = cosines / cosines.abs().sum(dim=1, keepdim=True)
    centre = 1 - weights.sum(dim=1, keepdim=True)
    measured = sparse > 0
    start, depth = torch.where(measured, sparse, dense), dense
    for _ in range(iterations):
        around = neighbours(torch.where(measured, sparse, depth))[:, 0]
        depth = centre * start + (weights * around).sum(dim=1, keepdim=True)
    return depth


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--size", default="480x640", help="HEIGHTxWIDTH")
    parser.add_argument("--channels", type=int, default=16)
    parser.add_argument("--iterations", type=int, default=3)
    arguments = parser.parse_args()
    device, iterations = arguments.device, arguments.iterations
    height, width = height_width(arguments.size)
    made = partial(inputs, height, width, arguments.channels, device)
    forms = {"unfolded": partial(unfolded, iterations=iterations)}
    for backend in ("reference", "torch", "triton" if device.startswith("cuda") else "cpu"):
        forms[backend] = partial(cosine_propagate, iterations=iterations, backend=backend)
    print(
        f"{height} x {width}, {arguments.channels} channels, {iterations} iterations, {device}, "
        f"{arguments.threads} threads"
    )
    print("| form | ms | ratio | MiB | differs by |\n|---|---|---|---|---|")
    first = None
    for name, form in forms.items():
        seconds, most, depth = apart(measure, form, made, device, arguments.threads)
        depth = torch.from_numpy(depth)
        first = first or (seconds, depth)
        print(
            f"| {name} | {1e3 * seconds:.1f} | {first[0] / seconds:.1f} | {most / 2**20:.1f} | "
            f"{float((depth - first[1]).abs().max()):.1e} |"
        )


if __name__ == "__main__":
    main()
