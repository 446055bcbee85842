"""What one can choose of a network, and of its prior.

A field here is all that an option needs: `create_completer`, the command line (`NAME,option=value`) and the
parameters of the nodes are made from these classes.
"""

from __future__ import annotations

from dataclasses import dataclass, field


def option(default, description: str, **limits):
    """A field of a class of options.

    Args:
        description: what it means, for people; `--yaml` and the tables of parameters show it.
        limits: `choices`, or `minimum`, `maximum` and `unit`, as a parameter of a node has them.
    """
    return field(default=default, metadata={"description": description, **limits})


@dataclass(frozen=True)
class NetworkOptions:
    """Options of every network; a completer that has more derives from this and names that `Options`."""

    variant: str = option("", "Variant of the completer; empty for its usual one.")
    weights: str | None = option(
        None,
        "Weights of a network: a file (of diffusion a folder), or a name in `depth-completion weights list`; "
        "empty for those that ship with it, or for random ones, whose depth is meaningless.",
    )
    device: str = option("auto", "Device of a network: auto, cpu, cuda, cuda:1 ...")
    allow_noncommercial: bool = option(
        False,
        "Take weights under a non-commercial licence, and priors whose licence is not known to permit "
        "commercial use.",
    )
    precision: str = option(
        "auto",
        "Number format that a network computes in; auto is float32, or bfloat16 of mspn_lite where that is "
        "fast.",
        choices=("auto", "float32", "bfloat16", "float16"),
    )
    runtime: str = option(
        "auto",
        "What runs a network: PyTorch, or a runtime of exported files, whose file is given as `weights`; "
        "auto is that of the file, ONNX Runtime for the default network on a CPU, and else PyTorch.",
        choices=("auto", "pytorch", "onnx", "openvino", "tensorrt"),
    )
    compiled: bool = option(
        False,
        "Compile the network at its first frame of a size (torch.compile): that frame takes minutes, all "
        "others are faster. Set `warm_up_size` with it.",
    )
    inner_size: int = option(
        0,
        "Largest height and width at which a network works, to save time and memory; its depth is enlarged "
        "to the size of the image. 0 for the network's own: by the points of the default, 768 of "
        "mspn_lite, else that of the image.",
        minimum=0,
        maximum=16384,
        unit="pixels",
    )
    max_gpu_memory: float = option(
        0.0,
        "How much of the GPU's memory this process may take; 0 for all.",
        minimum=0.0,
        maximum=1024.0,
        unit="GiB",
    )


@dataclass(frozen=True)
class PriorOptions(NetworkOptions):
    """Options of a network that takes a monocular prior."""

    prior: str | None = option(
        None,
        "Depth prior of a network that takes one: a name such as depth_anything_v2_small, or a path such as "
        "net.onnx@disparity; empty for none.",
    )
    prior_every: int = option(
        1,
        "The prior runs on every so many frames; between them its last prediction is aligned to the points "
        "anew.",
        minimum=1,
        maximum=1000,
    )
    prior_side: int = option(
        0,
        "Shorter side of the image that the prior sees, which sets its time; 0 for what it was trained at.",
        minimum=0,
        maximum=4096,
        unit="pixels",
    )
