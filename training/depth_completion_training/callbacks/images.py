"""Images of what the network makes of the first validation batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import TensorBoardLogger

from depth_completion_ros.core.visual import colourise_depth, error_map, label, overlay_sparse
from depth_completion_ros.data.files import write_image


class ValidationImages(Callback):
    """Puts images into TensorBoard, and as `images/STEP.png` into the run's folder.

    A row for each image: image, measurements, prediction, truth, error.

    Args:
        count: of the first batch.
    """

    def __init__(self, count: int = 4):
        self.count = count

    @torch.no_grad()
    def on_validation_batch_end(
        self, trainer, pl_module, outputs, batch, batch_idx, dataloader_idx=0
    ) -> None:
        if batch_idx or dataloader_idx or not trainer.is_global_zero or trainer.sanity_checking:
            return
        with trainer.precision_plugin.forward_context():
            prediction = pl_module(batch).depth
        rows = zip(*(_arrays(x)[: self.count] for x in _planes(batch, prediction)), strict=True)
        sheet = np.concatenate([draw(*row) for row in rows])
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_image("val", sheet, trainer.global_step, dataformats="HWC")
        write_image(Path(trainer.default_root_dir) / "images" / f"{trainer.global_step:07d}.png", sheet)


def draw(image: np.ndarray, sparse: np.ndarray, prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """One row of images, uint8 H x 5 W x 3 RGB, whose depths share one scale.

    Args:
        image: uint8 H x W x 3 RGB.
        sparse, prediction, truth: H x W metres, 0 where not measured or unknown, inf for sky.
    """
    truth = np.where(np.isfinite(truth), truth, 0)
    known = truth[truth > 0]
    near, far = np.percentile(known, (1, 99)) if known.size else (1.0, 10.0)
    root = np.sqrt(np.mean((prediction - truth)[truth > 0] ** 2)) if known.size else np.nan
    panels = (
        image,
        overlay_sparse(image, sparse, near, far),
        label(colourise_depth(prediction, near, far), f"{near:.2g} to {far:.2g} m"),
        colourise_depth(truth, near, far),
        label(error_map(prediction, truth, limit=max(0.1 * far, 0.1)), f"RMSE {root:.3g} m"),
    )
    return np.concatenate(panels, axis=1)


def _planes(batch: dict[str, torch.Tensor], prediction: torch.Tensor) -> tuple[torch.Tensor, ...]:
    image = batch["image"].permute(0, 2, 3, 1)
    return image, batch["sparse"][:, 0], prediction.float()[:, 0], batch["depth"][:, 0]


def _arrays(values: torch.Tensor) -> np.ndarray:
    return values.cpu().numpy()
