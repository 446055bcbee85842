"""PSD without its foundation model: the straightforward form and ours, time and peak memory in one run.

    python bench/psd.py [--sizes 228x304,480x640] [--threads 2] [--device cuda]

plain      the order of the published code: distances of all pairs of pixels and points laid out in memory,
           features resampled along channels, rows and columns in one step, guides unfolded in every step
           of the propagation, the branch of the bins stage that is thrown away
ours       `PSD(official=True)`: exact search without the distances, channels resampled before the image
           grows, affinities once, nothing that is thrown away

Each form runs in a process of its own, with random weights and features of the widths of Depth Anything
Large, and 1 % of the pixels measured. The last column is the largest relative difference
from `plain` at 99 % of the pixels: of two points that look alike to the last digit either may be chosen.
"""

from __future__ import annotations

import tempfile
from functools import partial
from unittest import mock

import torch
import torch.nn.functional as F
from measure import PeakMemory, apart, best, height_width, options

from depth_completion_ros.completion.psd import correction, network, propagation
from depth_completion_ros.completion.psd.resize import foundation_size
from depth_completion_ros.ops.cosine_propagation import cosine_propagate

FORMS = ("plain", "ours")
WIDTH = 256


def make_inputs(size: str, device: str) -> tuple:
    """Features, inverse depth, sparse depth and camera matrix."""
    height, width = height_width(size)
    make = torch.Generator().manual_seed(0)
    h, w = (n // 14 for n in foundation_size(height, width))
    features = [torch.rand(1, WIDTH, h << i, w << i, generator=make).to(device) for i in range(4)]
    inverse = torch.rand(1, 1, 14 * h, 14 * w, generator=make)
    hit = torch.rand(1, 1, height, width, generator=make) < 0.01
    sparse = torch.where(hit, 1 + 9 * torch.rand(1, 1, height, width, generator=make), 0.0)
    K = torch.tensor([[[width, 0, width / 2], [0, width, height / 2], [0, 0, 1.0]]])
    return features, *(x.to(device) for x in (inverse, sparse, K))


def all_pairs(queries, sources, k):
    """Nearest points by the distances of all pairs at once."""
    return (queries[:, None] - sources).square().sum(2).topk(k, dim=1, largest=False).indices


def in_one_step(features, channels, size):
    return F.interpolate(features[:, None], (channels, *size), mode="trilinear")[:, 0]


class WithDeadBranch(correction.BinStage):
    """Computes what it does not use."""

    def forward(self, sparse, depth, label, confidence, features):
        self.fused(self.conv(correction.as_input(self, sparse, depth, label, confidence)), features)
        return super().forward(sparse, depth, label, confidence, features)


def as_published():
    """Puts the straightforward forms in the place of ours."""
    unfolded = partial(cosine_propagate, backend="reference")
    return (
        mock.patch.multiple(
            propagation, nearest_points=all_pairs, resampled=in_one_step, cosine_propagate=unfolded
        ),
        mock.patch.multiple(
            network, resampled=in_one_step, cosine_propagate=unfolded, BinStage=WithDeadBranch
        ),
    )


def measure(form: str, size: str, device: str, threads: int, kept: str) -> dict:
    """Seconds of all and of the propagation, and bytes; to be run in a process of its own."""
    torch.set_num_threads(threads)
    inputs = make_inputs(size, device)
    if form == "plain":
        for patch in as_published():
            patch.start()
    torch.manual_seed(0)
    psd = network.PSD((WIDTH,) * 4, official=True).eval().to(device)
    if form == "ours":
        psd = psd.to(memory_format=torch.channels_last)
    features, inverse, sparse, K = inputs
    rays = network.rays_of(K, *sparse.shape[-2:])
    with torch.inference_mode():
        with PeakMemory(device) as peak:
            stages = psd(*inputs)
        torch.save([stages.depth_diff.cpu(), stages.depth.cpu()], kept)
        seconds = best(lambda: psd(*inputs), device)
        carried = best(lambda: psd.propagate(features[0], inverse, sparse, rays), device)
    return {"seconds": seconds, "propagation": carried, "bytes": peak.bytes}


def difference(kept: str, other: str) -> float:
    pairs = zip(torch.load(kept), torch.load(other), strict=True)
    errors = [((one - two).abs() / two.abs().clamp(min=1)).flatten() for one, two in pairs]
    return max(error.kthvalue(int(0.99 * len(error))).values.item() for error in errors)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--sizes", default="228x304,480x640")
    arguments = parser.parse_args()
    print(f"{arguments.device}, {arguments.threads} threads, torch {torch.__version__}")
    print("size      form    seconds  propagation    MiB    of plain: time, propagation, memory    differs")
    for size in arguments.sizes.split(","):
        rows = {}
        with tempfile.TemporaryDirectory() as folder:
            for form in FORMS:
                given = form, size, arguments.device, arguments.threads, f"{folder}/{form}"
                row = rows[form] = apart(measure, *given)
                ratios = [rows["plain"][key] / row[key] for key in ("seconds", "propagation", "bytes")]
                print(
                    f"{size:9s} {form:6s} {row['seconds']:8.2f}  {row['propagation']:11.3f} "
                    f"{row['bytes'] / 2**20:6.0f}              {ratios[0]:6.1f} {ratios[1]:12.1f} "
                    f"{ratios[2]:7.1f}    {difference(f'{folder}/{form}', f'{folder}/plain'):.1e}"
                )


if __name__ == "__main__":
    main()
