"""Scores of a day: the mean is that of all frames, memory does not grow, and the report is whole."""

from __future__ import annotations

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
from memory import at_most

from depth_completion_ros.core import Metrics
from depth_completion_ros.evaluation.scores import NAMES, RunningScores


def metrics(number: int = 200) -> list[Metrics]:
    random = np.random.default_rng(2)
    values = random.uniform(0, 1000, (number, len(NAMES)))
    values[::7, 0] = np.nan
    made = (dict(zip(NAMES, row.tolist(), strict=True)) for row in values)
    return [Metrics(**row | {"pixels": int(row["pixels"])}) for row in made]


def test_the_running_mean_is_the_mean(tmp_path):
    scores = RunningScores()
    assert scores.mean() is None and list(scores.rows()) == []
    frames = metrics()
    for number, each in enumerate(frames):
        scores.add(number, each)
    expected = asdict(Metrics.mean(frames))
    assert asdict(scores.mean()) == pytest.approx(expected, rel=1e-12)
    assert len(scores) == 200 and [stamp for stamp, _ in scores.recent] == list(range(100, 200))


def test_what_is_never_known_has_no_mean():
    scores = RunningScores()
    scores.add(1, Metrics(*[math.nan] * 8, pixels=0, coverage=math.nan))
    assert math.isnan(scores.mean().rmse_mm) and scores.mean().pixels == 0


def test_the_report_has_every_frame(tmp_path):
    scores, frames = RunningScores(tmp_path), metrics()
    for number, each in enumerate(frames):
        scores.add(10**18 + number, each)
    scores.write_json(tmp_path / "report.json", {"mode": "hide"})
    written = json.loads((tmp_path / "report.json").read_text())
    assert list(written) == ["mode", "mean", "per_frame"]
    assert [row["stamp"] for row in written["per_frame"]] == [10**18 + n for n in range(200)]
    assert written["per_frame"][3] == {"stamp": 10**18 + 3} | asdict(frames[3])
    assert written["per_frame"][7]["rmse_mm"] is None
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]


def test_a_report_without_a_frame_is_json_too(tmp_path):
    RunningScores(tmp_path).write_json(tmp_path / "report.json", {})
    assert json.loads((tmp_path / "report.json").read_text()) == {"mean": None, "per_frame": []}


@pytest.mark.parametrize("reported", [False, True])
def test_a_day_of_frames_takes_no_memory_and_its_mean_no_time(tmp_path, reported):
    scores = RunningScores(tmp_path if reported else None)
    (one,) = metrics(1)
    for number in range(200):
        scores.add(number, one)
    with at_most(3):
        for number in range(50_000):
            scores.add(number, one)
            if not number % 10:
                scores.mean()
        if reported:
            scores.write_json(tmp_path / "report.json", {})


def test_a_disk_that_is_full_is_told_and_the_mean_goes_on(tmp_path, monkeypatch):
    scores = RunningScores(tmp_path)

    class Full:
        def write(self, data):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(scores, "_kept", Full())
    for number, each in enumerate(metrics(3)):
        scores.add(number, each)
    assert scores.trouble.startswith("From frame 1 on, frames could not be kept: [Errno 28] No space")
    assert len(scores) == 3 and scores.mean().mae_mm > 0
