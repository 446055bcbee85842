"""What the part that learns takes of a hidden scan: all before it is computed once."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..completion.efficient_spn.at_points import Points
from ..completion.efficient_spn.network import EfficientSPN, Prediction
from ..completion.prior.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from .hiding import Question, tensors_of
from .loss import Said


def normalised(image: torch.Tensor) -> torch.Tensor:
    """What the network takes, 1 x 3 x H x W, of an image, uint8 1 x H x W x 3."""
    mean, std = (
        torch.tensor(values, device=image.device).reshape(1, 3, 1, 1) * 255
        for values in (IMAGENET_MEAN, IMAGENET_STD)
    )
    return (image.permute(0, 3, 1, 2).float() - mean) / std


@dataclass(eq=False)
class Asked:
    """A scan with a part hidden, as the part that learns takes it.

    Args:
        points: fed and hidden.
        taken: what the heads take, where those alone learn; else what the encoder made of the image, and
            sparse depth.
        said: what the network said before it learned; None where nobody asks.
        held: it is to say so again, whatever was hidden.
    """

    points: Points
    taken: tuple
    said: Said | None = None
    held: bool = False

    @classmethod
    @torch.no_grad()
    def of(
        cls, question: Question, before: EfficientSPN, heads: bool, compare: bool = True, held: bool = False
    ) -> Asked:
        """Of a question.

        Args:
            before: the network as it was before it learned.
            heads: they alone learn.
            compare: note what that network says.
        """
        image, sparse, points = tensors_of(question, next(before.parameters()).device)
        seen = before.encoder(normalised(image))
        features = before.joined(seen, sparse) if heads or compare else ()
        said = Said.of(before.depth(*features)) if compare else None
        return cls(points, features if heads else (seen, sparse), said, held)

    def prediction(self, network: EfficientSPN, heads: bool) -> Prediction:
        """What a network gives that differs from the one before in what learns alone."""
        return network.depth(*(self.taken if heads else network.joined(*self.taken)))
