"""The propagation of PSD as a completer."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from synthetic import camera_image, points_of, slope  # noqa: E402

from depth_completion_ros import Camera, Frame, SparseDepth, create_completer  # noqa: E402
from depth_completion_ros.completion import Source  # noqa: E402
from depth_completion_ros.completion.prior import MonocularPrior, PriorOutput  # noqa: E402
from depth_completion_ros.completion.psd.classical import PropagationCompleter  # noqa: E402
from depth_completion_ros.completion.psd.diffusion import diffuse  # noqa: E402
from depth_completion_ros.core import compute_metrics  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")
SHAPE = (60, 90)
CAMERA = Camera(SHAPE[1], SHAPE[0], [[90, 0, 45], [0, 90, 30], [0, 0, 1]])


class Seeing(MonocularPrior):
    """Knows the disparity of a scene up to scale and shift; its features are two classes of it."""

    feature_channels = (2,)

    def __init__(self, depth: np.ndarray, space: str = "disparity"):
        super().__init__("seeing", "Apache-2.0", space)
        self.disparity = torch.from_numpy(3 / depth + 0.5)[None, None]

    def _predict(self, image, name):
        return self.disparity[0, 0].numpy()

    def predict_with_features(self, pixels):
        near = (self.disparity > self.disparity.median()).float()
        features = torch.cat([near + 0.01, 1.01 - near], dim=1)
        return PriorOutput(self.disparity, (features,))


class Blind(Seeing):
    """Has no features."""

    feature_channels = ()

    def predict_with_features(self, pixels):
        return MonocularPrior.predict_with_features(self, pixels)


def step() -> tuple[np.ndarray, np.ndarray]:
    """A near object before a far wall, and the image of it."""
    depth, image = np.full(SHAPE, 9, np.float32), np.full((*SHAPE, 3), 60, np.uint8)
    depth[15:45, 30:60], image[15:45, 30:60] = 3, (200, 120, 40)
    return depth, image


PRIORS = {"none": lambda _: None, "with features": Seeing, "without features": Blind}


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("number", [1, 2, 3, 150, SHAPE[0] * SHAPE[1]])
def test_any_number_of_points_is_answered_within_what_was_measured(prior, number):
    sparse = points_of(slope(), number)
    before = sparse.depth.copy()
    completion = PropagationCompleter(PRIORS[prior](slope())).complete(camera_image(), sparse, CAMERA)
    measured = sparse.depth > 0
    assert np.array_equal(sparse.depth, before), "the input was changed"
    assert np.array_equal(completion.depth[measured], before[measured])
    if prior != "without features":  # what aligns one may lie beyond
        least, most = before[measured].min(), before[measured].max()
        assert (completion.depth >= least - 1e-3).all() and (completion.depth <= most + 1e-3).all()
    assert (completion.depth > 0).all() and np.isfinite(completion.depth).all()
    assert completion.confidence.min() > 0 and completion.confidence.max() == 1
    assert np.array_equal(completion.source == Source.MEASURED, measured)
    assert (completion.source[~measured] == Source.PROPAGATED).all()


@pytest.mark.parametrize("prior", PRIORS)
def test_without_a_point_all_is_unknown(prior):
    completer = PropagationCompleter(PRIORS[prior](slope()))
    completion = completer.complete(camera_image(), SparseDepth(np.zeros(SHAPE, np.float32)), CAMERA)
    assert (
        np.isnan(completion.depth).all() and not completion.confidence.any() and not completion.source.any()
    )


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (3, 2), (5, 7), (61, 33)])
@pytest.mark.parametrize("prior", PRIORS)
def test_images_of_any_size_are_answered(prior, shape):
    completer = PropagationCompleter(PRIORS[prior](slope(shape)))
    completion = completer.complete(np.zeros((*shape, 3), np.uint8), points_of(slope(shape), 1))
    assert completion.depth.shape == shape and np.isfinite(completion.depth).all()


@pytest.mark.parametrize("prior", PRIORS)
def test_points_in_a_row_and_points_of_one_depth_are_answered(prior):
    sparse = np.zeros(SHAPE, np.float32)
    sparse[20, ::5] = 4
    completion = PropagationCompleter(PRIORS[prior](slope())).complete(
        camera_image(), SparseDepth(sparse), CAMERA
    )
    if prior != "without features":
        np.testing.assert_allclose(completion.depth, 4, rtol=1e-4)
    sparse[20, ::5] = np.linspace(3, 6, 18)
    completion = PropagationCompleter(PRIORS[prior](slope())).complete(
        camera_image(), SparseDepth(sparse), CAMERA
    )
    assert np.isfinite(completion.depth).all()


def test_the_image_tells_where_a_near_object_ends():
    depth, image = step()
    sparse = points_of(depth, 60)
    errors = {
        name: compute_metrics(create_completer(name).complete(image, sparse, CAMERA).depth, depth)
        for name in ("propagation", "linear", "nearest")
    }
    assert errors["propagation"].mae_mm < 0.5 * errors["linear"].mae_mm
    assert errors["propagation"].rmse_mm < 0.7 * min(errors["linear"].rmse_mm, errors["nearest"].rmse_mm)


def test_features_tell_it_too():
    depth, image = step()
    sparse = points_of(depth, 60)
    grey = np.full_like(image, 90)
    by_features = PropagationCompleter(Seeing(depth)).complete(grey, sparse, CAMERA).depth
    by_nothing = PropagationCompleter().complete(grey, sparse, CAMERA).depth
    errors = [compute_metrics(found, depth).mae_mm for found in (by_features, by_nothing)]
    assert errors[0] < 0.8 * errors[1]


def test_a_plane_stays_one_whatever_its_image():
    """Inverse depth of a plane is linear, and so is every mean of pixels that lie evenly around it."""
    v, u = np.mgrid[: SHAPE[0], : SHAPE[1]]
    plane = (1 / (0.1 + 0.001 * u + 0.002 * v)).astype(np.float32)
    sparse = SparseDepth(np.where((u % 6 == 1) & (v % 6 == 1), plane, 0).astype(np.float32))
    found = PropagationCompleter().complete(np.zeros((*SHAPE, 3), np.uint8), sparse, CAMERA).depth
    inside = found[8:-8, 8:-8] / plane[8:-8, 8:-8] - 1
    assert np.abs(inside).max() < 0.05


def test_every_step_is_a_mean_of_what_was_there():
    torch.manual_seed(0)
    start, colours = 0.1 + torch.rand(2, 1, 20, 31), 100 * torch.rand(2, 3, 20, 31)
    measured = torch.where(torch.rand(2, 1, 20, 31) < 0.1, start, 0)
    given = start, torch.rand(2, 1, 20, 31), measured, colours
    found = diffuse(*given)
    assert torch.equal(found[measured > 0], measured[measured > 0])
    for image, before in zip(found, start, strict=True):
        assert image.min() >= before.min() - 1e-5 and image.max() <= before.max() + 1e-5
    torch.testing.assert_close(diffuse(*(x[1:] for x in given)), found[1:])


def test_the_start_stays_the_more_the_surer_it_is():
    torch.manual_seed(0)
    start, colours = 0.1 + torch.rand(1, 1, 20, 31), torch.zeros(1, 3, 20, 31)
    measured = torch.zeros_like(start)
    sure, unsure = (diffuse(start, torch.full_like(start, trust), measured, colours) for trust in (1, 0))
    assert (sure - start).square().mean() < (unsure - start).square().mean()
    assert unsure.std() < 0.2 * start.std()


def test_a_frame_is_completed_and_its_prior_reported():
    points = np.array([[x, y, z] for z in (4, 6, 9) for x in (-1, 0, 2) for y in (-0.5, 0.5)], np.float32)
    frame = Frame(camera=CAMERA, image=camera_image(), points=points, T_cam_lidar=np.eye(4))
    completer = create_completer("propagation", device="cpu")
    completer.warm_up(*SHAPE)
    assert np.isfinite(completer(frame).depth).all()
    assert completer.report() == {"prior": "none: linear completion in its place"}
    assert PropagationCompleter(Seeing(slope())).report()["prior"] == "seeing"
    grey = completer.complete(camera_image()[..., 0], points_of(slope(), 50))
    none = completer.complete(None, points_of(slope(), 50))
    assert np.isfinite(grey.depth).all() and np.isfinite(none.depth).all()


def test_when_memory_runs_out_linear_completion_stands_in():
    class Greedy(Seeing):
        def predict_with_features(self, pixels):
            raise torch.OutOfMemoryError("out of memory")

    truth = slope(SHAPE)
    completer, sparse = PropagationCompleter(Greedy(truth)), points_of(truth, 200)
    for _ in range(2):
        depth = completer.complete(camera_image(SHAPE), sparse, CAMERA).depth
        np.testing.assert_array_equal(depth, create_completer("linear").complete(None, sparse).depth)
    assert completer.degradations == [
        "Out of memory in 'propagation'; from now on linear completion stands in."
    ]


def test_an_image_of_another_size_is_told():
    with pytest.raises(ValueError, match=r"'propagation' got an image of uint8 \(30, 90, 3\); it must be"):
        create_completer("propagation").complete(camera_image((30, 90)), points_of(slope(SHAPE), 9))
