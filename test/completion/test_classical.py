"""The completers that need no weights."""

import numpy as np
import pytest

from depth_completion_ros import Camera, Frame, SparseDepth, create_completer, list_completers
from depth_completion_ros.completion import Source
from depth_completion_ros.completion.classical.linear import delaunay, scan_rows
from depth_completion_ros.completion.registry import describe_completer, options_of

SHAPE = (90, 120)
CLASSICAL = ("nearest", "linear", "morphological")


def plane(shape=SHAPE) -> np.ndarray:
    """Depth of a ground plane seen at an angle: linear in 1 / z."""
    v, u = np.mgrid[: shape[0], : shape[1]]
    return (1 / (0.02 + 0.001 * v + 0.0002 * u)).astype(np.float32)


def sampled(depth: np.ndarray, share: float, seed=0) -> SparseDepth:
    keep = np.random.default_rng(seed).random(depth.shape) < share
    keep[[0, 0, -1, -1], [0, -1, 0, -1]] = True
    return SparseDepth.from_depth(np.where(keep, depth, 0))


@pytest.mark.parametrize("name", CLASSICAL)
@pytest.mark.parametrize("number", [0, 1, 2, 3, 40, SHAPE[0] * SHAPE[1]])
def test_any_number_of_points_is_answered_and_measured_depth_is_kept(name, number):
    rng = np.random.default_rng(number)
    depth = np.zeros(SHAPE, np.float32)
    depth.ravel()[rng.choice(depth.size, number, replace=False)] = rng.uniform(1, 60, number)
    sparse = SparseDepth(depth.copy())
    completion = create_completer(name)(None, sparse)
    assert np.array_equal(sparse.depth, depth), "the input was changed"
    for plane_, dtype in (
        (completion.depth, np.float32),
        (completion.confidence, np.float32),
        (completion.source, np.uint8),
    ):
        assert plane_.shape == SHAPE and plane_.dtype == dtype
    measured = depth > 0
    if number == 0:
        assert np.isnan(completion.depth).all() and not completion.source.any()
        assert not completion.confidence.any()
        return
    assert np.array_equal(completion.depth[measured], depth[measured])
    assert (completion.confidence[measured] == 1).all()
    assert (completion.source == np.where(measured, Source.MEASURED, Source.PROPAGATED)).all()
    low, high = depth[measured].min(), depth[measured].max()
    assert (completion.depth >= low * 0.999).all() and (completion.depth <= high * 1.001).all()
    assert (completion.confidence > 0).all() and (completion.confidence <= 1).all()


@pytest.mark.parametrize("name", CLASSICAL)
def test_a_single_absurd_depth_leads_to_none_that_was_not_measured(name):
    depth = sampled(plane(), 0.02).depth
    for absurd in (1e-3, 1e8, 1e30):
        depth[45, 60] = absurd
        completion = create_completer(name)(None, SparseDepth(depth))
        assert completion.depth.min() >= depth[depth > 0].min() * 0.999
        assert completion.depth.max() <= depth.max() * 1.001


def test_collinear_points_are_answered():
    depth = np.zeros(SHAPE, np.float32)
    depth[40, ::7] = 12
    for name in CLASSICAL:
        assert np.allclose(create_completer(name)(None, SparseDepth(depth)).depth, 12, atol=1e-3)


def test_nearest_equals_a_slow_search():
    depth = sampled(plane(), 0.01).depth
    v, u = np.nonzero(depth)
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    distance = np.hypot(rows[..., None] - v, columns[..., None] - u)
    chosen = create_completer("nearest")(None, SparseDepth(depth)).depth
    # The fast distance transform is good to a few per cent of a pixel's distance.
    own = np.min(np.where(depth[v, u] == chosen[..., None], distance, np.inf), axis=-1)
    assert (own <= distance.min(axis=-1) * 1.03 + 0.1).all()


def test_linear_is_exact_on_a_plane():
    truth = plane()
    completion = create_completer("linear")(None, sampled(truth, 0.02))
    close = np.isclose(completion.depth, truth, rtol=1e-4)
    assert close[4:-4, 4:-4].all(), "only slivers along the border may be left to the nearest point"
    assert close.mean() > 0.95


