"""BP-Net: the straightforward form and ours, time and peak memory in one run.

    python bench/bpnet.py [--size 256x1216] [--points 16000] [--threads 2] [--rounds 3]

plain      the order of the published code: every pixel goes over all points in the search (in C++, see
           neighbours.py; on a GPU all pairs), features of both pixels laid side by side for the
           propagation, images unfolded in every step of the refinement, all six outputs enlarged;
           float32, channels one after another in memory
ours       what `create_completer("bpnet")` runs: exact search for all levels at once, norms folded, sums and
           activations within the convolutions, the propagation slice by slice, refinement in one kernel,
           channels last
compiled   ours through `torch.compile`; graph: ours as one CUDA graph; both on a GPU only

The forms take turns, each in a process of its own, and of each the least time counts. `search` is within
`all`; `network` is the rest. `processor` is the processor's time for `all`, which other programs on the
machine change less. Memory is the most beyond the weights. The last columns are the relative differences
from `plain` that half and 99 % of the pixels stay below, for depths below 1 m by metres; weights are random,
with kernels of the refinement that take means, as trained ones nearly do.
"""

from __future__ import annotations

import os
import tempfile
import time
from unittest import mock

import torch
from measure import PeakMemory, apart, height_width, options, synchronise
from neighbours import loop_of, scan

from depth_completion_ros.completion.bpnet import network as network_module
from depth_completion_ros.completion.bpnet import propagation, refinement
from depth_completion_ros.completion.bpnet.inference import for_inference
from depth_completion_ros.ops import local_sum, neighbours
from depth_completion_ros.ops.neighbours import function as search_module

ON_CPU = ("plain", "ours float32", "ours bfloat16")
ON_GPU = (*ON_CPU, "ours float16", "compiled bfloat16", "compiled float16", "graph bfloat16", "graph float16")
KEYS = ("all", "search", "network", "processor", "bytes")


def make_inputs(size: str, points: int, device: str) -> tuple[torch.Tensor, ...]:
    height, width = height_width(size)
    make = torch.Generator().manual_seed(0)
    depth = 5 + 40 * torch.rand(1, 1, height, width, generator=make)
    K = torch.tensor([[[720.0, 0, width / 2], [0, 720, height / 2], [0, 0, 1]]])
    rgb = torch.randn(1, 3, height, width, generator=make)
    return tuple(x.to(device) for x in (rgb, depth * scan(height, width, points), K))


def side_by_side(block: propagation.BilateralPropagation, features, points, indices):
    """The first layer on 2 C + 5 channels of every pixel and neighbour."""
    index, width = indices.flatten(2), features.shape[3]

    def gathered(x):
        x = x.flatten(2)[:, :, None].expand(-1, -1, 4, -1)
        return x.gather(3, index[:, None].expand(-1, x.shape[1], -1, -1))

    own = features.flatten(2)[:, :, None].expand(-1, -1, 4, -1)
    offsets = neighbours.offsets_of(indices, width).flatten(3)
    return block.convXF[0](torch.cat([own, gathered(features), gathered(points), offsets], dim=1))


def as_published(device: str) -> None:
    """Puts the straightforward forms in the place of ours."""
    with tempfile.TemporaryDirectory() as folder:
        loop = loop_of(folder)  # stays loaded
    ours = search_module.nearest_measured

    def search(measured, backend):
        return ours(measured, "reference") if device.startswith("cuda") else loop(measured, measured.shape[1])

    def refine(*given):
        return local_sum.propagate(*given, backend="reference")

    for where, name, form in (
        (search_module, "nearest_measured", search),
        (refinement, "propagate", refine),
        (propagation.BilateralPropagation, "_first", side_by_side),
    ):
        mock.patch.object(where, name, form).start()


def steady(network: network_module.BPNet) -> None:
    """Kernels of weights above 0: others, of random weights, make any number of a last digit."""
    for name, module in network.named_modules():
        if name.endswith(("3x3.conv.1.conv.bn", "5x5.conv.1.conv.bn", "7x7.conv.1.conv.bn")):
            torch.nn.init.constant_(module.weight, 0.1)
            torch.nn.init.ones_(module.bias)


