"""What is left out or replaced, one thing at a time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from depth_completion_training.networks.efficient_spn import TrainedEfficientSPN

from depth_completion_ros.completion.efficient_spn.fill import shepard
from depth_completion_ros.completion.efficient_spn.network import EfficientSPN


class WithoutImage:
    def features(self, rgb, sparse):
        return super().features(torch.zeros_like(rgb), sparse)


class WithoutPropagation:
    propagate = staticmethod(lambda depth, *_: depth)


class CoarseFill:
    """Shepard's interpolation at the coarsest level, enlarged: what was measured, without the sweeps."""

    @staticmethod
    def first_fill(levels):
        values, measured = levels[-1]
        surface = torch.where(measured > 0, values, shepard(values, measured))
        for values, measured in levels[-2::-1]:
            surface = F.interpolate(surface, scale_factor=2.0, mode="bilinear", align_corners=False)
            surface = torch.where(measured > 0, values, surface)
        return surface


class TrainedWithoutImage(WithoutImage, TrainedEfficientSPN): ...


class TrainedWithoutPropagation(WithoutPropagation, TrainedEfficientSPN): ...


class TrainedCoarseFill(CoarseFill, TrainedEfficientSPN): ...


@dataclass(frozen=True)
class Variant:
    """How a network is trained.

    Args:
        text: for people.
        change: mixin of the network; None for none.
        settings: of the recipe, that differ.
        scenes: take every so many-th scene alone.
    """

    text: str
    change: type | None = None
    settings: tuple[str, ...] = ()
    scenes: int = 1

    def trained(self) -> str:
        """Class that is trained, by its path for the recipe."""
        if self.change is None:
            return f"{TrainedEfficientSPN.__module__}.{TrainedEfficientSPN.__name__}"
        return f"{__name__}.Trained{self.change.__name__}"

    def network(self) -> EfficientSPN:
        """As it runs."""
        if self.change is None:
            return EfficientSPN()
        return type(self.change.__name__, (self.change, EfficientSPN), {})()


NETWORK, LOSS = "--model.network.init_args.", "--model.loss.init_args."
SAMPLER, AUGMENT = "--data.init_args.sampler.init_args.", "--data.init_args.augment.init_args."

VARIANTS = {
    "base": Variant("as it is: encoder of ImageNet, which does not learn"),
    "scratch": Variant(
        "encoder from random weights, which learns",
        settings=(f"{NETWORK}frozen=false", f"{NETWORK}pretrained=false"),
    ),
    "no_propagation": Variant("without propagation", WithoutPropagation),
    "no_image": Variant("without the image", WithoutImage),
    "coarse_fill": Variant("first fill by Shepard's interpolation alone", CoarseFill),
    "no_sky": Variant("sky not asked for", settings=(f"{LOSS}sky=0",)),
    "fewer_scenes": Variant("data: a quarter of the scenes", scenes=4),
    "no_exact": Variant("data: no scans without noise", settings=(f"{SAMPLER}exact=0",)),
    "near_zoom": Variant("data: images never reduced", settings=(f"{AUGMENT}zoom=[1.0, 1.6]",)),
    "aligned": Variant("data: images never moved", settings=(f"{AUGMENT}misaligned=0",)),
    "encoder_learns": Variant("encoder of ImageNet, which learns too", settings=(f"{NETWORK}frozen=false",)),
}
