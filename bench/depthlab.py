"""DepthLab: its authors' order of operations and ours, operations and time in one run.

    python bench/depthlab.py [--size 96x128] [--threads 2]          tiny networks on the CPU
    python bench/depthlab.py --full                                 operations of the full size, not run
    python bench/depthlab.py --step --size 224x304                  one step of the full size, 4 GB
    python bench/depthlab.py --variant official --size 576x768 --device cuda

published  50 DDIM steps from strength 0.8: both rows of guidance in every step, self-attention of the blind
           row twice, cross-attention, keys and values of the reference anew in every step
ours       `create_completer("depthlab").network`: the seeing row alone, keys, values and cross-attention
           once for all steps, reference up to its last features; 50, 10, 4 and 1 steps of which 0.8 are
           taken; float32, bfloat16, and on a GPU bfloat16 compiled

Operations are counted on tensors without values (multiply and add are two). The text encoder, which the
published code runs too, is not counted. Weights are random, which does not change the time. `differs`
is the largest difference from `published` in normalised depth, whose range is 2.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from unittest import mock

import torch
from measure import best, height_width, options
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "test" / "completion"))

import depthlab_reference  # noqa: E402
from depthlab_reference import Official  # noqa: E402

from depth_completion_ros.completion.depthlab.attention import (  # noqa: E402
    blocks_of,
    guide_of,
    keys_and_values,
    let_read,
    let_write,
    written_by,
)
from depth_completion_ros.completion.depthlab.network import DepthLab  # noqa: E402
from depth_completion_ros.completion.depthlab.sampling import Noise, Planes, Sampling, sample  # noqa: E402
from depth_completion_ros.completion.diffusion.codec import decode, encode  # noqa: E402
from depth_completion_ros.completion.diffusion.networks import context_width, make_unet  # noqa: E402

STEPS = (50, 10, 4, 1)
STRENGTH = 0.8
FULL = ("576x768", "480x640", "352x1216", "224x304")


def attend(attention, tokens, others):
    """Attention of the reference by PyTorch's own fast form, as the published code takes it."""
    queries = attention.to_q(tokens).unflatten(2, (attention.heads, -1)).transpose(1, 2)
    mixed = torch.nn.functional.scaled_dot_product_attention(queries, *keys_and_values(attention, others))
    return attention.to_out[0](mixed.transpose(1, 2).flatten(2))


def published(network: DepthLab, variant: str) -> Official:
    """The published order with the weights of a network, on its device."""
    weight = network.mapping.weight
    return Official.like(network, variant, weight.new_zeros(1, 1, weight.shape[0]))


# Operations ------------------------------------------------------------------------------------------


def count(work) -> tuple[float, object]:
    """TFLOP of what is done, and what it gives."""
    with FlopCounterMode(display=False) as counter:
        result = work()
    return counter.get_total_flops() / 1e12, result


