"""What completers by diffusion share."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace

from ..learned.completer import LearnedCompleter
from .confidence import fit_confidence
from .paste_back import paste_back


class DiffusionCompleter(LearnedCompleter):
    """A diffusion as a completer: weights in a folder, measured depth put back, few steps to warm up.

    Confidence is that of the fit to what was measured (`fit_confidence`), before the correction, times what
    `forward` gives.

    Args:
        sampling: settings of a run, a frozen dataclass with `steps`; in `self.sampling`.
        paste_back: keep measured depth exactly; else all is as the network gives it.
        variant, weights, options: see `LearnedCompleter`. Without weights a tiny network with random ones
            stands in, as official ones have thousands of millions of parameters.
    """

    mean = std = (0.5, 0.5, 0.5)
    weights_are_a_folder = True
    contents = ""
    """What lies in the folder of the weights, in words."""
    quick_run = {"steps": 1}
    """Settings of the run that warms up."""

    def __init__(self, sampling, paste_back: bool, variant: str, weights: str | None, /, **options):
        self.sampling, self.keeps_measured = sampling, paste_back
        super().__init__(variant, weights, **options)

    @classmethod
    @abstractmethod
    def network_class(cls):
        """The class of the network, with `of_size(variant)` and `load(folder, variant)`."""

    @classmethod
    def make_network(cls, variant: str):
        return cls.network_class().of_size(variant)

    def warm_up(self, height, width):
        kept, self.sampling = self.sampling, replace(self.sampling, **self.quick_run)
        try:
            super().warm_up(height, width)
        finally:
            self.sampling = kept

    def _completion(self, depth, confidence, sparse):
        confidence = confidence * fit_confidence(depth, sparse)
        if self.keeps_measured:
            depth = paste_back(depth, sparse)
        return super()._completion(depth, confidence, sparse)

    def _load(self, weights, allow_noncommercial):
        from .folder import open_folder

        if not weights:
            asked, self.variant = self.variant, "tiny"
            network = super()._load(None, allow_noncommercial)
            if asked != "tiny":
                self.warnings = [
                    f"Completer '{self.name}' got no weights, so a tiny random network runs: its depth is "
                    f"meaningless. It must be a folder with {self.contents}."
                ]
            return network
        folder = open_folder(weights, self.contents)
        self.weights_from, self.licence = f"folder '{folder.name}'", ""
        return self.network_class().load(folder, self.variant).eval().requires_grad_(False)
