"""Exact speed-ups of a network that is no longer trained."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import nn
from torch.nn.utils import fuse_conv_bn_eval

from .network import MSPN
from .residual import ResidualBlock


def fold_batch_norm(network: MSPN) -> MSPN:
    """A copy for inference, whose batch norms are part of the convolutions before them.

    Its results are those of `network.eval()` but for rounding. Its state dict is not the official one.
    """
    folded = deepcopy(network).eval().requires_grad_(False)
    for block in folded.modules():
        if isinstance(block, ResidualBlock):
            block.conv1, block.bn1 = fuse_conv_bn_eval(block.conv1, block.bn1), nn.Identity()
            block.conv2, block.bn2 = fuse_conv_bn_eval(block.conv2, block.bn2), nn.Identity()
            if block.downsample is not None:
                block.downsample = fuse_conv_bn_eval(*block.downsample)
    # Small maps gain from kernels that already lie in memory as the maps do.
    return folded.to(memory_format=torch.channels_last)
