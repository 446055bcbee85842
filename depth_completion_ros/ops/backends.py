"""Which backend computes an operator whose backends are modules of its package."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import torch

from .cpu_library import CpuLibrary

_NAMES = ("reference", "torch", "cpu", "triton")


@cache
def backends_of(package: str) -> tuple[str, ...]:
    """Names of the backends that a package has, as modules `<name>_backend`; not all need work here."""
    return tuple(name for name in _NAMES if find_spec(f"{package}.{name}_backend") is not None)


def choose_backend(library: CpuLibrary, package: str, name: str, like: torch.Tensor) -> ModuleType:
    """The module `<name>_backend` of a package; `auto` is the fastest for tensors such as `like`.

    A `triton_backend` says in INTERPRETED whether Triton's interpreter runs it, which needs no GPU, and may
    say in `serves(like)` whether `auto` takes it for such tensors on a GPU.

    Args:
        library: the compiled kernels of `cpu_backend`.

    Raises:
        ValueError: the name is unknown, or its backend cannot work here, with the reason.
    """
    if name == "auto":
        name = _fastest(library, package, like)
    subject = f"Backend '{name}' of {package.rpartition('.')[2]}"
    if name not in backends_of(package):
        raise ValueError(f"{subject} is unknown; it must be one of auto, {', '.join(backends_of(package))}.")
    if name == "cpu" and like.device.type != "cpu":
        raise ValueError(f"{subject} cannot work on tensors on {like.device}.")
    if name == "cpu" and library.load() is None:
        raise ValueError(f"{subject} is not at hand: {library.state()}")
    if name == "triton" and find_spec("triton") is None:
        raise ValueError(f"{subject} needs Triton: pip install triton.")
    backend = import_module(f".{name}_backend", package)
    if name == "triton" and like.device.type != "cuda" and not backend.INTERPRETED:
        raise ValueError(f"{subject} needs a GPU, but got tensors on {like.device}.")
    return backend


def _fastest(library: CpuLibrary, package: str, like: torch.Tensor) -> str:
    if torch.jit.is_tracing():  # an exporter, which follows what PyTorch computes
        return "torch"
    if like.device.type == "cuda" and find_spec("triton") is not None:
        serves = getattr(import_module(".triton_backend", package), "serves", None)
        return "triton" if serves is None or serves(like) else "torch"
    if like.device.type == "cpu" and library.load() is not None:
        return "cpu"
    return "torch"
