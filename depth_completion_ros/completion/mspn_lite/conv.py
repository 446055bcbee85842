"""The convolutions that the network is made of."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import fuse_conv_bn_eval

from ..learned.fused_conv import fused_conv


class Conv(nn.Sequential):
    """3 x 3 convolution, batch norm, an addition, and rectifier."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: torch.Tensor, added: torch.Tensor | None = None) -> torch.Tensor:
        """Of x; `added`, of the size of the result, is added before the rectifier."""
        if isinstance(self[1], nn.Identity):
            return fused_conv(self[0], x, added)
        x = self[1](self[0](x))
        return F.relu_(x if added is None else x + added)

    def fold(self) -> None:
        """Take the batch norm into the convolution, for inference; keys change."""
        self[0] = fuse_conv_bn_eval(self[0].eval(), self[1].eval())
        self[1] = nn.Identity()
