"""PSD as a completer, for official checkpoints and for its stages alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..learned.completer import LearnedCompleter
from ..learned.options import NetworkOptions
from ..prior import MonocularPrior, create_prior
from ..weights.licences import refuse_noncommercial
from .foundation import PREFIX, foundation_prior, licence_of, official_shapes
from .inputs import is_finite, prior_output, rays_or_assumed

if TYPE_CHECKING:
    import torch

    from ..weights.checkpoint import Checkpoint

WIDTHS = {"small": 64, "base": 128, "large": 256}
"""Channels of the decoder of Depth Anything by its size."""


@dataclass(frozen=True)
class PSDOptions(NetworkOptions):
    """Options of `PSDCompleter`.

    Args:
        prior: what `create_prior` takes, a Depth Anything in files of transformers; None for that inside
            the checkpoint.
        prior_side: pixels of the shorter side at which it sees the image; 0 for the 392 of training.
        official: propagate as the official code, see `PSD`; None to do so with official checkpoints, whose
            weights were trained with it.
        post_iterations: of the last step, see `PSD`; the official runs take 0 for NYUv2, KITTI, DIODE,
            ScanNet, Middlebury, Hypersim and ETH3D, 1 for VOID and TOFDC, 6 for DrivingStereo, SUN RGB-D,
            DIML and Cityscapes, 8 for Virtual KITTI 2.
        neighbours, mode: of the propagation, see `PSD`; the official runs take 3 and `3D+2D` for Virtual
            KITTI 2. Their share of random pixels (`rate`) for TOFDC, DIML, Cityscapes and Argoverse is
            not built.
    """

    prior: str | None = None
    prior_side: int = 0
    official: bool | None = None
    post_iterations: int = 0
    neighbours: int = 1
    mode: str = "3D-2D"


class PSDCompleter(LearnedCompleter):
    """Depth carried through space and image by a foundation model's features, then corrected in three stages.

    After Chen and others, IEEE TIP 2025. The `depth_anything` variants take their official checkpoints, with
    the foundation model inside; `small`, `base` and `large` are the correction alone, for a prior of that
    size. Without weights the correction is random, on any prior that gives features. Images of any size;
    without a camera one of 53 degrees is assumed, as distances in space only choose among points.

    Confidence is what the last stage expects of exp(-5 |error| / (depth + truth)): 0.9 at an error of 4 %.
    Measured depth is kept, but with `post_iterations`. Without a single point all is unknown.

    Raises:
        ValueError: no prior, two, one without features or of another size; or as `LearnedCompleter`.
    """

    name = "psd"
    variants = ("depth_anything_v2", "depth_anything_v1", *WIDTHS)

    Options = PSDOptions
    options: PSDOptions

    def __init__(self, options):
        super().__init__(options)
        self.keeps_measured = not options.post_iterations

    @staticmethod
    def make_network(variant: str) -> torch.nn.Module:
        from .network import PSD, with_foundation

        if variant in WIDTHS:
            return PSD((WIDTHS[variant],) * 4)
        return with_foundation(PSD(official=True), official_shapes())

    def build_network(self, checkpoint: Checkpoint | None) -> torch.nn.Module:
        from ..weights.checkpoint import load_into
        from .network import PSD

        state = {} if checkpoint is None else checkpoint.state_dict
        inside = {key.removeprefix(PREFIX): x for key, x in state.items() if key.startswith(PREFIX)}
        self.prior: Any = self._prior_of(inside)
        chosen = self.options
        official = bool(inside) if chosen.official is None else chosen.official
        if inside and not official:
            self.warnings.append(
                "An official checkpoint of PSD holds random values where `official=False` uses features of "
                "the foundation model: depth gets worse."
            )
        network = PSD(
            self.prior.feature_channels,
            official,
            post_iterations=chosen.post_iterations,
            neighbours=chosen.neighbours,
            mode=chosen.mode,
        )
        if checkpoint is not None:
            stages = {key: x for key, x in state.items() if not key.startswith(PREFIX)}
            load_into(network, replace(checkpoint, state_dict=stages))
        return network

    def _prior_of(self, inside: dict[str, torch.Tensor]) -> MonocularPrior:
        """The foundation model that a checkpoint holds, or else the one asked for."""
        prior, allow_noncommercial = self.options.prior, self.options.allow_noncommercial
        if inside and prior:
            raise ValueError(f"{self.weights_from} holds its foundation model; leave prior '{prior}' out.")
        if inside:
            self.licence = licence_of(inside, self.variant) or self.licence
            refuse_noncommercial(self.weights_from, self.licence, allow_noncommercial)
            return foundation_prior(inside, self.variant, self.licence or "unknown (your file)")
        if prior in (None, "", "none"):
            raise ValueError(
                "Completer 'psd' needs official weights or a prior, such as depth_anything_v2_small."
            )
        made = create_prior(prior, self.options.device, allow_noncommercial)
        if not made.feature_channels or made.space == "depth":
            raise ValueError(
                f"Completer 'psd' needs the features of a Depth Anything, and prior '{made.name}' has none."
            )
        return made

    def move_to(self, device):
        super().move_to(device)
        self.prior.to(str(device))

    def compilable_part(self):
        return self.inference_network.ib  # three quarters of the work, and the same whatever was measured

    def planes(self, image, sparse, camera, name):
        self._seen = prior_output(self.prior, image, self.options.prior_side)
        return rays_or_assumed(camera, *image.shape[:2])

    def warm_up_planes(self, image):
        return self.planes(image, None, None, "")

    def forward(self, rgb, sparse, *planes, points):
        import torch

        if not is_finite(self._seen):
            return torch.full_like(sparse, torch.nan), torch.zeros_like(sparse)
        rays = torch.cat([*planes, torch.ones_like(sparse)], dim=1)
        stages = self.inference_network.predict(self._seen.features, self._seen.prediction, sparse, rays)
        return stages.depth, stages.conf3

    def report(self):
        return super().report() | {"prior": self.prior.name, "licence of the prior": self.prior.licence}
