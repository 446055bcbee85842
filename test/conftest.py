"""What all tests share."""

from __future__ import annotations

import argparse
import gc
import signal
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from pathlib import Path

import pytest

# Tests send it to programs that they start; these would ignore it where a script runs in the background.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def real_frames() -> Path:
    """Folder of real camera and LiDAR frames, which lives beside the repository and is not part of it."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data" / "frames"
    if not folder.is_dir():
        pytest.skip(f"no real frames at {folder.parent.parent.name}/data/frames beside the repository")
    return folder


@pytest.fixture(scope="module")
def one_thread():
    """PyTorch on one thread: small images gain nothing from more, and on a busy machine threads wait."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def open3d():
    """Open3D, which casts the rays of simulated scenes."""
    from depth_completion_ros.extras.open3d import import_open3d

    try:
        return import_open3d()
    except ModuleNotFoundError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def without_torch() -> Callable[[str], list[str]]:
    """Runs a program in a Python without PyTorch, and gives the lines that it prints."""

    def run(program: str) -> list[str]:
        program = f"import sys\nsys.modules['torch'] = None\n{program}"
        command = [sys.executable, "-c", program]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()

    return run


# Learned completers ------------------------------------------------------------------------------


@pytest.fixture
def tiny(monkeypatch):
    """A learned completer `tiny`, known to the registry for this test."""
    pytest.importorskip("torch", reason="PyTorch is not installed")
    from tiny import Tiny

    from depth_completion_ros.completion import registry
    from depth_completion_ros.completion.weights import checkpoint as weights

    monkeypatch.setitem(registry.COMPLETERS, "tiny", Tiny)
    weights.known_networks.cache_clear()
    yield Tiny
    weights.known_networks.cache_clear()


@pytest.fixture
def weights_folder(tmp_path, monkeypatch) -> Path:
    """An empty folder in place of the user's own."""
    from depth_completion_ros.completion.weights.folder import VARIABLE

    folder = tmp_path / "weights"
    monkeypatch.setenv(VARIABLE, str(folder))
    return folder


@pytest.fixture(scope="session")
def official(tmp_path_factory):
    """Makes a file like the official ones: 776 or 772 keys under `net` beside what a trainer leaves.

    Each tensor is one number repeated, so that the file is small.
    """
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from depth_completion_ros.completion.weights.checkpoint import known_shapes

    folder = tmp_path_factory.mktemp("official")

    def make(variant: str, change=lambda state_dict: None, name: str = "") -> Path:
        path = folder / f"{name or variant.upper()}.pt"
        state_dict = {
            key: torch.tensor(1) if key.endswith("tracked") else torch.tensor(0.01).expand(shape)
            for key, shape in known_shapes()[f"mspn:{variant}"].items()
        }
        change(state_dict)
        args = argparse.Namespace(lr=1e-3, milestones=[18, 24, 30])
        torch.save({"net": state_dict, "optimizer": {"state": {}}, "args": args}, path)
        return path

    return make


@pytest.fixture(scope="module")
def networks():
    """Networks of MSPN with random weights by variant: with 82 million parameters, copies come faster.

    Those of a module go with it: each takes a third of a gigabyte.
    """
    made = {}
    yield made
    made.clear()
    gc.collect()


@pytest.fixture
def mspn(networks, monkeypatch):
    """`create_completer("mspn", ...)` on the CPU, with a copy of a network that is made once in a session."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from depth_completion_ros import create_completer
    from depth_completion_ros.completion.mspn.completer import MSPNCompleter

    make = MSPNCompleter.make_network

    def make_once(variant):
        if torch.empty(0).is_meta:
            return make(variant)
        if variant not in networks:
            networks[variant] = make(variant)
        return deepcopy(networks[variant])

    monkeypatch.setattr(MSPNCompleter, "make_network", staticmethod(make_once))
    yield partial(create_completer, "mspn", device="cpu")
    gc.collect()  # completers lie in circles of references, too few for Python to look for them by itself


@pytest.fixture
def tiny_mspn(monkeypatch):
    """`create_completer("mspn", ...)` on the CPU, but for the network, which is one convolution."""
    pytest.importorskip("torch", reason="PyTorch is not installed")
    from tiny import TinyMSPN

    from depth_completion_ros import create_completer
    from depth_completion_ros.completion.mspn.completer import MSPNCompleter
    from depth_completion_ros.completion.weights.checkpoint import known_networks

    monkeypatch.setattr(MSPNCompleter, "make_network", staticmethod(TinyMSPN))
    known_networks.cache_clear()
    yield partial(create_completer, "mspn", device="cpu")
    known_networks.cache_clear()


@pytest.fixture(scope="session")
def exported_bpnet(tmp_path_factory):
    """A BP-Net of few channels that sees images of 160 x 96 at 150 x 90: its completer, and its ONNX file."""
    pytest.importorskip("torch", reason="PyTorch is not installed")
    pytest.importorskip("onnx", reason="onnx is not installed")
    pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
    from depth_completion_ros import create_completer
    from depth_completion_ros.completion.bpnet import network
    from depth_completion_ros.completion.exported.export import export_network

    file = tmp_path_factory.mktemp("exported_bpnet") / "bpnet.onnx"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "CHANNELS", (4, 8, 8, 8, 8, 8))
        completer = create_completer("bpnet", device="cpu", inner_size=150)
    export_network(completer, file, "onnx", (96, 160))
    return completer, file
