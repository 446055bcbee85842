"""DepthLab's paste-back and number of steps, with tiny networks overfitted to one frame.

    python bench/paste_back.py FRAMES --select NAME [--size 96x128] [--steps 600] [--out paste_back.png]

FRAMES is a folder that `depth-completion evaluate` takes; of the frame chosen, the ground truth, or else the
measured depth, is the truth, shrunk to --size. First the tiny VAE learns the planes of that frame, then both
U-Nets learn it under masks drawn anew in every step. What it says of known pixels and seams holds for any
weights; what it says of errors and numbers of steps illustrates, as tiny networks have seen the truth.

alone    as the networks give it
copied   known depth in its place, all else as it is
pasted   `create_completer("depthlab")`: also corrected around it

`seam` is the mean of |step of depth - step of truth| between a known pixel and an unknown one beside it, in
mm; `inside` that between two unknown ones. Known pixels are exact once they are copied or pasted, so `seam`
is then the error of their unknown neighbours.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
import torch
from depth_completion_training.data.sparse.partial_depth import STRATEGIES, known_part
from depth_completion_training.export import write_weights
from depth_completion_training.export_depthlab import FILES
from depth_completion_training.losses.velocity import VelocityLoss
from depth_completion_training.networks.depthlab import TrainedDepthLab

from depth_completion_ros import SparseDepth, create_completer
from depth_completion_ros.completion.depthlab import sampling
from depth_completion_ros.completion.diffusion.codec import FACTOR
from depth_completion_ros.completion.diffusion.schedule import make_scheduler
from depth_completion_ros.core.visual import colourise_depth, error_map, label
from depth_completion_ros.data import open_reader

NUMBERS = (1, 2, 4, 10, 25, 50)
BATCH = 2
ROW = "{:8s} {:8s} {:>11s} {:>11s} {:>11s} {:>7s} {:>7s}"


def frame_of(folder: str, select: str, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Image uint8 h x w x 3 and depth float32 h x w, mean of what is known in a cell, 0 for nothing."""
    frame = next(iter(open_reader(folder, select=select)))
    depth = frame.sparse_depth if frame.ground_truth is None else frame.ground_truth
    known = (depth > 0).astype(np.float32)
    total, weight = (cv2.resize(x, size[::-1], interpolation=cv2.INTER_AREA) for x in (depth, known))
    image = cv2.resize(frame.image, size[::-1], interpolation=cv2.INTER_AREA)
    return image, np.where(weight > 0, total / np.maximum(weight, 1e-9), 0).astype(np.float32)


