"""Marigold-DC as a completer."""

from __future__ import annotations

from dataclasses import replace

from ..diffusion.completer import DiffusionCompleter
from .options import SMALLEST_SIDE, MarigoldDCOptions


class MarigoldDCCompleter(DiffusionCompleter):
    """Monocular depth by diffusion that measured depth guides as it runs; never trained for completion.

    After Viola and others, arXiv 2412.13389. `weights` is a folder, or the name of one in the folder of
    stored weights, in the layout of `diffusers`, as a copy of `prs-eth/marigold-depth-v1-0` has it:

        unet/, vae/                  weights as safetensors or .bin, and the config file of vae/
        text_encoder/, tokenizer/    run once on the empty text, when the weights are loaded, then dropped;
                                     empty_prompt.safetensors with that embedding, 2 x 1024, stands for both
        scheduler/                   its config file; the schedule of v1-0 where it is not there

    Without weights a tiny network with random ones runs, as the official one has 0.95 billion
    parameters. Every step goes through U-Net and decoder and back: its authors report 18 s an image on an
    A100, 11 s with `precision="bfloat16"` at the same error. Without a GPU they take `side=512, steps=10`.

    Depth is that of the network plus what it misses at the measured pixels, spread smoothly, so that these
    come back exactly. Confidence is a b (1 + c) / 2, where a = 0.05 / (0.05 + relative miss at the measured
    pixels around), before the correction, b is the same of the relative median deviation of the runs from
    their median, 1 for a single run, and c is that of `Nearest`. Without a single point all is unknown; with
    but one depth, all takes that, as nothing tells a scale.

    Variants are `official`, and `tiny` for tests; for options see `MarigoldDCOptions`. Guidance is at the
    size of the image, or at `inner_size`, which limits `side` as well. `float16` is too coarse for the
    gradients and refused.
    """

    name = "marigold_dc"
    variants = ("official", "tiny")
    contents = (
        "the folders unet, vae, text_encoder and tokenizer (or empty_prompt.safetensors in place of the last "
        "two) and, if need be, scheduler"
    )
    warm_up_sampling = {"steps": 1, "ensemble": 1}
    Options = MarigoldDCOptions

    def __init__(self, options):
        if options.precision == "float16":
            raise ValueError(
                "Precision 'float16' is too coarse for the gradients of completer 'marigold_dc'; "
                "it must be float32 or bfloat16."
            )
        super().__init__(options)

    @classmethod
    def network_class(cls):
        from .network import Marigold

        return Marigold

    def compilable_part(self):
        return self.inference_network.unet

    def forward(self, rgb, sparse, *planes, points):
        import torch

        from .guidance import predict

        sampling = self.sampling
        if self.inner_size:  # also after memory ran out
            side = min(sampling.side or self.inner_size, self.inner_size)
            sampling = replace(sampling, side=max(side, SMALLEST_SIDE))
        with torch.inference_mode(False), torch.enable_grad():
            # Copies, as tensors of inference mode take no part in gradients.
            depth, agreement = predict(self.inference_network, rgb.clone(), sparse[0, 0].clone(), sampling)
        return depth[None, None], agreement[None, None]

    def report(self):
        sampling = self.sampling
        return super().report() | {"steps": sampling.steps, "ensemble": sampling.ensemble}
