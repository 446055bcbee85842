"""One propagation layer: unfolded, slot by slot, and ours; time and peak memory in one run.

    python bench/mspn_op.py [--case 228x304x64] [--threads 2] [--device cuda]

unfold    the keys of every window are copied side by side, then multiplied (im2col attention)
slots     neighbourhood attention in the manner of NATTEN's unfused kernels, in PyTorch (NATTEN itself is not
          run): the logits of 169 slots are made and stored anew in every iteration, keys are not copied
          (nor kept for training, which costs the products a second time)
ours      `depth_completion_ros.ops.propagation.propagate`

Both alternatives redo normalisation, 1 x 1 convolution and products in every iteration, as the
published code does; ours does the first two once, and on a CPU the products too, which is counted in its
time. Each form runs in a process
of its own, so that peak memory (beyond the inputs) is its own. The alternatives are timed on one
iteration and multiplied, as all are alike; where they do not fit into memory, on a strip of rows, and
scaled by the number of rows (marked ~). Their memory for training grows by what one more iteration
adds. On a GPU the script also prints the least time that the bytes and products of an iteration allow.
"""

from __future__ import annotations

from concurrent.futures.process import BrokenProcessPool

import torch
import torch.nn.functional as F
from measure import PeakMemory, apart, best, options, synchronise
from torch.utils.checkpoint import checkpoint

from depth_completion_ros.ops.propagation import UpdateRule, propagate
from depth_completion_ros.ops.propagation.reference import windows
from depth_completion_ros.ops.propagation.window import WINDOW, window_index

CASES = ("228x304x64", "240x1216x64", "240x1216x192")
ITERATIONS = (6, 28)
FORMS = ("unfold", "slots", "ours")
RULE = UpdateRule.BLEND_AND_INJECT


def make_inputs(height: int, width: int, channels: int, device: str) -> dict[str, torch.Tensor]:
    make = torch.Generator().manual_seed(0)
    features = torch.randn(1, channels, height, width, generator=make)
    weight = torch.randn(2 * channels, channels + 1, generator=make) * 0.3 / channels**0.5
    depth = 5 + 5 * torch.rand(1, 1, height, width, generator=make)
    sparse = torch.where(torch.rand(1, 1, height, width, generator=make) < 0.05, depth, 0.0)
    rpb = 0.1 * torch.randn(25, 25, generator=make)
    inputs = {"features": features, "weight": weight, "rpb": rpb, "depth": depth, "sparse": sparse}
    return {name: x.to(device) for name, x in inputs.items()}


def normalised(features: torch.Tensor) -> torch.Tensor:
    return F.layer_norm(features.movedim(1, -1), features.shape[1:2], eps=1e-6).movedim(-1, 1)


def ours(features, weight, rpb, depth, sparse, iterations):
    """The layer with everything that does not change computed once."""
    q, k = F.conv2d(normalised(features), weight[:, :-1, None, None]).chunk(2, dim=1)
    q_slope, k_slope = weight[:, -1].chunk(2)
    a, b = (torch.einsum("bchw,c->bhw", x, y)[:, None] for x, y in ((k, q_slope), (q, k_slope)))
    return propagate(q, k, a, b, q_slope @ k_slope, rpb, depth, sparse, iterations, RULE)


def published(logits_of):
    """The layer in the order of the published code, with one of the forms of the product."""

    def layer(features, weight, rpb, depth, sparse, iterations):
        measured = sparse > 0
        mask = measured.to(depth.dtype)
        (_, rows), (_, columns) = (window_index(n, depth.device) for n in depth.shape[-2:])
        bias = rpb[rows[:, :, None, None], columns]
        for _ in range(iterations):
            inputs = torch.cat([normalised(features), depth], dim=1)
            q, k = F.conv2d(inputs, weight[:, :, None, None]).chunk(2, dim=1)
            logits = logits_of(q[0], (k * mask)[0]) + bias
            attention = logits.transpose(1, 2).flatten(2).softmax(dim=-1)
            attention = attention.unflatten(2, logits.shape[1::2]).transpose(1, 2)
            filtered = (attention * windows(depth[0, 0])).sum(dim=(1, 3))[None, None]
            filtered = torch.where(measured, sparse, filtered * mask + depth * (1 - mask))
            mask = torch.where(measured, mask, (attention * windows(mask[0, 0])).sum(dim=(1, 3))[None, None])
            depth = filtered
        return depth, mask

    return layer


