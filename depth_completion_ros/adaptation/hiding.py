"""Hides part of a scan, as a thinner or a blinded sensor would, and asks the network for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..completion.efficient_spn.full_size import SHORTER_SIDES, inner_shape, seen_sparse, shrink_image
from ..completion.learned.image import usable_image
from ..completion.learned.inner_size import shrink_sparse
from ..core import Frame
from ..evaluation.protocols import CannotServe, Settings, Trial, parse_protocol, sensor_rings

if TYPE_CHECKING:
    import torch

LINES = (64, 32, 16, 8, 4)
SECTOR_SHARE = 0.2
"""Of the trials, in which a sector is hidden too, as one that is blocked or dirty."""
SECTOR_WIDTH = 0.08, 0.3
"""Of the image."""
TRIES = 8
MOST_HIDDEN = 8000
"""Points that are asked for in a trial; of more, so many are drawn."""


@dataclass(eq=False)
class Lesson:
    """A frame to hide points of, with its image at the sizes that the network may see.

    Args:
        frame: without its image.
        images: uint8 h x w x 3, by height and width.
        truth: float32 H x W metres, 0 where unknown, of a simulated frame; None where hidden points are all
            that is known.
    """

    frame: Frame
    images: dict[tuple[int, ...], np.ndarray]
    truth: np.ndarray | None = None

    def asked(self, fed: np.ndarray, hidden: np.ndarray) -> Question:
        """The question that such a part of the scan, and what is hidden of it, are."""
        return Question(self.images[seen_sparse(fed)[0].shape], fed, hidden)


class Question(NamedTuple):
    """A scan with a part of it hidden, as arrays.

    Args:
        image: uint8 h x w x 3.
        fed, hidden: float32 H x W metres, 0 where there is none.
    """

    image: np.ndarray
    fed: np.ndarray
    hidden: np.ndarray


def make_lesson(frame: Frame, simulated: bool = False) -> Lesson:
    """A lesson of a frame.

    Args:
        simulated: ask for its ground truth, where it has one.
    """
    shape = _shape(frame)
    image = usable_image(frame.image, shape, "adapt")
    truth = frame.ground_truth if simulated else None
    sizes = {inner_shape(shape, shorter_side=side) for _, (side, *_) in SHORTER_SIDES}
    images = {size: shrink_image(image, size) for size in sizes}
    return Lesson(replace(frame, image=None, ground_truth=None), images, truth)


def _shape(frame: Frame) -> tuple[int, int]:
    if frame.camera is not None:
        return frame.camera.height, frame.camera.width
    return frame.image.shape[:2]


def protocols_for(frame: Frame) -> list[str]:
    """What to score a sensor like that of a frame by: some of its rings hidden, most, nearly all points."""
    if frame.rings is None or not len(frame.rings):
        return ["share:50", "share:10", "share:3"]
    rings = sensor_rings(frame.rings)
    fewer = [f"lines:{rings // share}" for share in (4, 8) if rings // share >= 2]
    return ["hide:2", *fewer, "share:3"]


def draw_question(lesson: Lesson, random: np.random.Generator) -> Question:
    """Hide part of a scan by chance.

    Raises:
        CannotServe: the scan has too few points for anything that was tried.
    """
    for tried in range(TRIES):
        text = _draw_protocol(lesson.frame, random)
        try:
            trial = parse_protocol(text).trial(lesson.frame, Settings(), int(random.integers(1 << 30)))
        except CannotServe:
            if tried == TRIES - 1:
                raise
            continue
        if random.random() < SECTOR_SHARE:
            _hide_sector(trial, random)
        if trial.feed.count:
            break
    hidden = trial.truth if lesson.truth is None else np.where(trial.feed.depth > 0, 0, lesson.truth)
    return lesson.asked(trial.feed.depth, _some(hidden, random))


def question_of(lesson: Lesson, protocol: str) -> Question:
    """Hide what a protocol of evaluation hides.

    Raises:
        CannotServe: the frame cannot serve it.
    """
    trial = parse_protocol(protocol).trial(lesson.frame)
    return lesson.asked(trial.feed.depth, trial.truth)


def questions_for(lessons: Sequence[Lesson], protocols: Iterable[str]) -> dict[str, list[Question]]:
    """What some protocols hide of frames, by protocol; without those that no frame can serve."""
    found: dict[str, list[Question]] = {}
    for text in protocols:
        for lesson in lessons:
            try:
                found.setdefault(text, []).append(question_of(lesson, text))
            except CannotServe:
                continue
    return {text: questions for text, questions in found.items() if questions}


def _draw_protocol(frame: Frame, random: np.random.Generator) -> str:
    if frame.rings is not None and len(frame.rings) and random.random() < 0.6:
        rings = sensor_rings(frame.rings)
        texts = ["hide:2", "hide:4", *(f"lines:{n}" for n in LINES if n < rings)]
        return str(random.choice(texts))
    return f"share:{np.exp(random.uniform(np.log(0.5), np.log(80))):.3g}"


def _hide_sector(trial: Trial, random: np.random.Generator) -> None:
    width = trial.truth.shape[1]
    size = max(1, round(width * random.uniform(*SECTOR_WIDTH)))
    left = int(random.integers(width - size + 1))
    fed = trial.feed.depth[:, left : left + size]
    hidden = trial.truth[:, left : left + size]
    if np.count_nonzero(fed) == trial.feed.count:
        return
    np.copyto(hidden, fed, where=fed > 0)
    fed[:] = 0


def _some(hidden: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The same with at most `MOST_HIDDEN` points."""
    at = np.flatnonzero((hidden > 0) & np.isfinite(hidden))
    if len(at) > MOST_HIDDEN:
        at = random.choice(at, MOST_HIDDEN, replace=False)
    some = np.zeros_like(hidden)
    some.flat[at] = hidden.flat[at]
    return some


def tensors_of(question: Question, device: torch.device):
    """A question as the network and its loss take it; see `completion.efficient_spn.at_points.Points`."""
    import torch

    from ..completion.efficient_spn.at_points import Points

    small = shrink_sparse(question.fed, question.image.shape[:2])
    image = torch.from_numpy(question.image)[None].to(device)
    sparse = torch.from_numpy(small)[None, None].to(device)
    return image, sparse, Points.of(question.fed, question.hidden, device)
