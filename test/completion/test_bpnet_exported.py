"""BP-Net as an ONNX file: its neighbours are searched outside, without PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic import camera_image, points_of, slope

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from depth_completion_ros import Camera, create_completer  # noqa: E402
from depth_completion_ros.completion.bpnet.search import LEAST_DEPTH, LEVELS, neighbours_of  # noqa: E402
from depth_completion_ros.completion.exported.export import export_network  # noqa: E402
from depth_completion_ros.completion.exported.onnx_runner import OnnxRunner  # noqa: E402
from depth_completion_ros.completion.exported.parity import compare  # noqa: E402
from depth_completion_ros.ops.neighbours import of_levels  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")
SHAPE = (96, 160)
CAMERA = Camera(160, 96, [[100, 0, 79.5], [0, 100, 47.5], [0, 0, 1]])


def some(number: int):
    return points_of(slope(SHAPE), number)


def test_the_file_completes_as_pytorch_does_whatever_the_number_of_points(exported_bpnet):
    pytorch, file = exported_bpnet
    exported = create_completer("bpnet", weights=str(file))
    report = exported.report()
    assert exported.network is None and report["runs in"] == "ONNX Runtime" and report["inner size"] == 150
    assert report["weights"] == "bpnet.onnx, exported from random"
    for points in (1, 3, 900):
        given = camera_image(SHAPE), some(points), CAMERA
        expected = pytorch.complete(*given)
        assert np.isfinite(expected.depth).mean() > 0.5 and np.nanstd(expected.depth) > 0
        parity = compare([(expected, exported.complete(*given))])
        assert parity.agrees(half=False), parity


def test_the_file_answers_by_the_neighbours_that_it_is_given(exported_bpnet):
    """With those of another frame it gives something else, so the search counts."""
    pytorch, file = exported_bpnet
    runner, sparse = OnnxRunner(file), some(900).depth[:90, :150].copy()
    planes = sparse, *pytorch.warm_up_planes(sparse)
    image = camera_image((90, 150))
    right = runner(image, [*planes, *neighbours_of(sparse)])
    wrong = runner(image, [*planes, *neighbours_of(sparse[:, ::-1])])
    assert np.abs(right - wrong).max() > 0.1


def test_the_file_runs_without_pytorch(exported_bpnet, without_torch):
    pytorch, file = exported_bpnet
    expected = pytorch.complete(np.full((*SHAPE, 3), 90, np.uint8), some(900), CAMERA).depth
    (line,) = without_torch(f"""
import numpy as np
from depth_completion_ros import Camera, SparseDepth, create_completer
completer = create_completer("bpnet", weights={str(file)!r})
sparse = np.zeros({SHAPE}, np.float32)
chosen = np.random.default_rng(2).choice(sparse.size, 900, replace=False)
v, u = np.divmod(chosen, {SHAPE[1]})
sparse[v, u] = 5 + 0.1 * u + 0.05 * v
camera = Camera(160, 96, [[100, 0, 79.5], [0, 100, 47.5], [0, 0, 1]])
depth = completer.complete(np.full((*{SHAPE}, 3), 90, np.uint8), SparseDepth(sparse), camera).depth
print(float(np.nanmean(depth)))
""")
    assert float(line) == pytest.approx(float(np.nanmean(expected)), rel=1e-4)


def test_openvino_completes_as_pytorch_does(exported_bpnet, tmp_path):
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    pytorch, file = exported_bpnet[0], tmp_path / "bpnet.xml"
    assert export_network(pytorch, file, "openvino", SHAPE).largest < 1e-3
    exported = create_completer("bpnet", weights=str(file))
    assert exported.report()["runs in"] == "OpenVINO"
    given = camera_image(SHAPE), some(900), CAMERA
    assert compare([(pytorch.complete(*given), exported.complete(*given))]).agrees(half=False)


def test_the_search_outside_finds_what_the_network_searches_itself():
    sparse = some(300).depth[:41, :70] / 2
    sparse[0, :2] = LEAST_DEPTH / 2, LEAST_DEPTH * 2
    padded = torch.from_numpy(np.pad(sparse, ((23, 0), (0, 26))))
    for found, expected in zip(neighbours_of(sparse), of_levels(padded[None] > LEAST_DEPTH), strict=True):
        assert found.dtype == np.int32 and len(neighbours_of(sparse)) == LEVELS
        np.testing.assert_array_equal(found, expected[0].flatten(0, 1).numpy())


def test_what_the_file_is_not_for_is_told_in_a_sentence(exported_bpnet, tmp_path):
    pytorch, file = exported_bpnet
    with pytest.raises(ValueError, match="'bpnet' can only be exported for images of one size"):
        export_network(pytorch, tmp_path / "net.onnx", "onnx")
    with pytest.raises(ValueError, match="is bpnet:kitti; it must be bpnet:nyu to run as that"):
        create_completer("bpnet", variant="nyu", weights=str(file))
    completer = create_completer("bpnet", weights=str(file))
    with pytest.raises(ValueError, match="sees at 150 x 90, but this one is 96 x 60 there"):
        completer.complete(camera_image((60, 96)), points_of(slope((60, 96)), 9), Camera(96, 60, CAMERA.K))
    with pytest.raises(ValueError, match="Completer 'bpnet' needs the camera of the image"):
        completer.complete(camera_image(SHAPE), some(9))
