"""Figures and search of bench/rates, on runs whose outcome is known."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).resolve().parents[1] / "bench" / "rates" / "figures.py"
MS = 1_000_000


@pytest.fixture(scope="module")
def figures():
    spec = importlib.util.spec_from_file_location("rates_figures", FILE)
    module = sys.modules["rates_figures"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_of(figures, rate: float, keeps_up_to: float, sent: int = 100):
    """A run through a node that completes so many frames a second at most, 20 ms after each was sent."""
    lost = max(0, round(sent * (1 - keeps_up_to / rate)))
    stamps = [1 + round(i * 1e9 / rate) for i in range(sent)]
    arrived = {stamp: stamp + 20 * MS for stamp in stamps[lost:]}
    return figures.Run(rate, sent, (sent - 1) / rate, arrived, {"completion": 2.0})


def test_a_run_tells_what_was_lost_and_how_late_the_rest_was(figures):
    found = run_of(figures, 10.0, 9.0).figures()
    assert (found["sent"], found["received"], found["lost_share"]) == (100, 90, pytest.approx(0.1))
    assert found["latency_p50_ms"] == found["latency_max_ms"] == pytest.approx(20)
    assert found["rate_received"] == pytest.approx(10) and found["rate_sent"] == pytest.approx(10)
    assert found["jitter_max_ms"] == pytest.approx(0, abs=1e-3)
    assert found["cpu_ms_a_frame_of_completion"] == 20


def test_jitter_is_how_much_an_interval_differs_from_the_next(figures):
    arrived = {stamp: stamp * MS for stamp in (100, 200, 330, 400)}
    found = figures.Run(10.0, 4, 0.3, arrived).figures()
    assert (found["jitter_mean_ms"], found["jitter_max_ms"]) == (45, 60)


@pytest.mark.parametrize("most", [2.4, 9.7, 10.0, 23.0, 50.0])
def test_the_largest_rate_loses_less_than_one_frame_in_twenty(figures, most):
    best, tried = figures.largest_rate(lambda rate: run_of(figures, rate, most), 2.0, 60.0)
    assert run_of(figures, best, most).is_sustained
    assert not run_of(figures, best + figures.STEP_HZ, most).is_sustained
    assert len(tried) < 12


def test_nothing_is_kept_up_with_where_the_lowest_rate_is_too_much(figures):
    assert figures.largest_rate(lambda rate: run_of(figures, rate, 1.0), 2.0, 60.0)[0] == 0


def test_a_rate_at_which_the_playback_cannot_send_does_not_count(figures):
    run = run_of(figures, 10.0, 20.0)
    assert run.is_sustained
    run.seconds *= 1.1
    assert not run.is_sustained


def test_of_five_runs_the_best_and_the_worst_are_left_out(figures):
    runs = [{"latency": value} for value in (1.0, 100.0, 3.0, 2.0, 4.0)]
    assert figures.without_extremes(runs) == {"latency": 3.0}
    assert figures.without_extremes(runs[:3]) == {"latency": pytest.approx(104 / 3)}