class Overfitted:
    """Tiny networks and the frame that they learn.

    Args:
        image: uint8 H x W x 3 RGB.
        depth: float32 H x W metres, 0 where unknown.
    """

    def __init__(self, image: np.ndarray, depth: np.ndarray):
        self.image, self.depth = image, depth
        self.network = TrainedDepthLab("tiny")
        rgb = torch.from_numpy(image).permute(2, 0, 1)[None] / 127.5 - 1
        self.rgb, self.truth = rgb.repeat(BATCH, 1, 1, 1), torch.from_numpy(depth).repeat(BATCH, 1, 1, 1)
        self.random = np.random.default_rng(0)

    def masked(self) -> torch.Tensor:
        """Known depth of a batch."""
        drawn = self.random.integers(len(STRATEGIES), size=BATCH)
        planes = [known_part(self.image, self.depth, STRATEGIES[at], self.random) for at in drawn]
        return torch.from_numpy(np.stack(planes))[:, None]

    def learn_latents(self, steps: int) -> float:
        """Train the VAE on the planes; gives its last error, in which the range of a plane is 2."""
        vae = self.network.vae.requires_grad_(True)
        optimiser, rate = _optimiser(vae, 4e-3, steps)
        for _ in range(steps):
            planes, _mask = self.network._planes(self.rgb, self.masked(), self.truth)
            planes = torch.cat([plane.expand(-1, 3, -1, -1) for plane in planes])
            latents = vae.encode(planes).latent_dist.mean
            loss = (vae.decode(latents).sample - planes).square().mean() + 1e-4 * latents.square().mean()
            _step(loss, optimiser, rate)
        vae.requires_grad_(False)
        with torch.no_grad():  # latents as wide as those of Stable Diffusion, whose factor is applied to them
            scale = 1 / (FACTOR * latents.std())
            vae.quant_conv.weight.mul_(scale), vae.quant_conv.bias.mul_(scale)
            vae.post_quant_conv.weight.div_(scale)
        return loss.item() ** 0.5

    def learn_depth(self, steps: int) -> list[float]:
        """Train the U-Nets; gives the losses."""
        optimiser, rate = _optimiser(self.network, 2e-3, steps)
        losses = []
        for _ in range(steps):
            denoised = self.network.learn(self.rgb, self.masked(), self.truth)
            loss = VelocityLoss()(denoised, {})["loss"]
            _step(loss, optimiser, rate)
            losses.append(loss.item())
        return losses

    def save(self, folder: Path) -> Path:
        """As completer `depthlab` takes it."""
        weights = self.network.state_dict()
        for name, (old, new) in FILES.items():
            part = {new + key.removeprefix(old): x for key, x in weights.items() if key.startswith(old)}
            write_weights(part, folder / f"{name}.safetensors", {})
        self.network.vae.save_pretrained(folder / "vae")
        self.network.vision.save_pretrained(folder / "image_encoder")
        make_scheduler("leading").save_pretrained(folder / "scheduler")
        return folder


def _optimiser(network, lr: float, steps: int):
    optimiser = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr, fused=True)
    return optimiser, torch.optim.lr_scheduler.OneCycleLR(optimiser, lr, total_steps=steps)


def _step(loss, optimiser, rate) -> None:
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(optimiser.param_groups[0]["params"], 1.0)
    optimiser.step()
    rate.step()


# Paste-back --------------------------------------------------------------------------------------


def completions(weights: Path, image: np.ndarray, sparse: np.ndarray, steps: int) -> dict[str, np.ndarray]:
    """Depth in the three forms."""
    options = {"variant": "tiny", "weights": str(weights), "device": "cpu", "steps": steps, "strength": 1.0}
    alone, pasted = (
        create_completer("depthlab", paste_back=keep, **options).complete(image, SparseDepth(sparse)).depth
        for keep in (False, True)
    )
    return {"alone": alone, "copied": np.where(sparse > 0, sparse, alone), "pasted": pasted}


def steps_of_error(depth: np.ndarray, truth: np.ndarray, known: np.ndarray) -> tuple[float, float]:
    """`seam` and `inside`, in metres."""
    error = np.where((truth > 0) & np.isfinite(depth), depth - truth, np.nan)
    seam, inside = [], []
    for axis in (0, 1):
        jump = np.abs(np.diff(error, axis=axis))
        both = np.diff(known.astype(np.int8), axis=axis)
        first = known[:-1] if axis == 0 else known[:, :-1]
        seam.append(jump[both != 0])
        inside.append(jump[(both == 0) & ~first])
    return tuple(float(np.nanmean(np.concatenate(parts))) for parts in (seam, inside))


