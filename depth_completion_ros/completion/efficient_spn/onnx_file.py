"""The network as ONNX, in which form it runs on a CPU."""

from __future__ import annotations

from ..exported.graph import Graph, to_onnx
from ..prior.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from .network import EfficientSPN


def graph_of(network: EfficientSPN) -> Graph:
    """From uint8 1 x H x W x 3 RGB and 1 x 1 x H x W metres to 1 x 4 x H x W, `Prediction.planes`."""
    return Graph(lambda rgb, sparse: network(rgb, sparse).planes(), network, IMAGENET_MEAN, IMAGENET_STD)


def network_to_onnx(network: EfficientSPN) -> bytes:
    """An ONNX file of the network, for one frame of any size whose sides are multiples of 32."""
    return to_onnx(graph_of(network), 1, (64, 96), any_size=True)
