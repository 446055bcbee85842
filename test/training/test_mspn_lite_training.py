"""MSPN-lite on frames of the generator: its recipe, a batch learnt by heart, a kill, its simulated prior."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("lightning", reason="Lightning is not installed")

from depth_completion_training.callbacks.checkpoints import LAST  # noqa: E402
from depth_completion_training.cli import main  # noqa: E402
from depth_completion_training.data.simulated_prior import SimulatedPrior  # noqa: E402
from depth_completion_training.data.simulator import SimulatedFrames, split_of  # noqa: E402
from depth_completion_training.generation.engine import Recipe, generate  # noqa: E402
from simulated_frame import SIZE, make_frame  # noqa: E402
from test_overfit import losses  # noqa: E402
from test_resume import assert_equal, killed_command  # noqa: E402

from depth_completion_ros.completion.mspn_lite.plane import linear_plane  # noqa: E402
from depth_completion_ros.fleet.workers.crew import Crew  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


# The recipe --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def frames(open3d, tmp_path_factory) -> Path:
    """Two views of each of three scenes; those of scene 22 are for validation."""
    folder = tmp_path_factory.mktemp("frames")
    generate(folder, Recipe(64, 96), range(21, 24), 2, Crew(1), lambda report: None)
    splits = sorted(split_of(file.name) for file in folder.glob("*.npz"))
    assert splits == 4 * ["train"] + 2 * ["val"]
    return folder


def arguments(frames: Path, root: Path, steps: int, *more: str) -> list[str]:
    """Of the command line: the recipe on the CPU, at a small size; the least that is not the recipe's."""
    data = {"folder": frames, "batch_size": 2, "size": "[64, 96]", "workers": 0}
    trainer = {"accelerator": "cpu", "precision": "32-true", "max_steps": steps, "log_every_n_steps": 1}
    given = [f"--data.init_args.{name}={value}" for name, value in data.items()]
    given += [f"--trainer.{name}={value}" for name, value in trainer.items()]
    return ["fit", "--config", "mspn_lite", *given, f"--trainer.default_root_dir={root}", *more]


def test_the_loss_of_one_batch_falls(frames, tmp_path):
    more = ("--trainer.overfit_batches=1", "--trainer.limit_val_batches=0")
    main(arguments(frames, tmp_path, 25, *more))
    found = losses(tmp_path)
    assert len(found) == 25 and np.isfinite(found).all()
    assert np.mean(found[-3:]) < 0.8 * np.mean(found[:3])


def test_a_killed_run_ends_with_the_same_weights(frames, tmp_path):
    def options(root: str, *more: str) -> list[str]:
        often = ("--checkpoints.every_steps=3", "--trainer.val_check_interval=2")
        return arguments(frames, tmp_path / root, 5, *often, *more)

    main(options("whole"))
    killer = "--trainer.callbacks=[{class_path: test_resume.KilledAt, init_args: {step: 4}}]"
    killed_command(options("killed", killer))
    whole, last = (torch.load(tmp_path / root / LAST, weights_only=True) for root in ("whole", "killed"))
    assert (whole["global_step"], last["global_step"]) == (5, 3)
    main(options("killed", "--ckpt_path=last"))
    assert_equal(torch.load(tmp_path / "killed" / LAST, weights_only=True), whole)


def test_an_item_has_the_first_fill_and_a_prior(frames):
    made = SimulatedFrames(frames, "all", (64, 96), prior=SimulatedPrior(share=1), plane=True)
    for index in range(len(made)):
        item = made[index]
        np.testing.assert_array_equal(item["plane"][0], linear_plane(item["sparse"][0].numpy()))
        assert item["prior"].shape == item["plane"].shape == (1, 64, 96) and (item["prior"] > 0).all()


# The simulated prior -----------------------------------------------------------------------------


def scene() -> np.ndarray:
    """A near and a far half with a little texture, an unknown corner, and sky above."""
    depth = np.where(np.arange(SIZE[1]) < SIZE[1] // 2, 3, 24) * np.ones((SIZE[0], 1))
    depth *= np.exp(np.random.default_rng(0).normal(0, 0.01, SIZE))
    depth[:20], depth[-9:, :9] = np.inf, 0
    return depth.astype(np.float32)


def points_of(depth: np.ndarray, count: int) -> np.ndarray:
    known = np.flatnonzero((depth > 0) & np.isfinite(depth))
    sparse = np.zeros_like(depth)
    chosen = np.random.default_rng(1).choice(known, count, replace=False)
    sparse.flat[chosen] = depth.flat[chosen]
    return sparse


def test_a_share_of_the_samples_has_a_prior():
    depth = make_frame().depth[::4, ::4]
    prior, sparse = SimulatedPrior(share=0.3), points_of(depth, 9)
    there = [prior(depth, sparse, np.random.default_rng(seed)).any() for seed in range(600)]
    assert abs(np.mean(there) - 0.3) < 0.06
    rng = np.random.default_rng(0)
    assert not SimulatedPrior(share=0)(depth, sparse, rng).any()
    assert not SimulatedPrior(share=1)(np.zeros_like(depth), sparse, rng).any()


@pytest.mark.parametrize("count", [1, 2, 500])
def test_a_prior_is_known_everywhere_and_aligned_to_the_points(count):
    depth, prior = scene(), SimulatedPrior(share=1)
    sparse = points_of(depth, count)
    hit = sparse > 0
    for seed in range(8):
        found = prior(depth, sparse, np.random.default_rng(seed))
        assert found.dtype == np.float32 and found.shape == depth.shape
        assert np.isfinite(found).all() and (found > 0).all()
        assert np.median(np.log(found[hit] / sparse[hit])) == pytest.approx(0, abs=1e-4)
    again = prior(depth, sparse, np.random.default_rng(7))
    assert np.array_equal(again, found), "it depends on more than its generator"


def test_a_prior_keeps_edges_is_smoothly_wrong_and_has_the_sky_afar():
    depth, prior = scene(), SimulatedPrior(share=1)
    sparse, middle = points_of(depth, 200), SIZE[1] // 2
    wrong = []
    for seed in range(20):
        found = prior(depth, sparse, np.random.default_rng(seed))
        log = np.log(found)
        edge = np.abs(log[40:90, middle + 8] - log[40:90, middle - 9])
        steps = np.abs(np.diff(log[40:90], axis=1))
        flat = np.delete(steps, np.s_[middle - 9 : middle + 8], axis=1)
        assert edge.min() > 1 and np.median(flat) < 0.05 * edge.min()
        assert (found[:15, middle:] > 0.3 * found[40:90, middle:].mean()).all()
        known = (depth > 0) & np.isfinite(depth)
        wrong.append(np.abs(log[known] - np.log(depth[known])).mean())
    assert 0.02 < np.mean(wrong) < 0.5 and np.std(wrong) > 0.01


def test_a_share_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="Simulated prior's share is 2; it must be from 0 to 1."):
        SimulatedPrior(share=2)
