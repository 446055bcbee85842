"""Simulated frames as batches: splits, draws that depend on seeds alone, runs that are taken up again."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("lightning", reason="Lightning is not installed")

from depth_completion_training.data.augmentation import Augmentation  # noqa: E402
from depth_completion_training.data.loader import SeededIndex  # noqa: E402
from depth_completion_training.data.simulator import SimulatedFrames, SimulatorData, split_of  # noqa: E402
from depth_completion_training.data.sparse.sampling import SparseSampler  # noqa: E402
from depth_completion_training.simulation.frame_file import SimulatedFrame, StoredScan, write_frame  # noqa: E402
from lightning import LightningModule, Trainer  # noqa: E402
from lightning.pytorch.callbacks import ModelCheckpoint  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")

SIZE = (48, 64)
SCENES, VIEWS = 40, 2


def write_folder(folder: Path) -> Path:
    """Frames whose depth tells which scene they are of."""
    for scene in range(SCENES):
        for view in range(VIEWS):
            rng = np.random.default_rng([scene, view])
            small = rng.integers(0, 256, (4, 5, 3), np.uint8)
            image = cv2.resize(small, SIZE[::-1], interpolation=cv2.INTER_CUBIC)
            depth = np.full(SIZE, 1 + scene, np.float32)
            depth[:3], depth[-3:, :5] = np.inf, 0
            pixel = np.sort(rng.choice(np.arange(200, 2000), 300, replace=False)).astype(np.int32)
            scan = StoredScan(
                pixel,
                depth.ravel()[pixel],
                (pixel // 256).astype(np.uint16),
                np.zeros(300, bool),
                "spinning 8",
            )
            K = np.float32([[50, 0, 31.5], [0, 50, 23.5], [0, 0, 1]])
            file = folder / f"shard_{scene % 3}" / f"indoor_{scene:08d}_{view:02d}.npz"
            file.parent.mkdir(parents=True, exist_ok=True)
            write_frame(file, SimulatedFrame(image, depth, K, [scan]))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_folder(tmp_path_factory.mktemp("frames"))


def draw(index: int, epoch: int = 0, seed: int = 0) -> SeededIndex:
    result = SeededIndex(index)
    result.seed = (seed, epoch)
    return result


def assert_equal(one: dict, other: dict) -> None:
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


# Splits and items --------------------------------------------------------------------------------


def test_three_per_cent_of_the_scenes_are_for_validation_with_all_their_views():
    splits = {split_of(f"outdoor_{scene:08d}_00.npz") for scene in range(100)}
    assert splits == {"train", "val"}
    share = np.mean([split_of(f"outdoor_{scene:08d}_00.npz") == "val" for scene in range(20_000)])
    assert abs(share - 0.03) < 0.005
    for scene in range(300):
        assert len({split_of(f"indoor_{scene:08d}_{view:02d}.npz") for view in range(5)}) == 1
    with pytest.raises(ValueError, match="File 'x.npz' is no frame file"):
        split_of("x.npz")


def test_splits_share_the_files_and_leave_out_what_is_unfinished(folder):
    extra = folder / "shard_0" / ".indoor_00000000_00.npz.77"
    extra.write_bytes(b"half")
    parts = {split: SimulatedFrames(folder, split, SIZE) for split in ("train", "val", "all")}
    extra.unlink()
    files = {split: {part.path(i) for i in range(len(part))} for split, part in parts.items()}
    assert len(files["all"]) == SCENES * VIEWS
    assert files["train"] | files["val"] == files["all"]
    assert not files["train"] & files["val"] and files["val"]


def test_an_item_is_what_a_batch_wants(folder):
    item = SimulatedFrames(folder, "train", (40, 56))[draw(3)]
    assert {name: (tuple(part.shape), part.dtype) for name, part in item.items()} == {
        "image": ((3, 40, 56), torch.uint8),
        "sparse": ((1, 40, 56), torch.float32),
        "depth": ((1, 40, 56), torch.float32),
        "K": ((3, 3), torch.float32),
    }
    depth = item["depth"]
    values = set(depth[torch.isfinite(depth) & (depth > 0)].tolist())
    assert len(values) == 1  # of one scene
    assert torch.isfinite(item["sparse"]).all() and (item["sparse"] > 0).any()


def test_validation_is_not_augmented_and_the_same_each_time(folder):
    val = SimulatedFrames(folder, "val", SIZE, SparseSampler(spoilt=0))
    first = val[0]
    assert_equal(first, SimulatedFrames(folder, "val", SIZE, SparseSampler(spoilt=0))[0])
    assert torch.isinf(first["depth"][0, :3]).all()
    assert not first["depth"][0, -3:, :5].any()
    other = SimulatedFrames(folder, "val", SIZE, SparseSampler(spoilt=0), seed=1)[0]
    assert torch.equal(first["image"], other["image"])
    assert not torch.equal(first["sparse"], other["sparse"])


def test_an_item_depends_on_seed_epoch_and_index_alone(folder):
    frames = SimulatedFrames(folder, "train", SIZE)
    assert_equal(frames[draw(5, 2, 9)], SimulatedFrames(folder, "train", SIZE)[draw(5, 2, 9)])
    for other in (draw(5, 3, 9), draw(5, 2, 8)):
        assert not torch.equal(frames[draw(5, 2, 9)]["image"], frames[other]["image"])


def test_what_cannot_be_is_refused(folder, tmp_path):
    with pytest.raises(ValueError, match="Split is 'test'; it must be train, val or all"):
        SimulatedFrames(folder, "test")
    with pytest.raises(FileNotFoundError, match="Folder '.*none' is missing"):
        SimulatedFrames(tmp_path / "none")
    with pytest.raises(
        FileNotFoundError, match="holds no frame of split 'train'; generate some with: python -m"
    ):
        SimulatedFrames(tmp_path)


def test_a_damaged_file_is_named(folder, tmp_path):
    file = tmp_path / "indoor_00000000_00.npz"
    file.write_bytes((folder / "shard_0" / "indoor_00000000_00.npz").read_bytes()[:900])
    with pytest.raises(ValueError, match="indoor_00000000_00.npz' is damaged"):
        SimulatedFrames(tmp_path, "all", SIZE)[0]


# Runs that are taken up again --------------------------------------------------------------------


def data_of(folder: Path, workers: int = 0) -> SimulatorData:
    return SimulatorData(folder, 12, SIZE, workers, augment=Augmentation(zoom=(1, 1.3)), seed=4)


def sums(batch: dict) -> tuple[float, ...]:
    depth = batch["depth"]
    known = depth.where(torch.isfinite(depth), torch.zeros(()))
    return tuple(float(part.double().sum()) for part in (batch["image"], batch["sparse"], known))


def test_batches_do_not_depend_on_the_number_of_workers(folder):
    alone, many = (
        [sums(batch) for batch in data_of(folder, workers).train_dataloader()] for workers in (0, 2)
    )
    assert alone == many and len(set(alone)) == len(alone)


def test_validation_loads_its_split(folder):
    batches = list(data_of(folder).val_dataloader())
    assert sum(len(batch["image"]) for batch in batches) == len(SimulatedFrames(folder, "val", SIZE))


class Recorder(LightningModule):
    """Notes what it is fed."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.fed: list[tuple] = []

    def training_step(self, batch, _):
        self.fed.append((self.current_epoch, *sums(batch)))
        return self.weight * 1.0

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


