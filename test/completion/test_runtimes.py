"""What runs a network: the option `runtime`, and what it says where a runtime cannot be had."""

from __future__ import annotations

import json
from importlib.util import find_spec

import numpy as np
import pytest
from synthetic import camera_image, points_of, slope

pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")

from depth_completion_ros import create_completer
from depth_completion_ros.completion.device import is_out_of_memory
from depth_completion_ros.completion.exported.tensorrt_runner import (
    NOTE,
    driver_version,
    engine_folder,
    engine_key,
    providers,
)
from depth_completion_ros.completion.learned import completer as completer_module

NO_MEMORY = (
    "[ONNXRuntimeError] : 1 : FAIL : Non-zero status code returned while running Conv node. Status Message: "
    "bfc_arena.cc:360 Failed to allocate memory for requested buffer of size 11796480"
)
TITLES = {"onnx": "ONNX Runtime", "openvino": "OpenVINO"}


def error_of_onnxruntime(message: str) -> Exception:
    """As its errors are: of no common kind but `Exception`."""
    kind = type("Fail", (Exception,), {"__module__": "onnxruntime.capi.onnxruntime_pybind11_state"})
    return kind(message)


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
        (
            "default",
            {"runtime": "tensorrt", "device": "cuda:x"},
            "is 'cuda:x'; it must be auto, cuda or cuda:N",
        ),
        (
            "default",
            {"runtime": "tensorrt", "device": "auto:3"},
            "is 'auto:3'; it must be auto, cuda or cuda:N",
        ),
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


def test_an_engine_stays_for_the_next_start_and_for_a_node_that_starts_at_once(key):
    folder = engine_folder(key)
    (folder / "graph.engine").write_bytes(b"an engine")
    assert engine_folder(key) == folder and (folder / "graph.engine").exists()
    (folder / NOTE).unlink()  # as another node sees it that has not come to write it
    assert engine_folder(key) == folder and (folder / "graph.engine").exists()
    assert json.loads((folder / NOTE).read_text()) == key


def test_float32_on_a_gpu_is_whole_and_memory_has_the_limit_that_was_set(tmp_path):
    (_, tensorrt), (_, cuda), last = providers(1, "float32", tmp_path, gib=0.5)
    assert cuda == {"device_id": 1, "use_tf32": 0, "gpu_mem_limit": 2**29}
    assert tensorrt["trt_max_workspace_size"] == 2**29 and not tensorrt["trt_fp16_enable"]
    assert last == "CPUExecutionProvider"
    (_, tensorrt), (_, cuda), _ = providers(0, "float16", tmp_path)
    assert cuda == {"device_id": 0} and tensorrt["trt_fp16_enable"]
    assert "trt_max_workspace_size" not in tensorrt


class NoTensorRT:
    """In place of a GPU: a runner whose memory never suffices, as ONNX Runtime says it."""

    runtime, metadata = "TensorRT", {"licence": "Apache-2.0"}  # noqa: RUF012

    def __init__(self, path, device, precision, gib):
        self.gib = gib

    def __call__(self, image, planes, **known):
        raise error_of_onnxruntime(NO_MEMORY)


def test_tensorrt_out_of_memory_builds_no_other_engine(monkeypatch):
    monkeypatch.setattr(completer_module, "open_runner", lambda path, runtime, *rest: NoTensorRT(path, *rest))
    completer = create_completer("default", runtime="tensorrt", device="cuda:1", max_gpu_memory=2.0)
    assert completer.runner.args[0].gib == 2
    assert np.isfinite(completer(camera_image(), points_of(slope(), 200)).depth).any()
    (step,) = completer.degradations
    assert step.startswith("Out of memory on cuda:1") and step.endswith(
        "linear completion stands in for the network."
    )


# On a CPU ------------------------------------------------------------------------------------------


def test_running_out_of_memory_in_onnx_runtime_is_recognised(tmp_path):
    """A result of 2 ** 48 bytes, more than an address can tell."""
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    import onnxruntime

    def info(name, kind, shape):
        return onnx.helper.make_tensor_value_info(name, kind, shape)

    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Expand", ["x", "shape"], ["y"])],
        "huge",
        [info("x", onnx.TensorProto.FLOAT, [1]), info("shape", onnx.TensorProto.INT64, [1])],
        [info("y", onnx.TensorProto.FLOAT, [None])],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    given = {"x": np.ones(1, np.float32), "shape": np.array([2**46])}
    with pytest.raises(Exception) as caught:  # noqa: PT011
        session.run(None, given)
    assert type(caught.value).__module__.startswith("onnxruntime") and is_out_of_memory(caught.value)


def test_other_errors_of_onnx_runtime_are_not_taken_for_lack_of_memory():
    assert is_out_of_memory(error_of_onnxruntime(NO_MEMORY))
    assert not is_out_of_memory(
        error_of_onnxruntime("[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : Got invalid")
    )
    assert not is_out_of_memory(type("Fail", (Exception,), {})(NO_MEMORY))


def test_compiled_is_told_to_be_for_pytorch():
    (told,) = create_completer("default", runtime="onnx", compiled=True).warnings
    assert told == "Setting 'compiled' is for PyTorch, but ONNX Runtime runs the network."
    assert not create_completer("default", runtime="onnx").warnings


def test_the_default_warms_up_at_every_size_that_it_may_see(monkeypatch):
    completer = create_completer("default", runtime="onnx")
    seen, runner = [], completer.runner

    def note(image, planes, points):
        seen.append(image.shape[:2])
        return runner(image, planes, points=points)

    completer.runner = note
    completer.warm_up(480, 640)
    warm = set(seen)
    seen.clear()
    image = camera_image((480, 640))
    for points in (0, 5, 300, 20000):
        completer(image, points_of(slope((480, 640)), points))
    assert len(set(seen)) == 4 and set(seen) == warm


def test_a_machine_without_the_driver_has_no_version_of_it():
    told = driver_version()
    assert told == "" or "NVIDIA" in told
