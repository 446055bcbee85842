"""A prior that runs on some frames, and the completer made of a prior."""

import numpy as np
import pytest
from synthetic import SHAPE, camera_image, points_of, slope

from depth_completion_ros import Frame, SparseDepth, create_completer
from depth_completion_ros.completion import Source
from depth_completion_ros.completion.prior import MonocularPrior, PriorSchedule
from depth_completion_ros.completion.prior.completer import AlignedPrior


class Sequence(MonocularPrior):
    """Gives 1, 2, 3 ... and counts how often it ran."""

    def __init__(self, space="metric"):
        super().__init__("sequence", "Apache-2.0", space)
        self.runs = 0

    def _predict(self, image, name):
        self.runs += 1
        return np.full(image.shape[:2], self.runs, np.float32)


def test_a_schedule_runs_the_prior_on_every_third_frame_and_tells_the_age():
    schedule = PriorSchedule(Sequence(), every=3)
    seen = [schedule.predict(camera_image()) for _ in range(7)]
    assert [int(plane[0, 0]) for plane, _ in seen] == [1, 1, 1, 2, 2, 2, 3]
    assert [age for _, age in seen] == [0, 1, 2, 0, 1, 2, 0]


def test_a_schedule_starts_anew_when_the_size_changes():
    schedule = PriorSchedule(Sequence(), every=5)
    schedule.predict(camera_image())
    prediction, age = schedule.predict(camera_image((30, 40)))
    assert prediction.shape == (30, 40) and age == 0


def test_after_forgetting_the_prior_looks_at_the_next_frame():
    prior = Sequence()
    completer, sparse = AlignedPrior(prior, prior_every=9), SparseDepth(np.zeros(SHAPE, np.float32))
    completer(camera_image(), sparse)
    completer(camera_image(), sparse)
    completer.forget()
    assert completer(camera_image(), sparse).depth[0, 0] == prior.runs == 2


def test_a_schedule_that_never_runs_is_refused():
    with pytest.raises(ValueError, match="must be 1 or more"):
        PriorSchedule(Sequence(), every=0)


class Truth(MonocularPrior):
    """Knows the depth that it is made of, but neither scale nor shift, and nothing of the first row."""

    def __init__(self, depth):
        super().__init__("truth", "Apache-2.0", "disparity")
        self.depth = depth

    def _predict(self, image, name):
        prediction = (1 / self.depth + 0.1) / 3
        prediction[0] = np.inf
        return prediction


@pytest.mark.parametrize("local", [True, False])
def test_an_aligned_prior_gives_metres_where_it_knows_and_keeps_what_is_measured(local):
    depth = slope()
    sparse = points_of(depth, 160)
    wrong = sparse.depth > 0
    sparse.depth[30][wrong[30]] = 70  # an obstacle that the prior does not see
    before = sparse.depth.copy()
    completion = AlignedPrior(Truth(depth), local=local)(camera_image(), sparse)
    measured = before > 0
    assert np.array_equal(sparse.depth, before), "the input was changed"
    assert np.array_equal(completion.depth[measured], before[measured])
    assert np.isnan(completion.depth[0][~measured[0]]).all()
    inferred = ~measured
    inferred[0] = False
    assert np.allclose(completion.depth[inferred], depth[inferred], rtol=0.01)
    assert (completion.source[inferred] == Source.PRIOR).all()
    assert (completion.source[measured] == Source.MEASURED).all()
    assert (completion.source[0][~measured[0]] == Source.UNKNOWN).all()
    assert (completion.confidence[measured] == 1).all()
    assert (completion.confidence[0][~measured[0]] == 0).all()
    assert ((completion.confidence[inferred] > 0) & (completion.confidence[inferred] < 1)).all()
    for plane, dtype in zip(
        (completion.depth, completion.confidence, completion.source),
        (np.float32, np.float32, np.uint8),
        strict=True,
    ):
        assert plane.dtype == dtype and plane.shape == SHAPE