def _enlarged(image: np.ndarray) -> np.ndarray:
    """To 192 pixels of width or a little more, each pixel a square."""
    factor = -(-192 // image.shape[1])
    return np.ascontiguousarray(image.repeat(factor, axis=0).repeat(factor, axis=1))


def root(values: np.ndarray) -> float:
    return float(np.sqrt(np.nanmean(values.astype(np.float64) ** 2)))


def show_paste_back(one: Overfitted, weights: Path, steps: int) -> np.ndarray:
    """Print the table of paste-back; gives the page of images."""
    truth, rows = one.depth, []
    near, far = np.percentile(truth[truth > 0], (1, 99))
    print(
        "\nmm",
        ROW.format("mask", "form", "RMSE known", "most known", "RMSE else", "seam", "inside"),
        sep="\n",
    )
    for number, strategy in enumerate(STRATEGIES):
        sparse = known_part(one.image, truth, strategy, np.random.default_rng([7, number]))
        known, row = sparse > 0, [(one.image, strategy), (colourise_depth(sparse, near, far), "known")]
        row.append((colourise_depth(truth, near, far), "truth"))
        for form, depth in completions(weights, one.image, sparse, steps).items():
            error = np.where(truth > 0, depth - truth, np.nan)
            seam, inside = steps_of_error(depth, truth, known)
            most = np.nanmax(np.abs(error[known]))
            numbers = np.array([root(error[known]), most, root(error[~known]), seam, inside])
            print(ROW.format(strategy, form, *(f"{value:.1f}" for value in 1e3 * numbers)), flush=True)
            row.append((colourise_depth(depth, near, far), form))
            row.append((error_map(depth, truth, limit=0.1 * far), f"error, to {0.1 * far:.2f} m"))
        rows.append(np.concatenate([label(_enlarged(image), text) for image, text in row], axis=1))
    return np.concatenate(rows)


# Steps -------------------------------------------------------------------------------------------


def show_steps(one: Overfitted) -> None:
    """Print the error of the unknown pixels by steps, spacing and strategy, without paste-back."""
    print(
        f"\nRMSE of unknown pixels, mm, by steps\n{'mask':8s} {'spacing':9s}"
        + "".join(f"{n:8d}" for n in NUMBERS)
    )
    for number, strategy in enumerate(STRATEGIES):
        sparse = known_part(one.image, one.depth, strategy, np.random.default_rng([7, number]))
        scored = (one.depth > 0) & (sparse == 0)
        for spacing in ("leading", "trailing"):
            found = []
            for steps in NUMBERS:
                with (
                    mock.patch.object(sampling, "spacing_for", lambda _, kind=spacing: kind),
                    torch.no_grad(),
                ):
                    chosen = sampling.Sampling(steps, strength=1.0)
                    depth = sampling.predict(one.network, one.rgb[:1], sparse, chosen).numpy()
                found.append(1e3 * root((depth - one.depth)[scored]))
            print(f"{strategy:8s} {spacing:9s}" + "".join(f"{x:8.1f}" for x in found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("frames")
    parser.add_argument("--select", default="*", help="name of the frame, as frame folders take it")
    parser.add_argument("--size", default="96x128", metavar="HxW")
    parser.add_argument("--steps", type=int, default=600, help="of training, of the VAE and of the U-Nets")
    parser.add_argument("--sampled", type=int, default=10, help="steps of sampling where forms are compared")
    parser.add_argument("--out", type=Path, default=Path("paste_back.png"))
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    image, depth = frame_of(given.frames, given.select, tuple(map(int, given.size.split("x"))))
    one, start = Overfitted(image, depth), time.perf_counter()
    share = (depth > 0).mean()
    print(f"{given.size}, truth on {share:.0%}, {depth[depth > 0].min():.2f} to {depth.max():.2f} m")
    print(
        f"VAE: error {one.learn_latents(given.steps):.4f} of 2, {time.perf_counter() - start:.0f} s",
        flush=True,
    )
    losses, tenth = one.learn_depth(given.steps), max(given.steps // 10, 1)
    first, last = np.mean(losses[:tenth]), np.mean(losses[-tenth:])
    print(f"U-Nets: loss {first:.3f} to {last:.4f}, {time.perf_counter() - start:.0f} s", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        page = show_paste_back(one, one.save(Path(folder)), given.sampled)
    cv2.imwrite(str(given.out), page[..., ::-1])
    print(f"wrote '{given.out}'")
    show_steps(one)


if __name__ == "__main__":
    main()