def unfolded(q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
    return torch.einsum("chw,chawb->hawb", q, windows(k))


def slot_by_slot(q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
    return checkpoint(_slot_by_slot, q, k, use_reentrant=False)


def _slot_by_slot(q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
    (rows, _), (columns, _) = (window_index(n, q.device) for n in q.shape[-2:])
    columns_of = [k.index_select(2, columns[:, j]) for j in range(columns.shape[1])]
    slots = [
        torch.stack([(q * shifted.index_select(1, rows[:, i])).sum(dim=0) for shifted in columns_of], dim=-1)
        for i in range(rows.shape[1])
    ]
    return torch.stack(slots, dim=1)


LAYERS = {"unfold": published(unfolded), "slots": published(slot_by_slot), "ours": ours}


def measure(form: str, case: str, iterations: int, train: bool, device: str, threads: int) -> dict:
    """Seconds and bytes; to be run in a process of its own."""
    torch.set_num_threads(threads)
    height, width, channels = map(int, case.split("x"))
    inputs = make_inputs(height, width, channels, device)
    if train:
        for name in ("features", "weight", "rpb"):
            inputs[name].requires_grad_()

    def once():
        with torch.set_grad_enabled(train):
            depth, mask = LAYERS[form](**inputs, iterations=iterations)
            if train:
                (depth.sum() + mask.sum()).backward()
        synchronise(device)

    LAYERS[form](**make_inputs(32, 48, channels, device), iterations=1)  # loads and compiles what there is
    with PeakMemory(device) as peak:
        once()
    return {"seconds": best(once, device), "bytes": peak.bytes}


def measured_apart(*arguments) -> dict | None:
    """`measure` in another process; None when it does not fit into memory, for which Linux may kill it."""
    try:
        return apart(measure, *arguments)
    except BrokenProcessPool:
        return None
    except RuntimeError as error:
        if "out of memory" in str(error) or "allocate memory" in str(error):
            return None
        raise


def of_alternative(form: str, case: str, counts, train: bool, arguments, memory: float):
    """Seconds and bytes of an alternative for several numbers of iterations, and its mark."""
    height, width, channels = map(int, case.split("x"))
    copies = {"unfold": 3 * 169 * channels, "slots": 6 * 169}[form] * (4 if train and form == "slots" else 1)
    rows = min(height, int(memory / (4 * copies * width * (2 if train else 1))))
    if rows < WINDOW:  # in less there is no whole window
        return None
    strip, factor = f"{rows}x{width}x{channels}", height / rows
    one = measured_apart(form, strip, 1, train, arguments.device, arguments.threads)
    two = measured_apart(form, strip, 2, train, arguments.device, arguments.threads) if train else one
    if one is None or two is None:
        return None
    more = max(two["bytes"] - one["bytes"], 0)
    mark = "~" if rows < height else " "
    return [(factor * n * one["seconds"], factor * (one["bytes"] + (n - 1) * more), mark) for n in counts]


def bound(case: str, terabytes: float = 4.8, teraflops: float = 495.0) -> str:
    """Least time of an iteration that makes its products anew, for memory and TF32 units of a GPU so fast."""
    height, width, channels = map(int, case.split("x"))
    pixels = height * width
    read = pixels * (2 * channels * 4 + 6 * 4) / (terabytes * 1e12)
    products = pixels * 2 * 169 * channels / (teraflops * 1e12)
    least = max(read, products) * 1e6
    return f"bound of an iteration at {terabytes} TB/s and {teraflops} TFLOP/s: {least:.0f} us"


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--case", action="append", help="HEIGHTxWIDTHxCHANNELS; repeat for more")
    parser.add_argument("--memory", type=float, default=6.0, help="GiB that an alternative may take")
    arguments = parser.parse_args()
    print(
        f"{arguments.device}, {arguments.threads} threads, torch {torch.__version__}; ~ scaled from a strip"
    )
    print("case          pass      iterations form      seconds       MiB   of ours: time, memory")
    for case in arguments.case or CASES:
        if arguments.device.startswith("cuda"):
            print(case, bound(case))
        for train in (False, True):
            compare(case, train, arguments)


def compare(case: str, train: bool, arguments) -> None:
    """Print the rows of one case and pass."""
    memory = arguments.memory * 2**30
    forms = {form: of_alternative(form, case, ITERATIONS, train, arguments, memory) for form in FORMS[:2]}
    own = [measured_apart("ours", case, n, train, arguments.device, arguments.threads) for n in ITERATIONS]
    if None in own:
        raise SystemExit(f"{case} does not fit into memory even in our form.")
    forms["ours"] = [(run["seconds"], run["bytes"], " ") for run in own]
    for i, n in enumerate(ITERATIONS):
        for form, measured in forms.items():
            label = f"{case:13s} {'training' if train else 'inference':9s} {n:10d} {form:7s}"
            if measured is None:
                print(label, "does not fit into memory")
                continue
            seconds, size, mark = measured[i]
            times, larger = seconds / forms["ours"][i][0], size / forms["ours"][i][1]
            print(f"{label} {mark}{seconds:8.3f} {mark}{size / 2**20:8.0f}   {times:8.1f} {larger:8.1f}")


if __name__ == "__main__":
    main()
