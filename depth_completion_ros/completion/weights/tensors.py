"""Whether tensors from a file are weights: their kind, size and values."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...core.safe.limits import TENSOR_BYTES

if TYPE_CHECKING:
    import torch

WHOLE_NUMBERS = ("int64",)
"""Beside floating point: counters such as num_batches_tracked."""
FLOATING = ("float16", "bfloat16", "float32", "float64")


def check_tensors(path: object, tensors: Mapping[str, torch.Tensor]) -> None:
    """Refuse tensors that no network has, before memory is taken for them.

    Args:
        path: file, for sentences.
        tensors: by key, as they were read.

    Raises:
        ValueError: a tensor that is sparse, quantised, without values, of another type or not finite, or all
            of them larger than the limit `TENSOR_BYTES`.
    """
    for key, tensor in tensors.items():
        kind = _unusual(tensor)
        if kind:
            raise ValueError(
                f"'{path}' cannot be used: '{key}' is {kind}; weights must be dense tensors of "
                f"{', '.join(FLOATING)} (or of int64 where they count)."
            )
    size = sum(math.prod(tensor.shape) * tensor.element_size() for tensor in tensors.values())
    TENSOR_BYTES.check(size, f"'{path}'")
    for key, tensor in tensors.items():
        if not _distinct(path, key, tensor).isfinite().all():
            raise ValueError(f"'{path}' is damaged: '{key}' holds values that are not finite.")


def number_kind(tensor: torch.Tensor) -> str:
    """What the numbers of a tensor are, in words that follow 'of'."""
    return "floating point" if tensor.is_floating_point() else "whole numbers"


def content_hash(tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 of keys, types, shapes and values, whatever the order of the keys."""
    import torch

    digest = hashlib.sha256()
    for key in sorted(tensors):
        tensor = tensors[key].detach().cpu().contiguous()
        digest.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _unusual(tensor: torch.Tensor) -> str:
    """What is wrong with the kind of a tensor, in words that follow 'is'; empty where it can be weights."""
    import torch

    if tensor.is_meta:
        return "without values (of the device meta)"
    if tensor.layout != torch.strided:
        return f"sparse ({str(tensor.layout).removeprefix('torch.')})"
    if tensor.is_quantized:
        return "quantised"
    if tensor.is_nested:
        return "nested"
    kind = str(tensor.dtype).removeprefix("torch.")
    return "" if kind in (*FLOATING, *WHOLE_NUMBERS) else f"of {kind}"


def _distinct(path: object, key: str, tensor: torch.Tensor) -> torch.Tensor:
    """The values without those that are repeated by a stride of zero, which thus cost nothing."""
    for axis, (size, stride) in enumerate(zip(tensor.shape, tensor.stride(), strict=True)):
        if size > 1 and stride == 0:
            tensor = tensor.narrow(axis, 0, 1)
    stored = tensor.untyped_storage().nbytes()
    if math.prod(tensor.shape) * tensor.element_size() > stored:
        raise ValueError(f"'{path}' is damaged: '{key}' has {tuple(tensor.shape)} of only {stored} bytes.")
    return tensor
