"""Completers by name."""

from __future__ import annotations

from .interface import Completer
from .linear import Linear
from .morphological import Morphological
from .nearest import Nearest

_COMPLETERS: dict[str, type[Completer]] = {
    "default": Linear,
    "nearest": Nearest,
    "linear": Linear,
    "morphological": Morphological,
}


def list_completers() -> list[str]:
    """Names that `create_completer` takes."""
    return list(_COMPLETERS)


def create_completer(
    name: str = "default",
    variant: str | None = None,
    weights: str | None = None,
    device: str = "auto",
    prior: str | None = None,
) -> Completer:
    """Make a completer by name.

    Args:
        name: one of `list_completers()`; `default` is the best that runs without weights.
        variant: one of the completer's variants; its first when None.
        weights: path or registry name of a learned completer's weights.
        device: `auto`, `cpu`, `cuda` or `cuda:N`; the classical completers run on the CPU.
        prior: name of a monocular prior, for completers that take one.

    Raises:
        ValueError: an unknown name or variant, or an option that this completer does not take.
    """
    if name not in _COMPLETERS:
        raise ValueError(f"Completer '{name}' is unknown; it must be one of {', '.join(_COMPLETERS)}.")
    kind = _COMPLETERS[name]
    variants = getattr(kind, "variants", ())
    if variant is not None and variant not in variants:
        allowed = f"one of {', '.join(variants)}" if variants else "left out"
        raise ValueError(f"Variant '{variant}' of completer '{name}' is unknown; it must be {allowed}.")
    for option, value in (("weights", weights), ("prior", prior)):
        if value:
            raise ValueError(f"Completer '{name}' is classical and takes no {option}, but got '{value}'.")
    if device not in ("auto", "cpu"):
        raise ValueError(f"Completer '{name}' is classical and runs on the CPU, not on '{device}'.")
    return kind(variant) if variant else kind()
