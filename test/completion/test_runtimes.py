"""What runs a network: the option `runtime`, and what it says where a runtime cannot be had."""

from __future__ import annotations

import json
from importlib.util import find_spec

import numpy as np
import pytest
from synthetic import camera_image, points_of, slope

pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")

from depth_completion_ros import create_completer
from depth_completion_ros.completion.exported.tensorrt_runner import (
    NOTE,
    driver_version,
    engine_folder,
    engine_key,
)

TITLES = {"onnx": "ONNX Runtime", "openvino": "OpenVINO"}


@pytest.fixture(scope="module")
def expected():
    """What the default network says in PyTorch."""
    pytest.importorskip("torch", reason="PyTorch is not installed")
    completer = create_completer("default", runtime="pytorch", device="cpu")
    assert completer.report()["runs in"] == "PyTorch" and completer.network is not None
    return completer(camera_image(), points_of(slope(), 200))


@pytest.mark.parametrize("runtime", TITLES)
def test_the_default_network_runs_in_the_runtime_that_was_asked_for(runtime, expected, one_thread):
    pytest.importorskip(runtime.replace("onnx", "onnxruntime"), reason=f"{runtime} is not installed")
    completer = create_completer("default", runtime=runtime)
    assert completer.report()["runs in"] == TITLES[runtime] and completer.network is None
    given = completer(camera_image(), points_of(slope(), 200))
    np.testing.assert_allclose(given.depth, expected.depth, rtol=1e-2)  # the file has its kernels as float16


@pytest.mark.parametrize("runtime", ["openvino", "tensorrt"])
def test_a_runtime_that_is_not_installed_is_told_with_what_to_install(runtime):
    if find_spec(runtime):
        pytest.skip(f"{runtime} is installed")
    with pytest.raises(ImportError, match=f"Runtime '{runtime}' needs the Python package .*: pip install"):
        create_completer("default", runtime=runtime)


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("default", {"runtime": "tvm"}, "Runtime is 'tvm'; it must be one of auto, pytorch, onnx, openvino"),
        (
            "default",
            {"runtime": "pytorch", "weights": "a.onnx"},
            "must be auto or onnx or openvino or tensorrt",
        ),
        ("default", {"runtime": "onnx", "weights": "a.xml"}, "exported network; it must be auto or openvino"),
        ("default", {"runtime": "openvino", "weights": "robot"}, "export efficient_spn --to openvino"),
        ("default", {"runtime": "tensorrt", "device": "cpu"}, "needs a GPU, but device is 'cpu'"),
        ("default", {"runtime": "tensorrt", "precision": "bfloat16"}, "must be auto, float32 or float16"),
        ("linear", {"runtime": "onnx"}, "'linear' takes no runtime, but got 'onnx'"),
        ("mspn_lite", {"runtime": "onnx"}, "export mspn_lite --to onnx` and give its file as weights"),
        ("mspn_lite", {"runtime": "onnx", "precision": "bfloat16"}, "computes in what was exported"),
        ("depthlab", {"runtime": "openvino"}, "'depthlab' cannot be exported, so runtime 'openvino'"),
    ],
)
def test_what_a_runtime_cannot_do_is_told_before_anything_runs(name, options, told):
    with pytest.raises(ValueError, match=told):
        create_completer(name, **options)


# TensorRT, up to where a GPU would begin -----------------------------------------------------------


@pytest.fixture
def key(tmp_path, monkeypatch) -> dict[str, str]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "net.onnx").write_bytes(b"a network")
    return engine_key(tmp_path / "net.onnx", "float32", gpu="Orin 8.7", driver="540.4", tensorrt="10.3")


def test_engines_are_kept_apart_by_file_precision_gpu_driver_and_version(key, tmp_path):
    folders = [engine_folder(key)]
    folders += [engine_folder({**key, name: f"another {value}"}) for name, value in key.items()]
    (tmp_path / "net.onnx").write_bytes(b"another network")
    of_another_file = engine_key(tmp_path / "net.onnx", "float32", **{n: key[n] for n in list(key)[2:]})
    folders.append(engine_folder(of_another_file))
    assert len(set(folders)) == len(key) + 2
    assert json.loads((folders[0] / NOTE).read_text()) == key


def test_an_engine_stays_for_the_next_start_but_not_one_of_another_machine(key):
    folder = engine_folder(key)
    (folder / "graph.engine").write_bytes(b"an engine")
    assert engine_folder(key) == folder and (folder / "graph.engine").exists()
    (folder / NOTE).write_text(json.dumps({**key, "gpu": "Xavier 7.2"}))
    assert engine_folder(key) == folder and not (folder / "graph.engine").exists()
    assert json.loads((folder / NOTE).read_text()) == key


def test_a_machine_without_the_driver_has_no_version_of_it():
    told = driver_version()
    assert told == "" or "NVIDIA" in told
