"""A real Ray cluster of two nodes on this machine, whose workers are killed."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from killing import KilledJob
from test_cli import run as command
from test_commands import files

from depth_completion_ros.extras.open3d import import_open3d
from depth_completion_ros.fleet.run import Fleet, run_fleet
from depth_completion_ros.fleet.workers.crew import Crew
from depth_completion_ros.fleet.workers.engine import ready

ray = pytest.importorskip("ray", reason="Ray is not installed")


@pytest.fixture(scope="module")
def cluster():
    """Two nodes with a CPU each; its address."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    cluster.add_node(num_cpus=1)
    paths = [str(Path(__file__).parent), *(path for path in sys.path if path)]
    environment = {"env_vars": {"PYTHONPATH": ":".join(dict.fromkeys(paths))}}
    ray.init(address=cluster.address, runtime_env=environment, log_to_driver=False, logging_level="ERROR")
    yield cluster
    ray.shutdown()
    cluster.shutdown()


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:1", "ray://127.0.0.1:1"])
def test_a_cluster_that_is_not_there_is_not_replaced_by_another(address):
    """First, as nothing may be connected; nothing listens at port 1."""
    assert not ray.is_initialized()
    with pytest.raises(ConnectionError, match=f"^There is no Ray cluster at '{address}' "):
        Crew(2, address).do([-1], ready(abs), print, print)
    assert not ray.is_initialized()


def test_a_cluster_writes_what_processes_write(cluster, drives, tmp_path):
    evaluate = "evaluate", drives, "-c", "linear", "-p", "truth", "--stretch", 2
    for name, how in (("ray", ("--ray", cluster.address)), ("processes", ("--workers", 1))):
        code, _, error = command(*evaluate, *how, "-o", tmp_path / name)
        assert code == 0, error
    by_ray, by_processes = (
        {
            file: content
            for file, content in files(tmp_path / name).items()
            if file.startswith(("metrics", "fleet"))
        }
        for name in ("ray", "processes")
    )
    assert by_ray == by_processes and len(by_ray) == 4


def test_a_killed_actor_costs_its_stretch_alone(cluster, drives, tmp_path):
    begun = tmp_path / "begun"
    begun.mkdir()
    job, fleet = KilledJob(begun, at=2, times=1), Fleet(None, cluster.address, 2)
    found = run_fleet(drives / "monday" / "first", job, tmp_path / "out", fleet, lambda done, total: None)
    assert [outcome.content for _, outcome in found.outcomes] == [{"frames": 2}, {"frames": 2}, {"frames": 1}]
    assert found.workers == 2 and found.lost == 1 and found.failures == []
    times = {file.stem: len(file.read_text().split()) for file in begun.iterdir()}
    assert times == {"0": 1, "2": 2, "4": 1}


def test_a_cluster_generates_the_frames_that_processes_generate(cluster, tmp_path, monkeypatch):
    """Relative paths too mean what they mean to who starts it."""
    generation = pytest.importorskip("depth_completion_training.generation.engine")
    try:
        import_open3d()
    except ModuleNotFoundError:
        pytest.skip("Open3D is not installed")
    recipe = generation.Recipe(48, 64, scans=1, outdoor=0.5)
    monkeypatch.chdir(tmp_path)
    for name, crew in (("ray", Crew(2, cluster.address)), ("processes", Crew(1))):
        reports = []
        generation.generate(Path(name), recipe, range(2), 1, crew, reports.append)
        assert sorted((report.item, report.frames, report.error) for report in reports) == [
            (0, 1, ""),
            (1, 1, ""),
        ]
    assert files(tmp_path / "ray") == files(tmp_path / "processes") and len(files(tmp_path / "ray")) == 3


def test_a_cluster_reads_and_judges_for_adapt_as_one_process_does(cluster, drives, tmp_path):
    pytest.importorskip("onnx", reason="onnx is not installed")
    first, second = drives / "monday" / "first", drives / "monday" / "second"
    for frame in list(second.iterdir()):  # 5 and 3 frames are too few, each for itself
        shutil.copytree(frame, first / f"later_{frame.name}")
    shutil.rmtree(second)
    shutil.copytree(first, second)
    adapt = "adapt", drives / "monday", "--name", "fleet", "--licence", "internal", "--confidence-only"
    told = {}
    for name, how in (("ray", ("--ray", cluster.address)), ("alone", ())):
        code, said, error = command(*adapt, "-p", "lines:4", "--json", "--out", tmp_path / name, *how)
        told[name] = code, json.loads(said) | {"stored": None}, error.startswith("Error: No weights")
    assert told["ray"] == told["alone"] and len(told["ray"][1]["drives"]) == 2
    assert files(tmp_path / "ray") == files(tmp_path / "alone")


def test_an_actor_works_where_it_was_started_from(cluster, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = {}
    Crew(1, cluster.address).do([Path("maps")], ready(Path.absolute), found.__setitem__, print)
    assert found == {Path("maps"): tmp_path / "maps"}


def test_a_lost_node_costs_its_stretches_alone(cluster, drives, tmp_path):
    """Last, as the node does not come back: the other one does the rest."""
    nodes = sorted(cluster.worker_nodes, key=lambda node: node.node_id)
    removed = []

    def remove_node(done, total):
        if done and not removed:
            removed.append(nodes[-1])
            cluster.remove_node(nodes[-1], allow_graceful=False)

    begun = tmp_path / "begun"
    begun.mkdir()
    job, fleet = KilledJob(begun, at=99, times=0), Fleet(2, cluster.address, 1)
    found = run_fleet(drives, job, tmp_path / "out", fleet, remove_node)
    assert removed and found.failures == []
    assert [outcome.content for _, outcome in found.outcomes] == [{"frames": 1}] * 13
