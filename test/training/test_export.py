"""From a checkpoint to weights: what validation measured is what the exported file gives."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("lightning", reason="Lightning is not installed")

from depth_completion_training import export as module  # noqa: E402
from depth_completion_training.callbacks.average import WeightAverage  # noqa: E402
from depth_completion_training.callbacks.checkpoints import LAST, LastCheckpoint  # noqa: E402
from depth_completion_training.callbacks.evaluation import Evaluation, EvaluationSet  # noqa: E402
from depth_completion_training.data.shapes import ShapesData  # noqa: E402
from depth_completion_training.export import export  # noqa: E402
from depth_completion_training.losses.mspn import L1L2  # noqa: E402
from depth_completion_training.networks.toy_network import Prediction  # noqa: E402
from depth_completion_training.optimisation import AdamW  # noqa: E402
from depth_completion_training.task import CompletionTask  # noqa: E402
from lightning import Trainer, seed_everything  # noqa: E402
from tiny import Network  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from depth_completion_ros import create_completer  # noqa: E402
from depth_completion_ros.cli.app import app  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")
NAME = "2011_09_26_drive_0002_sync_{}_0000000005_image_0{}.png"


class Trained(Network):
    """The network of completer `tiny`, as it is trained."""

    def __init__(self):
        super().__init__(4, 2, 3, padding=1)

    def forward(self, rgb, sparse):
        return Prediction(super().forward(torch.cat([rgb, sparse], dim=1))[:, :1].abs() + 1)


def write_frames(folder: Path) -> Path:
    """Two frames of KITTI's selection, 20 x 40 pixels."""
    random = np.random.default_rng(0)
    for camera in (2, 3):
        truth = random.integers(500, 5000, (20, 40)).astype(np.uint16)
        sparse = np.where(random.random(truth.shape) < 0.2, truth, 0).astype(np.uint16)
        image = random.integers(0, 256, (20, 40, 3), np.uint8)
        for kind, plane in (("image", image), ("velodyne_raw", sparse), ("groundtruth_depth", truth)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / kind / NAME.format(kind, camera)), plane)
        (folder / "intrinsics").mkdir(exist_ok=True)
        text = folder / "intrinsics" / NAME.format("image", camera).replace("png", "txt")
        text.write_text("40 0 20 0 40 10 0 0 1")
    return folder


@pytest.fixture
def run(tmp_path, tiny):
    """A short training: its last checkpoint, what its last validation logged, its task, and its frames."""
    frames = write_frames(tmp_path / "val_selection_cropped")
    seed_everything(0, verbose=False)
    chosen = EvaluationSet("kitti", str(frames), ("truth", "share:50"))
    task = CompletionTask(Trained(), L1L2(), AdamW(lr=0.05))
    trainer = Trainer(
        default_root_dir=tmp_path,
        max_steps=6,
        val_check_interval=3,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[Evaluation("tiny", [chosen]), WeightAverage(0.9), LastCheckpoint()],
    )
    trainer.fit(task, ShapesData(size=12, val_size=2, height=16, width=24, points=20, batch_size=2))
    return tmp_path / LAST, dict(trainer.callback_metrics), task, frames


def evaluated(frames: Path, weights: Path, out: Path) -> dict[str, dict]:
    """What `depth-completion evaluate` finds, by protocol."""
    asked = ["evaluate", frames, "-c", "tiny", "--weights", weights, "-o", out, "--figures", 0]
    asked += ["-p", "truth", "-p", "share:50", "--device", "cpu"]
    result = CliRunner().invoke(app, list(map(str, asked)))
    assert result.exit_code == 0, result.output
    return {
        mean["protocol"]: mean["metrics"] for mean in json.loads((out / "metrics.json").read_text())["means"]
    }


