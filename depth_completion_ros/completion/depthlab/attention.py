"""How features of the reference U-Net enter the estimation U-Net: processors for attention of `diffusers`.

All that they pass on is given with each call as explicit tensors (`cross_attention_kwargs`), so that
networks can be shared by threads and compiled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel
    from diffusers.models.attention_processor import Attention


class Guide(NamedTuple):
    """What the estimation U-Net is given in every step, a tensor for each of its transformer blocks.

    Args:
        keys, values: of the reference features, B x heads x tokens x channels of a head.
        constants: what cross-attention adds, B x 1 x channels.
    """

    keys: tuple[torch.Tensor, ...]
    values: tuple[torch.Tensor, ...]
    constants: tuple[torch.Tensor, ...]


class AllWritten(Exception):
    """The last features of the reference U-Net are there; what follows them is of no use."""


class Writer:
    """Self-attention of the reference U-Net, which notes its input.

    Args:
        index: of the transformer block.
        last: whether no block comes after it.
    """

    def __init__(self, index: int, last: bool):
        self._index, self._last = index, last

    def __call__(
        self, attention, tokens, encoder_hidden_states=None, attention_mask=None, written=None, constants=None
    ):
        written[self._index] = tokens
        if self._last:
            raise AllWritten
        keys, values = keys_and_values(attention, tokens)
        return _attend(attention, tokens, keys, values)


class Reader:
    """Self-attention of the estimation U-Net, whose keys and values are its own and the reference's."""

    def __init__(self, index: int):
        self._index = index

    def __call__(
        self, attention, tokens, encoder_hidden_states=None, attention_mask=None, guide: Guide | None = None
    ):
        keys, values = keys_and_values(attention, tokens)
        keys = torch.cat([keys, guide.keys[self._index]], dim=2)
        values = torch.cat([values, guide.values[self._index]], dim=2)
        return _attend(attention, tokens, keys, values)


class Constant:
    """Cross-attention to a single token, of weight 1 for every pixel: see `constants_of`."""

    def __init__(self, index: int):
        self._index = index

    def __call__(
        self,
        attention,
        tokens,
        encoder_hidden_states=None,
        attention_mask=None,
        written=None,
        constants=None,
        guide: Guide | None = None,
    ):
        return (guide.constants if constants is None else constants)[self._index]


def blocks_of(unet: UNet2DConditionModel) -> dict[str, nn.Module]:
    """The transformer blocks by name, in an order that is the same for all U-Nets of a shape."""
    return {name: block for name, block in unet.named_modules() if hasattr(block, "attn1")}


def let_write(unet: UNet2DConditionModel) -> None:
    """Make a U-Net a reference: called with `written` and `constants`, it fills the one and is stopped."""
    names = list(blocks_of(unet))
    last = [name for name in names if name.startswith("up_blocks")][-1]
    _set(unet, lambda index: Writer(index, names[index] == last))


def let_read(unet: UNet2DConditionModel) -> None:
    """Make a U-Net an estimator, called with a `guide`."""
    _set(unet, Reader)


def _set(unet: UNet2DConditionModel, self_attention: Callable) -> None:
    for index, block in enumerate(blocks_of(unet).values()):
        block.attn1.set_processor(self_attention(index))
        block.attn2.set_processor(Constant(index))


def written_by(unet: UNet2DConditionModel, latents: torch.Tensor, token: torch.Tensor) -> list[torch.Tensor]:
    """Input of every self-attention of a reference at timestep 0, B x tokens x channels each.

    Args:
        latents: B x 4 x h x w of the image.
        token: B x 1 x width, of the image as a whole.
    """
    constants = constants_of(unet, token)
    written = [None] * len(constants)
    try:
        unet(latents, 0, None, cross_attention_kwargs={"written": written, "constants": constants})
    except AllWritten:
        return written
    raise AssertionError("The reference U-Net ended without its last block.")


def guide_of(unet: UNet2DConditionModel, features: list[torch.Tensor], token: torch.Tensor) -> Guide:
    """Keys and values of reference features as the estimator makes them, once for all steps."""
    attentions = [block.attn1 for block in blocks_of(unet).values()]
    pairs = [keys_and_values(attention, x) for attention, x in zip(attentions, features, strict=True)]
    return Guide(*zip(*pairs, strict=True), constants_of(unet, token))


def constants_of(unet: UNet2DConditionModel, token: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """What cross-attention to one token B x 1 x width gives in each block, B x 1 x channels.

    Softmax over one token is 1, so that queries and keys do not matter.
    """
    attentions = [block.attn2 for block in blocks_of(unet).values()]
    return tuple(attention.to_out[0](attention.to_v(token)) for attention in attentions)


def keys_and_values(attention: Attention, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Of tokens B x N x channels, each B x heads x N x channels of a head."""
    return _heads(attention.to_k(tokens), attention), _heads(attention.to_v(tokens), attention)


def _attend(
    attention: Attention, tokens: torch.Tensor, keys: torch.Tensor, values: torch.Tensor
) -> torch.Tensor:
    queries = _heads(attention.to_q(tokens), attention)
    mixed = nn.functional.scaled_dot_product_attention(queries, keys, values)
    return attention.to_out[0](mixed.transpose(1, 2).flatten(2))


def _heads(x: torch.Tensor, attention: Attention) -> torch.Tensor:
    return x.unflatten(2, (attention.heads, -1)).transpose(1, 2)
