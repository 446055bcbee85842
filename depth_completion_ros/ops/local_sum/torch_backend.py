"""The sum in plain PyTorch, for every device and for machines without a compiler: K^2 shifted additions."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F


def forward(x: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """The sum in the precision of x; weights may be of another."""
    padded = _padded(x, weights)
    out = torch.zeros_like(x[:, 0])
    for tap, window in enumerate(_windows(padded, weights)):
        out.addcmul_(window, weights[:, tap].to(x.dtype))
    return out[:, None]


def backward(grad: torch.Tensor, x: torch.Tensor, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradients of x and of the weights."""
    padded = _padded(x, weights)
    grad_padded, grad_weights = torch.zeros_like(padded), torch.empty_like(weights)
    windows = zip(_windows(padded, weights), _windows(grad_padded, weights), strict=True)
    for tap, (window, grad_window) in enumerate(windows):
        grad_weights[:, tap] = grad[:, 0] * window
        grad_window.addcmul_(grad[:, 0], weights[:, tap].to(x.dtype))
    margin = _size(weights) // 2
    return grad_padded[:, margin:-margin, margin:-margin][:, None], grad_weights


def _size(weights: torch.Tensor) -> int:
    return math.isqrt(weights.shape[1])


def _padded(x: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    return F.pad(x[:, 0], [_size(weights) // 2] * 4)


def _windows(padded: torch.Tensor, weights: torch.Tensor) -> Iterator[torch.Tensor]:
    """The image as every tap sees it, B x H x W: views of one memory."""
    height, width = weights.shape[2:]
    for down in range(_size(weights)):
        for right in range(_size(weights)):
            yield padded[:, down : down + height, right : right + width]
