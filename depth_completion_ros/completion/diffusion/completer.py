"""What completers by diffusion share."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Any

from ..learned.completer import LearnedCompleter
from ..weights.licences import licence_of_folder, refuse_noncommercial
from .confidence import fit_confidence
from .options import DiffusionOptions
from .paste_back import paste_back


class DiffusionCompleter(LearnedCompleter):
    """A diffusion as a completer: weights in a folder, measured depth put back, few steps to warm up.

    Confidence is that of the fit to what was measured (`fit_confidence`), before the correction, times what
    `forward` gives.

    Without weights a tiny network with random ones runs, as official ones have thousands of millions of
    parameters.

    Attributes:
        sampling: how depth is sampled: the options, of which a warm-up changes some for a while.
    """

    mean = std = (0.5, 0.5, 0.5)
    weights_are_a_folder = True
    contents = ""
    """What lies in the folder of the weights, in words."""
    warm_up_sampling = {"steps": 1}
    """Options of the run that warms up."""

    Options = DiffusionOptions

    def __init__(self, options: DiffusionOptions):
        super().__init__(options)
        self.sampling: Any = options
        self.keeps_measured = options.paste_back

    @classmethod
    @abstractmethod
    def network_class(cls):
        """The class of the network, with `of_size(variant)` and `load(folder, variant)`."""

    @classmethod
    def make_network(cls, variant: str):
        return cls.network_class().of_size(variant)

    def warm_up(self, height, width):
        kept, self.sampling = self.sampling, replace(self.sampling, **self.warm_up_sampling)
        try:
            super().warm_up(height, width)
        finally:
            self.sampling = kept

    def completion(self, depth, confidence, sparse):
        if not (depth > 0).any():  # else the correction would make depth of measurements alone
            return super().completion(depth, confidence, sparse)
        confidence = confidence * fit_confidence(depth, sparse)
        if self.keeps_measured:
            depth = paste_back(depth, sparse)
        return super().completion(depth, confidence, sparse)

    def read_network(self):
        from .folder import open_folder

        if not self.options.weights:
            asked, self.variant = self.variant, "tiny"
            network = self.random_network()
            if asked != "tiny":
                self.warnings = [
                    f"Completer '{self.name}' got no weights, so a tiny random network runs: its depth is "
                    f"meaningless. It must be a folder with {self.contents}."
                ]
            return network
        folder = open_folder(self.options.weights, self.contents)
        self.weights_from, self.licence = f"folder '{folder.name}'", licence_of_folder(folder)
        refuse_noncommercial(self.weights_from, self.licence, self.options.allow_noncommercial)
        return self.network_class().load(folder, self.variant)
