"""From a recording to weights: fit, calibrate, judge, write or refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from ..completion import create_completer
from ..completion.device import choose_device
from ..completion.efficient_spn.at_points import at_points
from ..completion.efficient_spn.completer import WEIGHTS
from ..completion.efficient_spn.network import EfficientSPN
from ..completion.learned.weights import open_checkpoint
from ..completion.weights.checkpoint import Checkpoint, load_into
from ..completion.weights.folder import file_name, weights_folder
from ..completion.weights.tensors import content_hash
from ..core import Frame
from ..data.reader import Reader
from ..evaluation.protocols import CannotServe
from .asked import normalised
from .calibration import Calibration
from .fit import Fit, FitState
from .frames import load_frames, part_frames
from .hiding import Lesson, Question, make_lesson, protocols_for, question_of, tensors_of
from .judge import Verdict, judge
from .loss import right
from .settings import FitSettings
from .store import licence_of, read_state, write_state, write_weights

MOST_TUNING, MOST_JUDGING = 6, 12
"""Frames of these parts that are looked at while fitting, and that judge."""
NETWORK = "efficient_spn:general"


@dataclass(frozen=True, eq=False)
class Start:
    """The weights that a fit begins with."""

    network: EfficientSPN
    checkpoint: Checkpoint


def read_start(weights: str | None, allow_noncommercial: bool = False) -> Start:
    """The network with weights of a file or stored name; those that ship when None.

    Raises:
        ValueError, FileNotFoundError: they cannot be used.
    """
    checkpoint = open_checkpoint(weights, WEIGHTS, NETWORK, allow_noncommercial)
    network = EfficientSPN()
    load_into(network, checkpoint)
    return Start(network.eval(), checkpoint)


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


@torch.no_grad()
def hidden_answers(network: EfficientSPN, questions: dict[str, list[Question]]):
    """Logit of confidence, whether depth is right, and weight, of all hidden points; frames count alike.

    Returns:
        float64 N, bool N and float64 N, as `Calibration.fitted` takes them.
    """
    device = next(network.parameters()).device
    logits, rights, weights = [], [], []
    for each in questions.values():
        for question in each:
            image, sparse, points = tensors_of(question, device)
            found = at_points(network(normalised(image), sparse), points)
            logits.append(found.logit[points.measured :].double().cpu().numpy())
            rights.append(right(found, points).bool().cpu().numpy())
            weights.append(np.full(len(rights[-1]), 1 / max(len(rights[-1]), 1)))
    weight = np.concatenate(weights)
    return np.concatenate(logits), np.concatenate(rights), weight / weight.sum()


@dataclass(frozen=True)
class Request:
    """What is to be made of a recording.

    Args:
        name: of the weights, as `weights=` takes it.
        licence: of the data, and so of what is made of it.
        folder: where to; that of stored weights when None.
        start: weights to begin with, a file or stored name; those that ship when None.
        protocols: texts of what to hide for tuning and judging; those that suit the sensor when empty.
        most: frames that are used of the recording.
        fit: how to fit; None to calibrate confidence alone.
        resume: go on where the same request was ended.
        device: of the fit.
    """

    name: str
    licence: str
    folder: Path | None = None
    start: str | None = None
    protocols: tuple[str, ...] = ()
    most: int = 100
    fit: FitSettings | None = None
    resume: bool = False
    device: str = "auto"
    allow_noncommercial: bool = False


@dataclass(frozen=True, eq=False)
class Adapted:
    """Weights that were written.

    Args:
        path: of the safetensors; the ONNX lies beside it.
        frames: that were used to fit, tune and judge.
        state: of the fit; None where confidence alone was calibrated.
    """

    path: Path
    frames: tuple[int, int, int]
    verdict: Verdict
    calibration: Calibration
    state: FitState | None


def adapt(
    reader: Reader,
    request: Request,
    reminders: Sequence[Lesson] = (),
    progress: Callable[[str, int, int], None] | None = None,
) -> Adapted:
    """Fit the default network to a recording, and store the weights if they are better where it was held out.

    Args:
        reminders: frames to mix in, see `Fit`.
        progress: called with what is done, how many steps of it are, and of how many.

    Raises:
        NotBetter: they are not, and nothing was written.
        ValueError, FileNotFoundError: the recording or the request cannot be used; in a sentence.
    """
    tell = progress or (lambda *_: None)
    start = read_start(request.start, request.allow_noncommercial)
    licence = licence_of(request.licence, start.checkpoint)
    folder = request.folder or weights_folder()
    place = folder / file_name(request.name)
    parts = part_frames(_loaded(reader, request.most, tell))
    protocols = request.protocols or tuple(protocols_for(parts.fit[0]))
    lessons, tuning = ([make_lesson(frame) for frame in part] for part in (parts.fit, parts.tune))
    questions = questions_for(_some(tuning, MOST_TUNING), protocols)
    if not questions:
        raise ValueError(
            f"No frame of {reader.name} has points that can be hidden by {', '.join(protocols)}; name others "
            "with --protocol."
        )
    network = start.network.to(str(choose_device(request.device)))
    state = None
    if request.fit is not None:
        fit = Fit(network, lessons, questions, request.fit, reminders)
        about = {
            "protocols": list(protocols),
            "start": content_hash(start.checkpoint.state_dict),
            "frames": [frame.name for frame in parts.fit],
            "reminders": [[each.frame.name, each.truth is not None] for each in reminders],
        }
        state = _fit(fit, request, about, place, tell)
    tell("calibrating confidence", 0, 1)
    calibration = Calibration.fitted(*hidden_answers(network, questions_for(tuning, protocols)))
    calibration.put_into(network)
    steps = state.best[1] if state else 0
    metadata = {
        "networks": NETWORK,
        "origin": f"{start.checkpoint.description}, {steps} steps on {len(lessons)} frames of {reader.name}",
        "sha256": start.checkpoint.metadata.get("content_sha256", ""),
        "licence": licence,
        "confidence": f"slope {calibration.slope:.6f}, offset {calibration.offset:.6f}",
    }
    tell("judging", 0, 1)
    verdict = _judged(network, place, metadata, request, _some(parts.judge, MOST_JUDGING), protocols)
    _state_file(place).unlink(missing_ok=True)
    sizes = len(parts.fit), len(parts.tune), len(parts.judge)
    return Adapted(place.with_name(f"{place.name}.safetensors"), sizes, verdict, calibration, state)


def _loaded(reader: Reader, most: int, tell: Callable[[str, int, int], None]) -> list[Frame]:
    frames, number = [], min(len(reader), most)
    for frame in load_frames(reader, most):
        frames.append(frame)
        tell("reading", len(frames), number)
    return frames


def _some(all_of: list, most: int) -> list:
    """At most so many, evenly spaced."""
    if len(all_of) <= most:
        return all_of
    return [all_of[at * len(all_of) // most] for at in range(most)]


def _state_file(place: Path) -> Path:
    return place.with_name(f".{place.name}.adapting.pt")


def _fit(fit: Fit, request: Request, about: dict, place: Path, tell) -> FitState:
    """Run a fit, and note at each look where it is."""
    file = _state_file(place)
    stored = read_state(file) if request.resume else None
    if stored is not None:
        if stored["about"] != about or stored["fit"]["settings"] != asdict(fit.settings):
            raise ValueError(
                f"The fit that '{file}' is of was asked for otherwise (its frames, reminders, "
                "start, protocols or settings); give the same, or start anew without --resume."
            )
        fit.restore(stored["fit"])

    def done(state: FitState) -> None:
        if state.looks and state.looks[-1][0] == state.step:
            write_state({"about": about, "fit": fit.stored()}, file)
        tell(f"fitting, error held out {state.best[0]:.3f} of that before", state.step, fit.settings.steps)

    return fit.run(done)


def _judged(network, place: Path, metadata: dict[str, str], request: Request, frames, protocols) -> Verdict:
    """Judge weights as a robot would load them, and put them in their place if they are better."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{place.name}.", dir=place.parent) as folder:
        written = Path(folder) / place.name
        write_weights(network, written, metadata)
        usual = {"device": "cpu", "allow_noncommercial": True}
        before = create_completer("efficient_spn", weights=request.start, **usual)
        after = create_completer("efficient_spn", weights=f"{written}.onnx", **usual)
        verdict = judge(before, after, frames, protocols, "stretches held out")
        verdict.refuse_worse()
        for ending in ("onnx", "safetensors"):
            written.with_name(f"{place.name}.{ending}").replace(place.with_name(f"{place.name}.{ending}"))
    return verdict
