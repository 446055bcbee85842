"""The convolutions that the network is made of."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import fuse_conv_bn_eval


class Conv(nn.Sequential):
    """3 x 3 convolution, batch norm, an addition, and rectifier."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: torch.Tensor, added: torch.Tensor | None = None) -> torch.Tensor:
        """Of x; `added`, of the size of the result, is added before the rectifier."""
        if isinstance(self[1], nn.Identity) and _can_fuse(x):
            return _fused(self[0], x, added)
        x = self[1](self[0](x))
        return F.relu_(x if added is None else x + added)

    def fold(self) -> None:
        """Take the batch norm into the convolution, for inference; keys change."""
        self[0] = fuse_conv_bn_eval(self[0].eval(), self[1].eval())
        self[1] = nn.Identity()


def _can_fuse(x: torch.Tensor) -> bool:
    """Whether oneDNN works on such a tensor, and no gradient is asked for, which it does not give here."""
    if torch.is_grad_enabled() or x.device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    if not hasattr(torch.ops.mkldnn, "_convolution_pointwise"):  # private: not every version need have it
        return False
    known = x.dtype is torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return known or x.dtype is torch.float32


def _fused(conv: nn.Conv2d, x: torch.Tensor, added: torch.Tensor | None) -> torch.Tensor:
    """Convolution, addition and rectifier in one pass over memory, as `torch.compile` would do them."""
    how = conv.weight, conv.bias, conv.padding, conv.stride, conv.dilation, conv.groups
    fused = torch.ops.mkldnn._convolution_pointwise
    if added is None:
        return fused(x, *how, "relu", [], "")
    return fused.binary(x, added, *how, "add", 1.0, "relu", [], "")
