"""bench/gpu.sh goes on, whatever becomes of a step."""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from pathlib import Path

import pytest

FILE = Path(__file__).resolve().parents[1] / "bench" / "gpu" / "__main__.py"


@pytest.fixture(scope="module")
def session():
    spec = importlib.util.spec_from_file_location("gpu_session", FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_a_failure_and_a_step_that_hangs_do_not_stop_the_rest(session, tmp_path):
    hangs = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
    tells = 'print(\'{"network": "a|b", "ms": 3}\'); print("and more")'
    done = [
        session.Step("fails", ["-c", "raise SystemExit('no GPU')"], 60),
        session.Step("hangs", ["-c", hangs], 6),
        session.Step("tells", ["-c", tells], 60),
        session.Step("too late", ["-c", "print(1)"], 60),
    ]
    start = time.monotonic()
    for step, left in zip(done, (60, 60, 60, 3), strict=True):
        session.run(step, left)
    assert time.monotonic() - start < 120  # with what it has started, the one that hangs is ended
    states = [step.state for step in done]
    assert states == ["failed with code 1", "ran out of time (6 s)", "done", "not begun"]
    assert done[0].output == "no GPU" and done[2].rows == [{"network": "a|b", "ms": 3}]

    session.write(tmp_path, done, True, 20)
    content = json.loads((tmp_path / "gpu.json").read_text())
    assert [step["state"] for step in content["steps"]] == states
    page = (tmp_path / "gpu.md").read_text()
    assert "1 of 4 steps done" in page and "| a/b | 3 |" in page and "and more" in page and "no GPU" in page


@pytest.mark.parametrize("dry", [True, False])
def test_every_step_is_a_file_or_test_that_is_there(session, dry):
    for step in session.steps(dry):
        files = [word for word in step.command if word.startswith(("bench/", "test/"))]
        assert files and all((FILE.parents[2] / file).exists() for file in files), step.command
