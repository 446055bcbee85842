"""EfficientSPN: its parts against loops over pixels, and the completer that it is made into."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from synthetic import SHAPE, camera_image, points_of, slope  # noqa: E402

from depth_completion_ros import SparseDepth, create_completer  # noqa: E402
from depth_completion_ros.completion import Source  # noqa: E402
from depth_completion_ros.completion.efficient_spn import fill  # noqa: E402
from depth_completion_ros.completion.efficient_spn.completer import WEIGHTS  # noqa: E402
from depth_completion_ros.completion.efficient_spn.full_size import (  # noqa: E402
    BOXES,
    CLOSE,
    MULTIPLE,
    PIXELS,
    bend,
    inner_shape,
    mean_of_looks,
    shorter_sides_for,
    shrink_image,
)
from depth_completion_ros.completion.efficient_spn.network import (  # noqa: E402
    TYPICAL_M,
    EfficientSPN,
    convex_enlarged,
    softmax,
)
from depth_completion_ros.completion.efficient_spn.propagation import propagate  # noqa: E402
from depth_completion_ros.completion.mspn_lite.propagation import propagate as of_mspn_lite  # noqa: E402
from depth_completion_ros.core import compute_metrics  # noqa: E402
from depth_completion_ros.data import open_reader  # noqa: E402
from depth_completion_ros.demo.drive import make_demo_drive  # noqa: E402
from depth_completion_ros.evaluation.protocols import parse_protocol  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")
LEVELS = 6
"""Of the pyramid; half of a side of 32 is halved so often less one."""


def known(shape: tuple[int, int], share: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Values, 0 where not measured, and the mask; at least one is measured."""
    random = np.random.default_rng([*shape, seed])
    measured = random.random(shape) < share
    measured.flat[random.integers(measured.size)] = True
    values = np.where(measured, random.uniform(1, 5, shape), 0)
    return tuple(torch.from_numpy(x.astype(float))[None, None] for x in (values, measured))


# Fill --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0, 0.02, 0.5])
def test_a_level_of_the_pyramid_is_the_mean_of_what_was_measured_in_four_pixels(share):
    values, measured = known((32, 64), share)
    levels = [(v[0, 0].numpy(), m[0, 0].numpy() > 0) for v, m in fill.pyramid(values, measured, LEVELS)]
    for (fine, there), (coarse, known_there) in pairwise(levels):
        for v, u in np.ndindex(coarse.shape):
            block = np.s_[2 * v : 2 * v + 2, 2 * u : 2 * u + 2]
            inside = fine[block][there[block]]
            assert known_there[v, u] == bool(inside.size)
            assert coarse[v, u] == pytest.approx(inside.mean() if inside.size else 0)
    assert levels[-1][0].shape == (1, 2)


def test_shepard_weighs_all_that_was_measured_by_the_inverse_cube_of_distance():
    values, measured = known((4, 7), 0.2)
    surface = fill.shepard(values, measured)[0, 0].numpy()
    value, there = values[0, 0].numpy(), np.argwhere(measured[0, 0].numpy())
    for v, u in np.ndindex(surface.shape):
        weight = [((v - y) ** 2 + (u - x) ** 2 + 1) ** -1.5 for y, x in there]
        expected = np.average([value[y, x] for y, x in there], weights=weight)
        assert surface[v, u] == pytest.approx(expected)


def test_the_membrane_keeps_what_is_measured_and_lies_between_its_extremes():
    values, measured = known((64, 96), 0.01)
    surface = fill.membrane(fill.pyramid(values, measured, LEVELS))
    assert surface.shape == values.shape
    assert torch.equal(surface[measured > 0], values[measured > 0])
    assert surface.min() >= values[measured > 0].min() and surface.max() <= values.max()


def test_the_membrane_through_a_plane_is_nearly_that_plane():
    v, u = np.mgrid[:64, :96]
    plane = torch.from_numpy(0.02 + 0.001 * v + 0.0004 * u)[None, None]
    measured = torch.zeros_like(plane)
    measured[..., ::7, ::5] = 1
    surface = fill.membrane(fill.pyramid(plane * measured, measured, LEVELS))
    error = ((surface - plane) / plane).abs()[..., 8:-8, 8:-8]
    flat = (plane.mean() / plane - 1).abs().mean()
    assert error.mean() < 0.01 < flat and error.max() < 0.06


# Propagation and enlarging -----------------------------------------------------------------------


