"""What is trained: a network that completes depth, with its loss, optimiser and learning rate."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from inspect import signature

import torch
from lightning import LightningModule
from torch import Tensor, nn

from depth_completion_ros.completion.prior.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from depth_completion_ros.completion.weights.checkpoint import load_into
from depth_completion_ros.completion.weights.folder import open_weights

from .losses.masked import known, mean_of_images
from .optimisation import AdamW, OneCycle, Schedule, scheduler


class CompletionTask(LightningModule):
    """Trains any network of the form `network(rgb, sparse)`.

    A batch is a dict of `image` uint8 [B,3,H,W] RGB, and `sparse` and `depth` float32 [B,1,H,W] metres (0
    where not measured or unknown, inf for sky). The network sees the image normalised by mean and deviation,
    and by name whatever else of the batch its `forward` asks for, such as `prior` or `K`; never the truth.
    It returns an object with `depth` [B,1,H,W] metres and whatever else its loss wants.

    Every step seeds PyTorch by its number and process, so that a run that was resumed draws what an
    uninterrupted one would have drawn. A network or loss that changes by epoch has a method `set_epoch`,
    which is told the number of the epoch before every step.

    A network that does not learn by the error of its depth, as diffusion does not, has a method
    `learn(rgb, sparse, depth)`. In training it is called with the truth in place of the network itself.

    Args:
        network: of which the weights are exported.
        loss: called with prediction and batch; gives scalars by name, of which `loss` is minimised.
        optimiser: with the highest learning rate.
        schedule: share of that rate at each step; `OneCycle` when None.
        weights: path or stored name of what the network starts from; None for its random weights.
        mean, std: of red, green and blue, from 0 to 255; those of ImageNet unless given.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: nn.Module,
        optimiser: AdamW = AdamW(),  # noqa: B008, it is frozen
        schedule: Schedule | None = None,
        weights: str | None = None,
        mean: Sequence[float] = tuple(255 * share for share in IMAGENET_MEAN),
        std: Sequence[float] = tuple(255 * share for share in IMAGENET_STD),
    ):
        super().__init__()
        if weights:
            load_into(network, open_weights(weights))
        self.network = network.to(memory_format=torch.channels_last)  # as the fast convolutions want it
        self._more = set(signature(network.forward).parameters) - {"rgb", "sparse", "image", "depth"}
        self.loss = loss
        self.optimiser, self.schedule = optimiser, schedule or OneCycle()
        for name, values in (("mean", mean), ("std", std)):
            scale = torch.tensor(values, dtype=torch.float32).reshape(1, 3, 1, 1)
            self.register_buffer(name, scale, persistent=False)

    def forward(self, batch: dict[str, Tensor]):
        """The network's prediction for a batch."""
        more = {name: batch[name] for name in self._more if name in batch}
        return self.network(self._normalised(batch), batch["sparse"], **more)

    def on_train_batch_start(self, batch, batch_idx) -> None:
        run_seed = int(os.environ.get("PL_GLOBAL_SEED", "0"))
        taken = self.trainer.fit_loop.total_batch_idx
        torch.manual_seed(hash((run_seed, taken, self.global_rank)) % 2**63)
        for part in (self.network, self.loss):
            if hasattr(part, "set_epoch"):
                part.set_epoch(self.current_epoch)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        learn = getattr(self.network, "learn", None)
        prediction = learn(self._normalised(batch), batch["sparse"], batch["depth"]) if learn else self(batch)
        values = self._losses(prediction, batch)
        self._log("train", values, len(batch["image"]))
        return values["loss"]

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        prediction = self(batch)
        error = prediction.depth.float() - batch["depth"]
        mask = known(batch["depth"])
        per_image = [masked_root_mean_square(error, mask), mean_of_images(error.abs(), mask)]
        values = self._losses(prediction, batch) | dict(zip(("rmse_m", "mae_m"), per_image, strict=True))
        self._log("val", values, len(batch["image"]))

    def test_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self.validation_step(batch, batch_idx)

    def configure_optimizers(self):
        # Under mixed precision Lightning clips no gradients of an optimiser that is fused.
        optimiser = self.optimiser(self.network, fused="mixed" not in self.trainer.precision)
        loop = self.trainer.fit_loop
        loop.setup_data()  # else the number of batches is not known
        steps = self.trainer.estimated_stepping_batches
        epoch_steps = math.ceil(self.trainer.num_training_batches / self.trainer.accumulate_grad_batches)
        # Lightning gives a loader its place from the checkpoint only where it is made after this.
        loop._combined_loader = None
        rate = scheduler(optimiser, self.schedule, steps, epoch_steps)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": rate, "interval": "step"}}

    def _normalised(self, batch: dict[str, Tensor]) -> Tensor:
        rgb = (batch["image"] - self.mean) / self.std
        return rgb.contiguous(memory_format=torch.channels_last)

    def _losses(self, prediction, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        with torch.autocast(self.device.type, enabled=False):  # sums over pixels need float32
            return self.loss(prediction, batch)

    def _log(self, stage: str, values: dict[str, Tensor], size: int) -> None:
        for name, value in values.items():
            shown = name == ("loss" if stage == "train" else "rmse_m")
            self.log(f"{stage}/{name}", value, batch_size=size, prog_bar=shown, sync_dist=stage != "train")


def masked_root_mean_square(error: Tensor, mask: Tensor) -> Tensor:
    """Mean over the images of the root of their mean squared error, [B,1,H,W] to a scalar."""
    squares = error.square().where(mask, error.new_zeros(()))
    roots = (squares.sum((1, 2, 3)) / mask.sum((1, 2, 3)).clamp(min=1)).sqrt()
    counted = mask.any(dim=3).any(dim=2).any(dim=1)
    return (roots * counted).sum() / counted.sum().clamp(min=1)
