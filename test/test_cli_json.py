"""`--json`: stdout holds JSON and nothing else; and what the shell is told for completion."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_cli import run, write_frame

from depth_completion_ros.completion import list_completers
from depth_completion_ros.evaluation.benchmarks import BENCHMARKS


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_completers():
    code, out, _ = run("completers", "--json")
    content = json.loads(out)
    assert code == 0 and [entry["name"] for entry in content] == list_completers()
    assert all(entry["summary"] for entry in content)
    (mspn,) = [entry for entry in content if entry["name"] == "mspn"]
    assert "sdr_nyu" in mspn["variants"]


def test_stored_weights(weights_folder):
    code, out, error = run("weights", "list", "--json")
    assert (code, json.loads(out), error) == (0, [], "")


def test_stored_weights_with_their_hash(weights_folder, tiny, tmp_path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    save_file(
        {k: torch.clone(v) for k, v in tiny.make_network(None).state_dict().items()},
        tmp_path / "w.safetensors",
    )
    assert run("weights", "import", "w.safetensors", "--name", "mine", "--licence", "MIT")[0] == 0
    (entry,) = json.loads(run("weights", "list", "--json")[1])
    assert entry["name"] == "mine" and entry["licence"] == "MIT" and len(entry["sha256"]) == 64


def test_benchmarks():
    code, out, _ = run("benchmark", "--list", "--json")
    assert code == 0 and [entry["benchmark"] for entry in json.loads(out)] == list(BENCHMARKS)


def test_an_evaluation(tmp_path):
    write_frame(tmp_path / "frames" / "one", 6.0)
    code, out, error = run("evaluate", "frames", "-c", "linear", "-p", "truth", "--json", "--figures", 0)
    content = json.loads(out)
    assert code == 0 and "Report: " in error
    assert out == (tmp_path / "evaluation" / "metrics.json").read_text()
    assert [mean["completer"] for mean in content["means"]] == ["linear"]


def test_a_demo_prints_its_results_whatever_its_nodes_print(open3d):
    pytest.importorskip("rclpy")
    program = "from depth_completion_ros.cli import main; main()"
    arguments = ["demo", "--frames", "2", "-c", "nearest", "--json", "--out", "here"]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=600
    )
    content = json.loads(done.stdout)
    assert done.returncode == 0 and "Playing 2 frames through 'nearest'" in done.stderr
    assert done.stdout == Path("here", "results.json").read_text()
    (nearest,) = content["completers"].values()
    assert content["frames"] == nearest["played"] == nearest["completed"] == 2
    assert nearest["mean"]["rmse_mm"] > 0


def test_what_nodes_print_does_not_disturb_it():
    program = (
        "import json, subprocess, sys\n"
        "from depth_completion_ros.cli.tables import print_json, stdout_for_json\n"
        "with stdout_for_json(True):\n"
        "    print('of this program')\n"
        "    subprocess.run([sys.executable, '-c', 'print(\"of another\")'])\n"
        "print_json({'a': 1})\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert json.loads(done.stdout) == {"a": 1}
    assert "of this program" in done.stderr and "of another" in done.stderr


@pytest.mark.parametrize(
    ("words", "at", "offered"),
    [("depth-completion ev", 1, "evaluate"), ("depth-completion evaluate --struc", 2, "--structure")],
)
def test_the_shell_is_told_commands_and_options(words, at, offered):
    program = "import sys; sys.argv = ['depth-completion']; from depth_completion_ros.cli import main; main()"
    asked = {
        "_DEPTH_COMPLETION_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(at),
        "_TYPER_COMPLETE_TESTING": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, env=os.environ | asked
    )
    assert offered in done.stdout.split(), done.stderr
