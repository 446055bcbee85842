"""Dense depth of which a part is known, as DepthLab (arXiv 2412.18153) is trained."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from depth_completion_ros.evaluation import masks
from depth_completion_training.simulation.frame_file import SimulatedFrame

STRATEGIES = ("shapes", "points", "objects")
DEPTH_STEP = 0.03
"""Share of depth that it changes by from a pixel to the next where something ends."""
OBJECT = (0.005, 0.25)
"""Least and greatest share of the image that an object takes."""
MOST_OBJECTS = 3
OUTLINE = 2
"""Pixels of an object that its outline takes, to be hidden with it."""
MARGIN = 0.02
"""Of the image's short side, by which an object is hidden beyond its outline."""


@dataclass(frozen=True)
class PartialDepth:
    """Draws what is known of dense depth: `sampler(frame, rng)` gives float32 H x W metres, 0 unknown.

    The paper has three strategies and does not tell how often each is taken: here as often as the others.

    Args:
        shapes: how often all but strokes, circles and squares is known, as in `evaluation.masks`.
        points: how often 0.1 to 2 % of the pixels are.
        objects: how often all but one to three objects of the image is, see `without_objects`.

    Raises:
        ValueError: a weight below 0, or nothing to draw.
    """

    shapes: float = 1.0
    points: float = 1.0
    objects: float = 1.0

    def __post_init__(self):
        weights = [getattr(self, name) for name in STRATEGIES]
        if min(weights) < 0 or not sum(weights) > 0:
            raise ValueError(
                f"Weights of {', '.join(STRATEGIES)} are {weights}; they must be 0 or more, one of them more."
            )

    def __call__(self, frame: SimulatedFrame, rng: np.random.Generator) -> np.ndarray:
        """What is known of a frame's depth; a pixel at least of all that has one."""
        weights = np.array([getattr(self, name) for name in STRATEGIES])
        strategy = STRATEGIES[rng.choice(len(weights), p=weights / weights.sum())]
        return known_part(frame.image, frame.depth, strategy, rng)


def known_part(image: np.ndarray, depth: np.ndarray, strategy: str, rng: np.random.Generator) -> np.ndarray:
    """Depth that is known under a strategy, float32 H x W metres, 0 where not.

    Args:
        image: uint8 H x W x 3 RGB.
        depth: H x W metres, 0 where there is none, inf for sky; neither is ever known.
        strategy: one of `STRATEGIES`.
    """
    there = (depth > 0) & np.isfinite(depth)
    if not there.any():
        return np.zeros(depth.shape, np.float32)
    if strategy == "points":
        mask = masks.points(depth.shape, rng, among=there)
    elif strategy == "shapes":
        mask = masks.shapes(depth.shape, rng, among=there)
    else:
        mask = without_objects(image, depth, rng)
    if not (mask & there).any():
        mask = masks.points(depth.shape, rng, among=there)
    return np.where(mask & there, depth, np.float32(0))


def without_objects(image: np.ndarray, depth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Everything known but up to three objects of the image, bool H x W.

    The paper hides what Grounded-SAM finds. Frames tell no objects, so that here they are regions that
    edges of the image (Canny) and steps of depth enclose, filled and with a margin; shapes are hidden
    where there is no such region of 0.5 to 25 % of the image.

    Args:
        image, depth: as of `known_part`.
    """
    there = (depth > 0) & np.isfinite(depth)
    inside = (there & ~_outlines(image, depth)).astype(np.uint8)
    count, regions, stats, _ = cv2.connectedComponentsWithStats(inside, connectivity=4)
    share = stats[:, cv2.CC_STAT_AREA] / depth.size
    objects = [region for region in range(1, count) if OBJECT[0] <= share[region] <= OBJECT[1]]
    if not objects:
        return masks.shapes(depth.shape, rng, among=there)
    hidden = np.zeros(depth.shape, np.uint8)
    number = min(rng.integers(1, MOST_OBJECTS + 1), len(objects))
    for region in rng.choice(objects, number, replace=False):
        outline, _ = cv2.findContours(
            (regions == region).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
        )
        cv2.drawContours(hidden, outline, -1, 1, cv2.FILLED)
    margin = 2 * (OUTLINE + max(1, round(MARGIN * min(depth.shape)))) + 1
    return cv2.dilate(hidden, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (margin, margin))) == 0


def _outlines(image: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Where objects end, bool H x W."""
    grey = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (5, 5), 0)
    log = np.log(np.where((depth > 0) & np.isfinite(depth), depth, np.float32(1e3))).astype(np.float32)
    step = cv2.morphologyEx(log, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 2 * DEPTH_STEP
    edges = cv2.Canny(grey, 40, 100) > 0
    return cv2.dilate((edges | step).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
