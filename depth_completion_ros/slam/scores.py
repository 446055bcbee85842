"""Errors of trajectories, by evo, which is under the GPL and run as a program of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROGRAM = Path(__file__).parent / "programs" / "evo_scores.py"
INSTALL = 'pip install "depth-completion-ros[slam]"'


@dataclass(frozen=True)
class PathScore:
    """Errors of one trajectory against its reference, over the frames that both have.

    Args:
        ate_m, ate_max_m: absolute trajectory error, root mean square and largest, after the best rigid
            alignment; of the first poses where all lie on one spot or line.
        scale: by which the trajectory must be multiplied to fit best; None on one spot or line.
        rpe_m, rpe_deg: relative pose error from one frame to the next, root mean square.
        pairs: frames compared.
    """

    ate_m: float
    ate_max_m: float
    scale: float | None
    rpe_m: float
    rpe_deg: float
    pairs: int


def score_paths(
    reference: Path, runs: Sequence[Path], python: str = sys.executable
) -> list[PathScore | None]:
    """Score TUM files against a reference; None where fewer than three poses have a partner.

    Raises:
        ChildProcessError: evo cannot be imported, or fails; one sentence.
    """
    job = json.dumps({"reference": str(reference), "runs": [str(run) for run in runs]})
    done = subprocess.run([python, str(PROGRAM)], input=job, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise ChildProcessError(f"evo failed on '{reference}': {last}.")
    answer = json.loads(done.stdout)
    if isinstance(answer, dict):
        raise ChildProcessError(f"{answer['error']}: {INSTALL}.")
    return [None if scores is None else PathScore(**scores) for scores in answer]