def test_confidence_falls_with_distance_and_with_a_prior_that_does_not_fit():
    depth = slope()
    sparse = points_of(depth, 160)
    sparse.depth[:, 45:] = 0
    good = AlignedPrior(Truth(depth))(camera_image(), sparse)
    noise = np.exp(0.3 * np.random.default_rng(1).normal(size=SHAPE))
    bad = AlignedPrior(Truth(depth * noise))(camera_image(), sparse)
    free = (sparse.depth == 0) & (np.arange(SHAPE[0])[:, None] > 0)
    assert good.confidence[free[:, :45].nonzero()].mean() > good.confidence[1:, 80:].mean()
    assert bad.confidence[free].mean() < 0.7 * good.confidence[free].mean()


def test_without_points_a_relative_prior_knows_nothing_and_a_metric_one_is_unsure():
    nothing = SparseDepth(np.zeros(SHAPE, np.float32))
    relative = AlignedPrior(Truth(slope()))(camera_image(), nothing)
    assert np.isnan(relative.depth).all() and not relative.source.any() and not relative.confidence.any()
    metric = AlignedPrior(Sequence())(camera_image(), nothing)
    assert (metric.depth == 1).all() and (metric.source == Source.PRIOR).all()
    assert ((metric.confidence > 0) & (metric.confidence < 0.1)).all()


def test_without_an_image_only_what_is_measured_is_known():
    sparse = points_of(slope(), 160)
    completion = AlignedPrior(Truth(slope()))(None, sparse)
    assert np.array_equal(np.isfinite(completion.depth), sparse.depth > 0)


@pytest.mark.parametrize("number", [1, 2, 3, SHAPE[0] * SHAPE[1]])
def test_any_number_of_points_is_answered(number):
    depth = slope()
    keep = np.random.default_rng(number).permutation(depth.size) < number
    sparse = SparseDepth(np.where(keep.reshape(SHAPE), depth, 0).astype(np.float32))
    completion = AlignedPrior(Truth(depth))(camera_image(), sparse)
    # One point tells the scale alone, so that the shift stays; two tell both.
    np.testing.assert_allclose(completion.depth[1:], depth[1:], rtol=0.35 if number == 1 else 1e-5)
    np.testing.assert_array_equal(completion.depth.ravel()[keep], depth.ravel()[keep])


def test_a_frame_s_name_reaches_a_folder_of_maps_and_the_report_tells_of_the_prior(tmp_path):
    depth = slope()
    np.save(tmp_path / "frame_7.npy", depth)
    completer = AlignedPrior(f"{tmp_path}@metric", prior_every=2)
    frame = Frame(
        camera=None, image=camera_image(), sparse_depth=points_of(2 * depth, 160).depth, name="frame_7"
    )
    assert np.allclose(completer(frame).depth, 2 * depth, rtol=1e-3)
    frame.name = "frame_8"
    completer(frame)
    report = completer.report()
    assert report["scale"] == pytest.approx(2) and report["age of the prior (frames)"] == 1
    assert report["licence of the prior"] == "unknown (your file)"


@pytest.mark.parametrize("prior", [None, "", "none"])
def test_the_completer_needs_a_prior(prior):
    with pytest.raises(ValueError, match="needs a prior: one of depth_anything_v2_small"):
        AlignedPrior(prior)


class Greedy(MonocularPrior):
    """Asks for more memory than there is."""

    def __init__(self):
        super().__init__("greedy", "Apache-2.0", "metric")

    def _predict(self, image, name):
        torch = pytest.importorskip("torch", reason="PyTorch is not installed")
        return torch.empty(2**50, dtype=torch.uint8).numpy()


def test_when_the_prior_finds_no_memory_linear_completion_stands_in_and_it_is_told():
    completer, sparse = AlignedPrior(Greedy()), SparseDepth(np.zeros(SHAPE, np.float32))
    sparse.depth[::7, ::9] = 5
    expected = create_completer("linear")(camera_image(), sparse)
    for _ in range(2):
        assert np.array_equal(completer(camera_image(), sparse).depth, expected.depth)
    assert completer.degradations == ["Out of memory in the prior; from now on linear completion stands in."]
