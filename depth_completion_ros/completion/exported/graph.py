"""A network with all that a frame goes through on its way, as one graph."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import nn

OPSET = 17


class Graph(nn.Module):
    """From the image, uint8 1 x H x W x 3 RGB, and planes, 1 x 1 x H x W, to results, 1 x N x H x W.

    Args:
        forward: takes the normalised image and the planes; gives results of 1 x 1 x H x W each.
        network: what it runs, whose weights become those of the graph.
        mean, std: of the normalisation, in [0, 1], red, green, blue.
    """

    def __init__(
        self,
        forward: Callable[..., Sequence[torch.Tensor]],
        network: nn.Module,
        mean: Sequence[float],
        std: Sequence[float],
    ):
        super().__init__()
        self.network, self._forward = network, forward
        for name, values in (("mean", mean), ("std", std)):
            self.register_buffer(name, torch.tensor(values).reshape(1, 3, 1, 1) * 255)

    def forward(self, image: torch.Tensor, *planes: torch.Tensor) -> torch.Tensor:
        rgb = (image.permute(0, 3, 1, 2).float() - self.mean) / self.std
        return torch.cat([result.float() for result in self._forward(rgb, *planes)], dim=1)


def to_onnx(
    graph: Graph,
    planes: int,
    shape: tuple[int, int],
    any_size: bool,
    searched: Sequence[np.ndarray] = (),
) -> bytes:
    """The graph as an ONNX file, for one frame at a time.

    Args:
        planes: number of them, the sparse depth being the first.
        shape: height and width of the frame that it is made with.
        any_size: whether it takes others as well, which not every network can; see `parity`.
        searched: what it takes after the planes, of such a frame, 2-D each.

    Raises:
        ValueError: the network does what ONNX cannot tell, in a sentence.
    """
    sides = {2: "height", 3: "width"}
    names = ["sparse", *(f"plane_{number}" for number in range(1, planes))]
    # Not all alike, or what depends on the values would be found out once for all.
    sparse = torch.zeros(1, 1, *shape)
    sparse[..., ::5, ::7] = 10
    inputs = [sparse, *(torch.full((1, 1, *shape), 10.0) for _ in names[1:])]
    found = {f"searched_{number}": torch.from_numpy(x)[None, None] for number, x in enumerate(searched)}
    axes = {"image": {1: "height", 2: "width"}, **dict.fromkeys([*names, "planes"], sides)}
    image = torch.zeros(1, *shape, 3, dtype=torch.uint8)
    given = {"image": image, **dict(zip(names, inputs, strict=True)), **found}
    return module_to_onnx(graph, given, "planes", axes if any_size else None)


def module_to_onnx(
    module: nn.Module,
    inputs: Mapping[str, torch.Tensor],
    output: str,
    axes: Mapping[str, Mapping[int, str]] | None = None,
) -> bytes:
    """A module as an ONNX file.

    Args:
        inputs: examples of what it takes, by the names that they get, in order.
        output: name of what it gives.
        axes: names of the axes of any size, by the names of inputs and output.

    Raises:
        ValueError: it does what ONNX cannot tell, in a sentence.
    """
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that this exporter is the older of two: it gives the smaller graph
        try:
            torch.onnx.export(
                module.eval(),
                tuple(inputs.values()),
                file,
                input_names=list(inputs),
                output_names=[output],
                dynamic_axes=axes,
                opset_version=OPSET,
                dynamo=False,
            )
        except Exception as error:  # of any kind, by what an operator is that ONNX does not have
            why = str(error).strip().partition("\n")[0].rstrip(".")
            raise ValueError(f"This network cannot be told as ONNX: {why}.") from None
    return file.getvalue()
