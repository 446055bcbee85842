"""One batch can be learnt by heart, through the command line, whatever the precision."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("lightning", reason="Lightning is not installed")

from depth_completion_training.cli import main  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


def losses(root: Path) -> list[float]:
    """What a run logged in its folder."""
    with (root / "csv" / "version_0" / "metrics.csv").open() as file:
        return [float(row["train/loss"]) for row in csv.DictReader(file) if row["train/loss"]]


@pytest.mark.parametrize(("precision", "share"), [("32-true", 0.05), ("bf16-mixed", 0.1)])
def test_the_loss_of_one_batch_falls_to_a_fraction(tmp_path, precision, share):
    main(
        ["fit", "--config", "overfit", f"--trainer.default_root_dir={tmp_path}", "--trainer.max_steps=200"]
        + [f"--trainer.precision={precision}", "--data.init_args.height=32", "--data.init_args.width=32"]
        + ["--trainer.limit_val_batches=0"]
    )
    first, *_, last = losses(tmp_path)
    assert last < share * first
