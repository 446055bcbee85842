"""Fits some parameters of EfficientSPN to hidden points; each step is a function of seed and number alone."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch

from ..completion.efficient_spn.at_points import at_points
from ..completion.efficient_spn.network import EfficientSPN
from ..evaluation.protocols import CannotServe
from .asked import Asked
from .hiding import Lesson, Question, draw_question
from .loss import SKY, held_loss, loss_at, sky_loss
from .settings import FitSettings, learns

LARGEST_GRADIENT = 1.0
DRAWS = 8
"""Scans that are tried for one with enough points in view."""


@dataclass
class Errors:
    """RMSE and MAE in metres by protocol, of points that were hidden."""

    by_protocol: dict[str, tuple[float, float]]

    def over(self, before: Errors) -> float:
        """Geometric mean of both errors of all protocols, relative to those before."""
        ratios = [
            now / then
            for text, errors in self.by_protocol.items()
            for now, then in zip(errors, before.by_protocol[text], strict=True)
            if then > 0
        ]
        return float(np.exp(np.mean(np.log(np.maximum(ratios, 1e-6)))))


@dataclass
class FitState:
    """Where a fit is, for going on.

    Args:
        step: number of steps done.
        looks: (step, error on the frames that tune relative to the start) so far.
        best: least of these, and at which step.
        kept: parameters that learn, as they were then; at first as they were at the start.
    """

    step: int = 0
    looks: list[tuple[int, float]] = field(default_factory=list)
    best: tuple[float, int] = (1.0, 0)
    kept: dict[str, torch.Tensor] = field(default_factory=dict)


class Fit:
    """A network that is being fitted.

    Args:
        network: changed in place; its image encoder and the statistics of its norms stay.
        lessons: frames of the robot.
        tune: questions by protocol that tell when to stop.
        reminders: other frames, so that nothing else is forgotten: those with a truth teach it, the others
            hold the network to what it said before.
    """

    def __init__(
        self,
        network: EfficientSPN,
        lessons: Sequence[Lesson],
        tune: dict[str, list[Question]],
        settings: FitSettings,
        reminders: Sequence[Lesson] = (),
    ):
        self.network, self.lessons, self.settings = network.eval(), lessons, settings
        self.reminders, self.state = reminders, FitState()
        self.device = next(network.parameters()).device
        self.learning = {name: p for name, p in network.named_parameters() if learns(settings.part, name, p)}
        for parameter in network.parameters():
            parameter.requires_grad_(False)
        for parameter in self.learning.values():
            parameter.requires_grad_(True)
        self.heads = settings.part == "heads"
        self.before = copy.deepcopy(network).requires_grad_(False)
        self.optimiser = torch.optim.Adam(self.learning.values(), lr=1.0)
        self.bank: dict[int, Asked | None] = {}
        self.tune = {
            text: [Asked.of(q, self.before, self.heads, compare=False) for q in each]
            for text, each in tune.items()
        }
        self.start = self.errors() if self.tune else None
        self.state.kept = self._copied()

    def run(self, done: Callable[[FitState], None] | None = None) -> FitState:
        """Go on until all steps are done or nothing has been gained for long; keeps the best parameters.

        Args:
            done: called after each step.
        """
        settings, state = self.settings, self.state
        while state.step < settings.steps and not self._in_vain():
            self._step(state.step)
            state.step += 1
            if self.tune and (state.step % settings.tune_every == 0 or state.step == settings.steps):
                self._look()
            if done is not None:
                done(state)
        if self.tune:
            self._take(state.kept)
        return state

    def _in_vain(self) -> bool:
        best = self.state.best[1] or 0
        return self.state.step - best >= self.settings.patience * self.settings.tune_every and bool(self.tune)

    def _step(self, step: int) -> None:
        random = np.random.default_rng([self.settings.seed, step])
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.rate_at(step)
        self.optimiser.zero_grad(set_to_none=False)
        for number in range(self.settings.batch):
            asked = self._from_bank(number, random)
            if asked is not None:
                self._learn(asked)
        torch.nn.utils.clip_grad_norm_(self.learning.values(), LARGEST_GRADIENT)
        self.optimiser.step()

    def _draw(self, number: int, random: np.random.Generator) -> Asked | None:
        """A scan with a part hidden, at times mirrored; None where nothing is left to ask for.

        A scan with next to no point in view is passed over, and another one is drawn.
        """
        reminded = round(self.settings.batch * self.settings.reminded) if self.reminders else 0
        lessons = self.reminders if number < reminded else self.lessons
        for _ in range(DRAWS):
            lesson = lessons[int(random.integers(len(lessons)))]
            with suppress(CannotServe):
                question = draw_question(lesson, random)
                break
        else:
            return None
        if random.random() < 0.5:
            question = Question(*(np.ascontiguousarray(plane[:, ::-1]) for plane in question))
        if not question.hidden.any():
            return None
        held = number < reminded and lesson.truth is None
        return Asked.of(question, self.before, self.heads, held=held)

    def _from_bank(self, number: int, random: np.random.Generator) -> Asked | None:
        """One of `kept` such scans, which are drawn once each, as many of them reminders as of a batch."""
        batch = self.settings.batch
        at = int(random.integers(-(-self.settings.kept // batch))) * batch + number
        if at not in self.bank:
            self.bank[at] = self._draw(number, np.random.default_rng([self.settings.seed, 1 << 31, at]))
        return self.bank[at]

    def _learn(self, asked: Asked) -> None:
        prediction = asked.prediction(self.network, self.heads)
        if asked.held:
            loss = held_loss(prediction, asked.said)
        else:
            loss = loss_at(at_points(prediction, asked.points), asked.points)
            loss = loss + SKY * sky_loss(prediction, asked.said)
        if torch.isfinite(loss):
            (loss / self.settings.batch).backward()

    def _look(self) -> None:
        """See how good it is on the frames that tune, and keep the parameters if it has never been better."""
        state = self.state
        score = self.errors().over(self.start)
        state.looks.append((state.step, score))
        if score < state.best[0]:
            state.best = score, state.step
            state.kept = self._copied()

    def _copied(self) -> dict[str, torch.Tensor]:
        return {name: p.detach().clone() for name, p in self.learning.items()}

    def _take(self, kept: dict[str, torch.Tensor]) -> None:
        with torch.no_grad():
            for name, parameter in self.learning.items():
                parameter.copy_(kept[name])

    @torch.no_grad()
    def errors(self) -> Errors:
        """Of the frames that tune, each counting alike."""
        return Errors(
            {text: tuple(np.mean([self._error(q) for q in each], axis=0)) for text, each in self.tune.items()}
        )

    def _error(self, asked: Asked) -> tuple[float, float]:
        """RMSE and MAE of hidden points, metres."""
        n = asked.points.measured
        found = at_points(asked.prediction(self.network, self.heads), asked.points)
        error = found.log_depth[n:].exp() - asked.points.log_depth[n:].exp()
        return error.square().mean().sqrt().item(), error.abs().mean().item()

    # Going on -----------------------------------------------------------------------------------------

    def stored(self) -> dict[str, Any]:
        """All that `restore` needs to go on as if nothing had happened."""
        return {
            "settings": asdict(self.settings),
            "step": self.state.step,
            "looks": self.state.looks,
            "best": self.state.best,
            "kept": self.state.kept,
            "learning": {name: p.detach() for name, p in self.learning.items()},
            "optimiser": self.optimiser.state_dict(),
        }

    def restore(self, stored: dict[str, Any]) -> None:
        """Go on from what `stored` gave."""
        self._take(stored["learning"])
        self.optimiser.load_state_dict(stored["optimiser"])
        looks = [(int(step), float(score)) for step, score in stored["looks"]]
        self.state = FitState(stored["step"], looks, tuple(stored["best"]), stored["kept"])
