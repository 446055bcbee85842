"""DepthLab as a completer."""

from __future__ import annotations

from ..diffusion.completer import DiffusionCompleter
from .options import DepthLabOptions


class DepthLabCompleter(DiffusionCompleter):
    """Depth painted into what is known by diffusion, guided by features of the image.

    After Liu and others, arXiv 2412.18153, whose published weights it takes. `weights` is a folder, or the
    name of one in the folder of stored weights, with

        denoising_unet.pth, reference_unet.pth, mapping_layer.pth    of `Johanan0528/DepthLab`
        vae/, scheduler/             of `prs-eth/marigold-depth-v1-0`, with their config files; the schedule
                                     of that is taken where scheduler/ is not there
        image_encoder/               of `laion/CLIP-ViT-H-14-laion2B-s32B-b79K`: config.json and weights

    or safetensors in place of .pth. Without weights a tiny network with random ones runs, as the
    official one has 2.4 billion parameters.

    Depth is that of the network plus what it misses at the measured pixels, spread smoothly, so that these
    come back exactly. Confidence is a (1 + c) / 2, where a = 0.05 / (0.05 + relative miss at the measured
    pixels around), before the correction, and c is that of `Nearest`: it does not know whether what lies
    between is right. Depth that comes out below 0 is unknown. Without a single point all is unknown; with
    but one depth, all takes that.

    Variants are `official`, and `tiny` for tests; for options see `DepthLabOptions`.
    `inner_size` never enlarges.
    """

    name = "depthlab"
    variants = ("official", "tiny")
    contents = (
        "denoising_unet.pth, reference_unet.pth, mapping_layer.pth (or such .safetensors) and the folders "
        "vae, image_encoder and, if need be, scheduler"
    )
    Options = DepthLabOptions

    @classmethod
    def network_class(cls):
        from .network import DepthLab

        return DepthLab

    def compilable_part(self):
        return self.inference_network.estimation

    def forward(self, rgb, sparse, *planes, points):
        from .sampling import predict

        depth = predict(self.inference_network, rgb, sparse[0, 0].cpu().numpy(), self.sampling)[None, None]
        return depth, depth.new_ones(depth.shape)

    def report(self):
        sampling = self.sampling
        return super().report() | {"steps": sampling.steps, "strength": sampling.strength}
