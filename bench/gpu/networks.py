"""Networks on a GPU: float32, bfloat16, compiled, as a CUDA graph; time and memory.

    python bench/gpu/networks.py [--device cuda] [--tiny] [--network NAME ...]

A line of JSON for each way of running each network; what is impossible says why. `completion_ms` is a whole
completion, from image and sparse depth in memory to depth in memory, the best of some; `network_ms` is the
network alone, on tensors that are there. Weights are random where none ship, which does not change the time.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from measure import PeakMemory, best, height_width

from depth_completion_ros import Camera, SparseDepth, create_completer

NETWORKS = {
    "efficient_spn": "375x1242",
    "mspn_lite": "375x1242",
    "mspn:sdr_kitti": "240x1216",
    "bpnet": "256x1216",
}
WAYS = {
    "float32": {"precision": "float32"},
    "bfloat16": {"precision": "bfloat16"},
    "bfloat16 compiled": {"precision": "bfloat16", "compiled": True},
}


class Keeper:
    """Runs, and keeps the inputs of the network, so that it can be run alone."""

    def __init__(self, forward):
        self._forward = forward
        self.inputs: tuple = ()

    def __call__(self, *maps, **known):
        self.inputs = tuple(x.clone() for x in maps), known
        return self._forward(*maps, **known)


def frame(height: int, width: int):
    """An image, points at 1 of 20 pixels, and a camera."""
    random = np.random.default_rng(0)
    image = random.integers(0, 255, (height, width, 3), np.uint8)
    depth = np.linspace(50, 4, height, dtype=np.float32)[:, None].repeat(width, axis=1)
    sparse = np.where(random.random((height, width)) < 0.05, depth, 0).astype(np.float32)
    K = np.array([[0.6 * width, 0, width / 2], [0, 0.6 * width, height / 2], [0, 0, 1]])
    return image, SparseDepth(sparse), Camera(width, height, K)


def measure(name: str, size: str, options: dict, device: str, repeats: int) -> dict:
    """One network in one way."""
    kind, _, variant = name.partition(":")
    completer = create_completer(kind, variant=variant or None, device=device, **options)
    if completer.network is None:
        completer.run_in_pytorch()
    image, sparse, camera = frame(*height_width(size))

    def complete():
        return completer.complete(image, sparse, camera)

    complete()  # loads, compiles, tunes
    complete()
    if completer.degradations:
        raise RuntimeError(" ".join(completer.degradations))
    with PeakMemory(device) as memory:
        seconds = best(complete, device, repeats)
    row = {"completion_ms": round(1e3 * seconds, 2), "MiB": round(memory.bytes / 2**20)}
    runner = completer.runner
    runner._forward = keeper = Keeper(runner._forward)
    complete()
    maps, known = keeper.inputs
    with torch.inference_mode():

        def network():
            return keeper._forward(*maps, **known)

        row["network_ms"] = round(1e3 * best(network, device, repeats), 2)
        if device == "cuda" and not options.get("compiled"):
            row |= _as_graph(network, repeats)
    return row


def _as_graph(network, repeats: int) -> dict:
    """The network as one CUDA graph, where it allows that."""
    try:
        stream = torch.cuda.Stream()
        with torch.cuda.stream(stream):
            for _ in range(3):
                network()
        stream.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            network()
        return {"graph_ms": round(1e3 * best(graph.replay, "cuda", repeats), 2)}
    except Exception as error:  # of any kind, by what a network does that cannot be captured
        torch.cuda.synchronize()
        return {"graph_ms": f"not as a graph: {str(error).splitlines()[0][:80]}"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--network", action="append", help=f"of {', '.join(NETWORKS)}; repeat for more")
    parser.add_argument("--tiny", action="store_true", help="small images, without compiling")
    given = parser.parse_args()
    failed = False
    for name in given.network or NETWORKS:
        size = "64x96" if given.tiny else NETWORKS[name]
        for way, options in WAYS.items():
            if given.tiny and way != "float32":
                continue
            row = {"network": name, "size": size, "way": way}
            try:
                row |= measure(name, size, options, given.device, 2 if given.tiny else 10)
            except Exception as error:  # whatever it is, the others are measured
                failed = True
                row["failed"] = (
                    f"{type(error).__name__}: {str(error).splitlines()[0][:160] if str(error) else ''}"
                )
            print(json.dumps(row), flush=True)
            if given.device == "cuda":
                torch.cuda.empty_cache()
    sys.exit(failed)


if __name__ == "__main__":
    main()
