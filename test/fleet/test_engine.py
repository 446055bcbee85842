"""Processes that do stretches, and are killed while they do."""

from __future__ import annotations

import os
import socket
import sys
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from killing import KilledJob

from depth_completion_ros.fleet.job import Completers
from depth_completion_ros.fleet.run import Fleet, run_fleet
from depth_completion_ros.fleet.workers.crew import Crew
from depth_completion_ros.fleet.workers.engine import WorkerLost, ready
from depth_completion_ros.fleet.workers.processes import ProcessWorker


def run(drives, tmp_path, at, times, workers=2, progress=lambda done, total: None):
    begun = tmp_path / "begun"
    begun.mkdir(exist_ok=True)
    job = KilledJob(begun, at, times)
    found = run_fleet(drives / "monday" / "first", job, tmp_path / "out", Fleet(workers, stretch=2), progress)
    return found, {file.stem: file.read_text().split() for file in begun.iterdir()}


def test_a_killed_worker_costs_its_stretch_alone_which_is_done_again(drives, tmp_path):
    told = []
    found, begun = run(drives, tmp_path, at=2, times=1, progress=lambda *each: told.append(each))
    assert [outcome.content for _, outcome in found.outcomes] == [{"frames": 2}, {"frames": 2}, {"frames": 1}]
    assert found.failures == [] and found.lost == 1
    assert {first: len(each) for first, each in begun.items()} == {"0": 1, "2": 2, "4": 1}
    assert begun["2"][0] != begun["2"][1]
    assert told[0] == (0, 5) and told[-1] == (5, 5) and told == sorted(told)


def test_a_stretch_that_kills_every_worker_is_given_up_and_all_others_are_done(drives, tmp_path):
    found, begun = run(drives, tmp_path, at=0, times=99)
    assert [outcome.content for _, outcome in found.outcomes] == [None, {"frames": 2}, {"frames": 1}]
    (failure,) = found.failures
    assert failure.cause == "worker lost" and failure.where == "first, frames 0 to 1"
    assert len(begun["0"]) == found.lost == 3

    again, begun = run(drives, tmp_path, at=0, times=99)
    assert again.resumed == 2 and len(begun["0"]) == 6 and len(begun["2"]) == len(begun["4"]) == 1


def test_no_worker_is_left_behind(drives, tmp_path):
    _, begun = run(drives, tmp_path, at=99, times=0)
    deadline = time.monotonic() + 10
    left = {int(pid) for each in begun.values() for pid in each}
    while left and time.monotonic() < deadline:
        left = {pid for pid in left if Path(f"/proc/{pid}").exists()}
    assert not left


def test_a_completer_that_cannot_be_made_ends_the_run_with_its_sentence(drives, tmp_path):
    completers = Completers(("linear", "nonsense"))
    job = KilledJob(tmp_path, 99, 0, completers)
    with pytest.raises(ValueError, match="Completer 'nonsense' is unknown"):
        run_fleet(drives, job, tmp_path / "out", Fleet(2), lambda done, total: None)


def test_a_worker_that_is_killed_while_it_has_nothing_to_do_is_lost_as_any_other():
    worker = ProcessWorker(ready(abs))
    worker.begin().result()
    assert worker.do(-1).result() == 1
    worker._process.kill()
    deadline = time.monotonic() + 60
    while not worker._pool._broken and time.monotonic() < deadline:
        time.sleep(0.01)
    with pytest.raises(WorkerLost, match="was killed"):
        worker.do(-1).result()
    worker.end()


def test_workers_that_end_before_they_begin_are_not_started_for_ever():
    with pytest.raises(
        WorkerLost, match=r"^A worker cannot be started, tried 3 times: its process was killed, or"
    ):
        Crew(1).do([0], partial(os._exit, 3), print, print)


def test_the_cluster_that_is_named_is_asked_for_however_many_workers_are_wanted(monkeypatch):
    """Where Ray is not installed too, by what stands for it; test_ray_cluster.py asks the real one."""

    def init(address, **_):
        raise ConnectionError(f"{address} does not answer.")

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(is_initialized=lambda: False, init=init))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(
            ConnectionError, match=rf"^There is no Ray cluster at '{address}' \({address} does"
        ):
            Crew(2, address).do([-1], ready(abs), print, print)


def test_results_of_other_settings_are_not_mixed(drives, tmp_path):
    run(drives, tmp_path, at=99, times=0)
    with pytest.raises(ValueError, match="results of other settings .*at"):
        run(drives, tmp_path, at=98, times=0)


def test_a_drive_that_has_changed_is_done_again(drives, tmp_path):
    run(drives, tmp_path, at=99, times=0)
    image = drives / "monday" / "first" / "frame_0" / "image.png"
    os.utime(image, ns=(1, 1))
    found, begun = run(drives, tmp_path, at=99, times=0)
    assert found.resumed == 0 and {len(each) for each in begun.values()} == {2}
