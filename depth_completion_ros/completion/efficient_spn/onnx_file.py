"""The network as ONNX, in which form it runs on a CPU."""

from __future__ import annotations

import io
import warnings

import torch
from torch import nn

from ..prior.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from .network import EfficientSPN

OPSET = 17


class Graph(nn.Module):
    """From uint8 B x H x W x 3 RGB and B x 1 x H x W metres to B x 4 x H x W, `Prediction.planes`."""

    def __init__(self, network: EfficientSPN):
        super().__init__()
        self.network = network
        for name, values in (("mean", IMAGENET_MEAN), ("std", IMAGENET_STD)):
            self.register_buffer(name, torch.tensor(values).reshape(1, 3, 1, 1) * 255)

    def forward(self, image: torch.Tensor, sparse: torch.Tensor) -> torch.Tensor:
        rgb = (image.permute(0, 3, 1, 2).float() - self.mean) / self.std
        return torch.cat(self.network(rgb, sparse).planes(), dim=1)


def to_onnx(network: EfficientSPN, metadata: dict[str, str] | None = None) -> bytes:
    """An ONNX file of the network, for one frame of any size whose sides are multiples of 32.

    Args:
        metadata: texts to note in it; needs the package onnx.
    """
    file, sides = io.BytesIO(), {2: "height", 3: "width"}
    graph = Graph(network).eval()
    inputs = torch.zeros(1, 64, 96, 3, dtype=torch.uint8), torch.ones(1, 1, 64, 96)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that this exporter is the older of two: it gives the smaller graph
        torch.onnx.export(
            graph,
            inputs,
            file,
            input_names=["image", "sparse"],
            output_names=["planes"],
            dynamic_axes={"image": {1: "height", 2: "width"}, "sparse": sides, "planes": sides},
            opset_version=OPSET,
            dynamo=False,
        )
    if not metadata:
        return file.getvalue()
    import onnx

    model = onnx.load_from_string(file.getvalue())
    onnx.helper.set_model_props(model, metadata)
    return model.SerializeToString()
