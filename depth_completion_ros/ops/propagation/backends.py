"""Which backend computes a propagation layer."""

from __future__ import annotations

from importlib.util import find_spec

import torch

from .cpu_kernels import LIBRARY

_NAMES = ("torch", "cpu", "triton")


def list_backends() -> tuple[str, ...]:
    """Names that `propagate` takes beside `auto`, whether or not they are at hand here."""
    return _NAMES


def choose_backend(name: str, like: torch.Tensor) -> type:
    """The backend of a name; `auto` is the fastest for tensors such as `like`.

    Raises:
        ValueError: the name is unknown, or its backend cannot work here, with the reason.
    """
    if name == "auto":
        name = _fastest(like)
    if name == "torch":
        from .torch_backend import TorchBackend

        return TorchBackend
    if name == "cpu":
        if like.device.type != "cpu":
            raise ValueError(f"Propagation backend 'cpu' cannot work on tensors on {like.device}.")
        if LIBRARY.load() is None:
            raise ValueError(f"Propagation backend 'cpu' is not at hand: {LIBRARY.state()}")
        from .cpu_backend import CpuBackend

        return CpuBackend
    if name == "triton":
        if find_spec("triton") is None:
            raise ValueError("Propagation backend 'triton' needs Triton: pip install triton.")
        from .triton_backend import TritonBackend

        return TritonBackend
    raise ValueError(f"Propagation backend '{name}' is unknown; it must be one of auto, {', '.join(_NAMES)}.")


def _fastest(like: torch.Tensor) -> str:
    if like.device.type == "cuda" and find_spec("triton") is not None:
        known = like.dtype in (torch.float32, torch.bfloat16)
        if known and torch.cuda.get_device_capability(like.device) >= (8, 0):  # TF32 and bfloat16
            return "triton"
    if like.device.type == "cpu" and LIBRARY.load() is not None:
        return "cpu"
    return "torch"
