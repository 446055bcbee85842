"""Runs a network in TensorRT, by way of ONNX Runtime, and keeps the engines that it builds."""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
from pathlib import Path

from ...core.safe.files import write_bytes
from ..device import Device
from .onnx_runner import OnnxRunner

NOTE = "made_for.json"
PROVIDER = "TensorrtExecutionProvider"


class TensorRTRunner(OnnxRunner):
    """Runs ONNX of `graph.to_onnx` on a GPU, what TensorRT does not know by CUDA.

    The first frame of a size builds an engine, which takes minutes; it is kept in `engine_folder`. Written
    against the documented interface of ONNX Runtime 1.18 to 1.31, and not run yet, for want of a GPU.

    Args:
        file: path of the file.
        device: the GPU.
        precision: `float32` or `float16`.
        gib: what CUDA may hold at most, and likewise the workspace of an engine; 0 for any.

    Raises:
        ImportError: no onnxruntime-gpu; ValueError: there is no such GPU, TensorRT cannot be loaded, or the
            file is no ONNX.
    """

    runtime = "TensorRT"

    def __init__(self, file: Path, device: Device, precision: str, gib: float = 0):
        import onnxruntime

        if PROVIDER not in onnxruntime.get_available_providers():
            raise ImportError(
                "Runtime 'tensorrt' needs an ONNX Runtime that is built with TensorRT, and the one that is "
                "installed is not: pip install onnxruntime-gpu, in place of onnxruntime."
            )
        import tensorrt  # also loads its libraries, which ONNX Runtime then finds

        if hasattr(onnxruntime, "preload_dlls"):  # of CUDA as wheels; from 1.21 on
            onnxruntime.preload_dlls()
        index = device.index or 0
        key = engine_key(
            file, precision, gpu=gpu_name(index), driver=driver_version(), tensorrt=tensorrt.__version__
        )
        folder = engine_folder(key | {"onnxruntime": onnxruntime.__version__, "gib": f"{gib:g}"})
        super().__init__(file, providers=providers(index, precision, folder, gib))
        self._session.disable_fallback()
        if PROVIDER not in self._session.get_providers():  # it only prints that it goes without
            raise ValueError(
                f"Runtime 'tensorrt' cannot be used: ONNX Runtime {onnxruntime.__version__} could not load "
                f"TensorRT {tensorrt.__version__}; it must be a version that it was built for."
            )


def providers(index: int, precision: str, folder: Path, gib: float = 0) -> list:
    """What ONNX Runtime is to run a file by on a GPU, with the options of each."""
    tensorrt = {
        "device_id": index,
        "trt_fp16_enable": precision == "float16",
        "trt_engine_cache_enable": True,
        "trt_engine_cache_path": str(folder),
        "trt_timing_cache_enable": True,
        "trt_timing_cache_path": str(folder),
    }
    cuda: dict[str, int] = {"device_id": index}
    if precision == "float32":
        cuda["use_tf32"] = 0  # which keeps ten bits of a number
    if gib > 0:
        cuda["gpu_mem_limit"] = tensorrt["trt_max_workspace_size"] = int(gib * 2**30)
    return [(PROVIDER, tensorrt), ("CUDAExecutionProvider", cuda), "CPUExecutionProvider"]


def engine_key(file: Path, precision: str, **machine: str) -> dict[str, str]:
    """All that an engine depends on: the file and the precision, and the machine that it was built on."""
    return {"file": hashlib.sha256(file.read_bytes()).hexdigest(), "precision": precision, **machine}


def engine_folder(key: dict[str, str]) -> Path:
    """Where engines of a key are kept, in $XDG_CACHE_HOME, with a note of the key for people.

    Its name is a hash of the key, so that engines of another one, such as of another machine, are never
    loaded. Nodes that start at once share it: nothing in it is ever removed.
    """
    text = json.dumps(key, indent=1, sort_keys=True)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "depth_completion_ros" / "tensorrt" / hashlib.sha256(text.encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / NOTE
    if not note.is_file():
        write_bytes(note, text.encode())
    return folder


def driver_version() -> str:
    """Version of NVIDIA's driver, as its kernel module tells; empty where there is none."""
    told = Path("/proc/driver/nvidia/version")
    return told.read_text(encoding="utf-8", errors="replace").partition("\n")[0] if told.is_file() else ""


def gpu_name(index: int) -> str:
    """Name and compute capability of a GPU, such as `Orin 8.7`, by CUDA's driver API.

    Raises:
        ValueError: there is no driver, or no such GPU.
    """
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        raise ValueError(
            "Runtime 'tensorrt' needs an NVIDIA GPU, but there is no driver (libcuda.so.1)."
        ) from None
    name, major, minor, device = ctypes.create_string_buffer(256), *(ctypes.c_int() for _ in range(3))
    failed = cuda.cuInit(0) or cuda.cuDeviceGet(ctypes.byref(device), index)
    failed = failed or cuda.cuDeviceGetName(name, len(name), device)
    for number, attribute in (
        (major, 75),
        (minor, 76),
    ):  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, _MINOR
        failed = failed or cuda.cuDeviceGetAttribute(ctypes.byref(number), attribute, device)
    if failed:
        raise ValueError(f"Runtime 'tensorrt' finds no GPU cuda:{index} (error {failed} of CUDA).")
    return f"{name.value.decode(errors='replace')} {major.value}.{minor.value}"
