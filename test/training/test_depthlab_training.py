"""DepthLab's training: what is learnt and from what, its start, recipe, a kill, its export."""

from __future__ import annotations

import csv
import warnings
from itertools import count
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("lightning", reason="Lightning is not installed")
pytest.importorskip("diffusers", reason="diffusers is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

from depth_completion_training.callbacks.checkpoints import LAST  # noqa: E402
from depth_completion_training.cli import main  # noqa: E402
from depth_completion_training.data.shapes import Shapes  # noqa: E402
from depth_completion_training.data.simulator import split_of  # noqa: E402
from depth_completion_training.export_depthlab import export_depthlab  # noqa: E402
from depth_completion_training.export_depthlab import main as export_main  # noqa: E402
from depth_completion_training.losses.velocity import VelocityLoss  # noqa: E402
from depth_completion_training.networks.depthlab import Painted, TrainedDepthLab  # noqa: E402
from depth_completion_training.networks.depthlab_start import start  # noqa: E402
from depth_completion_training.simulation.frame_file import SimulatedFrame, write_frame  # noqa: E402
from test_resume import assert_equal, killed_command  # noqa: E402

from depth_completion_ros import SparseDepth, create_completer  # noqa: E402
from depth_completion_ros.completion.depthlab.attention import blocks_of  # noqa: E402
from depth_completion_ros.completion.diffusion.networks import (  # noqa: E402
    make_unet,
    make_vae,
    make_vision,
)
from depth_completion_ros.completion.diffusion.schedule import make_scheduler  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")

SIZE = (32, 48)
TINY = ("--model.network.size=tiny", "--model.network.steps=2", "--model.network.checkpointing=false")


@pytest.fixture(scope="module")
def marigold(tmp_path_factory) -> Path:
    """A tiny Marigold with an image encoder beside it, as the recipe asks for it."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("marigold")
    make_unet("tiny", 8).save_pretrained(folder / "unet")
    make_vae("tiny").save_pretrained(folder / "vae")
    make_vision("tiny").save_pretrained(folder / "image_encoder")
    make_scheduler("leading").save_pretrained(folder / "scheduler")
    return folder


@pytest.fixture(scope="module")
def trained() -> TrainedDepthLab:
    torch.manual_seed(1)
    return TrainedDepthLab("tiny", steps=2)


def batch(size: int = 2, shape=SIZE) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Images in [-1, 1], a tenth of the depth, and all of it but a corner and a strip of sky."""
    random = torch.Generator().manual_seed(2)
    rgb = 2 * torch.rand(size, 3, *shape, generator=random) - 1
    depth = 2 + torch.linspace(0, 6, shape[1]) + torch.rand(size, 1, *shape, generator=random)
    depth[:, :, :8], depth[:, :, -3:, -3:] = torch.inf, 0
    kept = torch.rand(depth.shape, generator=random) < 0.1
    return rgb, depth.where(kept & depth.isfinite(), 0.0), depth


def learnt(network: TrainedDepthLab, given=None) -> tuple[float, dict[str, torch.Tensor | None]]:
    """Loss and gradients of one step."""
    torch.manual_seed(4)
    network.zero_grad()
    loss = VelocityLoss()(network.learn(*(given or batch())), {})["loss"]
    loss.backward()
    grads = {name: None if p.grad is None else p.grad.clone() for name, p in network.named_parameters()}
    return loss.item(), grads


# What is learnt ----------------------------------------------------------------------------------


def test_all_is_trained_but_what_nothing_depends_on(trained):
    chosen = {name for name, p in trained.named_parameters() if p.requires_grad}
    trained.requires_grad_(True)  # so that gradients alone tell what counts
    # Two places are left in the middle of the U-Net; of a single one what attention asks has no gradient.
    _, grads = learnt(trained, batch(shape=(64, 96)))
    trained._choose_trained(False)
    moved = {name for name, grad in grads.items() if grad is not None and grad.any()}
    assert moved == chosen
    still = {name.removeprefix("reference.") for name in grads.keys() - moved if name.startswith("ref")}
    names = list(blocks_of(trained.reference))
    inert = ("attn2.to_q.weight", "attn2.to_k.weight", "norm2.weight", "norm2.bias")
    one_token = {f"{name}.{part}" for name in names for part in inert}
    end = "up_blocks.3.attentions.2."
    dead = {name for name in still if name.startswith(end)}
    assert len(dead) == 20 and not any(".norm1." in name or "proj_in" in name for name in dead)
    assert still == dead | one_token
    of_estimation = {
        name.removeprefix("estimation.") for name in grads.keys() - moved if "estimation" in name
    }
    assert of_estimation == one_token and len(one_token) == 64
    assert {"mapping.weight", "mapping.bias"} < moved and len(moved) == 622 + 602 + 2


def test_the_reference_can_stay_and_vae_and_image_encoder_always_do():
    network = TrainedDepthLab("tiny", freeze_reference=True)
    chosen = {name.split(".")[0] for name, p in network.named_parameters() if p.requires_grad}
    assert chosen == {"estimation", "mapping"}
    assert {name.split(".")[0] for name in network.state_dict()} == {"estimation", "mapping", "reference"}
    _, grads = learnt(network)
    assert all(grad is None for name, grad in grads.items() if name.startswith("reference"))
    assert grads["mapping.weight"].any()
    assert not any(p.requires_grad for part in (network.vae, network.vision) for p in part.parameters())


def test_checkpointing_gives_the_same_gradients_and_computes_twice(trained):
    runs = []
    blocks = [next(iter(blocks_of(unet).values())) for unet in (trained.estimation, trained.reference)]
    hooks = [block.register_forward_pre_hook(lambda *_: runs.append(1)) for block in blocks]
    try:
        loss, grads = learnt(trained)
        assert len(runs) == 2
        trained._keep_less()
        again, others = learnt(trained)
        assert len(runs) == 2 + 4
    finally:
        for unet in (trained.estimation, trained.reference):
            unet.disable_gradient_checkpointing()
        for hook in hooks:
            hook.remove()
    assert loss == again
    for name, grad in grads.items():
        torch.testing.assert_close(others[name], grad, rtol=1e-5, atol=1e-8)


def test_the_velocity_is_that_of_the_drawn_noise_and_time(trained):
    given = batch()
    torch.manual_seed(5)
    found = trained.learn(*given)
    torch.manual_seed(5)
    planes, _ = trained._planes(*given)
    t = torch.randint(1000, (2,))
    clean = trained.vae.encode(planes.guess.expand(-1, 3, -1, -1)).latent_dist.mean * 0.18215
    noise = torch.randn(clean.shape)
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    kept = (1 - betas).cumprod(0)[t].reshape(-1, 1, 1, 1)
    expected = kept.sqrt() * noise - (1 - kept).sqrt() * clean
    torch.testing.assert_close(found.target, expected.float(), rtol=1e-4, atol=1e-5)
    squares = (found.velocity - found.target).square().mean(1, keepdim=True)
    loss = VelocityLoss()(found, {})["loss"]
    torch.testing.assert_close(loss, squares[found.known].mean())
    assert VelocityLoss()(Painted(given[2]), {}) == {}


# From what it is learnt --------------------------------------------------------------------------


def test_known_depth_spans_the_drawn_bound_and_the_truth_goes_beyond(trained):
    rgb, sparse, depth = batch(4)
    sparse[sparse > 6] = 0  # so that the truth is deeper than what is known
    torch.manual_seed(6)
    planes, _ = trained._planes(rgb, sparse, depth)
    known = sparse > 0
    bounds = []
    for sample in range(4):
        of_known = planes.masked[sample][known[sample]]
        bound = of_known.max().item()
        bounds.append(bound)
        assert of_known.min().item() == pytest.approx(-bound, rel=1e-4) and 0.2 <= bound <= 1
        truth = depth[sample][depth[sample].isfinite() & (depth[sample] > 0)]
        whole = planes.guess[sample][depth[sample].isfinite() & (depth[sample] > 0)]
        low, high = sparse[sample][known[sample]].min(), sparse[sample].max()
        torch.testing.assert_close(
            whole, ((truth - low) / (high - low) * 2 - 1) * bound, rtol=1e-4, atol=1e-4
        )
        assert whole.max() > bound
    assert len(set(bounds)) == 4
    assert torch.equal(planes.guess[known], planes.masked[known])
    assert torch.equal(planes.unknown, torch.where(known, -1.0, 1.0))


def test_pixels_without_a_truth_do_not_count_whatever_they_hold(trained):
    rgb, sparse, depth = batch()
    found = trained.learn(rgb, sparse, depth)
    expected = torch.ones(2, 1, 4, 6, dtype=torch.bool)
    expected[:, :, 0], expected[:, :, -1, -1] = False, False
    assert torch.equal(found.known, expected)
    other = depth.clone()
    other[:, :, :8], other[:, :, -3:, -3:] = 0, torch.inf
    assert learnt(trained)[0] == learnt(trained, (rgb, sparse, other))[0]


def test_an_image_without_known_depth_takes_no_part(trained):
    rgb, sparse, depth = batch()
    sparse[1] = 0
    found = trained.learn(rgb, sparse, depth)
    assert found.known[0].any() and not found.known[1].any()
    sparse[0] = 0
    loss, grads = learnt(trained, (rgb, sparse, depth))
    assert loss == 0 and not any(grad.any() for grad in grads.values() if grad is not None)
    depths = trained(*batch()[:1], sparse).depth
    assert depths.shape == depth.shape and not depths.any()


def test_four_planes_are_encoded_at_once_in_float32_in_mixed_precision_too(trained, monkeypatch):
    encode, seen = trained.vae.encode, []

    def noting(planes):
        latents = encode(planes)
        seen.append((planes.shape, planes.dtype, latents.latent_dist.mean.dtype))
        return latents

    monkeypatch.setattr(trained.vae, "encode", noting)
    whole, grads = learnt(trained)
    with torch.autocast("cpu", torch.bfloat16):
        mixed, others = learnt(trained)
    assert seen == [((8, 3, *SIZE), torch.float32, torch.float32)] * 2
    assert mixed != whole and mixed == pytest.approx(whole, rel=0.03)
    for name in ("estimation.conv_in.weight", "reference.conv_in.weight", "mapping.weight"):
        similar = torch.cosine_similarity(grads[name].flatten(), others[name].float().flatten(), dim=0)
        assert similar > 0.9, name


def test_images_of_another_range_and_bounds_are_refused(trained):
    rgb, sparse, depth = batch()
    with pytest.raises(ValueError, match=r"set mean and std to \[127.5, 127.5, 127.5\]"):
        trained.learn(2 * rgb, sparse, depth)
    with pytest.raises(ValueError, match="least bound of depth is 0; it must be above 0, at most 1"):
        TrainedDepthLab("tiny", least_bound=0)


# The start ---------------------------------------------------------------------------------------


def test_from_marigold_only_first_layers_and_the_mapping_layer_are_new(marigold):
    from diffusers import UNet2DConditionModel

    source = UNet2DConditionModel.from_pretrained(marigold / "unet", low_cpu_mem_usage=False)
    network = TrainedDepthLab("tiny", str(marigold))
    image, depth, others = (torch.randn(1, width, 5, 6) for width in (4, 4, 8))
    nothing = torch.zeros_like(image)
    with torch.no_grad():
        noisy = network.estimation.conv_in(torch.cat([depth, others], dim=1))
        seen = network.reference.conv_in(image)
        torch.testing.assert_close(noisy, source.conv_in(torch.cat([nothing, depth], dim=1)))
        torch.testing.assert_close(seen, source.conv_in(torch.cat([image, nothing], dim=1)))
    wanted = source.state_dict()
    for unet, missing in ((network.estimation, set()), (network.reference, {"conv_out", "conv_norm_out"})):
        found = unet.state_dict()
        assert {name.split(".")[0] for name in wanted.keys() - found.keys()} == missing
        same = {name for name, x in found.items() if x.shape == wanted[name].shape}
        assert same == found.keys() - {"conv_in.weight"}
        assert all(torch.equal(found[name], wanted[name]) for name in same)
    assert torch.equal(network.mapping.weight, torch.eye(24)) and not network.mapping.bias.any()
    separate = {p.data_ptr() for p in network.parameters()}
    assert len(separate) == len(list(network.parameters()))
    _, grads = learnt(network)  # what is blind at first learns at once
    assert grads["estimation.conv_in.weight"][:, 4:].abs().amax((0, 2, 3)).all()


def test_folders_that_do_not_fit_are_refused_in_a_sentence(marigold, tmp_path):
    with pytest.raises(ValueError, match="DepthLab has size 'huge'; it must be one of official, tiny"):
        start("huge", None)
    with pytest.raises(FileNotFoundError, match="There is no folder '.*none'; it must hold unet, vae"):
        start("tiny", str(tmp_path / "none"))
    with pytest.raises(ValueError, match="gives 24 numbers; DepthLab of size 'official' takes 1024"):
        start("official", str(marigold))


# The recipe --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def frames(tmp_path_factory) -> Path:
    """Six frames for training and one for validation, of boxes on a plane."""
    folder = tmp_path_factory.mktemp("frames")
    names = {"train": [], "val": []}
    for scene in count():
        name = f"indoor_{scene:08d}_00.npz"
        names[split_of(name)].append(name)
        if names["val"]:
            break
    for number, name in enumerate([*names["train"][:6], names["val"][0]]):
        made = Shapes(7, *SIZE, points=1)[number]
        depth = made["depth"][0].numpy()
        depth[:2] = np.inf
        image, K = made["image"].permute(1, 2, 0).numpy(), made["K"].numpy()
        write_frame(folder / name, SimulatedFrame(np.ascontiguousarray(image), depth, K, []))
    return folder


def arguments(frames: Path, marigold: Path, run: Path, *more: str) -> list[str]:
    """Of the command line: the recipe on the CPU, at a small size; the least that is not the recipe's."""
    data = {"folder": frames, "size": f"[{SIZE[0]}, {SIZE[1]}]", "workers": 0}
    trainer = {"accelerator": "cpu", "precision": "32-true", "max_steps": 4, "log_every_n_steps": 1}
    trainer |= {"accumulate_grad_batches": 1, "val_check_interval": 4}
    given = [f"--data.init_args.{name}={value}" for name, value in data.items()]
    given += [f"--trainer.{name}={value}" for name, value in trainer.items()]
    given += [*TINY, f"--model.network.folder={marigold}", f"--trainer.default_root_dir={run}"]
    return ["fit", "--config", "depthlab", *given, *more]


def train(*given) -> dict:
    """Its last checkpoint."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main(arguments(*given))
    return torch.load(given[2] / LAST, weights_only=True)


def test_one_draw_is_learnt_by_heart():
    torch.manual_seed(7)
    network, losses = TrainedDepthLab("tiny"), []
    optimiser = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], 3e-3)
    for _ in range(10):
        losses.append(learnt(network, batch(1))[0])
        optimiser.step()
    assert losses[-1] < 0.5 * losses[0]


@pytest.fixture(scope="module")
def whole(frames, marigold, tmp_path_factory) -> Path:
    """A run of 4 steps, with averaged weights and a validation at the end."""
    run = tmp_path_factory.mktemp("whole")
    train(frames, marigold, run, "--average.decay=0.9")
    return run


def test_a_killed_run_ends_with_the_same_weights(frames, marigold, whole, tmp_path):
    more = ("--average.decay=0.9", "--checkpoints.every_steps=2")
    killer = "--trainer.callbacks=[{class_path: test_resume.KilledAt, init_args: {step: 3}}]"
    asked = arguments(frames, marigold, tmp_path, *more, killer)
    killed_command(asked)
    assert torch.load(tmp_path / LAST, weights_only=True)["global_step"] == 2
    resumed = train(frames, marigold, tmp_path, *more, "--ckpt_path=last")
    assert_equal(resumed, torch.load(whole / LAST, weights_only=True))


def test_validation_samples_depth_and_keeps_the_best_checkpoint(whole):
    with (whole / "csv" / "version_0" / "metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["val/rmse_m"]]
    assert [int(row["step"]) for row in rows] == [3] and "val/loss" not in rows[0]
    assert all(0 < float(row["val/rmse_m"]) < 100 for row in rows)
    assert (whole / "checkpoints" / "best.ckpt").is_file()


# Export ------------------------------------------------------------------------------------------


def test_an_exported_run_is_what_the_completer_runs(marigold, whole, tmp_path):
    out = tmp_path / "out"
    export_main([str(whole / LAST), str(out), "--parts", str(marigold), "--licence", "Apache-2.0"])
    options = {"variant": "tiny", "weights": str(out), "device": "cpu", "steps": 2, "strength": 1.0}
    completer = create_completer("depthlab", paste_back=False, **options)
    average = torch.load(whole / LAST, weights_only=True)["state_dict"]
    for name, value in completer.network.named_parameters():
        if not name.startswith(("vae", "vision")):
            assert torch.equal(value, average[f"network.{name}"]), name
    network = TrainedDepthLab("tiny", str(out), steps=2)
    made = Shapes(1, *SIZE, points=60)[0]
    expected = network(made["image"][None] / 127.5 - 1, made["sparse"][None]).depth[0, 0].numpy()
    image, sparse = made["image"].permute(1, 2, 0).numpy(), SparseDepth(made["sparse"][0].numpy())
    alone = completer.complete(image, sparse).depth
    above = np.isfinite(alone)  # depth below 0 is unknown
    np.testing.assert_allclose(alone[above], expected[above], rtol=1e-4, atol=1e-4)
    assert above.any()
    pasted = create_completer("depthlab", **options).complete(image, sparse).depth
    assert np.array_equal(pasted[sparse.depth > 0], sparse.depth[sparse.depth > 0])


def test_what_cannot_be_exported_is_refused_in_a_sentence(marigold, whole, tmp_path):
    last = whole / LAST
    with pytest.raises(FileExistsError, match="is there already; name another folder"):
        export_depthlab(last, tmp_path, marigold, "MIT")
    with pytest.raises(FileNotFoundError, match="lacks vae/config.json"):
        export_depthlab(last, tmp_path / "out", tmp_path, "MIT")
    with pytest.raises(ValueError, match="Weights need a licence"):
        export_depthlab(last, tmp_path / "out", marigold, " ")
    other = tmp_path / "other.ckpt"
    torch.save({"state_dict": {"network.weight": torch.zeros(1)}, "global_step": 1}, other)
    with pytest.raises(ValueError, match="is no checkpoint of a training of DepthLab"):
        export_depthlab(other, tmp_path / "out", marigold, "MIT")
    assert not (tmp_path / "out").exists()
