"""Every completer with a network, whole and broken.

A network that gives NaN or zeros fails the checks of quality here, and its completion says that it knows
nothing but what was measured.
"""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from synthetic import camera_image, points_of, slope  # noqa: E402
from test_transformers_prior import save_depth_anything  # noqa: E402

from depth_completion_ros import Camera, create_completer  # noqa: E402
from depth_completion_ros.completion import Source  # noqa: E402
from depth_completion_ros.completion.diffusion.paste_back import paste_back  # noqa: E402
from depth_completion_ros.completion.prior import MonocularPrior, PriorOutput  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")
SHAPE = (41, 70)
IMAGE, TRUTH = camera_image(SHAPE), slope(SHAPE)
SPARSE = points_of(TRUTH, 150)
REST = SPARSE.depth == 0
CAMERA = Camera(SHAPE[1], SHAPE[0], [[60, 0, 35], [0, 60, 20], [0, 0, 1]])
BROKEN = [np.nan, 0.0]
SHIPPED = ["default", "mspn_lite"]
RANDOM = ["mspn", "bpnet", "psd", "depthlab", "marigold_dc"]
"""Completers without weights in the package: they are random here, but what runs must be their network."""
OPTIONS = {"depthlab": {"steps": 2}, "marigold_dc": {"steps": 1, "side": 64}}


@pytest.fixture
def make(request, tmp_path):
    """Makes a completer by its name."""

    def made(name: str):
        options = dict(OPTIONS.get(name, {}))
        if name in ("depthlab", "marigold_dc"):
            pytest.importorskip("diffusers", reason="diffusers is not installed")
        if name in ("psd", "depthlab"):
            pytest.importorskip("transformers", reason="transformers is not installed")
        if name == "psd":
            save_depth_anything(tmp_path)
            options |= {"prior": str(tmp_path), "prior_side": 56}
        if name == "mspn":
            return request.getfixturevalue("mspn")()
        return create_completer(name, device="cpu", **options)

    return made


def break_network(completer, value: float) -> None:
    """Let the network give this number at every pixel."""
    runner = completer.runner
    completer.runner = lambda *given, **known: np.full_like(runner(*given, **known), value)


def depth_by_definition(completer) -> np.ndarray:
    """Depth of the network as it is defined and stored, without what makes it faster."""
    completer.inference_network = completer.network
    mean, std = (np.array(values, np.float32) for values in (completer.mean, completer.std))
    rgb = torch.from_numpy((IMAGE / np.float32(255) - mean) / std).permute(2, 0, 1)[None]
    planes = [SPARSE.depth, *completer.planes(IMAGE, SPARSE, CAMERA, "")]
    with torch.no_grad():
        depth, _ = completer.forward(rgb, *(torch.from_numpy(x)[None, None] for x in planes), points=150)
    depth = depth[0, 0].float().numpy()
    return paste_back(depth, SPARSE.depth) if hasattr(completer, "sampling") else depth


def assert_depth_is_true(completion) -> None:
    error = np.abs(completion.depth / TRUTH - 1)[REST]
    assert np.isfinite(error).mean() > 0.99 and np.nanmean(error) < 0.02  # a network may see sky


def assert_depth_is_that_of_the_network(completion, expected: np.ndarray) -> None:
    possible = REST & (expected > 1e-2)  # random weights give depth below 0, too
    assert possible.mean() > 0.1
    error = np.abs(completion.depth / expected - 1)[possible]
    assert np.isfinite(error).mean() > 0.99 and np.nanmedian(error) < 1e-3


def assert_only_what_is_measured_is_known(completion) -> None:
    assert np.isnan(completion.depth[REST]).all() and not completion.confidence[REST].any()
    assert (completion.source[REST] == Source.UNKNOWN).all()
    np.testing.assert_array_equal(completion.depth[~REST], SPARSE.depth[~REST])
    assert (completion.source[~REST] == Source.MEASURED).all()


# Networks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHIPPED)
def test_depth_of_trained_weights_is_near_the_truth(make, name):
    assert_depth_is_true(make(name).complete(IMAGE, SPARSE, CAMERA))


