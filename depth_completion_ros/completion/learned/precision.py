"""Which number format a network computes in."""

from __future__ import annotations

from ..device import Device

PRECISIONS = ("auto", "float32", "bfloat16", "float16")


def choose_precision(text: str, device: Device, auto: str = "float32") -> str:
    """The number format of a text, where `auto` is that of another.

    Raises:
        ValueError: another text, or a format that the device cannot compute in.
    """
    if text not in PRECISIONS:
        raise ValueError(f"Precision is '{text}'; it must be one of {', '.join(PRECISIONS)}.")
    chosen = auto if text == "auto" else text
    if chosen == "float16" and device.type == "cpu":
        raise ValueError("Precision 'float16' is for GPUs; on the CPU it must be float32 or bfloat16.")
    if chosen == "bfloat16" and device.type == "cuda":
        import torch

        if not torch.cuda.is_bf16_supported():
            raise ValueError("This GPU does not know bfloat16; precision must be float32 or float16.")
    return chosen


def is_emulated(precision: str, device: Device) -> bool:
    """Whether it is bfloat16 on a processor without instructions for it, where float32 is far faster."""
    if precision != "bfloat16" or device.type != "cpu":
        return False
    import torch

    knows = getattr(torch.cpu, "get_capabilities", dict)()  # not in all versions of PyTorch
    return bool(knows) and not any(there for name, there in knows.items() if name.endswith("bf16"))
