"""Fleets on drives behind URLs: the same files as of the drives themselves."""

from __future__ import annotations

import http.server
import threading
from functools import partial

import pytest
from test_cli import run
from test_commands import files

from depth_completion_ros.data.reader import open_reader
from depth_completion_ros.data.remote.cache import VARIABLE
from depth_completion_ros.fleet.drives import find_drives

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed")
DRIVES = {"monday/first", "monday/second", "tuesday_bag"}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def store(drives):
    """A store in memory with the drives in a bucket."""
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.pseudo_dirs[:] = [""]
    memory.put(str(drives), "/bucket/drives", recursive=True)
    yield memory
    memory.store.clear()


def names(data):
    return {drive.name for drive in find_drives(data)}


def test_folders_globs_and_lists_may_be_urls(store, drives, tmp_path):
    assert names("memory://bucket/drives") == DRIVES
    assert names("memory://bucket/drives/mon*") == {"first", "second"}
    text = "tuesday_bag  # rain\nmemory://bucket/drives/monday\n"
    store.pipe("/bucket/drives/nights.txt", text.encode())
    assert names("memory://bucket/drives/nights.txt") == DRIVES
    (tmp_path / "here.txt").write_text("memory://bucket/drives/mon*\n")
    assert names(tmp_path / "here.txt") == {"first", "second"}
    with pytest.raises(FileNotFoundError, match="nothing at 'memory://bucket/nowhere'"):
        find_drives("memory://bucket/nowhere")


def test_completed_files_are_those_of_the_drives_themselves_and_a_second_run_does_nothing(
    store, drives, tmp_path, cache
):
    options = ("-c", "nearest", "--no-preview", "--workers", 2, "--stretch", 50)
    code, _, error = run("complete", drives, "-o", tmp_path / "local", *options)
    assert code == 0, error
    command = ("complete", "memory://bucket/drives", "-o", tmp_path / "remote", *options)
    code, text, error = run(*command)
    assert code == 0, error
    assert "13 frames completed" in text
    assert f"Fetching what is new of memory://bucket/drives to {cache}." in error
    assert files(tmp_path / "remote", "run.json") == files(tmp_path / "local", "run.json")
    assert "stretches had been done before" in run(*command)[2]


def test_a_drive_that_has_changed_there_is_done_again(store, tmp_path):
    options = ("-c", "nearest", "--no-preview", "--workers", 1, "--stretch", 50)
    command = ("complete", "memory://bucket/drives/monday", "-o", tmp_path / "out", *options)
    assert run(*command)[0] == 0
    before = files(tmp_path / "out", "run.json")
    folder = "/bucket/drives/monday/second"
    store.pipe(f"{folder}/frame_0/points.bin", store.cat(f"{folder}/frame_2/points.bin"))
    code, _, error = run(*command)
    assert code == 0 and "1 of 2 stretches had been done before" in error
    changed = {
        name for name, content in files(tmp_path / "out", "run.json").items() if content != before[name]
    }
    assert [name.rpartition("/")[0] for name in changed if name.endswith(".png")] == ["second"]


def test_without_workers_too_a_drive_may_be_a_url(store, tmp_path):
    command = ("-c", "nearest", "--no-preview", "-o", tmp_path / "out")
    code, text, error = run("complete", "memory://bucket/drives/monday/first", *command)
    assert code == 0 and "5 frames completed" in text, error
    code, _, error = run("complete", "memory://bucket/drives/monday/third", *command)
    assert code == 2 and "There is nothing at 'memory://bucket/drives/monday/third'." in error


def test_a_bag_is_read_over_http(drives):
    pytest.importorskip("aiohttp", reason="aiohttp is not installed")
    (bag,) = (drives / "tuesday_bag").glob("*.mcap")
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(bag.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        frames = list(open_reader(f"http://127.0.0.1:{server.server_port}/{bag.name}?key=1"))
        server.shutdown()
    assert len(frames) == 5
    assert [frame.name for frame in frames] == [frame.name for frame in open_reader(bag)]