@pytest.mark.parametrize("name", RANDOM)
def test_depth_is_that_of_the_network_as_it_is_defined(make, name):
    completion = make(name).complete(IMAGE, SPARSE, CAMERA)
    assert_depth_is_that_of_the_network(completion, depth_by_definition(make(name)))


@pytest.mark.parametrize("value", BROKEN)
@pytest.mark.parametrize("name", SHIPPED + RANDOM)
def test_a_broken_network_fails_these_tests_and_knows_only_what_is_measured(make, name, value):
    completer = make(name)
    break_network(completer, value)
    completion = completer.complete(IMAGE, SPARSE, CAMERA)
    assert_only_what_is_measured_is_known(completion)
    with pytest.raises(AssertionError):
        assert_depth_is_true(completion)
    if name in RANDOM:
        with pytest.raises(AssertionError):
            assert_depth_is_that_of_the_network(completion, depth_by_definition(make(name)))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_broken_foundation_model_of_psd_leaves_only_what_is_measured(make, value, monkeypatch):
    completer = make("psd")
    predict = completer.prior.predict_with_features
    monkeypatch.setattr(
        completer.prior, "predict_with_features", lambda pixels: broken(predict(pixels), value)
    )
    assert_only_what_is_measured_is_known(completer.complete(IMAGE, SPARSE, CAMERA))


# Priors --------------------------------------------------------------------------------------------


STEP = np.full((60, 90), 9, np.float32)
STEP[15:45, 30:60] = 3
"""Depth of a near object before a wall."""


def broken(output: PriorOutput, value: float) -> PriorOutput:
    return PriorOutput(
        torch.full_like(output.prediction, value), tuple(torch.full_like(x, value) for x in output.features)
    )


class Known(MonocularPrior):
    """Knows the disparity of a scene up to scale and shift, with two classes as features; or is broken."""

    feature_channels = (2,)

    def __init__(self, depth: np.ndarray, value: float | None = None):
        super().__init__("known", "MIT", "disparity")
        self.disparity, self.value = torch.from_numpy(3 / depth + 0.5)[None, None], value

    def predict_with_features(self, pixels):
        near = (self.disparity > self.disparity.median()).float()
        output = PriorOutput(self.disparity, (torch.cat([near + 0.01, 1.01 - near], dim=1),))
        return output if self.value is None else broken(output, self.value)

    def _predict(self, image, name):
        return self.predict_with_features(None).prediction[0, 0].numpy()


def test_depth_of_a_prior_that_knows_it_is_near_the_truth():
    assert_depth_is_true(create_completer("prior", prior=Known(TRUTH)).complete(IMAGE, SPARSE))


@pytest.mark.parametrize("value", BROKEN)
def test_a_broken_prior_fails_this_test_and_knows_only_what_is_measured(value):
    completion = create_completer("prior", prior=Known(TRUTH, value)).complete(IMAGE, SPARSE)
    assert_only_what_is_measured_is_known(completion)
    with pytest.raises(AssertionError):
        assert_depth_is_true(completion)


def propagated(prior: MonocularPrior | None) -> np.ndarray:
    """Depth of `STEP` on an image of one colour."""
    image, camera = (
        np.full((*STEP.shape, 3), 90, np.uint8),
        Camera(90, 60, [[90, 0, 45], [0, 90, 30], [0, 0, 1]]),
    )
    completer = create_completer("propagation", prior=prior)
    return completer.complete(image, points_of(STEP, 60), camera).depth


def assert_features_help(depth: np.ndarray) -> None:
    assert np.abs(depth - STEP).mean() < 0.8 * np.abs(propagated(None) - STEP).mean()


def test_features_help_the_propagation():
    assert_features_help(propagated(Known(STEP)))


@pytest.mark.parametrize("value", BROKEN)
def test_with_a_broken_prior_the_propagation_fails_this_test_and_stays_within_what_was_measured(value):
    depth = propagated(Known(STEP, value))
    assert np.isfinite(depth).all() and depth.min() >= 3 - 1e-4 and depth.max() <= 9 + 1e-4
    if np.isnan(value):
        np.testing.assert_array_equal(depth, propagated(None))
    with pytest.raises(AssertionError):
        assert_features_help(depth)
