"""From recordings to weights: fit, calibrate, judge, write or refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from ..completion.device import choose_device
from ..completion.efficient_spn.at_points import at_points
from ..completion.efficient_spn.completer import WEIGHTS
from ..completion.efficient_spn.network import EfficientSPN
from ..completion.learned.weights import open_checkpoint
from ..completion.weights.checkpoint import Checkpoint, load_into
from ..completion.weights.folder import file_name, weights_folder
from ..completion.weights.tensors import content_hash
from ..fleet.report import lost_sentences
from ..fleet.workers.crew import Crew
from .asked import normalised
from .calibration import Calibration
from .fit import Fit, FitState
from .hiding import Lesson, Question, questions_for, tensors_of
from .judge import Judge, Verdict, judge
from .loss import right
from .recordings import Material, Recording, Source, make_material, read_recordings
from .settings import FitSettings
from .store import licence_of, read_state, write_state, write_weights

NETWORK = "efficient_spn:general"
KEPT_OF_A_DRIVE = 4
"""Hidden scans of each drive that it learns from at least, or chance would leave some drives out."""


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
    """What is to be made of recordings.

    Args:
        name: of the weights, as `weights=` takes it.
        licence: of the data, and so of what is made of it.
        folder: where to; that of stored weights when None.
        start: weights to begin with, a file or stored name; those that ship when None.
        protocols: texts of what to hide for tuning and judging; those that suit the sensor when empty.
        most: frames that are used of all recordings together; 100, or 6 of each if those are more, when None.
        fit: how to fit; None to calibrate confidence alone.
        resume: go on where the same request was ended.
        device: of the fit.
    """

    name: str
    licence: str
    folder: Path | None = None
    start: str | None = None
    protocols: tuple[str, ...] = ()
    most: int | None = None
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
        recordings: that were used.
    """

    path: Path
    frames: tuple[int, int, int]
    verdict: Verdict
    calibration: Calibration
    state: FitState | None
    recordings: list[Recording]


def adapt(
    sources: Sequence[Source],
    request: Request,
    reminders: Sequence[Lesson] = (),
    progress: Callable[[str, int, int], None] | None = None,
    notice: Callable[[str], None] | None = None,
    crew: Crew | None = None,
) -> Adapted:
    """Fit the default network to recordings, and store the weights if they are better where it was held out.

    Args:
        sources: drives of one robot; those that cannot be used are left out.
        reminders: frames to mix in, see `Fit`.
        progress: called with what is done, how many steps of it are, and of how many.
        notice: called with sentences that the user should read.
        crew: workers that read drives and judge; this process when None.

    Raises:
        NotBetter: they are not, and nothing was written.
        ValueError, FileNotFoundError: the recordings or the request cannot be used; in a sentence.
    """
    tell, note, crew = progress or (lambda *_: None), notice or (lambda _: None), crew or Crew()
    start = read_start(request.start, request.allow_noncommercial)
    licence = licence_of(request.licence, start.checkpoint)
    folder = request.folder or weights_folder()
    place = folder / file_name(request.name)
    recordings, lost = read_recordings(sources, request.most, crew, tell)
    material = make_material(recordings, request.protocols)
    for text in [*_told(recordings), *lost_sentences(lost)]:
        note(text)
    network = start.network.to(str(choose_device(request.device)))
    state = None
    if request.fit is not None:
        state = _fit(Start(network, start.checkpoint), material, request, reminders, place, tell)
    tell("calibrating confidence", 0, 1)
    questions = questions_for(material.tuning, material.protocols)
    calibration = Calibration.fitted(*hidden_answers(network, questions))
    calibration.put_into(network)
    steps, count = state.best[1] if state else 0, len(material.lessons)
    metadata = {
        "networks": NETWORK,
        "origin": f"{start.checkpoint.description}, {steps} steps on {count} frames of {material.name}",
        "sha256": start.checkpoint.metadata.get("content_sha256", ""),
        "licence": licence,
        "confidence": f"slope {calibration.slope:.6f}, offset {calibration.offset:.6f}",
    }
    judging = partial(tell, "judging")
    verdict, lost = _judged(network, place, metadata, request.start, material, crew, judging)
    for text in lost_sentences(lost):
        note(text)
    _state_file(place).unlink(missing_ok=True)
    file = place.with_name(f"{place.name}.safetensors")
    return Adapted(file, material.sizes, verdict, calibration, state, material.recordings)


def _told(recordings: Sequence[Recording]) -> Iterator[str]:
    """What their readers told, and which drives are left out."""
    for recording in recordings:
        for text in recording.notices:
            yield f"Drive '{recording.drive}': {text}" if recording.drive else text
        if recording.failure:
            yield f"Drive '{recording.drive}' is left out: {recording.failure}"


def _state_file(place: Path) -> Path:
    return place.with_name(f".{place.name}.adapting.pt")


def _fit(
    start: Start, material: Material, request: Request, reminders: Sequence[Lesson], place: Path, tell
) -> FitState:
    """Fit the network, and note at each look where it is."""
    kept = max(request.fit.kept, KEPT_OF_A_DRIVE * len(material.recordings))
    settings = replace(request.fit, kept=kept)
    fit = Fit(start.network, material.lessons, material.questions, settings, reminders)
    about = {
        "protocols": list(material.protocols),
        "start": content_hash(start.checkpoint.state_dict),
        "frames": [name for recording in material.recordings for name in recording.names()],
        "reminders": [[each.frame.name, each.truth is not None] for each in reminders],
    }
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


def _judged(
    network, place: Path, metadata: dict[str, str], start: str | None, material: Material, crew: Crew, tell
) -> tuple[Verdict, int]:
    """Judge weights as a robot would load them, and put them in their place if they are better."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{place.name}.", dir=place.parent.absolute()) as folder:
        written = Path(folder) / place.name
        write_weights(network, written, metadata)
        make = partial(Judge, start, f"{written}.onnx", material.protocols)
        verdict, lost = judge(make, material.judging, material.protocols, crew, tell)
        verdict.refuse_worse()
        for ending in ("onnx", "safetensors"):
            written.with_name(f"{place.name}.{ending}").replace(place.with_name(f"{place.name}.{ending}"))
    return verdict, lost
