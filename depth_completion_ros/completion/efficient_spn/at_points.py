"""The way back to the size of the image at some points alone, with gradients; see `full_size`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from .full_size import BOXES, CLOSE
from .network import LOG_CLOSE, TAIL, Prediction


@dataclass(eq=False)
class Points:
    """Measured points of a frame, and others whose depth is asked for.

    Args:
        grid: 1 x 1 x N x 2, where they are, as `grid_sample` wants it; the measured ones first.
        log_depth: N, log of metres.
        measured: how many of them are.
        pairs: for each of `BOXES`, which point is drawn by which measured one, and how strongly: 2 x P
            and P; and N, the sum of these weights and the floor.
    """

    grid: torch.Tensor
    log_depth: torch.Tensor
    measured: int
    pairs: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]

    @classmethod
    def of(cls, fed: np.ndarray, asked: np.ndarray, device: torch.device) -> Points:
        """Points of two sparse depths, float32 H x W metres each, 0 where there is none."""
        (v, u), (v_asked, u_asked) = np.nonzero(fed > 0), np.nonzero(asked > 0)
        depth = np.concatenate([fed[v, u], asked[v_asked, u_asked]])
        v_all, u_all = np.concatenate([v, v_asked]), np.concatenate([u, u_asked])
        height, width = fed.shape
        grid = np.stack([(2 * u_all + 1) / width - 1, (2 * v_all + 1) / height - 1], axis=1)
        number = np.full(fed.shape, -1, np.int64)
        number[v, u] = np.arange(len(v))

        def tensor(values, kind=np.float32):
            return torch.from_numpy(np.ascontiguousarray(values, kind)).to(device)

        pairs = []
        for box, floor in BOXES:
            to, by, weight = _neighbours(number, v_all, u_all, box)
            total = np.bincount(to, weight, len(v_all)) + floor
            pairs.append((tensor(np.stack([to, by]), np.int64), tensor(weight), tensor(total)))
        return cls(tensor(grid)[None, None], tensor(np.log(depth)), len(v), pairs)


def _neighbours(number: np.ndarray, v: np.ndarray, u: np.ndarray, box: int):
    """Points, the measured ones around them, and their weights under a box that is applied twice."""
    reach = box - 1
    padded = np.pad(number, reach, constant_values=-1)
    to, by, weight = [], [], []
    for down in range(-reach, reach + 1):
        for right in range(-reach, reach + 1):
            found = padded[v + reach + down, u + reach + right]
            some = np.flatnonzero(found >= 0)
            to.append(some)
            by.append(found[some])
            share = (box - abs(down)) * (box - abs(right)) / box**4
            weight.append(np.full(len(some), share))
    return np.concatenate(to), np.concatenate(by), np.concatenate(weight)


@dataclass(eq=False)
class AtPoints:
    """What the completer says at N points.

    Args:
        log_depth: after bending, log of metres.
        logit: of confidence.
        base: log of the first fill, in metres.
    """

    log_depth: torch.Tensor
    logit: torch.Tensor
    base: torch.Tensor


def at_points(prediction: Prediction, points: Points) -> AtPoints:
    """Depth and confidence of one frame as the completer has them at the size of the image."""
    planes = [1 / prediction.depth, prediction.spread, prediction.trust, prediction.base]
    sampled = F.grid_sample(
        torch.cat(planes, dim=1), points.grid, mode="bilinear", padding_mode="border", align_corners=False
    )
    inverse, spread, trust, base = sampled[0, :, 0]
    log_depth = bent(-torch.log(inverse), trust, points)
    unit = torch.log(prediction.unit).reshape(())
    return AtPoints(log_depth, (LOG_CLOSE - spread) / TAIL, base + unit)


def bent(log_depth: torch.Tensor, trust: torch.Tensor, points: Points) -> torch.Tensor:
    """`full_size.bend` at points: log depth N, drawn towards the measured ones among them."""
    n = points.measured
    for (to, by), weight, total in points.pairs:
        residual = points.log_depth[:n] - log_depth[:n]
        way = believed(residual, trust[:n])
        log_depth = log_depth + torch.zeros_like(log_depth).index_add(0, to, weight * way[by]) / total
    return log_depth


def believed(residual: torch.Tensor, trust: torch.Tensor) -> torch.Tensor:
    """How far each measurement draws depth, d of `full_size.bend`; residuals of log depth."""
    doubt = (1 - trust) * (1 - torch.exp(-((residual / CLOSE) ** 2)))
    return torch.where(residual < 0, residual, residual * (1 - doubt))