def test_propagation_is_that_of_mspn_lite():
    random = torch.Generator().manual_seed(0)
    depth, mass, measured, trust = torch.rand(4, 2, 1, 9, 14, generator=random).double()
    affinity = torch.rand(2, 18, 9, 14, generator=random).double().softmax(dim=1)
    given = depth, mass, affinity, measured, trust, 3, (1, 3)
    torch.testing.assert_close(propagate(*given), of_mspn_lite(*given))


def test_enlarging_takes_convex_combinations_of_a_pixel_and_its_four_neighbours():
    random = torch.Generator().manual_seed(0)
    x, weights = torch.rand(1, 1, 3, 4, generator=random), torch.randn(1, 20, 3, 4, generator=random)
    large, wide = convex_enlarged(x, weights), np.pad(x[0, 0].numpy(), 1, "edge")
    for v, u in np.ndindex(6, 8):
        row, column = v // 2, u // 2
        at = [(0, 0), (0, -1), (0, 1), (-1, 0), (1, 0)]
        share = torch.softmax(weights[0, 2 * (v % 2) + u % 2 :: 4, row, column], dim=0).numpy()
        expected = sum(s * wide[row + 1 + y, column + 1 + x] for s, (y, x) in zip(share, at, strict=True))
        assert large[0, 0, v, u].item() == pytest.approx(expected, rel=1e-5)


