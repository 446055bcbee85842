"""Networks as files for other runtimes: they give what PyTorch gives, or are not written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from synthetic import SHAPE, camera_image, points_of, slope

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("onnx", reason="onnx is not installed")
pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")

from depth_completion_ros import create_completer  # noqa: E402
from depth_completion_ros.completion.exported.export import export_network  # noqa: E402
from depth_completion_ros.completion.exported.half import with_metadata  # noqa: E402
from depth_completion_ros.completion.exported.parity import compare  # noqa: E402
from depth_completion_ros.completion.interface import Completion  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    """The default for images of any size and MSPN-lite for those of `SHAPE`, as ONNX."""
    folder = tmp_path_factory.mktemp("exported")
    found = {name: folder / f"{name}.onnx" for name in ("default", "mspn_lite")}
    for name, size in (("default", None), ("mspn_lite", SHAPE)):
        export_network(create_completer(name, device="cpu"), found[name], "onnx", size)
    return found


@pytest.mark.parametrize("name", ["default", "mspn_lite"])
def test_what_was_exported_completes_as_pytorch_does(files, name):
    pytorch = create_completer(name, device="cpu")
    pytorch.run_in_pytorch()
    exported = create_completer(name, weights=str(files[name]))
    assert exported.network is None and exported.report()["runs in"] == "ONNX Runtime"
    assert "exported from those that ship" in exported.report()["weights"]
    image, sparse = camera_image(), points_of(slope(), 200)
    expected, given = pytorch(image, sparse), exported(image, sparse)
    np.testing.assert_allclose(given.depth, expected.depth, rtol=1e-3)
    np.testing.assert_allclose(given.confidence, expected.confidence, atol=1e-3)


def test_what_was_exported_runs_without_pytorch(files, without_torch):
    (line,) = without_torch(f"""