def run(folder, root, workers, steps, resume=None, save_at=None) -> list[tuple]:
    """What was fed in a run of so many steps, which saves `saved.ckpt` after `save_at` of them."""
    save = ModelCheckpoint(root, "saved", every_n_train_steps=save_at) if save_at else None
    trainer = Trainer(
        max_steps=steps, accelerator="cpu", logger=False, enable_checkpointing=save is not None,
        enable_progress_bar=False, enable_model_summary=False, limit_val_batches=0, barebones=False,
        callbacks=[save] if save else None,
    )  # fmt: skip
    module = Recorder()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.fit(module, data_of(folder, workers), ckpt_path=resume, weights_only=False)
    return module.fed


@cache
def run_once(folder, steps) -> list[tuple]:
    """What is fed in a run that nothing interrupts."""
    return run(folder, None, 0, steps)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("stop", ["amid an epoch", "at the end of an epoch"])
def test_a_run_that_is_taken_up_again_sees_what_it_would_have_seen(folder, tmp_path, workers, stop):
    epoch = len(data_of(folder).train_dataloader())
    assert epoch >= 5
    steps, cut = 2 * epoch + 1, epoch + 2 if stop == "amid an epoch" else epoch
    whole = run_once(folder, steps)
    assert [row[0] for row in whole] == [0] * epoch + [1] * epoch + [2]
    assert len({row[1:] for row in whole}) == steps  # every epoch draws anew
    first = run(folder, tmp_path, workers, cut, save_at=cut)
    rest = run(folder, tmp_path, workers, steps, resume=tmp_path / "saved.ckpt")
    assert first == whole[:cut]
    assert rest == whole[cut:]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_frame_ends_a_training_in_a_sentence(tmp_path, workers):
    from depth_completion_training import cli

    for file in write_folder(tmp_path / "frames").rglob("*.npz"):
        file.write_bytes(file.read_bytes()[:200])
    data = ["--data=depth_completion_training.data.simulator.SimulatorData"]
    data += [f"--data.folder={tmp_path / 'frames'}", "--data.batch_size=2", f"--data.workers={workers}"]
    run = [f"--trainer.default_root_dir={tmp_path}", "--trainer.max_steps=1"]
    with pytest.raises(
        SystemExit, match=r"^Frame file '.*' is damaged \(.*\); delete it and generate it again"
    ):
        cli.main(["fit", "--config", "tiny", *data, *run])
    with pytest.raises(SystemExit, match=r"^Data has \d+ samples, fewer than one batch of 500\.$"):
        cli.main(["fit", "--config", "tiny", *data, "--data.batch_size=500", *run])
