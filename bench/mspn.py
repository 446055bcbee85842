"""The whole MSPN network: time, memory and share of its parts, in one run.

    python bench/mspn.py [--size 240x1216] [--variant sdr_kitti] [--device cuda] [--train]

slots      propagation slot by slot (see mspn_op.py); one iteration of each layer is
           timed and counted six times, as all are alike
ours       propagation by `propagate`; float32, then bfloat16
compiled   ours, with the guidance network through `torch.compile`

Weights are random, which does not change the time. --train measures a training step at official crop
sizes instead: forward, loss (L1 + L2), backward, AdamW.
"""

from __future__ import annotations

import torch
from measure import PeakMemory, apart, best, height_width, options
from mspn_op import LAYERS

from depth_completion_ros.completion.mspn import MSPN

SIZES = ("228x304", "240x1216")
POINTS = 500


def make_inputs(network: MSPN, height: int, width: int, device: str) -> dict[str, torch.Tensor]:
    make = torch.Generator().manual_seed(0)
    depth = 5 + 40 * torch.rand(1, 1, height, width, generator=make)
    share = (POINTS if height < 240 else 15000) / (height * width)
    hit = torch.rand(1, 1, height, width, generator=make) < share
    inputs = {"rgb": torch.randn(1, 3, height, width, generator=make), "sparse": torch.where(hit, depth, 0.0)}
    if network.backbone.takes_prior:
        inputs["prior"] = 1.1 * depth
    return {name: x.to(device) for name, x in inputs.items()}


def build(form: str, variant: str, device: str) -> MSPN:
    torch.manual_seed(0)
    network = MSPN(variant).eval().requires_grad_(False)
    dtype = torch.bfloat16 if form.endswith("bfloat16") else torch.float32
    network = network.to(device, dtype, memory_format=torch.channels_last)
    if form.startswith("compiled"):
        network.backbone.compile(dynamic=False)
    return network


def propagation_by_slots(network: MSPN, guide, prior, sparse):
    """One iteration of each layer, all of whose products are made anew."""
    depth = torch.where(sparse > 0, sparse, prior)
    layers = [network.prop_layer.mspn] + [x for x in [getattr(network.prop_layer, "mspn_2nd", None)] if x]
    for layer in layers:
        weight = layer.conv.weight.flatten(1)
        depth, _ = LAYERS["slots"](guide, weight, layer.rpb[0], depth, sparse, 1)
    return depth


def measure(form: str, variant: str, size: str, device: str, threads: int) -> dict:
    """Seconds of guidance and of all, and bytes; to be run in a process of its own."""
    torch.set_num_threads(threads)
    height, width = height_width(size)
    network = build(form, variant, device)
    inputs = make_inputs(network, height, width, device)
    weights = network.prop_layer.mspn.conv.weight.dtype
    first = [inputs[name].to(weights) if name in inputs else None for name in ("rgb", "sparse", "prior")]

    def guidance():
        return network.backbone(*first)

    def whole():
        if form != "slots":
            return network(**inputs)
        guide, initial = guidance()
        return propagation_by_slots(network, guide, inputs.get("prior", initial), inputs["sparse"])

    with torch.inference_mode():
        guidance()
        if form != "slots":
            whole()  # builds what there is to build
        with PeakMemory(device) as peak:
            whole()
        times = {"guidance": best(guidance, device), "all": best(whole, device)}
    if form == "slots":
        times["all"] += 5 * (times["all"] - times["guidance"])
    return times | {"bytes": peak.bytes}


def measure_training(form: str, variant: str, size: str, device: str, threads: int) -> dict:
    """Seconds of a training step, and bytes."""
    torch.set_num_threads(threads)
    height, width = height_width(size)
    torch.manual_seed(0)
    network = MSPN(variant).to(device).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=1e-2)
    inputs = make_inputs(network, height, width, device)
    truth = 5 + 40 * torch.rand_like(inputs["sparse"])

    def step():
        optimiser.zero_grad()
        error = network(**inputs).depth - truth
        (error.abs().mean() + error.square().mean()).backward()
        optimiser.step()

    step()
    with PeakMemory(device) as peak:
        step()
    return {"all": best(step, device, 2), "bytes": peak.bytes}


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--size", action="append", help="HEIGHTxWIDTH; repeat for more")
    parser.add_argument("--variant", default="sdr_kitti")
    parser.add_argument("--compiled", action="store_true", help="measure torch.compile too; takes minutes")
    parser.add_argument("--train", action="store_true", help="measure a training step")
    arguments = parser.parse_args()
    where = arguments.device, arguments.threads
    print(f"{where[0]}, {where[1]} threads, torch {torch.__version__}, {arguments.variant}")
    forms = ["training"] if arguments.train else ["slots", "ours float32", "ours bfloat16"]
    if arguments.compiled and not arguments.train:
        forms += ["compiled float32", "compiled bfloat16"]
    print("size      form               ms   of it guidance   frames/s   peak MiB   times faster")
    for size in arguments.size or SIZES:
        slowest = None
        for form in forms:
            measured = measure_training if arguments.train else measure
            run = apart(measured, form, arguments.variant, size, *where)
            slowest = slowest or run["all"]
            guidance = f"{1e3 * run['guidance']:14.0f}" if "guidance" in run else " " * 14
            print(
                f"{size:9s} {form:16s} {1e3 * run['all']:6.0f}   {guidance}   {1 / run['all']:8.2f}   "
                f"{run['bytes'] / 2**20:8.0f}   {slowest / run['all']:10.1f}"
            )


if __name__ == "__main__":
    main()
