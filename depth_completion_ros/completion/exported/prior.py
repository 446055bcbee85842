"""Writes the network of a monocular prior as ONNX, after it was shown to give what PyTorch gives."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ...core.safe.files import write_bytes
from ..prior.interface import MonocularPrior
from ..prior.known import KNOWN
from ..prior.onnx_prior import OnnxPrior
from ..prior.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from ..prior.transformers_prior import NEEDS_TORCHVISION, SPACE_OF_TYPE, TransformersPrior
from .graph import module_to_onnx
from .half import with_metadata
from .parity import HALF_TOLERANCE, SHARE, TOLERANCE, sample_frames
from .runtimes import require

KINDS = [kind for kind in SPACE_OF_TYPE if kind not in NEEDS_TORCHVISION]
"""Types of networks that can be written."""


@dataclass(frozen=True)
class PriorParity:
    """How far a prior's maps are from those of PyTorch, in shares of the range of a map.

    Args:
        images: number of them.
        typical: median difference.
        largest: at the pixels that agree most, all but 1 in 1000.
    """

    images: int
    typical: float
    largest: float

    def agrees(self, half: bool) -> bool:
        """Whether the one may stand for the other."""
        return self.largest <= (HALF_TOLERANCE if half else TOLERANCE)

    def __str__(self) -> str:
        return (
            f"maps differ by {self.typical:.1e} of their range in the median and {self.largest:.1e} at "
            f"{SHARE:.1%} of the pixels ({self.images} images)"
        )


def export_prior(
    prior: MonocularPrior | None,
    path: Path,
    size: tuple[int, int] | None,
    half: bool = False,
    images: Sequence[np.ndarray] = (),
) -> PriorParity:
    """Write the network of a prior to an ONNX file that `create_prior` takes; how far it is from PyTorch.

    Args:
        prior: a network of `transformers`, on the CPU.
        path: ending in .onnx.
        size: height and width of the images that the file is for.
        half: whether weights are stored as float16.
        images: to compare on, uint8 H x W x 3 RGB; made up where there are none.

    Raises:
        ValueError: the network cannot be exported, or gives something else than PyTorch, or a wrong argument.
        ImportError: onnx or onnxruntime is not installed.
    """
    prior, size = check_prior(prior, path, size, images)
    network = _Network(prior, size)
    inputs = [prior.network_input(image) for image in images or [f.image for f in sample_frames(*size)]]
    onnx_file = module_to_onnx(network, {"image": network.normalised(inputs[0])}, "prediction")
    metadata = {
        "prior": prior.name,
        "space": prior.space,
        "licence": _licence(prior),
        "size": f"{size[1]} x {size[0]}",
    }
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / path.name
        write_bytes(made, with_metadata(onnx_file, metadata, half))
        parity = _parity(network, OnnxPrior(made, None, device="cpu"), inputs)
        if not parity.agrees(half):
            raise ValueError(
                f"'{path}' is not written: {parity}. Use the folder of transformers as the prior."
            )
        write_bytes(path, made.read_bytes())
    return parity


def check_prior(
    prior: MonocularPrior | None,
    path: Path,
    size: tuple[int, int] | None,
    images: Sequence[np.ndarray],
) -> tuple[TransformersPrior, tuple[int, int]]:
    """Refuse what cannot be exported at all; the prior and the size, which are there otherwise."""
    require("onnx")
    if path.suffix != ".onnx":
        raise ValueError(f"'{path}' cannot be written for a prior; it must end in .onnx.")
    if not isinstance(prior, TransformersPrior) or prior.kind not in KINDS:
        name = prior.name if prior else "none"
        raise ValueError(
            f"Prior '{name}' cannot be exported; it must be a network of transformers of type "
            f"{', '.join(KINDS)}."
        )
    if size is None:
        raise ValueError(
            f"Prior '{prior.name}' can only be exported for images of one size: give it as --size."
        )
    for image in images:
        if image.shape[:2] != size:
            raise ValueError(
                f"Size is {size[1]} x {size[0]}, but an image of --frames is {image.shape[1]} x "
                f"{image.shape[0]}; they must be the same."
            )
    return prior, size


class _Network(nn.Module):
    """The network of a prior, for colours that are normalised as `OnnxPrior` does it.

    From 1 x 3 x h x w of the size that the network sees to 1 x 1 x h x w.
    """

    def __init__(self, prior: TransformersPrior, size: tuple[int, int]):
        super().__init__()
        self.network = prior.network
        # What its own image processor makes of colours is read from what it makes of black and of white.
        black, white = (
            prior.network_input(np.full((*size, 3), value, np.uint8)).mean(dim=(2, 3), keepdim=True)
            for value in (0, 255)
        )
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
        self.register_buffer("scale", (white - black) * std)
        self.register_buffer("shift", (white - black) * mean + black)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.network(pixels * self.scale + self.shift).predicted_depth[:, None]

    def normalised(self, network_input: Tensor) -> Tensor:
        """What `forward` makes this input of the network of."""
        return (network_input - self.shift) / self.scale


def _licence(prior: TransformersPrior) -> str:
    known = KNOWN.get(prior.name)
    return prior.licence if known is None or known.commercial else f"{prior.licence}, taken as non-commercial"


@torch.inference_mode()
def _parity(network: _Network, exported: OnnxPrior, inputs: Sequence[Tensor]) -> PriorParity:
    differences = []
    for network_input in inputs:
        expected = network.network(network_input).predicted_depth[0].numpy()
        given = exported.run(network.normalised(network_input).numpy())
        differences.append(np.abs(given - expected).ravel() / (np.ptp(expected) or 1))
    together = np.concatenate(differences)
    return PriorParity(len(inputs), float(np.median(together)), float(np.quantile(together, SHARE)))
