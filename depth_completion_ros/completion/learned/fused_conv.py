"""Convolution, addition and rectifier in one pass over memory on a CPU, as `torch.compile` would do them."""

from __future__ import annotations

import torch
from torch import nn


def fused_conv(
    conv: nn.Conv2d | nn.ConvTranspose2d,
    x: torch.Tensor,
    added: torch.Tensor | None = None,
    relu: bool = True,
    overwrite: bool = False,
) -> torch.Tensor:
    """conv(x) + added, rectified; in one pass where oneDNN serves, else step by step.

    Args:
        conv: a transposed one takes no `added`.
        x: B x C x H x W.
        added: of the size of the result.
        relu: whether to rectify.
        overwrite: whether the result may take the memory of `added`.
    """
    # The compiler takes the fused operators as they are, but for those that overwrite.
    if not onednn_serves(x) or (overwrite and torch.compiler.is_compiling()):
        y = conv(x)
        if added is not None:
            y = added.add_(y) if overwrite else y + added
        return y.relu_() if relu else y
    ops, after = torch.ops.mkldnn, ("relu" if relu else "none", [], "")
    size = conv.padding, conv.stride, conv.dilation, conv.groups
    if isinstance(conv, nn.ConvTranspose2d):
        size = conv.padding, conv.output_padding, *size[1:]
        return ops._convolution_transpose_pointwise(x, conv.weight, conv.bias, *size, *after)
    how = conv.weight, conv.bias, *size
    if added is None:
        return ops._convolution_pointwise(x, *how, *after)
    if overwrite:
        return ops._convolution_pointwise_(added, x, *how, "add", 1.0, *after)
    return ops._convolution_pointwise.binary(x, added, *how, "add", 1.0, *after)


def onednn_serves(x: torch.Tensor) -> bool:
    """Whether oneDNN convolves x with what `torch.compile` calls it for; there is no public way to it.

    It gives no gradients here.
    """
    if (
        torch.is_grad_enabled()
        or torch.jit.is_tracing()
        or x.device.type != "cpu"
        or not torch.backends.mkldnn.is_available()
    ):
        return False
    if not hasattr(torch.ops.mkldnn, "_convolution_pointwise_"):  # private: not every version need have it
        return False
    if x.dtype is torch.bfloat16:
        return torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return x.dtype is torch.float32
