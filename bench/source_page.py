"""The page of images of sources.py."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from matplotlib.colors import LogNorm, Normalize

from depth_completion_ros.completion import Completer, Completion
from depth_completion_ros.core import Frame
from depth_completion_ros.evaluation.drawing import (
    DEPTH_MAP,
    ERROR_MAP,
    dimmed,
    draw_points,
    new_figure,
    save,
)
from depth_completion_ros.evaluation.protocols import CannotServe, Protocol, Settings, Trial, parse_protocol

PROTOCOLS = ("lines:16", "lines:8", "points:500")
"""Each frame is drawn under the first of these that it serves."""
TITLES = ("image", "fed", "linear", "default", "|error| of linear", "|error| of default", "confidence")
INCHES = 3.6
ERRORS = LogNorm(0.005, 0.5)


def draw_page(frames: dict[str, Frame], completers: dict[str, Completer], path: Path) -> Path:
    """A row a frame: what is fed, depth and relative error of linear and default, confidence of default.

    Depth colours are those of the 1st to 99th percentile of linear in each row.

    Args:
        frames: what to call the row to its frame.
        completers: `linear` and `default`, by these names.
    """
    served = [first_served(frame) for frame in frames.values()]
    heights = [INCHES * trial.truth.shape[0] / trial.truth.shape[1] for _, trial in served]
    size = (INCHES * len(TITLES), sum(heights) + 0.35 * len(heights) + 0.8)
    ratios = {"height_ratios": [*heights, 0.12]}
    figure, axes = new_figure(size, len(frames) + 1, len(TITLES), gridspec_kw=ratios)
    *rows, bars = axes.reshape(-1, len(TITLES))
    for row, (name, frame), (protocol, trial) in zip(rows, frames.items(), served, strict=True):
        made = {
            c: completers[c].complete(frame.image, trial.feed, frame.camera) for c in ("linear", "default")
        }
        error, confidence = draw_row(row, frame, trial, made)
        row[0].set_title(f"{name}, {protocol.text}")
    for axis in axes[: -len(TITLES) + 5]:
        axis.set_axis_off()
    bar = figure.colorbar(error, cax=bars[5], orientation="horizontal", extend="max")
    bar.set_ticks([0.01, 0.05, 0.2, 0.5], labels=["1 %", "5 %", "20 %", "50 %"])
    bar.minorticks_off()
    bar.set_label("|error| / truth")
    figure.colorbar(confidence, cax=bars[6], orientation="horizontal").set_label("confidence")
    return save(figure, path)


def first_served(frame: Frame) -> tuple[Protocol, Trial]:
    for protocol in map(parse_protocol, PROTOCOLS):
        try:
            return protocol, protocol.trial(frame, Settings())
        except CannotServe:
            continue
    raise ValueError(f"Frame '{frame.name}' serves none of {', '.join(PROTOCOLS)}.")


def draw_row(row, frame: Frame, trial: Trial, made: dict[str, Completion]):
    """Draw one row; its image of errors and that of confidence, for their colour bars."""
    low, high = np.nanpercentile(made["linear"].depth, (1, 99))
    norm = LogNorm(low, max(high, 1.01 * low))
    background = dimmed(frame.image, trial.truth.shape)
    row[0].imshow(background if frame.image is None else frame.image)
    draw_points(row[1], background, grown(trial.feed.depth, nearest=True), DEPTH_MAP, norm)
    row[1].set_title(f"{TITLES[1]}: {trial.feed.count:,} points")
    for at, name in enumerate(("linear", "default")):
        depth = made[name].depth
        row[2 + at].imshow(depth, cmap=DEPTH_MAP, norm=norm)
        row[2 + at].set_title(f"{name}, {low:.3g} to {high:.3g} m")
        scored = (trial.truth > 0) & np.isfinite(depth)
        error = np.abs(depth - trial.truth) / np.where(scored, trial.truth, 1)
        relative = np.where(scored, np.maximum(error, 1e-6), 0)
        errors = draw_points(row[4 + at], background // 3, grown(relative), ERROR_MAP, ERRORS, largest=True)
        row[4 + at].set_title(f"{TITLES[4 + at]}, mean {error[scored].mean():.1%}")
    image = row[6].imshow(made["default"].confidence, cmap="viridis", norm=Normalize(0, 1))
    row[6].set_title(TITLES[6])
    return errors, image


def grown(values: np.ndarray, nearest: bool = False) -> np.ndarray:
    """Each value above 0 as a square that can be seen on a small image, the largest or least on top."""
    side = max(1, values.shape[1] // 250)
    kernel = np.ones((side, side), np.uint8)
    if not nearest:
        return cv2.dilate(values.astype(np.float32), kernel)
    least = cv2.erode(np.where(values > 0, values, np.float32(np.inf)), kernel, borderValue=np.inf)
    return np.where(np.isfinite(least), least, np.float32(0))
