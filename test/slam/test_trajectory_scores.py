"""Errors of trajectories by evo, on cases whose errors are known, and what happens without evo."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from depth_completion_ros.core import rigid
from depth_completion_ros.slam.scores import score_paths
from depth_completion_ros.slam.trajectory import Trajectory

TURN = np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]])


def line() -> np.ndarray:
    """Positions a metre apart along x, with two bends."""
    z = np.array([0, 0, 1, 1, 1, 1, 0, 0])
    return np.stack([np.arange(8), np.zeros(8), z], axis=1).astype(float)


def written(path, positions, chosen=None):
    """TUM file of poses at these positions without turns, of all or some frames."""
    poses = [rigid(np.eye(3), position) for position in positions]
    chosen = range(len(poses)) if chosen is None else chosen
    stamps = [10**9 * 1_700_000_000 + 100_000_000 * n for n in chosen]
    return Trajectory.of(stamps, [poses[n] for n in chosen]).write(path)


@pytest.fixture
def reference(tmp_path):
    return written(tmp_path / "reference.tum", line())


def scored(reference, *files):
    if find_spec("evo") is None:
        pytest.skip("evo is not installed (extra slam)")
    return score_paths(reference, files)


def test_a_trajectory_seen_from_elsewhere_has_no_error(reference, tmp_path):
    elsewhere = rigid(TURN, [5, 6, 7])
    poses = [elsewhere @ rigid(np.eye(3), position) for position in line()]
    stamps = [10**9 * 1_700_000_000 + 100_000_000 * n for n in range(8)]
    (score,) = scored(reference, Trajectory.of(stamps, poses).write(tmp_path / "a.tum"))
    assert score.ate_m == pytest.approx(0, abs=1e-7) and score.rpe_m == pytest.approx(0, abs=1e-7)
    assert score.rpe_deg == pytest.approx(0, abs=1e-4) and score.scale == pytest.approx(1)
    assert score.pairs == 8


def test_errors_of_known_size_are_told_as_such(reference, tmp_path):
    """Off to both sides by 10 cm, such that no rigid motion fits better."""
    sides = np.array([1, -1, -1, 1, 1, -1, -1, 1]) * 0.1
    positions = line()
    positions[:, 1] = sides
    (score,) = scored(reference, written(tmp_path / "a.tum", positions))
    assert score.ate_m == pytest.approx(0.1, abs=1e-6) and score.ate_max_m == pytest.approx(0.1, abs=1e-6)
    assert score.rpe_m == pytest.approx(np.sqrt(np.mean(np.diff(sides) ** 2)), abs=1e-6)


def test_half_the_size_is_no_small_error(reference, tmp_path):
    positions = 0.5 * line()
    (score,) = scored(reference, written(tmp_path / "a.tum", positions))
    assert score.scale == pytest.approx(2)
    steps, spread = np.diff(line(), axis=0), line() - line().mean(axis=0)
    assert score.rpe_m == pytest.approx(0.5 * np.sqrt(np.mean((steps**2).sum(axis=1))))
    assert score.ate_m == pytest.approx(0.5 * np.sqrt(np.mean((spread**2).sum(axis=1))))


def test_standing_still_where_one_should_move_is_an_error_from_the_start(reference, tmp_path):
    (score,) = scored(reference, written(tmp_path / "a.tum", 0 * line()))
    assert score.ate_m == pytest.approx(np.sqrt(np.mean((line() ** 2).sum(axis=1)))) and score.scale is None


def test_only_frames_that_both_have_are_compared_and_less_than_three_are_not(reference, tmp_path):
    some = written(tmp_path / "some.tum", line(), [1, 2, 5])
    few = written(tmp_path / "few.tum", line(), [1, 2])
    none = written(tmp_path / "none.tum", line(), [])
    scores = scored(reference, some, few, none)
    assert scores[0].pairs == 3 and scores[0].ate_m == pytest.approx(0, abs=1e-7)
    assert scores[1:] == [None, None]


def test_without_evo_a_sentence_says_what_to_install(reference, bare_python):
    with pytest.raises(
        ChildProcessError, match=r"evo cannot be imported .*: pip install \"depth-completion-ros"
    ):
        score_paths(reference, [reference], bare_python)


def test_a_failure_of_evo_is_one_sentence(reference, program):
    with pytest.raises(ChildProcessError, match=r"^evo failed on .*: RuntimeError: broken\.$"):
        score_paths(reference, [reference], program("raise RuntimeError('broken')"))
