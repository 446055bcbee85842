"""DepthLab as a completer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..diffusion.paste_back import paste_back, spread
from ..learned import LearnedCompleter
from ..nearest import distance_confidence

if TYPE_CHECKING:
    import torch

CLOSE = 0.05
"""Relative miss of the measured depth at which confidence is halved."""
LEAST = 1e-3
"""Metres below which depth is not told apart."""
CONTENTS = (
    "denoising_unet.pth, reference_unet.pth, mapping_layer.pth (or such .safetensors) and the folders vae, "
    "image_encoder and, if need be, scheduler"
)

WITHOUT = "Completer 'depthlab' got no weights, so a tiny random network runs: its depth is meaningless."


class DepthLabCompleter(LearnedCompleter):
    """Depth painted into what is known by diffusion, guided by features of the picture.

    After Liu and others, arXiv 2412.18153, whose published weights it takes. `weights` is a folder, or the
    name of one in the folder of stored weights, with

        denoising_unet.pth, reference_unet.pth, mapping_layer.pth    of `Johanan0528/DepthLab`
        vae/, scheduler/             of `prs-eth/marigold-depth-v1-0`, with their config files; the schedule
                                     of that is taken where scheduler/ is not there
        image_encoder/               of `laion/CLIP-ViT-H-14-laion2B-s32B-b79K`: config.json and weights

    or safetensors in place of .pth. Without weights a tiny network with random ones stands in, as the
    official one has 2.4 billion parameters.

    Depth is that of the network plus what it misses at the measured pixels, spread smoothly, so that these
    come back exactly. Confidence is a (1 + c) / 2, where a = 0.05 / (0.05 + relative miss at the measured
    pixels around), before the correction, and c is that of `Nearest`: it does not know whether what lies
    between is right. Depth that comes out below 0 is unknown. Without a single point all is unknown; with
    but one depth, all takes that.

    Args:
        variant: `official`, or `tiny` for tests.
        steps, strength, blend, seed, tile: see `Sampling`.
        normalize_scale: what known depth is normalised to, in (0, 1]; less where the scene goes beyond it.
        paste_back: keep measured depth exactly; else all is as the network gives it.
        weights, options: see `LearnedCompleter`; `inner_size` never enlarges.
    """

    name = "depthlab"
    variants = ("official", "tiny")
    mean = std = (0.5, 0.5, 0.5)
    weights_are_a_folder = True

    def __init__(
        self,
        variant: str = "official",
        weights: str | None = None,
        steps: int = 50,
        strength: float = 0.8,
        blend: bool = False,
        normalize_scale: float = 1.0,
        seed: int = 0,
        tile: int = 0,
        paste_back: bool = True,
        **options,
    ):
        from .sampling import Sampling

        self.sampling = Sampling(steps, strength, blend, normalize_scale, seed, tile)
        self.keeps_measured = paste_back
        super().__init__(variant, weights, **options)

    @staticmethod
    def make_network(variant: str) -> torch.nn.Module:
        from .network import DepthLab

        return DepthLab.of_size(variant)

    def steady_part(self):
        return self.quick.estimation

    def forward(self, rgb, sparse, *planes, points):
        from .sampling import predict

        depth = predict(self.quick, rgb, sparse[0, 0].cpu().numpy(), self.sampling)[None, None]
        return depth, depth.new_zeros(depth.shape)  # confidence is known from the whole picture

    def warm_up(self, height, width):
        kept, self.sampling = self.sampling, replace(self.sampling, steps=1)
        try:
            super().warm_up(height, width)
        finally:
            self.sampling = kept

    def report(self):
        sampling = self.sampling
        return super().report() | {"steps": sampling.steps, "strength": sampling.strength}

    def _completion(self, depth, confidence, sparse):
        measured = sparse > 0
        miss = np.abs(np.log(np.maximum(depth, LEAST) / np.where(measured, sparse, np.float32(1))))
        distance = cv2.distanceTransform((~measured).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
        nearness = distance_confidence(distance, np.count_nonzero(measured))
        confidence = CLOSE / (CLOSE + spread(miss, measured)) * (1 + nearness) / 2
        if self.keeps_measured:
            depth = paste_back(depth, sparse)
        return super()._completion(depth, confidence, sparse)

    def _load(self, weights, allow_noncommercial):
        from ..diffusion.folder import open_folder
        from .network import DepthLab

        if not weights:
            asked, self.variant = self.variant, "tiny"
            network = super()._load(None, allow_noncommercial)
            if asked != "tiny":
                self.warnings = [f"{WITHOUT} It must be a folder with {CONTENTS}."]
            return network
        folder = open_folder(weights, CONTENTS)
        self.weights_from, self.licence = f"folder '{folder.name}'", ""
        return DepthLab.load(folder, self.variant).eval().requires_grad_(False)
