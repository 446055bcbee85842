"""The loss that the released code of DMD3C distils with: normalised differences in random patches."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

_EPSILON = 1e-6
"""Added to a spread before it divides, as in the released code."""


class RandomPatchLoss(nn.Module):
    """Mean difference of depths in random patches, each with median 0 and median absolute deviation 1.

    For a patch P, n_P(x) = (x - median_P(x)) / (MAD_P(x) + 1e-6), with the lower of two middle values;
    loss = mean over the patches and images of mean over P of |n_P(output) - n_P(target)|. Gradients flow
    through median and MAD of the outputs. It is that of the released DMD3C (CVPR 2025), and much like the
    random proposal normalisation loss of Metric3D (2023), but for two things. All outputs see the same
    patches, where the released code draws others for each: the same in the mean, for a sixth of the time.
    And a patch of which more than half is constant in the target, such as sky in a map of 8 bits, is left
    out: its MAD is 0 and the released loss then of the order of 1e4.

    The patches are drawn by PyTorch's generator of the CPU, on which alone they depend, and are those of
    all images of a batch.

    Args:
        patches: how many.
        least, greatest: share of height and of width that a patch takes, the same for both; uniform.
        least_spread: MAD of the target below which a patch is left out; the smallest step of
            1 / (m + 0.5) in a map m of 8 bits is larger.
    """

    def __init__(
        self, patches: int = 32, least: float = 0.125, greatest: float = 0.5, least_spread: float = 1e-3
    ):
        super().__init__()
        if patches < 1 or not 0 < least <= greatest <= 1:
            raise ValueError(
                f"Random patches are {patches}, from {least:g} to {greatest:g} of the image; there must be "
                "one or more, and shares above 0, the lesser first, and at most 1."
            )
        self.patches, self.least, self.greatest, self.least_spread = patches, least, greatest, least_spread

    def forward(self, outputs: Sequence[Tensor], target: Tensor) -> Tensor:
        """The loss of each output, [number of outputs]; 0 where all patches are left out.

        Args:
            outputs: float32 [B,1,H,W] each.
            target: float32 [B,1,H,W], finite, up to scale and shift; all of its pixels count.
        """
        planes = torch.cat([*outputs, target], dim=1)
        total, number = planes.new_zeros(len(outputs)), planes.new_zeros(())
        for top, left, height, width in self.windows(*target.shape[-2:]):
            patch = planes[..., top : top + height, left : left + width].flatten(2)
            centred = patch - patch.median(2, keepdim=True).values
            spread = centred.abs().median(2, keepdim=True).values
            good = spread[:, -1:] > self.least_spread
            normal = centred / (spread + _EPSILON)
            error = (normal[:, :-1] - normal[:, -1:]).abs().mean(2, keepdim=True)
            total = total + error.where(good, error.new_zeros(())).sum((0, 2))
            number = number + good.sum()
        return total / number.clamp(min=1)

    def windows(self, height: int, width: int) -> list[tuple[int, int, int, int]]:
        """Top, left, height and width of new patches of an image."""
        draws = torch.rand(self.patches, 3).tolist()
        return [self._window(height, width, *draw) for draw in draws]

    def _window(self, height: int, width: int, share: float, down: float, along: float):
        share = self.least + share * (self.greatest - self.least)
        rows, columns = max(int(height * share), 1), max(int(width * share), 1)
        return int(down * (height - rows + 1)), int(along * (width - columns + 1)), rows, columns
