"""Weights that see everything too far."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("onnx", reason="onnx is not installed")
pytest.importorskip("safetensors", reason="safetensors is not installed")


@pytest.fixture(scope="session")
def too_far(tmp_path_factory):
    """Weights that ship but for one number, by which all that is inferred is 20 % too far."""
    import torch

    from depth_completion_ros.adaptation.run import read_start
    from depth_completion_ros.completion.weights.folder import save_weights

    start = read_start(None)
    state_dict = {key: tensor.clone() for key, tensor in start.network.state_dict().items()}
    with torch.no_grad():
        state_dict["head2.bias"][10] += 0.18
    path = tmp_path_factory.mktemp("start") / "too_far.safetensors"
    save_weights(state_dict, path, {"networks": "efficient_spn:general", "licence": "Apache-2.0"})
    return str(path)


FIT = {"part": "heads", "steps": 12, "batch": 2, "tune_every": 4, "rate": 0.02}


@pytest.fixture(scope="session")
def usual_request(too_far):
    """A request that begins with weights of which it is known what is wrong."""
    from depth_completion_ros.adaptation.run import Request
    from depth_completion_ros.adaptation.settings import FitSettings

    return Request(
        name="tiny_robot",
        licence="internal",
        start=too_far,
        protocols=("hide:2",),
        fit=FitSettings(**FIT),
        device="cpu",
    )


@pytest.fixture(scope="session")
def adapted(usual_request, tmp_path_factory):
    """What came of it; its folder is not to be changed."""
    from tiny_drive import TinyDrive

    from depth_completion_ros.adaptation.run import adapt

    return adapt([TinyDrive()], replace(usual_request, folder=tmp_path_factory.mktemp("weights")))


@pytest.fixture
def stored(adapted, weights_folder):
    """The weights folder, with what came of it."""
    shutil.copytree(adapted.path.parent, weights_folder)
    return weights_folder