def operations(variant: str, size: str) -> dict[str, float]:
    """TFLOP of every part at one size."""
    height, width = height_width(size)
    with torch.device("meta"):
        network = DepthLab.of_size(variant).eval().requires_grad_(False)
        rgb, t = torch.empty(1, 3, height, width), torch.empty((), dtype=torch.int64)
        noisy = torch.empty(1, 12, height // 8, width // 8)
        theirs = published(network, variant)
        parts = {}
        parts["token"], token = count(lambda: network.token(rgb))
        parts["encode"], latents = count(lambda: encode(network.vae, rgb))
        parts["decode"], _ = count(lambda: decode(network.vae, latents))
        parts["look"], guide = count(lambda: network.guide(latents, token))
        parts["step"], _ = count(lambda: network.velocity(noisy, t, guide))
        parts["their look"], _ = count(lambda: theirs.look(latents, token))
        parts["their step"], _ = count(lambda: theirs.velocity(noisy, t, token))
    return parts


def totals(parts: dict[str, float]) -> tuple[float, dict[int, float]]:
    """TFLOP of an image as published, and of ours by steps."""
    around = parts["token"] + 4 * parts["encode"] + parts["decode"]
    theirs = around + parts["their look"] + int(50 * STRENGTH) * parts["their step"]
    ours = {n: around + parts["look"] + max(1, int(n * STRENGTH)) * parts["step"] for n in STEPS}
    return theirs, ours


def show_operations(variant: str, sizes) -> None:
    print(f"TFLOP, {variant}")
    print("size         encode  decode    look    step | their look  step | published", end="")
    print("".join(f"  ours {n:2d}" for n in STEPS), " published / ours 50")
    for size in sizes:
        parts = operations(variant, size)
        theirs, ours = totals(parts)
        row = "".join(f"{parts[name]:8.2g}" for name in ("encode", "decode", "look", "step"))
        row += f" | {parts['their look']:10.3g} {parts['their step']:5.3g} | {theirs:9.4g}"
        few = "".join(f"{ours[n]:9.3g}" for n in STEPS)
        print(f"{size:10s} {row} {few} {theirs / ours[50]:20.2f}")


# Time ------------------------------------------------------------------------------------------------


def given_to(network: DepthLab, size: str, device: str) -> tuple:
    """Planes, token and noise of an image of random pixels, left half known."""
    height, width = height_width(size)
    make = torch.Generator().manual_seed(0)
    rgb = torch.rand(1, 3, height, width, generator=make) * 2 - 1
    depth = torch.linspace(-1, 1, width).expand(1, 1, height, width).contiguous()
    unknown = torch.where(torch.arange(width) < width // 2, -1.0, 1.0).expand_as(depth).contiguous()
    planes = Planes(*(x.to(device) for x in (rgb, depth, depth, unknown)))
    noise = Noise(*(x.to(device) for x in Noise.draw(height, width, 0)))
    return planes, network.token(planes.rgb), noise


def forms(device: str):
    """Precision, and whether it is compiled."""
    yield torch.float32, False
    yield torch.bfloat16, False
    if device.startswith("cuda"):
        yield torch.bfloat16, True


def timed_sample(network, planes, sampling, noise, device, repeats) -> tuple[torch.Tensor, float]:
    """Normalised depth, and the seconds that it takes."""

    def work():
        return sample(network, planes, network.token(planes.rgb), sampling, noise)

    return work(), best(work, device, repeats)  # the first time also compiles


@torch.inference_mode()
def show_step(variant: str, size: str, device: str, threads: int) -> None:
    """Time of one step on one estimation U-Net, the reference features being its own."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    height, width = height_width(size)
    with torch.device(device):
        unet = make_unet(variant, 12).eval()
        noisy, token = torch.randn(1, 12, height // 8, width // 8), torch.randn(1, 1, context_width(variant))
    let_write(unet)
    features = written_by(unet, noisy, token)
    let_read(unet)
    guide = guide_of(unet, features, token)
    step = partial(unet, noisy, 501, None, cross_attention_kwargs={"guide": guide})
    found, ours = step().sample, best(step, device, 2)
    official = Official(unet, unet, None, token)
    official.bank = dict(zip(blocks_of(unet), features, strict=True))
    theirs = best(partial(official.velocity, noisy, 501, token), device, 2)
    difference = (official.velocity(noisy, 501, token) - found).abs().max().item()
    print(
        f"{device}, {threads} threads, {variant}, {size}, float32: a step takes {theirs:.2f} s as published,"
    )
    print(f"{ours:.2f} s as ours, {theirs / ours:.2f} times less; largest difference {difference:.1e}.")


@torch.inference_mode()
def show_times(variant: str, size: str, device: str, threads: int, repeats: int) -> None:
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    with torch.device(device):
        network = DepthLab.of_size(variant).eval().requires_grad_(False)
    print(f"{device}, {threads} threads, torch {torch.__version__}, {variant}, {size}")
    print("form                       steps taken   seconds   of published   differs")
    theirs, full = published(network, variant), Sampling(50, STRENGTH)
    planes, token, noise = given_to(network, size, device)
    expected = theirs.sample(planes, token, full, noise)
    reference = best(partial(theirs.sample, planes, token, full, noise), device, repeats)
    print(f"{'published float32':26s} {50:5d} {40:5d} {reference:9.3f}")
    del theirs
    for dtype, compiled in forms(device):
        network = network.to(dtype, memory_format=torch.channels_last)
        if compiled:
            network.estimation.compile(dynamic=False)
        name = f"ours {str(dtype).removeprefix('torch.')}{' compiled' if compiled else ''}"
        for steps in STEPS:
            sampling = Sampling(steps, STRENGTH)

            found, seconds = timed_sample(network, planes, sampling, noise, device, repeats)
            differs = f"{(found - expected).abs().max().item():9.1e}" if steps == 50 else ""
            taken = max(1, int(steps * STRENGTH))
            print(f"{name:26s} {steps:5d} {taken:5d} {seconds:9.3f} {reference / seconds:14.2f} {differs}")


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--size", default="96x128")
    parser.add_argument("--variant", default="tiny", choices=("tiny", "official"))
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--full", action="store_true", help="count operations of the full size alone")
    parser.add_argument("--step", action="store_true", help="time one step of the full size alone")
    arguments = parser.parse_args()
    with mock.patch.object(depthlab_reference, "attend", attend):
        if arguments.full:
            show_operations("official", FULL)
        elif arguments.step:
            show_step("official", arguments.size, arguments.device, arguments.threads)
        else:
            where = arguments.size, arguments.device, arguments.threads
            show_operations(arguments.variant, [arguments.size])
            show_times(arguments.variant, *where, arguments.repeats)


if __name__ == "__main__":
    main()
