"""Completes two frames with too little memory, really; run by test_learned.py in a process of its own.

    python out_of_memory.py MEGABYTES [cuda]

The network compares every pixel with every other: 604 MB for the frame's 128 x 96 pixels, 38 MB for a
quarter of them. MEGABYTES of memory are left to the process, or to it on the GPU. Prints what the
completer says as JSON.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

import numpy as np
import torch

from depth_completion_ros import SparseDepth
from depth_completion_ros.completion.learned.completer import LearnedCompleter


class Hungry(LearnedCompleter):
    """Every pixel takes the mean of all measured ones."""

    name = "hungry"

    @staticmethod
    def make_network(variant: str) -> torch.nn.Module:
        return torch.nn.Identity()

    def forward(self, rgb, sparse, *planes, points):
        values = sparse.flatten()
        pairs = values[None] + values.new_zeros(len(values), 1)
        mean = pairs.sum(dim=1) / points
        return mean.reshape(sparse.shape), torch.full_like(sparse, 0.5)


def main(megabytes: int, device: str = "cpu") -> None:
    torch.set_num_threads(1)
    completer = Hungry.create(variant="only", device=device, max_gpu_memory=megabytes / 1024)
    image, depth = np.zeros((96, 128, 3), np.uint8), np.zeros((96, 128), np.float32)
    depth[::8, ::8] = 10
    if device == "cpu":
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + megabytes * 2**20, resource.RLIM_INFINITY))
    for _ in range(2):
        completion = completer.complete(image, SparseDepth(depth))
    print(
        json.dumps(
            {
                "degradations": completer.degradations,
                "inner_size": completer.inner_size,
                "depths": np.unique(completion.depth.round(3)).tolist(),
                "confidences": np.unique(completion.confidence).round(3).tolist()[:2],
                "report": completer.report()["device"],
            }
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
