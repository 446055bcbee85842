"""What of ROS, GPU and completers this machine has."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from .finding import Finding, error, ok, warning

# Below this, an image and a cloud on their way at once no longer fit.
_SEGMENT = 4_000_000
# Modules, and the distributions that bring them.
_LIBRARIES = {
    "numpy": ("numpy",),
    "cv2": ("opencv-python-headless", "opencv-python", "opencv-contrib-python"),
    "scipy": ("scipy",),
    "rosbags": ("rosbags",),
    "open3d": ("open3d", "open3d-cpu"),
}
_OF_NETWORKS = {
    "torch": ("torch",),
    "triton": ("triton", "triton-windows", "pytorch-triton"),
    "safetensors": ("safetensors",),
    "transformers": ("transformers",),
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu"),
}


def look_at_installation() -> Iterator[Finding]:
    """Findings on Python and its libraries, ROS and its transport, the GPU and the completers."""
    libraries = ", ".join(map(_library, _LIBRARIES))
    yield ok("Python", f"{platform.python_version()}; {libraries}.")
    yield from _ros()
    yield from _networks()
    yield from _completers()


def _library(module: str) -> str:
    """A library with its version, by the name of the distribution that brought it."""
    for distribution in (_LIBRARIES | _OF_NETWORKS)[module]:
        if _version(distribution):
            return f"{distribution} {_version(distribution)}"
    return f"{module} {'of unknown version' if find_spec(module) else 'missing'}"


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def _ros() -> Iterator[Finding]:
    if find_spec("rclpy") is None:
        yield warning(
            "ROS",
            "rclpy is not installed, so there are no live nodes; data sets and bags work without. Source "
            "a ROS 2 distribution, or install the extra: pip install 'depth_completion_ros[ros]'.",
        )
        return
    from rclpy.utilities import get_rmw_implementation_identifier

    distribution = os.environ.get("ROS_DISTRO", "wheels")
    domain = os.environ.get("ROS_DOMAIN_ID", "0")
    yield ok("ROS", f"rclpy {_version('rclpy') or '?'} ({distribution}), domain {domain}.")
    from ..ros.wheels.packages import report

    for package, state in report().items():
        yield (warning if state.startswith("absent") else ok)(package, f"{state}.")
    middleware = get_rmw_implementation_identifier()
    yield ok("middleware", f"{middleware}.")
    if "fastrtps" in middleware:
        yield _transport()


def _transport() -> Finding:
    """Whether large messages get through Fast DDS's shared memory."""
    from ..ros.transport import PROFILE, VARIABLES, profile_environment, users_profile

    chosen = users_profile()
    subject = "transport"
    if chosen is None:
        (variable,) = profile_environment()
        return ok(
            subject,
            "The nodes use the shipped Fast DDS profile. Camera and LiDAR drivers need it too, or best "
            f"effort images and clouds are mostly lost: export {variable}={PROFILE}",
        )
    file = next((Path(os.environ[name]) for name in VARIABLES if os.environ.get(name)), None)
    if file is None:
        return (warning if "UDP" in chosen else ok)(subject, f"Chosen by you: {chosen}.")
    if not file.is_file():
        return error(subject, f"{chosen}, but there is no such file.")
    sizes = [int(size) for size in re.findall(r"<segment_size>\s*(\d+)", file.read_text())]
    if max(sizes, default=0) < _SEGMENT:
        return warning(
            subject,
            f"{chosen} gives shared memory no segment_size of {_SEGMENT} bytes or more, so best effort "
            f"images and clouds are mostly lost; compare {PROFILE}.",
        )
    return ok(subject, f"{chosen}, with a segment of {max(sizes)} bytes.")


def _networks() -> Iterator[Finding]:
    """What networks and priors run with; the classical completers need nothing of it."""
    libraries = ", ".join(map(_library, _OF_NETWORKS))
    if find_spec("torch") is None:
        yield ok(
            "networks",
            f"{libraries}. For others than the default: pip install 'depth_completion_ros[torch]'.",
        )
        yield ok("GPU", "PyTorch is not installed; the default and the classical completers do not need it.")
        return
    import torch

    yield ok("networks", f"{libraries}.")
    if torch.cuda.is_available():
        sizes = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
        yield ok("GPU", f"{', '.join(f'{p.name} ({p.total_memory / 2**30:.1f} GiB)' for p in sizes)}.")
    elif torch.version.cuda is None and _has_nvidia_gpu():
        yield warning(
            "GPU",
            f"There is an NVIDIA GPU, but PyTorch {torch.__version__} is built for the CPU alone; "
            "networks run on the CPU until a build with CUDA is installed: pip install torch.",
        )
    else:
        yield ok("GPU", f"PyTorch {torch.__version__} sees no GPU; networks run on the CPU.")
    yield _cpu_kernels()


def _has_nvidia_gpu() -> bool:
    return Path("/proc/driver/nvidia/version").exists() or Path("/dev/nvidia0").exists()


def _cpu_kernels() -> Finding:
    """Whether the operators are compiled for this processor, or run many times slower."""
    from ..ops import cosine_propagation, local_sum, nearest_points, neighbours, propagation

    operators = propagation, neighbours, local_sum, nearest_points, cosine_propagation
    states = [operator.cpu_kernels_state() for operator in operators]
    missing = [state for state in states if not state.startswith("compiled")]
    return warning("CPU kernels", missing[0]) if missing else ok("CPU kernels", "compiled.")


def _completers() -> Iterator[Finding]:
    from ..completion.registry import STANDS_IN, default_is_replaced, list_completers

    yield ok("completers", f"{', '.join(list_completers())}.")
    if default_is_replaced():
        yield warning("default", STANDS_IN)
    if find_spec("safetensors") is None or find_spec("torch") is None:
        return
    from ..completion.weights.folder import list_weights, weights_folder

    stored = ", ".join(f"{entry.name} ({entry.licence or 'licence not given'})" for entry in list_weights())
    yield ok("weights", f"{stored or 'none'}, in {weights_folder()}.")
