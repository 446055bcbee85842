"""Which device a network runs on."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import cv2

if TYPE_CHECKING:
    import torch


_WORDS = ("out of memory", "allocate", "enough memory", "alloc_failed")
# All that oneDNN, which convolves on the CPU, says when it gets no memory.
_ONEDNN = (
    "could not create a primitive",
    "could not create a memory object",
    "could not execute a primitive",
)


def choose_device(text: str = "auto") -> torch.device:
    """The device of a text: `auto` (the first GPU, else the CPU), `cpu`, `cuda` or `cuda:N`.

    Raises:
        ValueError: another text, or a GPU that is not there.
    """
    import torch

    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", text):
        raise ValueError(f"Device is '{text}'; it must be auto, cpu, cuda or cuda:N.")
    if text == "cpu" or (text == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        why = "is built for the CPU alone" if torch.version.cuda is None else "sees no GPU"
        raise ValueError(
            f"Device is '{text}', but PyTorch {torch.__version__} {why} here; choose cpu or auto."
        )
    index = int(text.partition(":")[2] or 0)
    number = torch.cuda.device_count()
    if index >= number:
        raise ValueError(f"Device is '{text}', but this machine has {number} GPU(s), from cuda:0 on.")
    return torch.device("cuda", index)


def limit_memory(device: torch.device, gib: float) -> None:
    """Let this process take at most so many GiB of a GPU; 0 or a CPU for no limit."""
    import torch

    if device.type == "cuda" and gib > 0:
        total = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, gib * 2**30 / total), device)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the memory of the machine or of its GPU does not suffice."""
    torch = sys.modules.get("torch")  # an error of PyTorch comes only where it is loaded
    if isinstance(error, MemoryError) or (torch and isinstance(error, torch.cuda.OutOfMemoryError)):
        return True
    if not isinstance(error, (RuntimeError, cv2.error)):
        return False
    said = str(error).lower()
    return said in _ONEDNN or any(words in said for words in _WORDS)
