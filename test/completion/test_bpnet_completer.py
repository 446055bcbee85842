"""BP-Net as a completer. Its weights are random here: its depth means nothing, its behaviour does."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from synthetic import camera_image, points_of, slope  # noqa: E402

from depth_completion_ros import Camera, SparseDepth, create_completer  # noqa: E402
from depth_completion_ros.completion import Source  # noqa: E402
from depth_completion_ros.completion.bpnet.completer import _extended  # noqa: E402
from depth_completion_ros.completion.bpnet.network import rays_of  # noqa: E402
from depth_completion_ros.completion.weights.folder import import_weights  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")
SHAPE = (41, 70)
K = np.array([[60.0, 0, 35], [0, 60, 20], [0, 0, 1]])
CAMERA = Camera(SHAPE[1], SHAPE[0], K)


@pytest.fixture(scope="module")
def completer():
    return create_completer("bpnet", device="cpu")


def some(number: int) -> SparseDepth:
    return points_of(slope(SHAPE), number)


def test_random_weights_are_told(completer):
    assert completer.warnings == ["The weights of 'bpnet' are random: its depth is meaningless."]
    assert completer.report()["weights"] == "random"


@pytest.mark.parametrize("number", [1, 2, 3, 200])
def test_any_size_and_any_number_of_points_is_answered_and_twice_the_same(completer, number):
    sparse = some(number)
    before = sparse.depth.copy()
    completion, again = (completer.complete(camera_image(SHAPE), sparse, CAMERA) for _ in range(2))
    assert np.array_equal(sparse.depth, before), "the input was changed"
    assert completion.depth.shape == SHAPE
    np.testing.assert_array_equal(again.depth, completion.depth)
    known, measured = np.isfinite(completion.depth), sparse.depth > 0
    assert known[~measured].any() and (completion.depth[known] > 0).all()
    assert (completion.source[~known] == Source.UNKNOWN).all()
    same = measured & (completion.depth == sparse.depth)
    assert np.array_equal(completion.source == Source.MEASURED, same), "measured is the measurement"
    assert completion.confidence.min() >= 0 and completion.confidence.max() <= 1


def test_without_a_point_all_is_unknown(completer):
    completion = completer.complete(camera_image(SHAPE), SparseDepth(np.zeros(SHAPE, np.float32)), CAMERA)
    assert np.isnan(completion.depth).all() and not completion.confidence.any()
    assert (completion.source == Source.UNKNOWN).all()


def test_the_network_itself_takes_an_image_without_a_point(completer):
    with torch.no_grad():
        depth = completer.network(
            torch.zeros(1, 3, 32, 64), torch.zeros(1, 1, 32, 64), torch.eye(3)[None]
        ).depth
    assert depth.shape == (1, 1, 32, 64) and depth.isfinite().all()


def test_a_frame_without_its_camera_is_refused_with_a_sentence(completer):
    with pytest.raises(ValueError, match="Completer 'bpnet' needs the camera of the image"):
        completer.complete(camera_image(SHAPE), some(9))


def test_a_size_that_is_no_multiple_is_refused_by_the_network_with_a_sentence(completer):
    with pytest.raises(ValueError, match="BP-Net got 70 x 41 pixels; both must be multiples of 32."):
        completer.network(torch.zeros(1, 3, *SHAPE), torch.zeros(1, 1, *SHAPE), torch.eye(3)[None])


def test_depth_is_that_of_the_network_on_the_image_continued_above_and_to_the_right(completer):
    sparse, (up, right) = some(150), (-SHAPE[0] % 32, -SHAPE[1] % 32)
    rgb = (camera_image(SHAPE) / np.float32(255) - np.float32(completer.mean)) / np.float32(completer.std)
    rgb = np.pad(rgb, ((up, 0), (0, right), (0, 0)), "edge").transpose(2, 0, 1)
    wide = np.pad(sparse.depth, ((up, 0), (0, right)))
    moved = K + [[0, 0, 0], [0, 0, up], [0, 0, 0]]
    inputs = (torch.from_numpy(x.astype(np.float32))[None] for x in (rgb, wide[None], moved))
    with torch.no_grad():
        depth = completer.network(*inputs).depth[0, 0].numpy()[up:, : SHAPE[1]]
    completion = completer.complete(camera_image(SHAPE), sparse, CAMERA)
    known = np.isfinite(completion.depth) & (depth > 1e-2)  # random weights give depth below 0, too
    np.testing.assert_allclose(completion.depth[known], depth[known], rtol=1e-2, atol=1e-2)


def test_rays_go_on_beyond_the_image_as_those_of_a_larger_pinhole_camera():
    matrix = torch.tensor(K)[None]
    rays = _extended(rays_of(matrix, *SHAPE), 23, 26)
    matrix[0, 1, 2] += 23
    torch.testing.assert_close(rays, rays_of(matrix, SHAPE[0] + 23, SHAPE[1] + 26))


def test_what_runs_is_called_as_a_module_so_that_compiling_it_has_an_effect(completer):
    calls = []
    hook = completer.compilable_part().register_forward_hook(lambda *_: calls.append(1))
    completer.complete(camera_image(SHAPE), some(9), CAMERA)
    hook.remove()
    assert calls == [1]


def test_the_nyu_variant_works_in_tenths_of_a_metre(completer):
    other = create_completer("bpnet", variant="nyu", device="cpu")
    other.inference_network.load_state_dict(completer.inference_network.state_dict())
    other.runner._mean, other.runner._std = completer.runner._mean, completer.runner._std
    sparse = some(100)
    small = SparseDepth(sparse.depth / 10)
    found = other.complete(camera_image(SHAPE), small, CAMERA).depth
    np.testing.assert_allclose(
        found, completer.complete(camera_image(SHAPE), sparse, CAMERA).depth / 10, rtol=1e-3
    )


def test_a_camera_with_distortion_is_answered_with_its_own_rays(completer):
    bent = Camera(SHAPE[1], SHAPE[0], K, "plumb_bob", [-0.3, 0.1, 0, 0, 0])
    sparse = some(150)
    straight, other = (
        completer.complete(camera_image(SHAPE), sparse, camera).depth for camera in (CAMERA, bent)
    )
    assert np.nanmax(np.abs(straight - other)) > 1e-3


def test_bfloat16_changes_the_depth_little(completer):
    rough = create_completer("bpnet", device="cpu", precision="bfloat16")
    exact, other = (
        each.complete(camera_image(SHAPE), some(200), CAMERA).depth for each in (completer, rough)
    )
    assert 0 < np.nanmedian(np.abs(other / exact - 1)) < 0.1


def test_an_official_checkpoint_is_known_by_its_keys(completer, tmp_path):
    state = completer.network.state_dict()
    path = tmp_path / "dmd3c.pth"
    torch.save({"net": state, "epoch": 29, "best_metric_ema": 0.7175}, path)
    stored = import_weights(path, tmp_path / "weights", licence="MIT")
    assert stored.networks == ("bpnet:kitti", "bpnet:nyu") and stored.parameters == 89_873_730
    again = create_completer("bpnet", weights=str(stored.path), device="cpu")
    assert not again.warnings and again.report()["licence of the weights"] == "MIT"
    state.pop("pred0.conv.bias")
    torch.save({"net": state}, path)
    with pytest.raises(ValueError, match="of 1648 tensors it lacks 'pred0.conv.bias'"):
        create_completer("bpnet", weights=str(path), device="cpu")