def test_softmax_is_that_of_pytorch():
    x = 20 * torch.randn(2, 5, 3, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(softmax(x, 1), x.softmax(dim=1))


# The network -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def network() -> EfficientSPN:
    """With random norms too, so that no part of it is without effect."""
    torch.manual_seed(0)
    network = EfficientSPN()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    for head in (network.head8, network.head4, network.head2):
        torch.nn.init.normal_(head.weight, std=0.05)
    return network.eval().requires_grad_(False)


def inputs(height=64, width=96, points=40) -> tuple[torch.Tensor, torch.Tensor]:
    random = np.random.default_rng(0)
    sparse = points_of(slope((height, width)), points).depth
    rgb = random.normal(0, 1, (1, 3, height, width)).astype(np.float32)
    return torch.from_numpy(rgb), torch.from_numpy(sparse)[None, None]


def test_depth_scales_with_the_measurements_and_all_else_stays(network):
    rgb, sparse = inputs()
    one, other = network(rgb, sparse), network(rgb, 50 * sparse)
    torch.testing.assert_close(other.depth, 50 * one.depth, rtol=1e-4, atol=0)
    for name in ("spread", "sky", "trust"):
        torch.testing.assert_close(getattr(other, name), getattr(one, name), rtol=1e-3, atol=1e-4)


def test_it_begins_with_the_fill_and_trusts_measurements():
    torch.manual_seed(0)
    rgb, sparse = inputs(points=600)
    with torch.no_grad():
        prediction = EfficientSPN().eval()(rgb, sparse)
    difference = torch.log(prediction.depth / prediction.unit) - prediction.base
    assert difference.abs().mean() < 0.1 and prediction.trust.min() > 0.9


@pytest.mark.parametrize("part", ["depth", "spread", "sky"])
def test_image_and_measurements_both_tell(network, part):
    rgb, sparse = inputs()
    plain = getattr(network(rgb, sparse), part)
    assert not torch.allclose(getattr(network(-rgb, sparse), part), plain, rtol=1e-3)
    assert not torch.allclose(getattr(network(rgb, sparse.flip(3)), part), plain, rtol=1e-3)


def test_without_a_point_depth_lies_about_ten_metres(network):
    rgb, sparse = inputs()
    prediction = network(rgb, 0 * sparse)
    assert prediction.unit.item() == TYPICAL_M
    assert all(x.isfinite().all() for x in (prediction.depth, prediction.spread, prediction.sky))


# The size of the image ---------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(375, 1242), (1216, 1936), (480, 640), (192, 256), (20, 30), (1, 1)])
def test_the_inner_size_is_of_multiples_of_32_and_about_the_same_proportions(shape):
    height, width = inner_shape(shape)
    assert height % MULTIPLE == width % MULTIPLE == 0 < height
    assert height * width <= 1.2 * PIXELS
    if min(shape) >= 192:
        assert 0.8 < (width / height) / (shape[1] / shape[0]) < 1.25
    assert max(inner_shape(shape, 128)) <= 128


def every(rows: int, columns: int) -> np.ndarray:
    """Sparse depth at an inner size, measured at every so many pixels."""
    sparse = np.zeros((160, 224), np.float32)
    sparse[rows // 2 :: rows, columns // 2 :: columns] = 5
    return sparse


@pytest.mark.parametrize(
    ("sparse", "side"),
    [(every(1, 1), 0), (every(8, 2), 0), (every(24, 3), 160), (every(60, 60), 96), (np.zeros((32, 64)), 96)],
)
def test_the_network_sees_a_smaller_frame_the_farther_apart_measurements_are(sparse, side):
    assert shorter_sides_for(sparse)[0] == side
    height, width = inner_shape((480, 640), shorter_side=side)
    assert min(height, width) == (side or 256)  # 256 x 352 are as many pixels as 160 x 544


@pytest.mark.parametrize(
    ("step", "seen"), [(4, [(256, 352)]), (60, [(160, 224)]), (160, [(96, 128), (128, 160)])]
)
def test_the_completer_chooses_the_inner_size_by_the_measurements_unless_told(completer, step, seen):
    image, sparse = camera_image((480, 640)), np.zeros((480, 640), np.float32)
    sparse[step // 2 :: step, step // 2 :: step] = 5
    shapes = []

    class Watched:
        def __call__(self, small, planes, **known):
            shapes.append(small.shape[:2])
            return runner(small, planes, **known)

    runner, completer.runner = completer.runner, Watched()
    try:
        completer.complete(image, SparseDepth(sparse))
        completer.inner_size = 128
        completer.complete(image, SparseDepth(sparse))
    finally:
        completer.runner, completer.inner_size = runner, 0
    assert shapes == [*seen, (96, 128)]


def test_what_two_looks_say_is_averaged_at_the_size_of_the_second():
    first, second = np.full((4, 6, 8), 0.25, np.float32), np.full((4, 12, 16), 0.75, np.float32)
    first[0], second[0] = 0.1, 0.4
    mean = mean_of_looks([first, second])
    assert mean.shape == second.shape
    np.testing.assert_allclose(mean[0], 0.2, rtol=1e-5)
    np.testing.assert_allclose(mean[2:], 0.5, rtol=1e-5)


def test_looks_that_contradict_each_other_are_not_believed():
    sure = np.full((4, 6, 8), 0.8, np.float32)
    near, far = sure.copy(), sure.copy()
    near[0], far[0] = 1 / 5, 1 / 20
    assert (mean_of_looks([near, far])[1] < 0.1).all()
    np.testing.assert_allclose(mean_of_looks([near, near])[1], 0.8, rtol=1e-5)
    far[0] = 1 / 5.1
    assert (mean_of_looks([near, far])[1] > 0.7).all() and (mean_of_looks([near, far])[1] < 0.8).all()


def test_a_second_look_is_at_the_mirrored_frame_and_comes_back_as_the_frame_lies(completer):
    image, sparse = camera_image((96, 160)), np.zeros((96, 160), np.float32)
    sparse[40, 20] = 5

    class ImageAsResult:
        def __call__(self, small, planes, **known):
            seen.append(small)
            return np.stack([small[..., 0].astype(np.float32) + 1, *3 * [planes[0]]])

    seen, runner = [], completer.runner
    completer.runner = ImageAsResult()
    try:
        there, back = (completer._look(image, sparse, mirrored) for mirrored in (False, True))
    finally:
        completer.runner = runner
    np.testing.assert_array_equal(seen[0], seen[1][:, ::-1])
    np.testing.assert_array_equal(there, back)


@pytest.mark.parametrize("shape", [(32, 64), (96, 64), (160, 224)])
def test_the_image_shrinks_as_by_means_over_areas(shape):
    image = camera_image((150, 211))
    means = cv2.resize(image, shape[::-1], interpolation=cv2.INTER_AREA).astype(int)
    difference = np.abs(shrink_image(image, shape) - means)
    assert difference.mean() < 5 and means.std() > 30  # of an image with much noise
    flat = np.full_like(image, 77)
    assert (shrink_image(flat, shape) == 77).all()


def slow_bend(depth, trust, sparse, box: int, floor: float) -> np.ndarray:
    bent = depth.copy()
    share = {x: (box - abs(x)) / box**2 for x in range(1 - box, box)}  # a box twice is a triangle
    for v, u in np.ndindex(depth.shape):
        total = weight = 0.0
        for y, x in np.argwhere(sparse > 0):
            w = share.get(y - v, 0) * share.get(x - u, 0)
            residual = np.log(sparse[y, x] / depth[y, x])
            believed = (
                1 if residual < 0 else trust[y, x] + (1 - trust[y, x]) * np.exp(-((residual / CLOSE) ** 2))
            )
            total += w * residual * believed
            weight += w
        bent[v, u] *= np.exp(total / (weight + floor))
    return bent


def test_depth_bends_towards_the_measurements_around_as_far_as_they_are_trusted():
    random, reach = np.random.default_rng(0), sum(box - 1 for box, _ in BOXES)
    depth, sparse = random.uniform(2, 9, (2, 26, 31)).astype(np.float32)
    trust = random.random(depth.shape, np.float32)
    sparse[random.random(depth.shape) < 0.97] = 0
    inside = np.s_[reach:-reach, reach:-reach]  # nearer to the border, a box twice is no whole triangle
    sparse[np.pad(np.zeros_like(sparse[inside], bool), reach, constant_values=True)] = 0
    expected, bent = depth, depth.copy()
    for box, floor in BOXES:
        expected = slow_bend(expected, trust, sparse, box, floor)
    bend(bent, trust, sparse)
    assert np.abs(expected - depth).max() > 0.5
    np.testing.assert_allclose(bent, expected, rtol=1e-4)


@pytest.mark.parametrize(("measured", "believed"), [(2, True), (8.3, True), (30, False)])
def test_without_trust_what_is_nearer_or_hardly_farther_is_believed(measured, believed):
    depth, sparse = np.full((9, 9), 8, np.float32), np.zeros((9, 9), np.float32)
    sparse[4, 4] = measured
    bend(depth, np.zeros_like(depth), sparse)
    assert (depth[4, 4] == pytest.approx(measured, rel=0.05)) == believed
    assert believed or depth[4, 4] == 8


# The completer -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def completer(network, tmp_path_factory):
    """On the CPU as users have it, with the weights of `network`."""
    from safetensors.torch import save_file

    file = tmp_path_factory.mktemp("weights") / "weights.safetensors"
    state_dict = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    state_dict["head2.bias"][9 + 4] = -2  # not everything is sky
    save_file(state_dict, file)
    return create_completer("efficient_spn", weights=str(file), device="cpu")


def test_onnx_gives_what_pytorch_gives_at_any_size(completer):
    pytest.importorskip("onnx", reason="onnx is not installed")
    pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
    from depth_completion_ros.completion.efficient_spn.onnx_file import graph_of
    from depth_completion_ros.completion.exported.onnx_runner import OnnxRunner

    assert isinstance(completer.runner, OnnxRunner)
    graph = graph_of(completer.network).eval()
    for shape in ((64, 96), (96, 160), (32, 32)):
        image, sparse = camera_image(shape), points_of(slope(shape), 30).depth
        with torch.inference_mode():
            expected = graph(torch.from_numpy(image)[None], torch.from_numpy(sparse)[None, None])[0].numpy()
        np.testing.assert_allclose(completer.runner(image, [sparse]), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("number", [1, 2, 40, SHAPE[0] * SHAPE[1]])
def test_any_number_of_points_is_answered_and_twice_the_same(completer, number):
    sparse, image = points_of(slope(), number), camera_image()
    before = sparse.depth.copy(), image.copy()
    completion = completer(image, sparse)
    assert np.array_equal(sparse.depth, before[0]) and np.array_equal(image, before[1]), "input was changed"
    planes = completion.depth, completion.confidence, completion.source
    assert [(p.shape, p.dtype) for p in planes] == [(SHAPE, np.float32)] * 2 + [(SHAPE, np.uint8)]
    measured, there = sparse.depth > 0, np.isfinite(completion.depth)
    assert there[measured].all() and there.mean() > 0.5 and (completion.depth[there] > 0).all()
    assert (completion.confidence[measured] == 1).all() and (completion.confidence[~there] == 0).all()
    expected = np.where(measured, Source.MEASURED, np.where(there, Source.PROPAGATED, Source.UNKNOWN))
    assert np.array_equal(completion.source, expected)
    assert np.array_equal(completer(image, sparse).depth, completion.depth, equal_nan=True)


def test_the_sky_has_no_depth_except_where_it_was_measured(completer, monkeypatch):
    def all_sky(image, planes, **known):
        return np.stack([np.full(image.shape[:2], x, np.float32) for x in (0.1, 0.9, 3, 1)])

    monkeypatch.setattr(completer, "runner", all_sky)
    sparse = points_of(slope(), 40)
    completion = completer(camera_image(), sparse)
    measured = sparse.depth > 0
    assert np.array_equal(np.isfinite(completion.depth), measured)
    np.testing.assert_array_equal(completion.depth[measured], sparse.depth[measured])
    assert (completion.source[~measured] == Source.UNKNOWN).all()


def test_without_points_it_guesses_at_the_scale_of_the_last_frame(completer):
    nothing = SparseDepth(np.zeros(SHAPE, np.float32))
    completer.forget()
    first = completer(camera_image(), nothing)
    there = np.isfinite(first.depth)
    assert there.any() and not first.confidence.any() and (first.source[there] == Source.PRIOR).all()
    sparse = points_of(7 * slope(), 30)
    completer(camera_image(), sparse)
    later = completer(camera_image(), nothing)
    scale = np.exp(np.log(sparse.depth[sparse.depth > 0]).mean()) / TYPICAL_M
    np.testing.assert_allclose(later.depth[there], scale * first.depth[there], rtol=1e-4)


def test_a_format_that_makes_it_no_faster_on_a_cpu_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match=r"Precision 'bfloat16' .* must be auto or float32 there\."):
        create_completer("efficient_spn", device="cpu", precision="bfloat16")


# The weights that ship --------------------------------------------------------------------------


def test_the_onnx_that_ships_is_the_weights_that_ship():
    pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
    image, sparse = camera_image(), points_of(slope(), 200)
    shipped = create_completer("efficient_spn", device="cpu")
    of_weights = create_completer("efficient_spn", device="cpu", weights=str(WEIGHTS))
    assert shipped.network is None and of_weights.network is not None
    assert shipped.licence == of_weights.licence == "Apache-2.0"
    found, expected = shipped(image, sparse), of_weights(image, sparse)
    np.testing.assert_allclose(found.depth, expected.depth, rtol=1e-3)
    np.testing.assert_allclose(found.confidence, expected.confidence, atol=1e-3)


def test_it_is_the_default_and_has_nothing_to_warn_of():
    completer = create_completer(device="cpu")
    assert completer.name == "efficient_spn" and not completer.warnings and not completer.degradations
    report = completer.report()
    assert report["licence of the weights"] == "Apache-2.0"
    assert report["weights"] == "those that ship with the package"


def test_without_onnx_runtime_and_pytorch_the_default_is_linear_and_says_so(without_torch):
    assert without_torch("""
sys.modules["onnxruntime"] = None
import numpy as np
from depth_completion_ros import SparseDepth, create_completer, list_completers
from depth_completion_ros.completion.registry import describe_completer
completer = create_completer()
print(completer.name, *completer.warnings)
sparse = SparseDepth(np.eye(9, dtype=np.float32))
print((completer(None, sparse).depth == create_completer("linear")(None, sparse).depth).all())
print(*create_completer("linear").warnings)
print(len([describe_completer(name) for name in list_completers()]) == len(list_completers()))
""") == [
        "linear The default network needs the Python package 'onnxruntime', which is not installed, so "
        "linear completion stands in: pip install onnxruntime.",
        "True",
        "",
        "True",
    ]


def test_it_runs_without_pytorch(without_torch):
    pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
    assert without_torch(f"""
import numpy as np
from depth_completion_ros import SparseDepth, create_completer
completer = create_completer("efficient_spn")
sparse = np.zeros((64, 96), np.float32)
sparse[::7, ::9] = 5
depth = completer(np.zeros((64, 96, 3), np.uint8), SparseDepth(sparse)).depth
print(completer.report()["runs in"], np.isfinite(depth).mean() > 0.5)
try:
    create_completer("efficient_spn", weights="{WEIGHTS}")
except ImportError as error:
    print(error)
""") == [
        "ONNX Runtime True",
        "Completer 'efficient_spn' needs the Python package 'torch', which is not installed: "
        "pip install 'depth_completion_ros[torch]'.",
    ]


@pytest.mark.parametrize("protocol", ["lines:16", "lines:8", "points:200"])
def test_with_the_weights_that_ship_it_is_about_as_accurate_as_linear_completion(
    open3d, tmp_path_factory, protocol
):
    folder = make_demo_drive(tmp_path_factory.mktemp("demo"), frames=2, width=414, height=125)
    frame = next(iter(open_reader(folder)))
    trial = parse_protocol(protocol).trial(frame)
    errors = {}
    for name in ("efficient_spn", "linear"):
        completer = create_completer(name)
        assert not completer.warnings
        depth = completer.complete(frame.image, trial.feed, frame.camera).depth
        errors[name] = compute_metrics(depth, trial.truth)
    assert errors["efficient_spn"].coverage > 0.95
    assert errors["efficient_spn"].mae_mm < 1.2 * errors["linear"].mae_mm
