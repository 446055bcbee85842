"""Whether fitted weights are better than those before, on stretches that nothing was chosen by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..completion import Completer, create_completer
from ..core import Frame
from ..evaluation.runner import EvaluationResult, new_result, nothing_served, score_frames
from ..fleet import partial
from ..fleet.workers.crew import Crew

BEFORE, AFTER = "before", "after"
SAME_DEPTH, SAME_CONFIDENCE = 1e-3, 2e-3
"""Relative difference of errors, and difference of calibration errors, up to which both are alike."""


class NotBetter(ValueError):
    """Weights that gain nothing are not written; the message says what became worse.

    Args:
        verdict: what was found.
    """

    def __init__(self, message: str, verdict: Verdict):
        super().__init__(message)
        self.verdict = verdict


@dataclass(frozen=True, eq=False)
class Verdict:
    """What was found on the frames that judge.

    Args:
        depth: geometric mean of RMSE and MAE over the protocols, after relative to before.
        calibration: mean |confidence - share that is right|, before and after.
        ause: of RMSE, before and after.
        result: all of it, of completers `BEFORE` and `AFTER`.
        drives: the same of each drive alone, by name; of those with something that could be scored.
    """

    depth: float
    calibration: tuple[float, float]
    ause: tuple[float, float]
    result: EvaluationResult
    drives: dict[str, Verdict] = field(default_factory=dict)

    def worse_drives(self) -> str:
        """Which drives lose depth, as a sentence; empty where none does, or there is one alone."""
        several = self.drives if len(self.drives) > 1 else {}
        worse = [f"'{name}' ({each.depth:.3f} times)" for name, each in several.items() if each.loses_depth]
        return f"Errors grow on {len(worse)} of {len(several)} drives: {', '.join(worse)}." if worse else ""

    @property
    def loses_depth(self) -> bool:
        """Whether errors have grown."""
        return self.depth > 1 + SAME_DEPTH

    def refuse_worse(self) -> None:
        """Raise where depth or confidence is worse than before, or neither is better.

        Raises:
            NotBetter: with both figures.
        """
        before, after = self.calibration
        depth_is_worse = self.loses_depth
        confidence_is_worse = after > before + SAME_CONFIDENCE
        none_is_better = self.depth > 1 - SAME_DEPTH and after > before - SAME_CONFIDENCE
        if not (depth_is_worse or confidence_is_worse or none_is_better):
            return
        worse = [
            *(["depth is worse"] if depth_is_worse else []),
            *(["confidence is worse"] if confidence_is_worse else []),
        ]
        what = " and ".join(worse) or "nothing is better"
        hint = " Try --confidence-only." if depth_is_worse and not confidence_is_worse else ""
        drives = self.worse_drives()
        raise NotBetter(
            f"No weights are written: on the stretches held out {what} (errors {self.depth:.3f} times those "
            f"before, calibration error {before:.3f} before and {after:.3f} after)."
            f"{' ' if drives else ''}{drives}{hint}",
            self,
        )


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Frames of a drive that judge."""

    drive: str
    frames: Sequence[Frame]


class Judge:
    """Scores weights before and after on drives, as the task of a worker.

    Args:
        before: weights of the default network as `create_completer` takes them, or a completer.
        after: the same.
        protocols: what is hidden.
    """

    def __init__(
        self, before: str | Completer | None, after: str | Completer | None, protocols: Sequence[str]
    ):
        self._completers = {BEFORE: _completer(before), AFTER: _completer(after)}
        self._protocols, self._warm = protocols, set[str]()

    def __call__(self, held_out: HeldOut) -> dict:
        """What `partial.content_of` gives of an evaluation by the frames of a drive."""
        result = new_result(held_out.drive, self._protocols, list(self._completers))
        for completer in self._completers.values():
            completer.forget()  # or it would depend on what this worker did before
        score_frames(held_out.frames, self._completers, result, None, True, self._warm)
        return partial.content_of(result)


def _completer(weights: str | Completer | None) -> Completer:
    if isinstance(weights, Completer):
        return weights
    return create_completer("efficient_spn", weights=weights, device="cpu", allow_noncommercial=True)


def judge(
    make: Callable[[], Judge],
    drives: Mapping[str, Sequence[Frame]],
    protocols: Sequence[str],
    crew: Crew | None = None,
    tell: Callable[[int, int], None] = lambda *_: None,
) -> tuple[Verdict, int]:
    """Score weights on hidden points of the frames of drives, by name; also the number of workers lost.

    Args:
        make: makes a judge by these protocols, in each worker one.
        crew: the workers; this process when None or empty.

    Raises:
        ValueError: no frame can serve any of the protocols, or a worker was lost again and again.
    """
    held_out = [HeldOut(*each) for each in drives.items()]
    content: dict[str, dict] = {}

    def done(each: HeldOut, found: dict) -> None:
        content[each.drive] = found
        tell(len(content), len(drives))

    tell(0, len(drives))
    lost = 0
    if crew:
        lost = crew.do(held_out, make, done, _give_up).lost
    else:
        one = make()
        for each in held_out:
            done(each, one(each))
    return _verdicts({name: content[name] for name in drives}, protocols), lost


def _give_up(held_out: HeldOut, why: str) -> dict:
    what = f"Drive '{held_out.drive}'" if held_out.drive else "The recording"
    raise ValueError(f"{what} cannot be judged, its worker was lost {why}")


def _verdicts(content: Mapping[str, dict], protocols: Sequence[str]) -> Verdict:
    """Over all drives, and of each."""
    whole = new_result("stretches held out", protocols, [BEFORE, AFTER])
    drives = {}
    for name, each in content.items():
        partial.add(whole, each, name)
        alone = new_result(name, protocols, [BEFORE, AFTER])
        partial.add(alone, each, "")
        if alone.rows:
            drives[name] = _verdict(alone)
    if not whole.rows:
        raise ValueError(nothing_served(whole))
    return _verdict(whole, drives)


def _verdict(result: EvaluationResult, drives: dict[str, Verdict] | None = None) -> Verdict:
    means = {(mean.completer, mean.protocol): mean.metrics for mean in result.means()}
    ratios = [
        (metrics.rmse_mm / means[BEFORE, text].rmse_mm, metrics.mae_mm / means[BEFORE, text].mae_mm)
        for (who, text), metrics in means.items()
        if who == AFTER and means[BEFORE, text].mae_mm > 0 and metrics.mae_mm > 0
    ]
    scores = result.confidence_means()
    calibration, ause = (
        tuple(
            float(np.mean([value(score) for (_, who), score in scores.items() if who == one]))
            for one in (BEFORE, AFTER)
        )
        for value in (lambda score: score.calibration_error, lambda score: score.ause()[0])
    )
    depth = float(np.exp(np.mean(np.log(ratios)))) if ratios else 1.0
    return Verdict(depth, calibration, ause, result, drives or {})
