"""The parameters of a completer that has a network; `create_completer` says more of them."""

from __future__ import annotations

from .parameter import Parameter

NETWORK = (
    Parameter("variant", "", "Variant of the completer; empty for its usual one."),
    Parameter(
        "weights",
        "",
        "Weights of a network: a file (of diffusion a folder), or a name in `depth-completion weights list`; "
        "empty for those that ship with it, or for random ones, whose depth is meaningless.",
    ),
    Parameter(
        "settings",
        "",
        "Settings that this completer alone has, such as steps=4,strength=1 of depthlab; empty for its own.",
    ),
    Parameter("device", "auto", "Device of a network: auto, cpu, cuda, cuda:1 ..."),
    Parameter(
        "prior",
        "",
        "Depth prior of a network that takes one: a name such as depth_anything_v2_small, or a path such as "
        "net.onnx@disparity; empty for none.",
    ),
    Parameter(
        "prior_every",
        1,
        "The prior runs on every so many frames; between them its last depth is aligned to the points anew.",
        minimum=1,
        maximum=1000,
    ),
    Parameter(
        "prior_side",
        0,
        "Shorter side of the image that the prior sees, which sets its time; 0 for what it was trained at.",
        minimum=0,
        maximum=4096,
        unit="pixels",
    ),
    Parameter(
        "allow_noncommercial",
        False,
        "Take weights under a non-commercial licence, and priors whose licence is not known to permit "
        "commercial use.",
    ),
    Parameter(
        "precision",
        "auto",
        "Number format that a network computes in; auto is float32.",
        choices=("auto", "float32", "bfloat16", "float16"),
    ),
    Parameter(
        "compiled",
        False,
        "Compile the network at its first frame of a size (torch.compile): that frame takes minutes, all "
        "others are faster. Set `warm_up_size` with it.",
    ),
    Parameter(
        "inner_size",
        0,
        "Largest height and width at which a network works, to save time and memory; its depth is enlarged "
        "to the size of the image. 0 for that of the image.",
        minimum=0,
        maximum=16384,
        unit="pixels",
    ),
    Parameter(
        "max_gpu_memory",
        0.0,
        "How much of the GPU's memory this process may take; 0 for all.",
        minimum=0.0,
        maximum=1024.0,
        unit="GiB",
    ),
    Parameter(
        "warm_up_size",
        [0, 0],
        "Width and height of the images: a network is run once at this size before the node is active. "
        "0, 0 leaves that to the first frame, which then takes longer.",
        minimum=0,
        maximum=16384,
        unit="pixels",
        lengths=(2,),
    ),
)
