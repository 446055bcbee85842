"""PSD's training: its loss by hand, what changes by epoch, its recipe at a small size, a kill, its export."""

from __future__ import annotations

import csv
import math
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("lightning", reason="Lightning is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

from depth_completion_training.callbacks.checkpoints import LAST  # noqa: E402
from depth_completion_training.cli import RECIPES, main  # noqa: E402
from depth_completion_training.export import export  # noqa: E402
from depth_completion_training.losses.psd import (  # noqa: E402
    CONFIDENCE_WEIGHTS,
    DEPTH_WEIGHTS,
    PSDLoss,
    confidence_target,
)
from depth_completion_training.networks.psd import TrainedPSD  # noqa: E402
from depth_completion_training.optimisation import ByEpoch, at_epoch  # noqa: E402
from depth_completion_training.task import CompletionTask  # noqa: E402
from test_overfit import losses  # noqa: E402
from test_psd_data import write_kitti, write_nyu  # noqa: E402
from test_resume import assert_equal, killed_command  # noqa: E402

from depth_completion_ros import create_completer  # noqa: E402
from depth_completion_ros.completion.psd.network import PSD  # noqa: E402
from depth_completion_ros.completion.weights.checkpoint import shapes_of  # noqa: E402
from depth_completion_ros.core import Camera, SparseDepth  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")

SIDE = 42
MAPS = 64
"""Channels of the decoder of the smallest Depth Anything."""


@pytest.fixture(scope="module")
def prior(tmp_path_factory) -> Path:
    """A Depth Anything of random weights whose decoder is as wide as that of the small one."""
    from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config

    torch.manual_seed(0)
    backbone = Dinov2Config(
        hidden_size=16, num_hidden_layers=4, num_attention_heads=2, image_size=56, patch_size=14,
        out_indices=[1, 2, 3, 4], reshape_hidden_states=False, apply_layernorm=True,
    )  # fmt: skip
    config = DepthAnythingConfig(
        backbone_config=backbone, reassemble_hidden_size=16, neck_hidden_sizes=[8] * 4,
        fusion_hidden_size=MAPS, head_hidden_size=8,
    )  # fmt: skip
    model = DepthAnythingForDepthEstimation(config).eval()
    for kernel in (p for p in model.parameters() if p.ndim == 4):
        torch.nn.init.kaiming_normal_(kernel)  # else nothing of the image is left at the end
    model.head.conv3.bias.data.fill_(3.0)  # else the last ReLU may give zero everywhere
    folder = tmp_path_factory.mktemp("tiny_depth_anything")
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sets")
    write_kitti(folder)
    write_nyu(folder)
    return folder


def batch(size=2, shape=(42, 56), seed=0) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    depth = 2 + 6 * torch.rand(size, 1, *shape, generator=random)
    depth[:, :, :5] = 0
    return {
        "image": torch.randint(0, 256, (size, 3, *shape), generator=random, dtype=torch.uint8),
        "sparse": depth.where(torch.rand(depth.shape, generator=random) < 0.05, 0.0),
        "depth": depth,
        "K": torch.tensor([[50.0, 0, 28], [0, 50, 21], [0, 0, 1]]).expand(size, 3, 3),
    }


# The loss ----------------------------------------------------------------------------------------


def prediction(seed=0, shape=(2, 1, 6, 7)) -> SimpleNamespace:
    random = torch.Generator().manual_seed(seed)
    depths = {name: 8 * torch.rand(shape, generator=random) - 1 for name in ("D_res", "D_img", "D_pix")}
    doubts = {name: torch.rand(shape, generator=random) for name in ("conf", "conf2", "conf3")}
    return SimpleNamespace(**{name: x.requires_grad_() for name, x in (depths | doubts).items()})


def slow_loss(given: SimpleNamespace, truth: torch.Tensor, depth, confidence) -> float:
    """Pixel by pixel."""
    total = 0.0
    for at, (d, c) in enumerate((("D_res", "conf"), ("D_img", "conf2"), ("D_pix", "conf3"))):
        l1, doubt, count = 0.0, 0.0, 0
        planes = (getattr(given, d), getattr(given, c), truth)
        rows = zip(*(plane.detach().flatten().tolist() for plane in planes), strict=True)
        for value, sure, t in rows:
            if t > 0 and math.isfinite(t):
                l1, count = l1 + abs(value - t), count + 1
                positive = max(value, 0.0)
                doubt += abs(sure - math.exp(-5 * abs(t - positive) / (t + positive)))
        total += (depth[at] * l1 + confidence[at] * doubt) / count
    return total


@pytest.mark.parametrize(
    ("epoch", "depth", "confidence"),
    [
        (0, (1, 1, 1), (0.1, 0.1, 0.1)),
        (1, (1, 1, 1), (0.1, 0.1, 0.1)),
        (2, (1, 1, 1), (1, 1, 1)),
        (9, (1, 1, 1), (1, 1, 1)),
        (10, (0.5, 1, 1), (0.5, 0.75, 0.75)),
        (15, (0.5, 0.5, 1), (0.25, 0.5, 0.5)),
        (20, (0.1, 0.5, 1), (0.1, 0.25, 0.25)),
        (24, (0.1, 0.5, 1), (0.1, 0.25, 0.25)),
        (25, (0.1, 0.25, 1), (0.05, 0.1, 0.1)),
        (44, (0.1, 0.25, 1), (0.05, 0.1, 0.1)),
    ],
)
def test_the_loss_is_that_of_a_loop_over_pixels_in_every_epoch(epoch, depth, confidence):
    truth = 0.5 + 8 * torch.rand(2, 1, 6, 7, generator=torch.Generator().manual_seed(9))
    truth[0, 0, 0], truth[1, 0, 1] = 0, math.inf
    given, loss = prediction(), PSDLoss()
    assert (given.D_res < 0).any()
    loss.set_epoch(epoch)
    found = loss(given, {"depth": truth})
    assert found["loss"].item() == pytest.approx(slow_loss(given, truth, depth, confidence), rel=1e-5)
    parts = zip(("res", "img", "pix"), depth, confidence, strict=True)
    total = sum(a * found[f"l1_{stage}"] + b * found[f"conf_{stage}"] for stage, a, b in parts)
    assert found["loss"].item() == pytest.approx(total.item(), rel=1e-6)


def test_known_confidences():
    depth = torch.tensor([4.0, 2.0, 6.0, 0.0, -3.0, -4.0])
    expected = [1, math.exp(-5 / 3), math.exp(-1), math.exp(-5), math.exp(-5), math.exp(-5)]
    torch.testing.assert_close(confidence_target(depth, torch.full((6,), 4.0)), torch.tensor(expected))


def test_confidence_does_not_move_depth_and_pixels_without_truth_move_nothing():
    truth, given = torch.full((2, 1, 6, 7), 4.0), prediction()
    truth[:, :, :2] = 0
    PSDLoss(depth={0: (0, 0, 0)})(given, {"depth": truth})["loss"].backward()
    assert (
        not given.D_pix.grad.any()
        and given.conf3.grad[:, :, 2:].all()
        and not given.conf3.grad[:, :, :2].any()
    )
    given = prediction()
    PSDLoss()(given, {"depth": truth})["loss"].backward()
    torch.testing.assert_close(given.D_res.grad.abs().unique(), torch.tensor([0, 1 / 56]))


def test_a_batch_without_truth_has_no_loss():
    given = prediction()
    found = PSDLoss()(given, {"depth": torch.zeros(2, 1, 6, 7)})["loss"]
    found.backward()
    assert found.item() == 0 and not given.D_img.grad.any()


# By epoch ----------------------------------------------------------------------------------------


def test_what_holds_in_an_epoch_is_what_began_last():
    values = {25: "c", 0: "a", 10: "b"}
    assert [at_epoch(values, epoch) for epoch in (0, 9, 10, 24, 25, 99)] == list("aabbcc")
    with pytest.raises(
        ValueError, match=r"Values by epoch begin at epochs \[1, 5\]; one must begin at epoch 0"
    ):
        ByEpoch({5: 0.1, 1: 1.0})
    with pytest.raises(ValueError, match="one must begin at epoch 0"):
        PSDLoss(confidence={2: (1, 1, 1)})


@pytest.mark.parametrize("name", ["psd_nyu_kitti", "psd_nyu", "psd_kitti"])
def test_rate_weights_and_stops_of_the_recipes_are_the_published_ones(name):
    recipe = yaml.safe_load((RECIPES / f"{name}.yaml").read_text())
    model, trainer = recipe["model"], recipe["trainer"]
    rate, schedule = model["optimiser"]["lr"], ByEpoch(**model["schedule"]["init_args"])
    epochs = (0, 9, 10, 20, 21, 22, 25, 30, 35, 39, 40, 44)
    expected = (1e-3, 1e-3, 7.5e-4, 5e-4, 5e-4, 3e-4, 2.5e-4, 1.25e-4, 5e-5, 5e-5, 1e-5, 1e-5)
    found = [float(rate) * schedule(100 * epoch + 99, 4500, 100) for epoch in epochs]
    assert found == pytest.approx(expected)
    assert model["optimiser"]["weight_decay"] == 0.05 and model["optimiser"]["decay_vectors"]
    assert trainer["max_epochs"] - model["network"]["init_args"]["end_to_end_from"] == 5
    assert trainer["accumulate_grad_batches"] * recipe["data"]["init_args"]["batch_size"] == 48
    assert max(*DEPTH_WEIGHTS, *CONFIDENCE_WEIGHTS) < trainer["max_epochs"]


def moved_by(network: TrainedPSD, stages) -> dict[str, set[str]]:
    """Parameters that get a gradient from each of some parts of the prediction."""
    given = batch(1)
    prediction = network(given["image"].float(), given["sparse"], given["K"])
    trained = {name: p for name, p in network.named_parameters() if p.requires_grad}
    moved = {}
    for stage in stages:
        part = getattr(prediction, stage).sum()
        found = torch.autograd.grad(part, list(trained.values()), retain_graph=True, allow_unused=True)
        moved[stage] = {n for n, g in zip(trained, found, strict=True) if g is not None and g.any()}
    return moved


def test_each_stage_learns_for_itself_until_the_last_epochs(prior):
    torch.manual_seed(1)
    network = TrainedPSD(str(prior), side=SIDE).train()
    for name, value in network.named_parameters():
        if name.endswith("alpha"):
            value.data.fill_(0.3)  # at 0 the branches have no gradient
    stages = {
        "D_res": "rb",
        "D_img": "rb ib",
        "D_pix": "rb ib pb",
        "conf": "rb",
        "conf2": "ib",
        "conf3": "ib pb",
    }
    network.set_epoch(39)
    before = moved_by(network, stages)
    network.set_epoch(40)
    after = moved_by(network, stages)
    for stage, parts in stages.items():
        assert {name.split(".")[0] for name in before[stage] if "." in name} == set(parts.split()), stage
    # Depth is a sum that always lets gradients through; confidence goes to what comes after at the end only.
    assert all(
        not any("rb.confhead" in name for name in before[stage]) for stage in ("D_img", "D_pix", "conf3")
    )
    assert all(any("rb.confhead" in name for name in after[stage]) for stage in ("D_img", "D_pix", "conf3"))
    assert any("ib.confhead" in name for name in after["D_pix"] - before["D_pix"])
    assert {name for name in after["conf3"] if name.startswith("rb.")}
    assert before["D_res"] == after["D_res"] and before["conf"] == after["conf"]
    every = {name for name, p in network.named_parameters() if p.requires_grad}
    assert set.union(*before.values()) == every == set.union(*after.values())


# The network -------------------------------------------------------------------------------------


def test_weights_are_those_of_the_network_without_the_foundation_model(prior):
    network = TrainedPSD(str(prior), side=SIDE)
    with torch.device("meta"):
        assert shapes_of(network) == shapes_of(PSD((MAPS,) * 4))
    assert not any(p.requires_grad for p in network._foundation.prior.network.parameters())
    assert deepcopy(network)._foundation is network._foundation


@pytest.mark.parametrize("seed", range(3))
def test_random_weights_give_maps_of_the_size_of_what_comes_in(seed):
    # With the official ones they are 30 times as large. Attention and bins are then hard choices, whose
    # gradients are rounding errors: where training led hung on the processor.
    torch.manual_seed(seed)
    network, depth = PSD((MAPS,) * 4, official=True), torch.rand(1, 1, 48, 64) + 3.5
    with torch.no_grad():
        _, _, maps = network.ib(depth, depth, torch.rand(1, 5, 48, 64), torch.rand(1, 1, 48, 64), [])
        correction, _ = network.pb(depth, depth, torch.rand_like(depth), maps)
    assert 0.3 < maps.square().mean().sqrt() / 4 < 6
    assert correction.square().mean().sqrt() / 4 < 6


def test_images_that_were_normalised_and_priors_without_features_are_refused(prior, tmp_path):
    task = CompletionTask(TrainedPSD(str(prior), side=SIDE), PSDLoss())
    with pytest.raises(ValueError, match=r"set mean to \[0, 0, 0\] and std to \[1, 1, 1\]"):
        task(batch())
    with pytest.raises(ValueError, match="features of a Depth Anything, and 'none' has none"):
        TrainedPSD("none")
    np.save(tmp_path / "0.npy", np.ones((4, 4), np.float32))
    with pytest.raises(ValueError, match="has none"):
        TrainedPSD(f"{tmp_path}@disparity")


def test_propagation_is_the_same_in_mixed_precision(prior):
    torch.manual_seed(2)
    network, given = TrainedPSD(str(prior), side=SIDE), batch()
    features = [torch.rand(2, MAPS, 3 << i, 4 << i) for i in range(4)]
    network._foundation.prior.predict_with_features = lambda pixels: (
        1 + pixels.mean(1, keepdim=True),
        features,
    )
    arguments = given["image"].float(), given["sparse"], given["K"]
    with torch.no_grad():
        whole = network(*arguments)
        with torch.autocast("cpu", torch.bfloat16):
            mixed = network(*arguments)
    assert torch.equal(mixed.depth_diff, whole.depth_diff)
    assert not torch.equal(mixed.D_pix, whole.D_pix) and mixed.D_pix.dtype == torch.float32


# The recipe --------------------------------------------------------------------------------------


def arguments(root: Path, prior: Path, run: Path, *more: str) -> list[str]:
    """Of the command line: the recipe on the CPU, at a small size; the least that is not the recipe's."""
    data = {"nyu": root / "nyu", "kitti": root / "kitti", "kitti_raw": root / "raw", "size": "[32, 48]"}
    data |= {"batch_size": 2, "workers": 0, "val_frames": 1}
    trainer = {"accelerator": "cpu", "accumulate_grad_batches": 1, "log_every_n_steps": 1}
    given = [f"--data.init_args.{name}={value}" for name, value in data.items()]
    given += [f"--trainer.{name}={value}" for name, value in trainer.items()]
    given += [f"--model.network.init_args.prior={prior}", f"--model.network.init_args.side={SIDE}"]
    return ["fit", "--config", "psd_nyu_kitti", *given, f"--trainer.default_root_dir={run}", *more]


@pytest.fixture(scope="module")
def run(root, prior, tmp_path_factory) -> Path:
    """One batch, learnt by heart."""
    folder = tmp_path_factory.mktemp("run")
    # A limit of the batches of validation is overruled where one batch is learnt by heart.
    more = ("--trainer.overfit_batches=1", "--trainer.check_val_every_n_epoch=8", "--trainer.max_epochs=8")
    main(arguments(root, prior, folder, *more))
    return folder


def test_the_loss_of_one_batch_falls(run):
    found = losses(run)
    assert len(found) == 8 and np.isfinite(found).all()
    with (run / "csv" / "version_0" / "metrics.csv").open() as file:
        errors = [float(row["train/l1_pix"]) for row in csv.DictReader(file) if row["train/l1_pix"]]
    assert np.mean(errors[-2:]) < 0.6 * np.mean(errors[:2])


CHANGES = (
    "--model.loss.init_args.depth={0: [1, 1, 1], 1: [0.5, 1, 1], 2: [0.1, 0.25, 1]}",
    "--model.loss.init_args.confidence={0: [0.1, 0.1, 0.1], 1: [1, 1, 1]}",
    "--model.schedule.init_args.shares={0: 1, 2: 0.1}",
)


def options(root: Path, prior: Path, run: Path, *more: str) -> list[str]:
    """Three epochs of two batches, in the last of which the stages are joined."""
    given = (*CHANGES, "--model.network.init_args.end_to_end_from=2", "--trainer.max_epochs=3")
    batches = (
        "--trainer.limit_train_batches=2",
        "--trainer.limit_val_batches=0",
        "--checkpoints.every_steps=3",
    )
    return arguments(root, prior, run, *given, *batches, *more)


def test_a_killed_run_ends_with_the_same_weights_across_the_epoch_that_joins_the_stages(
    root, prior, tmp_path
):
    killer = "--trainer.callbacks=[{class_path: test_resume.KilledAt, init_args: {step: 5}}]"
    killed_command(options(root, prior, tmp_path / "killed", killer))
    left = torch.load(tmp_path / "killed" / LAST, weights_only=True)
    main(options(root, prior, tmp_path / "killed", "--ckpt_path=last"))
    main(options(root, prior, tmp_path / "whole"))
    taken_up, whole = (torch.load(tmp_path / run / LAST, weights_only=True) for run in ("killed", "whole"))
    assert (left["global_step"], taken_up["global_step"], whole["global_step"]) == (3, 6, 6)
    assert_equal(taken_up, whole)


# Export ------------------------------------------------------------------------------------------


def test_an_exported_checkpoint_is_what_the_completer_runs(run, prior, tmp_path):
    assert export(run / LAST, tmp_path / "out.safetensors", "Apache-2.0") == ("psd:small",)
    options = {"weights": str(tmp_path / "out.safetensors"), "device": "cpu", "prior": str(prior)}
    completer = create_completer("psd", variant="small", prior_side=SIDE, **options)
    network = TrainedPSD(str(prior), side=SIDE)
    task = CompletionTask(network, PSDLoss(), mean=[0, 0, 0], std=[1, 1, 1]).eval()
    task.load_state_dict(torch.load(run / LAST, weights_only=True)["state_dict"], strict=False)
    given = batch(1)  # of a size that neither has to resize
    with torch.no_grad():
        expected = task(given)
    image, sparse = given["image"][0].permute(1, 2, 0).numpy(), SparseDepth(given["sparse"][0, 0].numpy())
    result = completer.complete(image, sparse, Camera(56, 42, given["K"][0].double().numpy()))
    depth, known = expected.depth[0, 0].numpy(), np.isfinite(result.depth)
    assert known.mean() > 0.3 and (depth[~known] < 1e-3).all()
    # Rounding decides between points that are equally near, here and there.
    error = np.abs(result.depth - depth)[known]
    assert np.median(error) < 1e-3 and np.quantile(error, 0.99) < 0.02 < 0.01 * np.ptp(depth[known])
    told = known & (given["sparse"][0, 0].numpy() == 0)  # of what was measured it is 1
    assert np.quantile(np.abs(result.confidence - expected.conf3[0, 0].numpy())[told], 0.99) < 2e-3
