"""Frames to look at: image, depth and error of every completer, as images inside the page."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import takewhile

import cv2
import numpy as np

from ...completion import Completion
from ...core import Frame
from ...core.visual import colourise_depth, error_map, overlay_sparse, sampled, shrunk_sparse
from ..protocols import Protocol, Trial

LARGEST = 640
"""Pixels across an image of the page, at most."""
QUALITY = 70
"""Of WebP, which keeps an image of this size at about 30 kB."""
LONG = 12
"""Characters that names of frames may have in common."""


@dataclass(frozen=True)
class ShownTrial:
    """One trial as images.

    Args:
        frame, protocol: of which it is.
        fed: pixels that were fed.
        near, far: ends of the colours of depth, metres.
        limit: error in metres that is red, as any larger one.
        images: the image, and the same with what was fed on it, as addresses of data.
        depth, error: completer to the address.
    """

    frame: str
    protocol: str
    fed: int
    near: float
    far: float
    limit: float
    images: tuple[str, str]
    depth: dict[str, str]
    error: dict[str, str]


def show_trial(
    frame: Frame, trial: Trial, protocol: Protocol, completions: Mapping[str, Completion]
) -> ShownTrial:
    """Draw a trial, with the same colours for all completers."""
    height, width = trial.truth.shape
    step = -(-width // LARGEST)
    shape = (-(-height // step), -(-width // step))
    known = np.concatenate([trial.truth[trial.truth > 0], trial.feed.depth[trial.feed.depth > 0]])
    near, far = (float(value) for value in np.percentile(known, (1, 99)))
    limit = common_limit(trial.truth, completions)
    image = np.full((height, width, 3), 60, np.uint8) if frame.image is None else frame.image
    small = cv2.resize(image, shape[::-1], interpolation=cv2.INTER_AREA)
    fed = overlay_sparse(small, shrunk_sparse(trial.feed.depth, step, shape), near, far)
    depth = {
        name: image_address(colourise_depth(sampled(of.depth, step, shape), near, far))
        for name, of in completions.items()
    }
    # The map grows single pixels to three, so that few are lost between the sampled ones.
    error = {
        name: image_address(sampled(error_map(of.depth, trial.truth, limit), step, shape))
        for name, of in completions.items()
    }
    images = image_address(small), image_address(fed)
    return ShownTrial(frame.name, protocol.text, trial.feed.count, near, far, limit, images, depth, error)


def common_limit(truth: np.ndarray, completions: Mapping[str, Completion]) -> float:
    """95th percentile of all errors, to one digit, in metres."""
    errors = [np.abs(of.depth - truth)[(truth > 0) & np.isfinite(of.depth)] for of in completions.values()]
    everything = np.concatenate(errors)
    return float(f"{max(float(np.percentile(everything, 95)), 1e-3):.1g}") if everything.size else 1.0


def image_address(image: np.ndarray) -> str:
    """An image, uint8 H x W x 3 RGB, as an address that holds it (WebP)."""
    bgr = np.ascontiguousarray(image[..., ::-1])
    encoded = cv2.imencode(".webp", bgr, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])[1]
    return "data:image/webp;base64," + base64.b64encode(encoded.tobytes()).decode("ascii")


def viewer(shown: Sequence[ShownTrial], completers: Sequence[str], scores: Sequence[Sequence[str]]) -> str:
    """The shown trials with the controls that choose one and compare two completers.

    Args:
        scores: of each trial, a sentence a completer.
    """
    if not shown:
        return ""
    names = [f"{each.frame or 'frame without name'}, {each.protocol}" for each in shown]
    bodies = [_trial(*each) for each in zip(shown, [completers] * len(shown), scores, strict=True)]
    return compare(names, completers, bodies)


def compare(frames: Sequence[str], completers: Sequence[str], bodies: Sequence[str]) -> str:
    """Elements of which one is shown, with the controls that choose it and compare two completers.

    Args:
        bodies: of each frame; in every `stack` two completers lie over each other.
    """
    if not frames:
        return ""
    last = len(completers) - 1
    parts = ['<div class="viewer"><div class="controls">', _select("trial", "frame", _short(frames), 0)]
    hidden = "" if last else " hidden"
    parts += [f"<span{hidden}>", _select("left", "left", completers, 0), "</span>"]
    parts += [f"<span{hidden}>", _select("right", "right", completers, last), "</span>"]
    parts.append('</div><input class="cut" type="range" value="50" aria-label="where the two meet">')
    parts += [f'<div class="shown">{body}</div>' for body in bodies]
    return "\n".join([*parts, "</div>"])


def _short(names: Sequence[str]) -> list[str]:
    """Names without a long beginning that all share, as a telephone shows no more than a beginning."""
    shared = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    begin = len("".join(first for first, *_ in shared).rstrip("0123456789"))
    begin = begin if len(names) > 1 and begin > LONG else 0
    return [f"…{name[begin:]}" if begin else name for name in names]


def _select(name: str, label: str, options: Sequence[str], chosen: int) -> str:
    inside = "".join(
        f'<option value="{at}"{" selected" if at == chosen else ""}>{escape(text)}</option>'
        for at, text in enumerate(options)
    )
    return f'<label>{label} <select class="{name}">{inside}</select></label>'


def _trial(shown: ShownTrial, completers: Sequence[str], sentences: Sequence[str]) -> str:
    strip = np.broadcast_to(np.geomspace(shown.near, shown.far, 128, dtype=np.float32), (4, 128))
    errors = np.broadcast_to(np.linspace(0, shown.limit, 128, dtype=np.float32), (4, 128))
    depths = colourise_depth(strip, shown.near, shown.far)
    colours = error_map(1 + errors, np.ones_like(errors), shown.limit)
    captions = (
        f"image; right of the slider with the {shown.fed:,} pixels that were fed",
        f"depth: {shown.near:.1f} m{_strip(depths)}{shown.far:.1f} m; unknown is black",
        f"error: 0{_strip(colours)}{shown.limit:g} m and more; no depth is white, no truth black",
    )
    texts = "".join(f"<span>{escape(text)}</span>" for text in sentences)
    return (
        f'<p class="note scores">{texts}</p><div class="panels">'
        + stack("fixed", ("image", "what was fed"), shown.images, captions[0])
        + stack("depth", completers, [shown.depth[name] for name in completers], captions[1])
        + stack("error", completers, [shown.error[name] for name in completers], captions[2])
        + "</div>"
    )


def stack(kind: str, names: Sequence[str], addresses: Sequence[str], caption: str) -> str:
    """Images over each other, one a completer, with what stands below (HTML)."""
    images = "".join(
        f'<img src="{address}" alt="{escape(f"{kind}, {name}")}" draggable="false">'
        for name, address in zip(names, addresses, strict=True)
    )
    return f'<figure><div class="stack {kind}">{images}</div><figcaption>{caption}</figcaption></figure>'


def _strip(colours: np.ndarray) -> str:
    return f'<img class="strip" src="{image_address(colours)}" alt="to">'