def build(form: str, device: str) -> torch.nn.Module:
    torch.manual_seed(0)
    network = network_module.BPNet().eval().requires_grad_(False)
    steady(network)
    if form == "plain":
        as_published(device)
        return network.to(device)
    kind, precision = form.split()
    network = for_inference(network).to(device, getattr(torch, precision), memory_format=torch.channels_last)
    if kind == "compiled":
        network.compile(dynamic=False)
    return network


def graphed(work):
    """The work as a CUDA graph, which gives what the same memory holds after each run."""
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        work()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = work()

    def replay():
        graph.replay()
        return result

    return replay


def measure(form: str, size: str, points: int, device: str, threads: int, kept: str) -> dict:
    """Seconds of all, of the search and of the processor, and bytes; to be run in a process of its own."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    torch.set_num_threads(threads)
    network, inputs = build(form, device), make_inputs(size, points, device)
    measured = inputs[1][:, 0] > 0

    def work():
        return network(*inputs, every_level=form == "plain").depth

    def search():
        return network_module.of_levels(measured, network_module.LEVELS)

    with torch.inference_mode():
        network(*make_inputs("64x64", 200, device))  # loads and compiles what there is
        with PeakMemory(device) as peak:
            depth = work()
        torch.save(depth.float().cpu(), kept)
        if form.startswith("graph"):
            work = graphed(work)
        row = {"bytes": peak.bytes}
        for name, each in {"all": work, "search": search}.items():
            if device.startswith("cuda"):
                each()
            start, used = time.perf_counter(), time.process_time()
            each()
            synchronise(device)
            row[name] = time.perf_counter() - start
            row.setdefault("processor", time.process_time() - used)
    return row | {"network": row["all"] - row["search"]}


def differences(kept: str, plain: str) -> tuple[float, float]:
    """Median and 99th percentile of the relative difference."""
    one, two = torch.load(kept), torch.load(plain)
    error = ((one - two).abs() / two.abs().clamp(min=1)).flatten()
    return tuple(error.kthvalue(int(share * error.numel())).values.item() for share in (0.5, 0.99))


def compare(device: str, forms: tuple[str, ...], arguments, folder: str) -> None:
    """Print the table of a device."""
    print(f"\n{device}, {arguments.threads} threads, torch {torch.__version__}, {arguments.size}, best of "
          f"{arguments.rounds}; seconds, MiB")  # fmt: skip
    print("| form | all | search | network | processor | MiB | plain / all | search | network | processor "
          "| MiB | differs: median | 99 % |\n|" + 13 * "---|")  # fmt: skip
    rows = {form: [] for form in forms}
    for _ in range(arguments.rounds):
        for form in forms:
            given = form, arguments.size, arguments.points, device, arguments.threads
            rows[form].append(apart(measure, *given, f"{folder}/{form}"))
    best = {form: {key: min(run[key] for run in runs) for key in KEYS} for form, runs in rows.items()}
    for form, row in best.items():
        ratios = " | ".join(f"{best['plain'][key] / row[key]:.1f}" for key in KEYS)
        seconds = " | ".join(f"{row[key]:.3f}" for key in KEYS[:-1])
        off = " | ".join(f"{x:.1e}" for x in differences(f"{folder}/{form}", f"{folder}/plain"))
        print(f"| {form} | {seconds} | {row['bytes'] / 2**20:.0f} | {ratios} | {off} |")


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--size", default="256x1216")
    parser.add_argument("--points", type=int, default=16000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compare("cpu", ON_CPU, arguments, folder)
        if torch.cuda.is_available():
            compare("cuda", ON_GPU, arguments, folder)
        else:
            print("\nNo GPU here: float16, torch.compile and the CUDA graph are not measured.")


if __name__ == "__main__":
    main()
