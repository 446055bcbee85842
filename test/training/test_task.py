"""The step of training, learning rates, averaged weights, and the command line around them."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("lightning", reason="Lightning is not installed")

from depth_completion_training import cli  # noqa: E402
from depth_completion_training.callbacks.average import WeightAverage  # noqa: E402
from depth_completion_training.callbacks.checkpoints import LastCheckpoint  # noqa: E402
from depth_completion_training.data.shapes import ShapesData  # noqa: E402
from depth_completion_training.losses.mspn import L1L2, SILog  # noqa: E402
from depth_completion_training.networks.mspn import TrainedMSPN  # noqa: E402
from depth_completion_training.networks.toy_network import Prediction, ToyNetwork  # noqa: E402
from depth_completion_training.optimisation import (  # noqa: E402
    AdamW,
    Constant,
    Milestones,
    OneCycle,
    WarmUpCosine,
    scheduler,
)
from depth_completion_training.task import CompletionTask  # noqa: E402

from depth_completion_ros.completion.mspn import MSPN  # noqa: E402
from depth_completion_ros.completion.prior.preprocessing import IMAGENET_MEAN, IMAGENET_STD  # noqa: E402
from depth_completion_ros.completion.weights.checkpoint import shapes_of  # noqa: E402
from depth_completion_ros.core import compute_metrics  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


class Recorder(torch.nn.Module):
    """Keeps what it was called with."""

    def forward(self, rgb, sparse, prior, K=None):
        self.seen = {"rgb": rgb, "sparse": sparse, "prior": prior, "K": K}
        return Prediction(prior)


def batch(size=2, seed=0):
    random = torch.Generator().manual_seed(seed)
    depth = 1 + 5 * torch.rand(size, 1, 12, 16, generator=random)
    depth[0, 0, 0], depth[0, 0, 1] = math.inf, 0
    return {
        "image": torch.randint(0, 256, (size, 3, 12, 16), generator=random, dtype=torch.uint8),
        "sparse": depth.where((torch.rand(depth.shape, generator=random) < 0.2) & depth.isfinite(), 0.0),
        "depth": depth,
        "prior": 1 + 5 * torch.rand(depth.shape, generator=random),
        "K": torch.eye(3).expand(size, 3, 3),
    }


# One step ----------------------------------------------------------------------------------------


def test_a_network_sees_the_normalised_image_and_what_it_asks_for_by_name():
    network, given = Recorder(), batch()
    prediction = CompletionTask(network, L1L2())(given)
    assert prediction.depth is given["prior"]
    mean, std = (torch.tensor(values).reshape(3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    expected = (given["image"] / 255 - mean) / std
    assert torch.allclose(network.seen.pop("rgb"), expected, atol=1e-5)
    assert all(value is given[name] for name, value in network.seen.items())


def test_mean_and_deviation_of_the_colours_can_be_others():
    network, given = Recorder(), batch()
    CompletionTask(network, L1L2(), mean=[91, 96.5, 94], std=[79.5, 80, 82])(given)
    mean, std = (torch.tensor(x).reshape(3, 1, 1) for x in ([91, 96.5, 94], [79.5, 80, 82]))
    assert torch.allclose(network.seen["rgb"], (given["image"] - mean) / std, atol=1e-5)


def test_a_network_never_sees_the_truth():
    class Cheat(torch.nn.Module):
        def forward(self, rgb, sparse, depth=None):
            assert depth is None
            return Prediction(sparse)

    CompletionTask(Cheat(), L1L2())(batch())


@pytest.mark.parametrize("loss", [L1L2(), SILog()], ids=["l1+l2", "silog"])
def test_a_step_trains_every_weight(loss):
    task = CompletionTask(ToyNetwork(4), loss)
    task.log = lambda *args, **kwargs: None
    torch.nn.init.normal_(task.network.layers[-1].weight)
    task.training_step(batch(), 0).backward()
    assert all(p.grad is not None and p.grad.any() for p in task.network.parameters())


def test_a_batch_without_truth_has_no_loss_and_moves_nothing():
    for loss in (L1L2(), SILog()):
        task = CompletionTask(ToyNetwork(4), loss)
        task.log = lambda *args, **kwargs: None
        given = batch()
        given["depth"] = torch.where(torch.rand(given["depth"].shape) < 0.5, math.inf, 0.0)
        value = task.training_step(given, 0)
        value.backward()
        assert value == 0 and not any(p.grad.any() for p in task.network.parameters())


def test_validation_has_the_metrics_of_the_evaluation():
    logged, given = {}, batch(3)
    task = CompletionTask(Recorder(), L1L2())
    task.log = lambda name, value, **kwargs: logged.update({name: float(value)})
    task.validation_step(given, 0)
    pairs = zip(given["prior"][:, 0].numpy(), given["depth"][:, 0].numpy(), strict=True)
    metrics = [compute_metrics(prior, truth) for prior, truth in pairs]
    assert logged["val/rmse_m"] == pytest.approx(np.mean([m.rmse_mm for m in metrics]) / 1e3, rel=1e-5)
    assert logged["val/mae_m"] == pytest.approx(np.mean([m.mae_mm for m in metrics]) / 1e3, rel=1e-5)
    assert {"val/loss", "val/l1", "val/l2"} < logged.keys()


def test_mspn_is_trained_under_the_keys_of_the_official_weights():
    with torch.device("meta"):
        trained, official = (shapes_of(make("sdr_kitti")) for make in (TrainedMSPN, MSPN))
    assert trained == official


def test_mspn_propagates_in_full_precision_whatever_the_guidance_is_computed_in():
    random = torch.Generator().manual_seed(0)
    guide, depth = torch.rand(1, 64, 16, 16, generator=random), 1 + torch.rand(1, 1, 16, 16, generator=random)
    sparse = depth.where(torch.rand(depth.shape, generator=random) < 0.2, 0.0)
    results = {}
    for make in (TrainedMSPN, MSPN):
        torch.manual_seed(1)
        layer = make("sdr_nyu").prop_layer
        for mixed in (False, True):
            with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=mixed):
                results[make, mixed] = layer(guide, depth, sparse, [6])[0]
    assert torch.equal(results[TrainedMSPN, True], results[TrainedMSPN, False])
    assert not torch.equal(results[MSPN, True], results[MSPN, False])  # else there is nothing to guard


# Optimiser and learning rate ---------------------------------------------------------------------


def test_vectors_are_spared_from_decay_where_asked():
    network = ToyNetwork(4)
    assert len(AdamW()(network).param_groups) == 1
    matrices, vectors = AdamW(weight_decay=0.1, decay_vectors=False)(network).param_groups
    assert matrices["weight_decay"] == 0.1 and vectors["weight_decay"] == 0
    assert {p.ndim for p in matrices["params"]} == {4} and {p.ndim for p in vectors["params"]} == {1}
    assert len(matrices["params"]) + len(vectors["params"]) == len(list(network.parameters()))


def test_one_cycle_rises_in_its_share_of_the_steps_and_falls_to_its_end():
    rate = [OneCycle(warm_up=0.2, start=0.1, end=0.01)(step, 100, 10) for step in range(101)]
    assert rate[0] == pytest.approx(0.1) and rate[20] == 1 and rate[100] == pytest.approx(0.01)
    assert rate[10] == pytest.approx(0.55) and rate[60] == pytest.approx(0.505)
    assert rate == sorted(rate[:20]) + sorted(rate[20:], reverse=True)


BPNET_CYCLE = {"warm_up": 0.1, "start": 0.025, "end": 0.25, "betas1": (0.9, 0.85)}
"""Of the recipes of BP-Net and DMD3C, but for the noise."""


def test_the_cycle_of_bpnet_has_the_published_rates():
    cycle = OneCycle(**BPNET_CYCLE)
    rates = [1e-3 * cycle(step, 322_110, 10_737) for step in (0, 32_210, 200_000, 322_109)]
    assert rates == pytest.approx([2.5e-5, 1e-3, 5.3e-4, 2.5e-4], rel=1e-2)
    betas = [cycle.beta1(step, 322_110) for step in (0, 32_211, 322_110)]
    assert betas == pytest.approx([0.9, 0.85, 0.9])


def test_the_cycle_of_bpnet_is_that_of_pytorch_with_its_settings():
    steps = 1000
    mine, theirs = (torch.optim.AdamW([torch.zeros(1, requires_grad=True)], lr=1e-3) for _ in range(2))
    rate = scheduler(mine, OneCycle(**BPNET_CYCLE), steps, 100)
    settings = {"div_factor": 40, "final_div_factor": 0.1, "base_momentum": 0.85, "max_momentum": 0.9}
    reference = torch.optim.lr_scheduler.OneCycleLR(theirs, 1e-3, steps, pct_start=0.1, **settings)
    for _ in range(steps - 1):
        # PyTorch's cycle is one step shorter at either side.
        assert mine.param_groups[0]["lr"] == pytest.approx(theirs.param_groups[0]["lr"], abs=2e-5)
        assert mine.param_groups[0]["betas"] == pytest.approx(theirs.param_groups[0]["betas"], abs=1e-3)
        for pair in ((mine, rate), (theirs, reference)):
            pair[0].step()
            pair[1].step()


def test_the_noise_of_a_rate_depends_on_the_step_alone():
    plain, noisy = OneCycle(**BPNET_CYCLE), OneCycle(**BPNET_CYCLE, noise=0.1)
    shares = [noisy(step, 2000, 100) / plain(step, 2000, 100) for step in range(2000)]
    assert 0.9 <= min(shares) < 0.905 and 1.095 < max(shares) <= 1.1
    assert np.mean(shares) == pytest.approx(1, abs=0.01)
    assert shares[::-1] == [noisy(step, 2000, 100) / plain(step, 2000, 100) for step in range(1999, -1, -1)]


def test_beta_cycles_in_every_group_and_stays_where_a_schedule_leaves_it():
    optimiser = AdamW(decay_vectors=False)(ToyNetwork(2))
    rate = scheduler(optimiser, OneCycle(warm_up=0.5, betas1=(0.9, 0.8)), 4, 4)
    seen = []
    for _ in range(5):
        seen.append({group["betas"] for group in optimiser.param_groups})
        optimiser.step()
        rate.step()
    assert all(len(betas) == 1 for betas in seen)
    assert [betas.pop()[0] for betas in seen] == pytest.approx([0.9, 0.85, 0.8, 0.85, 0.9])
    optimiser = AdamW(betas=(0.7, 0.99))(ToyNetwork(2))
    scheduler(optimiser, Constant(), 4, 4)
    assert optimiser.param_groups[0]["betas"] == (0.7, 0.99)


def test_a_warm_up_is_a_line_and_what_follows_a_cosine():
    rate = [WarmUpCosine(warm_up_steps=4, end=0.2)(step, 24, 10) for step in range(25)]
    assert rate[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1])
    assert rate[14] == pytest.approx(0.6) and rate[24] == pytest.approx(0.2)


def test_milestones_halve_the_rate_after_their_epochs():
    schedule = Milestones([2, 4], 0.5)
    assert [schedule(step, 60, 10) for step in (0, 4, 9)] == pytest.approx([1 / 11, 5 / 11, 10 / 11])
    assert [schedule(step, 60, 10) for step in (10, 19, 20, 39, 40, 59)] == [1, 1, 0.5, 0.5, 0.25, 0.25]
    assert Constant()(3, 10, 10) == 1


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: OneCycle(warm_up=1), "OneCycle has warm_up 1; it must be a share"),
        (lambda: OneCycle(noise=1), "OneCycle has noise 1; it must be a share"),
        (lambda: Milestones([4, 2]), r"Milestones has epochs \[4, 2\]; they must be in rising order."),
        (lambda: WeightAverage(1.0), "The average has decay 1; it must be from 0 to less than 1."),
        (lambda: LastCheckpoint(every_steps=0), "Checkpoints are asked for every 0 steps and 5 minutes"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_a_sentence(make, words):
    with pytest.raises(ValueError, match=words):
        make()


# Averaged weights --------------------------------------------------------------------------------


def test_the_average_is_that_of_its_formula_and_counters_are_copied():
    average = WeightAverage(0.8)
    task = CompletionTask(ToyNetwork(2), L1L2())
    average.setup(None, task, "fit")
    weight, counter = task.network.layers[0].bias, task.network.layers[1].num_batches_tracked
    expected = None
    for step in range(12):
        with torch.no_grad():
            weight.fill_(float(step**2))
            counter.fill_(step)
        average._average_model.update_parameters(task)
        decay = min(0.8, (1 + step) / (10 + step)) if step else 0.0
        expected = weight[0].item() if expected is None else decay * expected + (1 - decay) * weight[0].item()
    averaged = average._average_model.module.network.layers
    assert averaged[0].bias[0].item() == pytest.approx(expected, rel=1e-5)
    assert averaged[1].num_batches_tracked == 11


# The command line --------------------------------------------------------------------------------


def test_a_run_leaves_logs_checkpoints_and_images_in_its_folder(tmp_path):
    shape = ["--data.init_args.height=24", "--data.init_args.width=32"]
    steps = ["--trainer.max_steps=40", "--trainer.val_check_interval=8"]
    cli.main(["fit", "--config", "tiny", f"--trainer.default_root_dir={tmp_path}", *shape, *steps])
    assert (tmp_path / "checkpoints" / "last.ckpt").is_file()
    assert (tmp_path / "checkpoints" / "best.ckpt").is_file()
    assert not list(tmp_path.rglob("*.unfinished"))
    image = cv2.imread(str(tmp_path / "images" / "0000040.png"))
    assert image.shape == (4 * 24, 5 * 32, 3) and image.std() > 10
    assert list((tmp_path / "tensorboard").glob("events*"))
    with (tmp_path / "csv" / "version_0" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    for name in ("train/loss", "val/rmse_m", "lr-AdamW", "images_per_s", "data_wait"):
        values = [float(row[name]) for row in rows if row.get(name)]
        assert values and all(map(math.isfinite, values)), name
    with pytest.raises(SystemExit, match="is there from an earlier run; go on with --ckpt_path last"):
        cli.main(["fit", "--config", "tiny", f"--trainer.default_root_dir={tmp_path}"])


def recipes() -> list[Path]:
    return sorted(cli.RECIPES.glob("*.yaml"))


@pytest.mark.parametrize("path", recipes(), ids=lambda path: path.stem)
def test_every_recipe_names_things_that_exist(path, tmp_path, capsys):
    """Printing the whole configuration checks names and types of all settings."""
    with pytest.raises(SystemExit) as end:
        cli.main(["fit", "--config", path.stem, "--print_config"])
    assert end.value.code == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    given = yaml.safe_load(path.read_text())
    assert printed["model"]["network"]["class_path"] == given["model"]["network"]["class_path"]
    assert printed["trainer"]["default_root_dir"] == f"runs/{path.stem}"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("model.network: {class_path: depth_completion_training.networks.toy_network.Nothing}", "Nothing"),
        (
            "model.network: {class_path: depth_completion_training.networks.toy_network.ToyNetwork, "
            "init_args: {chanels: 3}}",
            "Option 'chanels' is not accepted",
        ),
        ("model.optimiser: {learning_rate: 1}", "learning_rate"),
        ("trainer.max_steps: many", 'Parser key "trainer.max_steps"'),
    ],
)
def test_a_recipe_with_a_mistake_is_refused_in_a_few_lines(tmp_path, capsys, change, words):
    content = yaml.safe_load((cli.RECIPES / "tiny.yaml").read_text())
    (name, value) = next(iter(yaml.safe_load(change).items()))
    section, key = name.split(".")
    content[section][key] = value
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(SystemExit) as end:
        cli.main(["fit", "--config", str(tmp_path / "bad.yaml")])
    said = capsys.readouterr().err
    assert end.value.code and words in said and len(said.splitlines()) < 12


def test_a_recipe_that_there_is_not_is_refused_with_those_that_there_are():
    with pytest.raises(SystemExit, match="Recipe 'tinny' is neither a file nor one of .*overfit, psd_kitti"):
        cli.main(["fit", "--config", "tinny"])


def test_data_that_is_not_there_ends_the_run_with_what_to_download(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    network = "--model.network=depth_completion_training.networks.toy_network.ToyNetwork"
    with pytest.raises(SystemExit, match="Folder 'data/nyudepthv2' has no files .*; download http"):
        cli.main(["fit", "--config", "mspn_conventional_nyu", network, "--trainer.accelerator=cpu"])


def test_made_up_shapes_differ_between_training_and_validation():
    data = ShapesData(size=4, val_size=4, height=16, width=24, points=9)
    assert not torch.equal(data.train[0]["depth"], data.val[0]["depth"])
    assert (data.train[0]["sparse"] > 0).sum() == 9