import numpy as np
from depth_completion_ros import SparseDepth, create_completer
completer = create_completer("mspn_lite", weights={str(files["mspn_lite"])!r})
sparse = np.zeros({SHAPE}, np.float32)
sparse[::6, ::6] = 8
depth = completer(np.full((*{SHAPE}, 3), 90, np.uint8), SparseDepth(sparse)).depth
print(np.isfinite(depth).mean() > 0.9, abs(np.nanmedian(depth) - 8) < 1)
""")
    assert line == "True True"


def test_a_file_for_one_size_says_so_of_an_image_of_another(files):
    completer = create_completer("mspn_lite", weights=str(files["mspn_lite"]))
    shape = (96, 64)
    with pytest.raises(ValueError, match="sees at 90 x 60, but this one is 64 x 96"):
        completer(camera_image(shape), points_of(slope(shape), 30))


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("default", {"weights": "mspn_lite"}, "is mspn_lite:general; it must be efficient_spn:general"),
        ("mspn_lite", {"weights": "mspn_lite", "device": "cuda"}, "cuda"),
        (
            "mspn_lite",
            {"weights": "int8", "runtime": "tensorrt"},
            "int8.onnx' is in int8 for CPUs, which Tens",
        ),
        ("mspn_lite", {"weights": "nowhere"}, "nowhere.onnx' is missing"),
        ("mspn_lite", {"weights": "broken"}, "cannot be read as ONNX"),
    ],
)
def test_files_that_do_not_fit_are_refused_in_a_sentence(files, name, options, told):
    folder = files["default"].parent
    (folder / "broken.onnx").write_bytes(b"no onnx")
    whole = files["mspn_lite"].read_bytes()
    (folder / "int8.onnx").write_bytes(with_metadata(whole, {"precision": "int8"}, False))
    given = {**options, "weights": str(folder / f"{options['weights']}.onnx")}
    with pytest.raises((ValueError, FileNotFoundError), match=told):
        create_completer(name, **given)


def test_a_file_that_does_not_tell_all_that_export_notes_is_refused_in_a_sentence(files, tmp_path):
    path = tmp_path / "partly.onnx"
    path.write_bytes(
        with_metadata(files["default"].read_bytes(), {"network": "efficient_spn:general"}, False)
    )
    with pytest.raises(ValueError, match="was not written by `depth-completion export`"):
        create_completer("default", weights=str(path))


def test_what_differs_is_not_written(tmp_path, monkeypatch):
    """A network whose weights change between tracing and comparing."""
    from depth_completion_ros.completion.exported import export as module

    completer = create_completer("mspn_lite", device="cpu")
    usual = module.with_metadata

    def spoil(*arguments):
        for parameter in completer.inference_network.parameters():
            parameter.mul_(1.05)
        return usual(*arguments)

    monkeypatch.setattr(module, "with_metadata", spoil)
    with pytest.raises(ValueError, match="is not written: depth differs by"):
        export_network(completer, tmp_path / "spoiled.onnx", "onnx", SHAPE)
    assert list(tmp_path.iterdir()) == []


def test_what_has_no_network_cannot_be_exported(tmp_path):
    with pytest.raises(ValueError, match="'linear' has no network in PyTorch"):
        export_network(create_completer("linear"), tmp_path / "linear.onnx", "onnx", SHAPE)
    with pytest.raises(ValueError, match=r"linear.pth' cannot be written for 'onnx'; it must be one of onnx"):
        export_network(create_completer("linear"), tmp_path / "linear.pth", "onnx", SHAPE)


def test_networks_that_the_exporter_cannot_follow_are_refused_at_once(tmp_path):
    pytest.importorskip("diffusers", reason="diffusers is not installed")
    with pytest.raises(
        ValueError, match="'depthlab' searches or samples .* must be one of default, mspn_lite, .*mspn, bpnet"
    ):
        export_network(create_completer("depthlab", device="cpu"), tmp_path / "net.onnx", "onnx", SHAPE)


def test_mspn_completes_as_pytorch_does_whatever_the_number_of_points(tmp_path):
    completer, file = create_completer("mspn", device="cpu"), tmp_path / "mspn.onnx"
    with pytest.raises(ValueError, match="can only be exported for images of one size: give it as --size"):
        export_network(completer, file, "onnx")
    assert export_network(completer, file, "onnx", SHAPE).largest < 1e-3
    exported = create_completer("mspn", weights=str(file))
    image = camera_image()
    for points in (9, 900):  # 8 iterations, and 6
        sparse = points_of(slope(), points)
        expected, given = completer(image, sparse), exported(image, sparse)
        np.testing.assert_allclose(given.depth, expected.depth, rtol=1e-3)
        np.testing.assert_allclose(given.confidence, expected.confidence, atol=1e-3)


def test_the_default_is_for_any_size_alone(tmp_path):
    with pytest.raises(
        ValueError, match="'efficient_spn' sees images at sizes that depend on what was measured"
    ):
        export_network(create_completer("default", device="cpu"), tmp_path / "net.onnx", "onnx", SHAPE)


def test_half_the_space_gives_almost_the_same(files, tmp_path):
    small = tmp_path / "half.onnx"
    parity = export_network(create_completer("mspn_lite", device="cpu"), small, "onnx", SHAPE, half=True)
    assert small.stat().st_size < 0.6 * files["mspn_lite"].stat().st_size
    assert 0 < parity.largest < 0.02


def test_openvino_completes_as_pytorch_does(tmp_path):
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    parity = export_network(
        create_completer("mspn_lite", device="cpu"), tmp_path / "net.xml", "openvino", SHAPE
    )
    assert parity.largest < 1e-3
    exported = create_completer("mspn_lite", weights=str(tmp_path / "net.xml"))
    assert exported.report()["runs in"] == "OpenVINO"
    image, sparse = camera_image(), points_of(slope(), 200)
    expected = create_completer("mspn_lite", device="cpu")(image, sparse)
    np.testing.assert_allclose(exported(image, sparse).depth, expected.depth, rtol=2e-3)


def test_parity_sees_a_shift_a_hole_and_another_confidence():
    depth, confidence = np.full((40, 50), 10, np.float32), np.full((40, 50), 0.5, np.float32)
    source = np.full((40, 50), 2, np.uint8)
    same = Completion(depth, confidence, source)
    assert compare([(same, same)]).agrees(half=False)
    shifted = Completion(depth * np.float32(1.01), confidence, source)
    assert not compare([(same, shifted)]).agrees(half=False) and compare([(same, shifted)]).agrees(half=True)
    hole = depth.copy()
    hole[:2] = np.nan
    assert not compare([(same, Completion(hole, confidence, source))]).agrees(half=True)
    assert not compare([(same, Completion(depth, confidence + np.float32(0.3), source))]).agrees(half=True)
