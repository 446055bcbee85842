"""What the official propagation of PSD does otherwise than ours, measured one by one on real frames.

    python bench/psd_official.py FRAMES [--points 500] [--seeds 2]

FRAMES is a folder that `depth-completion evaluate` takes; of each frame so many measurements are fed and the
others scored, after the two parts of PSD that have no weights: the alignment of inverse depth and the
propagation. In place of a foundation model, whose weights may not be at hand, inverse depth is that of
`mspn_lite` fed with 50 other points, up to scale and shift, and features are 256 random combinations of
colours and their differences at three scales, at a fourteenth of the resolution. So ratios say which way
a difference works, not how much of it a real foundation model would see.

ours         all points align, the most similar of the near points in space stays
alignment    as the official code: without the extreme points
neighbours   as the official code: the least similar stays
official     both
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from depth_completion_ros import SparseDepth, create_completer
from depth_completion_ros.completion.psd.alignment import align_inverse_depth
from depth_completion_ros.completion.psd.guide import SparseMean, bicubic
from depth_completion_ros.completion.psd.inputs import rays_or_assumed
from depth_completion_ros.completion.psd.propagation import Propagation
from depth_completion_ros.core import compute_metrics
from depth_completion_ros.data import open_reader
from depth_completion_ros.evaluation.report import table

FORMS = {
    "ours": (False, False),
    "alignment": (True, False),
    "neighbours": (False, True),
    "official": (True, True),
}
"""Whether the alignment and the choice of neighbours are official."""
CHANNELS, PATCH, SCALES = 256, 14, (0, 2, 8)


def features_of(image: np.ndarray) -> torch.Tensor:
    """1 x 256 x H/14 x W/14."""
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB) / 50
    smooth = [cv2.GaussianBlur(lab, (0, 0), s) if s else lab for s in SCALES]
    planes = [*smooth, smooth[0] - smooth[1], smooth[1] - smooth[2]]
    stack = torch.from_numpy(np.concatenate(planes, axis=2).transpose(2, 0, 1).copy())[None]
    size = tuple(max(2, n // PATCH) for n in image.shape[:2])
    mix = torch.randn(CHANNELS, stack.shape[1], 1, 1, generator=torch.Generator().manual_seed(0))
    return F.conv2d(F.interpolate(stack, size, mode="area"), mix).relu()


def errors(frame, points: int, seed: int, stand_in) -> dict[str, float]:
    """RMSE in mm of every form on what is not fed of a frame; empty where it has too few measurements."""
    truth = frame.sparse_depth if frame.points is None else SparseDepth.from_points(frame).depth
    pixels = np.random.default_rng(seed).permutation(np.flatnonzero(truth))
    if frame.image is None or len(pixels) < 2 * points:
        return {}
    fed, seen, scored = (np.zeros_like(truth) for _ in range(3))
    for plane, part in (
        (fed, pixels[:points]),
        (seen, pixels[points : points + 50]),
        (scored, pixels[points:]),
    ):
        plane.flat[part] = truth.flat[part]
    inverse = 1 / np.nan_to_num(
        stand_in.complete(frame.image, SparseDepth(seen), frame.camera).depth, nan=1e3
    )
    inverse, sparse = (torch.from_numpy(np.float32(x))[None, None] for x in (inverse / inverse.max(), fed))
    rays = torch.from_numpy(np.stack([*rays_or_assumed(frame.camera, *truth.shape), np.ones_like(truth)]))[
        None
    ]
    features, small = features_of(frame.image), SparseMean()(sparse)
    found = {}
    for name, (alignment, neighbours) in FORMS.items():
        aligned = align_inverse_depth(bicubic(inverse, truth.shape), sparse, alignment)
        depth = Propagation(aligned, features, sparse, small, rays, 1, neighbours)(aligned)[0, 0].numpy()
        found[name] = compute_metrics(depth, scored).rmse_mm
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("frames", type=Path)
    parser.add_argument("--points", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=2)
    arguments = parser.parse_args()
    stand_in = create_completer("mspn_lite", device="cpu")
    rows = []
    with torch.inference_mode():
        for frame in open_reader(arguments.frames):
            rows += [errors(frame, arguments.points, seed, stand_in) for seed in range(arguments.seeds)]
    rows = [row for row in rows if row]
    ratios = {name: np.array([row[name] / row["ours"] for row in rows]) for name in FORMS}
    cells = [[n, f"{np.exp(np.log(r).mean()):.3f}", f"{(r > 1).mean():.0%}"] for n, r in ratios.items()]
    print(f"{len(rows)} draws of {arguments.points} points\n")
    print(table(["form", "RMSE / ours (geometric mean)", "worse in"], cells, left=1))


if __name__ == "__main__":
    main()