def test_interpolating_depth_itself_is_not_exact_on_a_plane():
    truth = plane()
    completion = create_completer("linear", variant="depth")(None, sampled(truth, 0.02))
    assert not np.allclose(completion.depth, truth, rtol=1e-3)


def test_rows_cover_the_hull_and_each_pixel_lies_in_its_triangle():
    triangles = delaunay(sampled(plane(), 0.05).depth)
    covered = np.zeros(SHAPE, int)
    for triangle, v, first, length in zip(*scan_rows(triangles), strict=True):
        pixels = np.stack([np.arange(first, first + length), np.full(length, v)], axis=1)
        a, b, c = triangles[triangle].astype(float)
        inverse = np.linalg.inv(np.stack([b - a, c - a], axis=1))
        weights = (pixels - a) @ inverse.T
        assert weights.min() > -1e-2 and weights.sum(axis=1).max() < 1 + 1e-2
        covered[v, first : first + length] += 1
    assert (covered > 0).mean() > 0.98, "the four corners are measured, so almost all are inside"
    assert (covered == 1).mean() > 0.8, "only edges belong to two triangles"


def test_confidence_falls_with_distance_and_across_depth_edges():
    depth = np.zeros((21, 81), np.float32)
    depth[10, [0, 40, 80]] = 10
    confidence = create_completer("nearest")(None, SparseDepth(depth)).confidence[10]
    assert (np.diff(confidence[:20]) < 0).all()
    edge = np.zeros((41, 81), np.float32)
    edge[[0, 40, 0, 40, 0, 40], [0, 0, 40, 40, 80, 80]] = [10, 10, 10, 10, 40, 40]
    confidence = create_completer("linear")(None, SparseDepth(edge)).confidence
    assert confidence[20, 60] < 0.5 * confidence[20, 20]


def test_pixels_below_a_confidence_become_unknown_in_all_three_planes():
    completion = create_completer("nearest")(None, sampled(plane(), 0.02))
    sure = completion.above(0.5)
    unsure = completion.confidence < 0.5
    assert 0 < unsure.mean() < 1
    assert np.isnan(sure.depth[unsure]).all() and not sure.source[unsure].any()
    assert np.array_equal(sure.depth[~unsure], completion.depth[~unsure])
    assert not np.isnan(completion.depth).any(), "the completion itself was changed"


def test_a_completer_takes_a_frame_as_well():
    camera = Camera(120, 90, [[100, 0, 60], [0, 100, 45], [0, 0, 1]])
    points = np.array([[0, 0, 5], [1, 0.5, 8]], np.float32)
    frame = Frame(camera=camera, points=points, T_cam_lidar=np.eye(4))
    assert set(np.unique(create_completer("nearest")(frame).depth)) == {5, 8}


def test_every_completer_is_described_without_being_made():
    pytest.importorskip("torch", reason="PyTorch is not installed")
    for name in list_completers():
        described = describe_completer(name)
        assert described.summary.endswith(".")
        assert ("device" in options_of(name)) == (name not in CLASSICAL)
    assert describe_completer("linear").variants == ("inverse", "depth")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"name": "magic"}, "Completer 'magic' is unknown; it must be one of default, nearest"),
        ({"name": "linear", "variant": "cubic"}, "must be one of inverse, depth"),
        ({"name": "nearest", "variant": "x"}, "must be left out"),
        ({"name": "nearest", "weights": "w.safetensors"}, "takes no weights"),
        ({"name": "linear", "device": "cuda"}, "runs on the CPU"),
        ({"name": "linear", "precision": "float16"}, "takes no precision, but got 'float16'"),
        ({"name": "nearest", "inner_size": 320}, "takes no inner size, but got 320"),
    ],
)
def test_a_wrong_request_is_refused_with_a_sentence(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        create_completer(**arguments)


def test_an_image_without_sparse_depth_is_refused():
    with pytest.raises(TypeError, match="needs its sparse depth"):
        create_completer("nearest")(np.zeros((4, 4, 3), np.uint8))
