"""A run that is killed and taken up again ends where an uninterrupted one does, bit for bit."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import warnings

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("lightning", reason="Lightning is not installed")

from depth_completion_training.callbacks.average import WeightAverage  # noqa: E402
from depth_completion_training.callbacks.checkpoints import LAST, AtomicCheckpointIO, LastCheckpoint  # noqa: E402
from depth_completion_training.data.shapes import ShapesData  # noqa: E402
from depth_completion_training.losses.mspn import L1L2  # noqa: E402
from depth_completion_training.networks.toy_network import ToyNetwork  # noqa: E402
from depth_completion_training.optimisation import AdamW, OneCycle  # noqa: E402
from depth_completion_training.task import CompletionTask  # noqa: E402
from lightning import Trainer, seed_everything  # noqa: E402
from lightning.pytorch.callbacks import Callback  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


OF_BPNET = OneCycle(start=0.025, end=0.25, noise=0.1, betas1=(0.9, 0.85))
"""Whose rate has noise and whose momentum cycles."""


class WithDropout(ToyNetwork):
    """Draws random numbers, as many networks do in training."""

    def forward(self, rgb, sparse):
        return super().forward(torch.nn.functional.dropout(rgb, 0.2, self.training), sparse)


class KilledAt(Callback):
    """Ends the process at a step as `kill -9` does."""

    def __init__(self, step):
        self.step = step

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.global_step == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


def train(folder, *callbacks, resume=False, every_steps=3, accumulate=1, steps=10, schedule=None):
    """Weights and state of the last checkpoint of a run of 7 batches an epoch."""
    seed_everything(3, verbose=False)
    task = CompletionTask(WithDropout(4), L1L2(), AdamW(lr=0.01), schedule)
    trainer = Trainer(
        default_root_dir=folder,
        max_steps=steps,
        accelerator="cpu",
        accumulate_grad_batches=accumulate,
        gradient_clip_val=1.0,
        val_check_interval=4,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        plugins=[AtomicCheckpointIO()],
        callbacks=[WeightAverage(0.9), LastCheckpoint(every_steps), *callbacks],
    )
    data = ShapesData(size=14, val_size=2, height=16, width=24, points=20, batch_size=2, seed=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.fit(task, data, ckpt_path=folder / LAST if resume else None)
    return torch.load(folder / LAST, weights_only=True)


def killed(folder, step, **options):
    """Train in a process of its own until it is killed."""
    process = multiprocessing.get_context("fork").Process(
        target=train, args=(folder, KilledAt(step)), kwargs=options
    )
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL


def killed_command(arguments):
    """Run the command line in a process of its own until it is killed.

    In a new one, as OpenMP of the kernels of this package does not survive a fork.
    """
    command = [sys.executable, "-m", "depth_completion_training", *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


def assert_equal(one, other):
    for part in ("state_dict", "current_model_state"):
        assert one[part].keys() == other[part].keys()
        for key, value in one[part].items():
            assert torch.equal(value, other[part][key]), (part, key)
    states = [checkpoint["optimizer_states"][0]["state"] for checkpoint in (one, other)]
    for index, state in states[0].items():
        assert all(torch.equal(value, states[1][index][name]) for name, value in state.items())


@pytest.mark.parametrize(
    ("every_steps", "step", "accumulate", "schedule"),
    [(3, 5, 1, None), (4, 6, 1, None), (7, 9, 1, None), (2, 3, 3, None), (3, 5, 1, OF_BPNET)],
    ids=["amid an epoch", "at a validation", "at the end of an epoch", "accumulating", "as BP-Net"],
)
def test_a_killed_run_ends_with_the_same_weights(tmp_path, every_steps, step, accumulate, schedule):
    options = {"every_steps": every_steps, "accumulate": accumulate, "steps": 10 if accumulate == 1 else 5}
    options["schedule"] = schedule
    expected = train(tmp_path / "whole", **options)
    killed(tmp_path / "killed", step, **options)
    last = torch.load(tmp_path / "killed" / LAST, weights_only=True)
    assert last["global_step"] == every_steps
    assert_equal(train(tmp_path / "killed", resume=True, **options), expected)
    first, average = expected["current_model_state"], expected["state_dict"]
    assert not torch.equal(first["network.layers.0.weight"], average["network.layers.0.weight"])
    assert not torch.equal(last["state_dict"]["network.layers.0.weight"], average["network.layers.0.weight"])