def test_validation_measures_what_the_command_line_measures_with_the_exported_weights(run, tmp_path):
    checkpoint, logged, task, frames = run
    export(checkpoint, tmp_path / "out.safetensors", "Apache-2.0")
    means = evaluated(frames, tmp_path / "out.safetensors", tmp_path / "report")
    for protocol, mean in means.items():
        for name in ("rmse_mm", "mae_mm"):
            value = logged[f"eval/kitti/{protocol}/{name}"].item()
            assert value == pytest.approx(mean[name], rel=1e-6)  # logged in float32
    trained = Evaluation("tiny", [EvaluationSet("kitti", str(frames))]).measure(task)
    assert trained["eval/kitti/truth/rmse_mm"] != pytest.approx(means["truth"]["rmse_mm"], rel=1e-4)


def test_measuring_twice_gives_the_same_to_the_last_digit_as_the_command_line(run, tmp_path):
    checkpoint, _, task, frames = run
    content = torch.load(checkpoint, weights_only=True)
    task.load_state_dict(content["state_dict"])
    export(checkpoint, tmp_path / "out.safetensors", "Apache-2.0")
    mean = evaluated(frames, tmp_path / "out.safetensors", tmp_path / "report")["truth"]
    evaluation = Evaluation("tiny", [EvaluationSet("kitti", str(frames))])
    values = evaluation.measure(task)
    assert evaluation.measure(task) == values
    written = {name: float(f"{value:.7g}") for name, value in values.items()}  # as the report has them
    assert written == {f"eval/kitti/truth/{name}": mean[name] for name in ("rmse_mm", "mae_mm")}


def test_exported_weights_are_the_averaged_ones_and_say_what_they_are(run, tmp_path, weights_folder):
    checkpoint, _, task, _ = run
    out = weights_folder / "mine.safetensors"
    module.main([str(checkpoint), str(out), "--licence", "Apache-2.0", "--network", "tiny:narrow"])
    completer = create_completer("tiny", weights=str(out), device="cpu")
    average = torch.load(checkpoint, weights_only=True)["state_dict"]["network.weight"]
    assert torch.equal(completer.network.weight, average)
    assert not torch.equal(completer.network.weight, task.network.weight)
    assert completer.report()["licence of the weights"] == "Apache-2.0"
    listed = CliRunner().invoke(app, ["weights", "list"]).output
    assert "mine" in listed and "tiny:narrow" in listed
    done = CliRunner().invoke(app, ["weights", "import", str(out), "--name", "again"])
    assert done.exit_code == 0, done.output
    again = create_completer("tiny", weights="again", device="cpu")
    assert torch.equal(again.network.weight, average)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"out": "out.pt"}, "the name must end in .safetensors"),
        ({"licence": " "}, "Weights need a licence"),
        ({"network": "tiny:wide"}, "does not fit tiny:wide: it is of another architecture"),
        ({"network": "small:one"}, "Network 'small:one' is unknown; it must be one of"),
        ({"checkpoint": "nothing.ckpt"}, "There is no checkpoint 'nothing.ckpt'."),
    ],
)
def test_what_cannot_be_exported_is_refused_in_a_sentence(run, tmp_path, change, words):
    asked = {"checkpoint": run[0], "out": tmp_path / "out.safetensors", "licence": "MIT"} | change
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        export(**asked)
    assert not list(tmp_path.glob("*.safetensors"))


def test_files_that_are_no_checkpoint_of_a_training_are_refused(tmp_path, tiny):
    broken, other = tmp_path / "broken.ckpt", tmp_path / "other.ckpt"
    broken.write_bytes(b"PK\x03\x04 and no more")
    torch.save({"state_dict": {"weight": torch.zeros(1)}}, other)
    for path, words in ((broken, "cannot be opened"), (other, "holds no weights under 'network.'")):
        with pytest.raises(ValueError, match=words):
            export(path, tmp_path / "out.safetensors", "MIT")
    torch.save({"state_dict": {"network.weight": torch.zeros(1)}, "global_step": 1}, other)
    with pytest.raises(ValueError, match="fits none of the known networks"):
        export(other, tmp_path / "out.safetensors", "MIT")
