"""Which device a network runs on."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import cv2

_WORDS = ("out of memory", "allocate", "enough memory", "alloc_failed", "bad_alloc")
# All that oneDNN, which convolves on the CPU, says when it gets no memory.
_ONEDNN = (
    "could not create a primitive",
    "could not create a memory object",
    "could not execute a primitive",
)


@dataclass(frozen=True)
class Device:
    """The CPU, or one GPU; `str` of it is what PyTorch takes, which is not loaded for it.

    Args:
        type: `cpu` or `cuda`.
        index: which of the GPUs.
    """

    type: str
    index: int | None = None

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"


CPU = Device("cpu")


def choose_device(text: str = "auto") -> Device:
    """The device of a text: `auto` (the first GPU, else the CPU), `cpu`, `cuda` or `cuda:N`.

    PyTorch is loaded only where there may be a GPU.

    Raises:
        ValueError: another text, or a GPU that is not there.
        ModuleNotFoundError: a GPU is asked for, but PyTorch is not installed.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", text):
        raise ValueError(f"Device is '{text}'; it must be auto, cpu, cuda or cuda:N.")
    if text == "cpu" or (text == "auto" and not _may_have_gpu()):
        return CPU
    import torch

    if text == "auto" and not torch.cuda.is_available():
        return CPU
    if not torch.cuda.is_available():
        why = "is built for the CPU alone" if torch.version.cuda is None else "sees no GPU"
        raise ValueError(
            f"Device is '{text}', but PyTorch {torch.__version__} {why} here; choose cpu or auto."
        )
    index = int(text.partition(":")[2] or 0)
    number = torch.cuda.device_count()
    if index >= number:
        raise ValueError(f"Device is '{text}', but this machine has {number} GPU(s), from cuda:0 on.")
    return Device("cuda", index)


def _may_have_gpu() -> bool:
    """Whether to ask PyTorch: it is installed, or loaded already, and the driver of a GPU shows itself."""
    if sys.modules.get("torch"):
        return True
    drivers = "nvidia*", "nvhost*", "nvgpu*", "nvmap", "kfd", "dxg"  # PCIe, Jetson, ROCm, WSL
    return find_spec("torch") is not None and any(any(Path("/dev").glob(name)) for name in drivers)


def limit_memory(device: Device, gib: float) -> None:
    """Let this process take at most so many GiB of a GPU; 0 or a CPU for no limit."""
    if device.type == "cuda" and gib > 0:
        import torch

        total = torch.cuda.get_device_properties(str(device)).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, gib * 2**30 / total), str(device))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the memory of the machine or of its GPU does not suffice."""
    torch = sys.modules.get("torch")  # an error of PyTorch comes only where it is loaded
    if isinstance(error, MemoryError) or (torch and isinstance(error, torch.cuda.OutOfMemoryError)):
        return True
    of_onnx = type(error).__module__.startswith("onnxruntime")  # whose errors have no kind in common
    if not of_onnx and not isinstance(error, (RuntimeError, cv2.error)):
        return False
    said = str(error).lower()
    return said in _ONEDNN or any(words in said for words in _WORDS)
