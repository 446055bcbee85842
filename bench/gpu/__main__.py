"""Runs the steps of a session on a GPU one after the other, and writes what they say; see bench/gpu.sh."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

SLOWER = 4
"""Times that a step may take longer in a dry run, on whatever CPU."""
TAIL = 6000
"""Characters of the output that are kept of a step."""


@dataclass
class Step:
    """A command, and what became of it.

    Args:
        name: of the step, for people.
        command: after `python`.
        limit: seconds that it may take.
        environment: beside that of this process.
        state: done, failed, ran out of time, or not begun.
        rows: of the lines of JSON that it printed.
    """

    name: str
    command: list[str]
    limit: float
    environment: dict[str, str] = field(default_factory=dict)
    state: str = "not begun"
    seconds: float = 0.0
    rows: list[dict] = field(default_factory=list)
    output: str = ""


def steps(dry: bool) -> list[Step]:
    """What is to be run, the most wanted first."""
    device = "cpu" if dry else "cuda"
    on = ["--device", device]
    small = (lambda *arguments: list(arguments)) if dry else (lambda *_: [])
    tests = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header"]
    operators = ["test/ops/test_local_sum.py"] if dry else ["test/ops"]
    networks = ["test/completion/test_classical.py"] if dry else ["test/completion/test_learned.py"]
    depthlab = ["--size", "32x48", "--repeats", "1"] if dry else ["--step", "--size", "480x640"]
    interpreter = {"TRITON_INTERPRET": "1"} if dry else {}
    several = "test/completion/test_mspn_completer.py test/completion/test_learned_memory.py".split()
    return [
        Step("environment and bounds", ["bench/gpu/bounds.py", *on, *small("--tiny")], 60),
        Step("networks", ["bench/gpu/networks.py", *on, *small("--tiny")], 150),
        Step("tests of operators", [*tests, *operators], 120, interpreter),
        Step("MSPN, operator", ["bench/mspn_op.py", *on, *small("--case", "24x32x8")], 60),
        Step(
            "nearest points",
            ["bench/nearest_points.py", *on, *small("--size", "12x16", "--points", "50")],
            40,
        ),
        Step("neighbours", ["bench/neighbours.py", *on, *small("--size", "32x64", "--points", "60")], 40),
        Step("local sums", ["bench/local_sum.py", *on, *small("--size", "24x32")], 40),
        Step("propagation by cosines", ["bench/cosine_propagation.py", *on, *small("--size", "24x32")], 40),
        Step("PSD", ["bench/psd.py", *on, *small("--sizes", "56x56")], 60),
        Step("DepthLab, one step", ["bench/depthlab.py", *on, *depthlab], 90),
        Step("node with a completer", ["bench/node.py", "--completer", "default"], 60),
        Step("tests of networks", [*tests, *networks, *([] if dry else several)], 120),
    ]


def run(step: Step, seconds_left: float) -> None:
    """Run a step, whatever comes of it."""
    limit = min(step.limit, seconds_left)
    if limit < 5:
        return
    start = time.monotonic()
    started = subprocess.Popen(
        [sys.executable, *step.command],
        env=os.environ | step.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        output, _ = started.communicate(timeout=limit)
        step.state = "done" if started.returncode == 0 else f"failed with code {started.returncode}"
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)  # what it has started too
        output, _ = started.communicate()
        step.state = f"ran out of time ({limit:.0f} s)"
    step.seconds = round(time.monotonic() - start, 1)
    lines = output.splitlines()
    for line in lines:
        with contextlib.suppress(ValueError):
            if line.startswith("{"):
                step.rows.append(json.loads(line))
    step.output = "\n".join(line for line in lines if not line.startswith("{"))[-TAIL:]


def write(out: Path, done: list[Step], dry: bool, seconds: float) -> None:
    """Write gpu.json and gpu.md."""
    content = {"dry": dry, "seconds": round(seconds, 1), "steps": [asdict(step) for step in done]}
    (out / "gpu.json").write_text(json.dumps(content, indent=1) + "\n")
    kind = "A dry run on a CPU with tiny sizes: its times mean nothing" if dry else "Measured on a GPU"
    count = sum(step.state == "done" for step in done)
    parts = ["# GPU session", f"{kind}. {count} of {len(done)} steps done, in {seconds:.0f} s."]
    summary = [[step.name, step.state, f"{step.seconds:.0f} s"] for step in done]
    parts.append(_table(["step", "state", "took"], summary))
    for step in done:
        if step.state == "not begun":
            continue
        parts.append(f"## {step.name}")
        parts.append(f"`python {' '.join(step.command)}`: {step.state}")
        if step.rows:
            headings = list(dict.fromkeys(key for row in step.rows for key in row))
            rows = [[str(row.get(key, "")) for key in headings] for row in step.rows]
            parts.append(_table(headings, rows))
        if step.output.strip():
            parts.append(f"```text\n{step.output.strip()}\n```")
    (out / "gpu.md").write_text("\n\n".join(parts) + "\n")


def _table(headings: list[str], rows: list[list[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in line) + " |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser("bench/gpu.sh", description=__doc__)
    parser.add_argument(
        "--out", type=Path, default=Path("gpu_results"), help="folder for gpu.json and gpu.md"
    )
    parser.add_argument("--minutes", type=float, help="for all steps together; 8, or 40 in a dry run")
    parser.add_argument("--dry", action="store_true", help="on a CPU, with tiny sizes")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    minutes = given.minutes or (40 if given.dry else 8)
    start, planned = time.monotonic(), steps(given.dry)
    for step in planned:
        step.limit *= SLOWER if given.dry else 1
        run(step, 60 * minutes - (time.monotonic() - start))
        print(f"{step.name}: {step.state}, {step.seconds} s", flush=True)
        write(given.out, planned, given.dry, time.monotonic() - start)
    print(f"Written: {given.out / 'gpu.md'} and gpu.json")


if __name__ == "__main__":
    main()
