"""Networks in eight bits: calibrated and judged on frames, and not written where they lose too much."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")
onnx = pytest.importorskip("onnx", reason="onnx is not installed")
pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")

from depth_completion_ros import create_completer  # noqa: E402
from depth_completion_ros.adaptation import int8 as module  # noqa: E402
from depth_completion_ros.adaptation.int8 import Cost, export_int8  # noqa: E402
from depth_completion_ros.completion.exported.int8 import quantised  # noqa: E402
from depth_completion_ros.completion.exported.parity import sample_frames  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def frames():
    """Nine made-up frames; every second line that was measured is fed, the others are known to judge by."""
    found = []
    for number, frame in enumerate(sample_frames(96, 160, 9)):
        fed = frame.sparse_depth.copy()
        fed[np.flatnonzero(fed.any(axis=1))[1::2]] = 0
        found.append(
            replace(frame, name=str(number), sparse_depth=fed, ground_truth=frame.sparse_depth - fed)
        )
    return found


@pytest.fixture(scope="module")
def default():
    return create_completer("default", device="cpu")


@pytest.fixture
def two_small_frames_may_lose_a_little(monkeypatch):
    """A few pixels of such are more than a thousandth: 99.9 % of them have depth in float32, 99.8 in int8.

    Without VNNI instructions sums of eight bits saturate, so that processors differ.
    """
    monkeypatch.setattr(module, "SAME_COVERAGE", 0.05)
    monkeypatch.setattr(module, "SAME_CONFIDENCE", 0.05)


def kinds(path) -> list[str]:
    return [node.op_type for node in onnx.load(path).graph.node]


@pytest.mark.usefixtures("two_small_frames_may_lose_a_little")
def test_a_network_in_int8_is_nearly_as_good_and_says_what_it_is(frames, default, tmp_path):
    path = tmp_path / "int8.onnx"
    cost = export_int8(default, path, "onnx", frames, gate=0.1)
    assert 0.9 < cost.rmse < 1.1 and 0.9 < cost.mae < 1.1 and cost.rmse != 1
    assert (cost.calibrated, cost.judged, cost.protocol) == (7, 2, "truth")
    assert cost.coverage[0] > 0.9 and cost.coverage[1] == pytest.approx(cost.coverage[0], abs=0.05)
    assert cost.calibration[0] > 0 and cost.calibration[1] == pytest.approx(cost.calibration[0], abs=0.05)
    assert kinds(path).count("QuantizeLinear") >= 18
    completer = create_completer("default", weights=str(path))
    assert completer.report()["precision"] == "int8" and completer.report()["runs in"] == "ONNX Runtime"
    depth = completer(frames[0]).depth
    np.testing.assert_allclose(np.nanmedian(depth / default(frames[0]).depth), 1, atol=0.05)


def changed(onnx_file: bytes, factors, offsets) -> bytes:
    """ONNX whose results, 1 / z, confidence, sky and trust, are multiplied and moved."""
    model = onnx.load_from_string(onnx_file)
    (output,) = model.graph.output
    given = f"{output.name}_as_it_was"
    for node in model.graph.node:
        node.output[:] = [given if name == output.name else name for name in node.output]
    for name, values in (("factors", factors), ("offsets", offsets)):
        array = np.array(values, np.float32)[None, :, None, None]
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    model.graph.node.extend(
        [
            onnx.helper.make_node("Mul", [given, "factors"], ["multiplied"]),
            onnx.helper.make_node("Add", ["multiplied", "offsets"], [output.name]),
        ]
    )
    return model.SerializeToString()


@pytest.mark.parametrize(
    ("factors", "offsets", "clause"),
    [
        (
            [1, 0.2, 1, 1],
            [0, 0, 0, 0],
            "in int8 the calibration error of confidence grows by more than 0.002",
        ),
        ([1, 1, 1, 1], [0, 0, 1e3, 0], "in int8 .*more than 0.1% of the pixels lose their depth"),
        (
            [1.5, 1, 1, 1],
            [0, 0, 0, 0],
            r"in int8 errors grow by more than 1.0% .*\(RMSE .* stay with float32",
        ),
    ],
)
def test_what_loses_more_than_the_gate_is_not_written(
    factors, offsets, clause, frames, default, tmp_path, monkeypatch
):
    monkeypatch.setattr(module, "quantised", lambda file, inputs: changed(file, factors, offsets))
    with pytest.raises(ValueError, match=rf"is not written: {clause}"):
        export_int8(default, tmp_path / "int8.onnx", "onnx", frames)
    assert list(tmp_path.iterdir()) == []


def test_what_costs_too_much_is_told_by_all_that_became_worse():
    fine = Cost(7, 2, "truth", 1.001, 0.999, 0.8, (0.98, 0.9795), (0.05, 0.051))
    assert fine.too_much(0.01) == []
    assert "coverage 97.95% (float32 98.00%) and calibration error 0.051 (float32 0.050)" in str(fine)
    assert fine.too_much(0) == ["errors grow by more than 0.0%"]
    bad = replace(fine, mae=float("nan"), coverage=(0.98, 0.978), calibration=(0.05, 0.053))
    assert len(bad.too_much(0.01)) == 3


def test_frames_of_another_size_than_the_file_are_refused_before_they_are_quantised(frames, tmp_path):
    completer = create_completer("mspn_lite", device="cpu")
    with pytest.raises(ValueError, match="is for images that it sees at 128 x 64, but this one is 160 x 96"):
        export_int8(completer, tmp_path / "int8.onnx", "onnx", frames, size=(64, 128))
    assert list(tmp_path.iterdir()) == []


def test_too_few_frames_are_refused_before_anything_is_made(frames, default, tmp_path):
    with pytest.raises(ValueError, match="There are 5 frames .* it takes 6"):
        export_int8(default, tmp_path / "int8.onnx", "onnx", frames[:5])
    with pytest.raises(ValueError, match="'linear' has no network in PyTorch"):
        export_int8(create_completer("linear"), tmp_path / "int8.onnx", "onnx", frames)


@pytest.mark.usefixtures("two_small_frames_may_lose_a_little")
def test_openvino_takes_it_too(frames, default, tmp_path):
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    cost = export_int8(default, tmp_path / "int8.xml", "openvino", frames, gate=0.1)
    assert cost.rmse < 1.1
    report = create_completer("default", weights=str(tmp_path / "int8.xml")).report()
    assert (report["precision"], report["runs in"]) == ("int8", "OpenVINO")


def test_depthwise_small_and_last_convolutions_stay_as_they_are():
    from onnx import TensorProto, helper, numpy_helper

    def conv(name, given, outputs, inputs, side=3):
        weight = numpy_helper.from_array(np.ones((outputs, inputs, side, side), np.float32), f"{name}.w")
        groups = 32 // inputs if inputs == 1 else 1
        half = side // 2
        node = helper.make_node(
            "Conv",
            [given, weight.name],
            [name],
            name=name,
            pads=[half] * 4,
            group=groups,
            kernel_shape=[side] * 2,
        )
        return node, weight

    layers = [
        conv("first", "image", 32, 3),
        conv("large", "first", 32, 32),
        conv("depthwise", "large", 32, 1),
        conv("point", "depthwise", 32, 32, side=1),
        conv("last", "point", 32, 32),
    ]
    shape = {name: [1, channels, 8, 8] for name, channels in (("image", 3), ("last", 32))}
    info = {
        name: helper.make_tensor_value_info(name, TensorProto.FLOAT, size) for name, size in shape.items()
    }
    graph = helper.make_graph(
        [node for node, _ in layers], "net", [info["image"]], [info["last"]], [weight for _, weight in layers]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    made = onnx.load_from_string(quantised(model.SerializeToString(), [[np.ones((1, 3, 8, 8), np.float32)]]))
    quantised_inputs = {n.name for n in made.graph.node if n.op_type == "Conv" and "Dequant" in n.input[1]}
    assert quantised_inputs == {"large"}
