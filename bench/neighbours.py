"""The four nearest measured cells of every pixel: what one would write first against ours, in one run.

    python bench/neighbours.py [--size 256x1216] [--points 16000] [--threads 2] [--device cuda]

all pairs   `torch.cdist` in float32 and `topk`, in chunks; it does not settle ties. Timed on some rows and
            scaled
loop        every pixel goes over all points and keeps the best four, in C++ with OpenMP, optimised for this
            processor, as BP-Net's kernel searches; CPU only. Timed on some rows and scaled
KD-tree     that of Open3D, its building included; it does not settle ties. CPU only, where Open3D is there
ours        `depth_completion_ros.ops.neighbours`, every backend that works on the device

Points are drawn as a scanner leaves them: 48 lines in the lower 60 % of the image. The forms take turns;
of each the least time counts.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from measure import height_width, in_turn, options

from depth_completion_ros.ops.neighbours import nearest_measured, of_levels

PAIRS = 2**24
ROWS = 8
"""Rows of pixels on which all pairs are timed."""
LOOP = """
extern "C" void search(int rows, int width, int count, const int* y, const int* x, long long* found) {
#pragma omp parallel for
  for (int pixel = 0; pixel < rows * width; pixel++) {
    int best[4] = {1 << 30, 1 << 30, 1 << 30, 1 << 30}, which[4] = {0, 0, 0, 0};
    for (int m = 0; m < count; m++) {
      int down = y[m] - pixel / width, right = x[m] - pixel % width, distance = down * down + right * right;
      if (distance > best[3]) continue;
      int slot = 3;
      for (; slot > 0 && distance <= best[slot - 1]; slot--) {
        best[slot] = best[slot - 1];
        which[slot] = which[slot - 1];
      }
      best[slot] = distance;
      which[slot] = m;
    }
    for (int slot = 0; slot < 4; slot++) {
      int m = which[slot];
      found[slot * (long long)(rows * width) + pixel] = y[m] * (long long)width + x[m];
    }
  }
}
"""


def scan(height: int, width: int, points: int) -> torch.Tensor:
    """Mask of about so many points on 48 lines."""
    make = torch.Generator().manual_seed(0)
    lines = torch.linspace(0.4 * height, height - 1, 48).long().unique()
    measured = torch.zeros(1, height, width, dtype=torch.bool)
    measured[0, lines] = torch.rand(len(lines), width, generator=make) < points / (len(lines) * width)
    return measured


def all_pairs(measured: torch.Tensor, rows: int | None = None) -> torch.Tensor:
    """Four nearest, 1 x 4 x H x W, or for the first so many rows of pixels."""
    width = measured.shape[2]
    rows = rows or measured.shape[1]
    cells = measured[0].nonzero()
    points, flat = cells.float(), cells[:, 0] * width + cells[:, 1]
    pixels = torch.cartesian_prod(torch.arange(rows), torch.arange(width)).to(points)
    chunks = pixels.split(max(1, PAIRS // len(points)))
    nearest = [torch.cdist(chunk, points).topk(4, largest=False).indices for chunk in chunks]
    return flat[torch.cat(nearest)].T.reshape(1, 4, rows, width)


def loop_of(folder: str) -> Callable[[torch.Tensor, int], torch.Tensor]:
    """The loop, compiled; takes what `all_pairs` takes."""
    source, library = Path(folder, "loop.cpp"), Path(folder, "loop.so")
    source.write_text(LOOP)
    compiler = [os.environ.get("CXX", "c++"), "-O3", "-march=native", "-fopenmp", "-shared", "-fPIC"]
    subprocess.run([*compiler, "-o", library, source], check=True)
    search = ctypes.CDLL(str(library)).search

    def loop(measured: torch.Tensor, rows: int) -> torch.Tensor:
        y, x = (each.int().contiguous() for each in measured[0].nonzero().unbind(dim=1))
        found = torch.empty(1, 4, rows, measured.shape[2], dtype=torch.int64)
        given = (ctypes.c_void_p(each.data_ptr()) for each in (y, x, found))
        search(rows, measured.shape[2], len(y), *given)
        return found

    return loop


def kd_tree() -> Callable[[torch.Tensor], np.ndarray] | None:
    """The search by Open3D; None where it cannot be imported."""
    try:
        from depth_completion_ros.extras.open3d import import_open3d

        import_open3d()
        from open3d.core import Tensor
        from open3d.core.nns import NearestNeighborSearch
    except ImportError:
        return None

    def search(measured: torch.Tensor) -> np.ndarray:
        height, width = measured.shape[1:]
        tree = NearestNeighborSearch(Tensor.from_numpy(measured[0].nonzero().float().numpy()))
        tree.knn_index()
        pixels = torch.cartesian_prod(torch.arange(height), torch.arange(width)).float()
        return tree.knn_search(Tensor.from_numpy(pixels.numpy()), 4)[0].numpy()

    return search


def contenders(measured: torch.Tensor, folder: str) -> dict[str, Callable]:
    works = {"all pairs, float32": partial(all_pairs, measured, ROWS)}
    ours = "torch", "triton"
    if measured.device.type == "cpu":
        ours, loop, tree = ("torch", "cpu"), loop_of(folder), kd_tree()
        if not torch.equal(loop(measured, ROWS), nearest_measured(measured)[:, :, :ROWS]):
            raise SystemExit("The loop and ours differ.")
        works["loop in C++"] = partial(loop, measured, ROWS)
        if tree:
            works["KD-tree of Open3D"] = partial(tree, measured)
    return works | {f"ours, {name}": partial(nearest_measured, measured, name) for name in ours}


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--size", default="256x1216", help="HEIGHTxWIDTH")
    parser.add_argument("--points", type=int, default=16_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    # Before any of the libraries starts its threads; the loop and Open3D know no other way.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.threads])
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    torch.set_num_threads(arguments.threads)
    height, width = height_width(arguments.size)
    measured = scan(height, width, arguments.points).to(arguments.device)
    print(
        f"{height} x {width}, {int(measured.sum())} points, {arguments.device}, {arguments.threads} threads"
    )
    with tempfile.TemporaryDirectory() as folder:
        works = contenders(measured, folder) | {"ours, auto, all six levels": partial(of_levels, measured)}
        seconds = in_turn(works, arguments.rounds, arguments.device)
    taken = {name: min(each) for name, each in seconds.items()}
    for name in ("all pairs, float32", "loop in C++"):
        if name in taken:
            taken[name] *= height / ROWS
    others = [name for name in taken if not name.startswith("ours")]
    print(f"| form | ms | faster than {' | than '.join(others)} |\n|---|---|{'---|' * len(others)}")
    for name, own in taken.items():
        ratios = " | ".join(f"{taken[other] / own:.1f}" for other in others)
        print(
            f"| {name} | {1e3 * own:.1f} | {ratios if 'levels' not in name else ' | ' * (len(others) - 1)} |"
        )


if __name__ == "__main__":
    main()
