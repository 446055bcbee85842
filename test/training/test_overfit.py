"""One batch can be learnt by heart, through the command line, whatever the precision."""

from __future__ import annotations

import csv

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("lightning", reason="Lightning is not installed")

from depth_completion_training.cli import main  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(("precision", "share"), [("32-true", 0.05), ("bf16-mixed", 0.1)])
def test_the_loss_of_one_batch_falls_to_a_fraction(tmp_path, precision, share):
    main(
        ["fit", "--config", "overfit", f"--trainer.default_root_dir={tmp_path}", "--trainer.max_steps=200"]
        + [f"--trainer.precision={precision}", "--data.init_args.height=32", "--data.init_args.width=32"]
        + ["--trainer.limit_val_batches=0"]
    )
    with (tmp_path / "csv" / "version_0" / "metrics.csv").open() as file:
        losses = [float(row["train/loss"]) for row in csv.DictReader(file) if row["train/loss"]]
    assert losses[-1] < share * losses[0]
