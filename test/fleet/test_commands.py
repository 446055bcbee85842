"""Commands with --workers: the same files whatever their number, and as without."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from test_cli import run

from depth_completion_ros.data.reader import open_reader

NAMES = {"monday/first", "monday/second", "tuesday_bag"}


def files(folder, *but):
    """Content of all files below a folder by their names, but of the journal."""
    found = (file for file in folder.rglob("*") if file.is_file())
    names = {file.relative_to(folder).as_posix(): file for file in found}
    return {
        name: file.read_bytes()
        for name, file in names.items()
        if not name.startswith(".stretches") and name not in but
    }


DIFFERS = "run.json", "runtimes.csv", "runtimes.png", "report.md", "report.html"
"""Files of an evaluation that have times in them."""


def test_complete_writes_the_same_files_by_one_worker_by_two_and_without(drives, tmp_path):
    for workers in (1, 2):
        out = tmp_path / f"by_{workers}"
        code, text, error = run(
            *("complete", drives, "-c", "default", "-o", out, "--npy", "--workers", workers, "--stretch", 2)
        )
        assert code == 0, error
        assert "13 frames completed by default" in text
    by_one, by_two = (files(tmp_path / f"by_{workers}", "run.json") for workers in (1, 2))
    assert by_one == by_two
    depths = [name for name in by_one if name.endswith(".npy")]
    assert len(depths) == 13 and {name.rpartition("/")[0] for name in depths} == NAMES

    for name in NAMES:
        assert (
            run("complete", drives / name, "-c", "default", "-o", tmp_path / "plain" / name, "--npy")[0] == 0
        )
    plain = files(tmp_path / "plain")
    assert {name: by_one[name] for name in plain} == plain


def test_evaluate_gives_one_report_that_is_the_same_by_any_number_of_workers(drives, tmp_path):
    command = (
        "evaluate",
        drives,
        "-c",
        "linear",
        "-p",
        "truth",
        "-p",
        "points:50",
        "--confidence",
        "--structure",
    )
    for workers in (1, 2):
        out = tmp_path / f"by_{workers}"
        code, text, error = run(*command, "-o", out, "--workers", workers, "--stretch", 2)
        assert code == 0, error
        assert "3 drives: mean over frames" in text
    by_one, by_two = (files(tmp_path / f"by_{workers}", *DIFFERS) for workers in (1, 2))
    assert by_one == by_two and {"metrics.json", "metrics.csv", "fleet.json", "fleet.md"} <= set(by_one)
    metrics = json.loads(by_one["metrics.json"])
    assert metrics["frames"] == 13 and len(metrics["rows"]) == 26
    assert sum(name.startswith("figures/") for name in by_one) == 4
    report = (tmp_path / "by_2" / "report.md").read_text()
    assert "## Drives" in report and "| monday/second | truth | linear | 3 |" in report


def test_evaluate_of_one_drive_gives_what_it_gives_without_workers(drives, tmp_path):
    command = "evaluate", drives / "tuesday_bag", "-c", "linear", "-p", "truth", "-p", "lines:4"
    assert run(*command, "-o", tmp_path / "plain")[0] == 0
    assert run(*command, "-o", tmp_path / "fleet", "--workers", 1, "--stretch", 2)[0] == 0
    plain, fleet = (files(tmp_path / name, *DIFFERS) for name in ("plain", "fleet"))
    assert {name: fleet[name] for name in plain} == plain


def test_what_cannot_be_done_is_listed_by_cause_after_all_else_is_done(drives, tmp_path):
    for file in (drives / "tuesday_bag").iterdir():
        file.write_bytes(b"no bag at all")
    (drives / "monday" / "first" / "frame_1" / "image.png").write_bytes(b"no image")
    (drives / "monday" / "second" / "frame_2" / "calib.json").write_text("{}")
    code, text, error = run("complete", drives, "-c", "nearest", "-o", tmp_path / "out", "--workers", 1)
    assert code == 2 and "6 frames completed" in text
    assert "Left out by the reader: 1 x image not readable." in error
    assert "Not all was done (1 x breaks off, 1 x cannot be opened)" in " ".join(error.split())
    told = json.loads((tmp_path / "out" / "fleet.json").read_text())
    assert [drive["done"] for drive in told["drives"]] == [4, 2, 0]
    assert [failure["cause"] for failure in told["failures"]] == ["breaks off", "cannot be opened"]
    page = (tmp_path / "out" / "fleet.md").read_text()
    assert "### cannot be opened (1)\n\n- tuesday_bag: " in page and "- 1 x image not readable" in page


def test_convert_and_replay_make_a_bag_of_each_drive(drives, tmp_path):
    code, text, error = run("convert", drives / "monday", tmp_path / "bags", "--workers", 2)
    assert code == 0, error
    assert "2 bags of 2 drives" in text
    assert run("convert", drives / "monday" / "first", tmp_path / "plain" / "first")[0] == 0
    assert files(tmp_path / "bags" / "first") == files(tmp_path / "plain" / "first")
    code, text, error = run("replay", tmp_path / "bags", tmp_path / "dense", "-c", "nearest", "--workers", 1)
    assert code == 0, error
    assert sorted(path.name for path in (tmp_path / "dense").iterdir() if path.is_dir()) == [
        ".stretches",
        "first",
        "second",
    ]
    assert run("replay", tmp_path / "bags" / "second", tmp_path / "plain" / "second", "-c", "nearest")[0] == 0
    assert files(tmp_path / "dense" / "second") == files(tmp_path / "plain" / "second")
    assert len(open_reader(tmp_path / "bags" / "second")) == 3


def test_a_run_that_is_killed_goes_on_where_it_was(drives, tmp_path):
    """The whole of it: by SIGKILL, so that nothing can be tidied up."""
    for number in range(1, 8):
        shutil.copytree(drives / "monday" / "first", drives / "more" / f"drive_{number}")
    command = "complete", drives, "-c", "nearest", "--stretch", 1, "--no-preview"
    assert run(*command, "-o", tmp_path / "whole", "--workers", 1)[0] == 0

    out = tmp_path / "killed"

    def noted() -> int:
        names = [file.name for file in out.glob(".stretches/*-*.json")]
        return len([name for name in names if not name.startswith(".")])  # those are not whole yet

    program = "from depth_completion_ros.cli.app import app; app()"
    arguments = [str(each) for each in (*command, "-o", out, "--workers", 2)]
    started = subprocess.Popen([sys.executable, "-c", program, *arguments])
    deadline = time.monotonic() + 120
    while noted() < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    started.send_signal(signal.SIGKILL)
    assert started.wait() == -signal.SIGKILL
    done = noted()
    assert 4 <= done < 48 and not files(out)

    code, text, error = run(*command, "-o", out, "--workers", 2)
    assert code == 0 and "48 frames completed" in text
    assert f"{done} of 48 stretches had been done before." in error
    assert files(out, "run.json") == files(tmp_path / "whole", "run.json")
    again = run(*command, "-o", out, "--workers", 2)
    assert again[0] == 0 and "48 of 48 stretches had been done before." in again[2]
    assert files(out, "run.json") == files(tmp_path / "whole", "run.json")


def test_workers_are_refused_where_they_make_no_sense(drives, tmp_path):
    image = drives / "monday" / "first" / "frame_0" / "image.png"
    code, _, error = run("complete", image, "--sparse", image, "--workers", 2)
    assert code == 2 and "is for a single image" in error
    code, _, error = run("complete", drives, "--workers", 2, "-c", "nonsense", "-o", tmp_path / "out")
    assert code == 2 and "Completer 'nonsense' is unknown" in error


def test_without_ray_or_without_its_cluster_one_sentence_says_so(drives, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    code, _, error = run("complete", drives, "--ray", "auto", "-o", tmp_path / "out")
    assert code == 2 and "pip install 'ray>=2.40'" in error


@pytest.fixture(autouse=True)
def threads(monkeypatch):
    """As in a worker, so that the same command without workers adds in the same order."""
    monkeypatch.setitem(os.environ, "OMP_NUM_THREADS", "1")
