"""The foundation model inside an official checkpoint: Depth Anything, by its own keys under `mde.net.`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from ..prior.transformers_prior import TransformersPrior

if TYPE_CHECKING:
    import torch

    from ..weights.checkpoint import Shapes

PREFIX = "mde.net."
HEAD = 64
"""Channels of an attention head, in all sizes of DINOv2."""
OFFSET = 0.1
"""Of a patch, that DINOv2 adds where it enlarges its position embeddings."""
_SMALL = 384
"""Channels of the tokens of Depth Anything V2 Small, whose licence permits commercial use."""
_PLACES = (
    (r"pretrained\.pos_embed", "backbone.embeddings.position_embeddings"),
    (r"pretrained\.(cls_token|mask_token)", r"backbone.embeddings.\1"),
    (r"pretrained\.patch_embed\.proj", "backbone.embeddings.patch_embeddings.projection"),
    (r"pretrained\.norm", "backbone.layernorm"),
    (r"pretrained\.blocks", "backbone.encoder.layer"),
    (r"\.ls([12])\.gamma", r".layer_scale\1.lambda1"),
    (r"depth_head\.projects\.(\d)", r"neck.reassemble_stage.layers.\1.projection"),
    (r"depth_head\.resize_layers\.(\d)", r"neck.reassemble_stage.layers.\1.resize"),
    (r"depth_head\.scratch\.output_conv1", "head.conv1"),
    (r"depth_head\.scratch\.output_conv2\.0", "head.conv2"),
    (r"depth_head\.scratch\.output_conv2\.2", "head.conv3"),
    (r"\.out_conv", ".projection"),
    (r"\.resConfUnit([12])\.conv([12])", r".residual_layer\1.convolution\2"),
)
"""Official names and those of transformers, but for attention and what is counted the other way round."""
_ATTENTION = (
    ("attention.q_proj", "attention.k_proj", "attention.v_proj", "attention.o_proj"),
    (
        "attention.attention.query",
        "attention.attention.key",
        "attention.attention.value",
        "attention.output.dense",
    ),
)
"""Names of query, key, value and output: those of transformers 5, then those before."""


def official_shapes(
    tokens: int = 1024,
    blocks: int = 24,
    features: int = 256,
    widths: tuple[int, ...] = (256, 512, 1024, 1024),
) -> Shapes:
    """Keys under `mde.net.` and shapes of Depth Anything V1 and V2, Large by default.

    Args:
        tokens: channels of a token.
        features: channels of the decoder.
        widths: channels of the four maps that it starts from.
    """

    def layer(name: str, *shape: int) -> Shapes:
        return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}

    shapes: Shapes = {
        "pretrained.cls_token": (1, 1, tokens),
        "pretrained.pos_embed": (1, 37 * 37 + 1, tokens),
    }
    shapes |= {"pretrained.mask_token": (1, tokens)} | layer("pretrained.patch_embed.proj", tokens, 3, 14, 14)
    for i in range(blocks):
        block = f"pretrained.blocks.{i}"
        shapes |= layer(f"{block}.norm1", tokens) | layer(f"{block}.norm2", tokens)
        shapes |= layer(f"{block}.attn.qkv", 3 * tokens, tokens) | layer(f"{block}.attn.proj", tokens, tokens)
        shapes |= layer(f"{block}.mlp.fc1", 4 * tokens, tokens)
        shapes |= layer(f"{block}.mlp.fc2", tokens, 4 * tokens)
        shapes |= {f"{block}.ls{n}.gamma": (tokens,) for n in (1, 2)}
    shapes |= layer("pretrained.norm", tokens)
    for i, (width, kernel) in enumerate(zip(widths, (4, 2, 0, 3), strict=True)):
        shapes |= layer(f"depth_head.projects.{i}", width, tokens, 1, 1)
        if kernel:
            shapes |= layer(f"depth_head.resize_layers.{i}", width, width, kernel, kernel)
        scratch = f"depth_head.scratch.refinenet{i + 1}"
        shapes |= {f"depth_head.scratch.layer{i + 1}_rn.weight": (features, width, 3, 3)}
        shapes |= layer(f"{scratch}.out_conv", features, features, 1, 1)
        for unit in (1, 2):
            for conv in (1, 2):
                shapes |= layer(f"{scratch}.resConfUnit{unit}.conv{conv}", features, features, 3, 3)
    shapes |= layer("depth_head.scratch.output_conv1", features // 2, features, 3, 3)
    shapes |= layer("depth_head.scratch.output_conv2.0", 32, features // 2, 3, 3)
    return shapes | layer("depth_head.scratch.output_conv2.2", 1, 32, 1, 1)


def foundation_prior(state_dict: Mapping[str, torch.Tensor], variant: str, licence: str) -> TransformersPrior:
    """The foundation model of an official checkpoint as a prior, on the CPU; it shares the tensors.

    Args:
        state_dict: of Depth Anything, by its official keys without `mde.net.`.
        variant: `depth_anything_v2` or `depth_anything_v1`, which differ in the blocks that are looked at.
        licence: of the weights.

    Raises:
        ImportError: transformers is not installed.
        ValueError: the weights are not those of Depth Anything.
    """
    import torch

    try:
        from transformers import DepthAnythingForDepthEstimation
    except ImportError:
        raise ImportError(
            "The foundation model of PSD needs the Python package 'transformers': "
            "pip install 'depth_completion_ros[prior]'."
        ) from None
    try:
        config = _config(state_dict, variant)
        with torch.device("meta"):
            model = DepthAnythingForDepthEstimation(config)
        model.load_state_dict(renamed(state_dict, model.state_dict()), assign=True)
        embeddings = model.backbone.embeddings
        embeddings.interpolate_pos_encoding = partial(_positions, embeddings)
    except (KeyError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[-1].strip().rstrip(".")
        raise ValueError(f"What is under '{PREFIX}' is no Depth Anything: {reason}.") from None
    return TransformersPrior.of_depth_anything(model, variant, licence)


def _positions(embeddings, tokens: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Position embeddings of an image, 1 x (1 + patches) x channels, as DINOv2 has them.

    They are enlarged by (patches + 0.1) / 37, where transformers takes patches / 37: up to an eighth of a
    patch apart at the sizes of PSD.
    """
    import torch
    from torch.nn.functional import interpolate

    patch = embeddings.patch_embeddings.patch_size
    rows, columns = (n // p for n, p in zip((height, width), patch, strict=True))
    first, grid = embeddings.position_embeddings[:, :1], embeddings.position_embeddings[:, 1:]
    side = round(grid.shape[1] ** 0.5)
    if rows == columns == side:
        return embeddings.position_embeddings
    grid = grid.transpose(1, 2).unflatten(2, (side, side)).float()
    scale = tuple((n + OFFSET) / side for n in (rows, columns))
    grid = interpolate(grid, scale_factor=scale, mode="bicubic", align_corners=False, antialias=False)
    return torch.cat([first, grid.flatten(2).transpose(1, 2).to(first.dtype)], dim=1)


def renamed(state_dict: Mapping[str, torch.Tensor], wanted: Mapping[str, object]) -> dict[str, torch.Tensor]:
    """Official weights of Depth Anything by the keys of transformers.

    Args:
        wanted: state dict of the `DepthAnythingForDepthEstimation`, whose keys tell its version.
    """
    *heads, output = next((n for n in _ATTENTION if any(f".{n[0]}." in key for key in wanted)), _ATTENTION[0])
    found = {}
    for official, tensor in state_dict.items():
        key = official
        for pattern, place in _PLACES:
            key = re.sub(pattern, place, key)
        key = re.sub(r"depth_head\.scratch\.layer(\d)_rn", lambda m: f"neck.convs.{int(m[1]) - 1}", key)
        key = re.sub(
            r"depth_head\.scratch\.refinenet(\d)",
            lambda m: f"neck.fusion_stage.layers.{4 - int(m[1])}",
            key,
        )
        if ".attn.qkv." in key:
            names = (key.replace("attn.qkv", head) for head in heads)
            found |= dict(zip(names, tensor.chunk(3), strict=True))
        else:
            found[key.replace("attn.proj", output)] = tensor
    return found


def licence_of(state_dict: Mapping[str, torch.Tensor], variant: str) -> str:
    """Licence of the foundation model's weights, as far as its authors state one; else empty."""
    large = state_dict["pretrained.cls_token"].shape[-1] > _SMALL
    return "CC-BY-NC-4.0" if variant == "depth_anything_v2" and large else ""


def _config(state_dict: Mapping[str, torch.Tensor], variant: str):
    """The configuration that the shapes tell."""
    from transformers import DepthAnythingConfig, Dinov2Config

    def outputs(key: str) -> int:
        return state_dict[key].shape[0]

    blocks = len({key.split(".")[2] for key in state_dict if key.startswith("pretrained.blocks.")})
    tokens, patches = outputs("pretrained.norm.weight"), state_dict["pretrained.pos_embed"].shape[1] - 1
    patch = state_dict["pretrained.patch_embed.proj.weight"].shape[-1]
    backbone = Dinov2Config(
        hidden_size=tokens,
        num_hidden_layers=blocks,
        num_attention_heads=max(1, tokens // HEAD),
        image_size=round(patches**0.5) * patch,
        patch_size=patch,
        out_indices=[block + 1 for block in _taps(blocks, variant)],
        reshape_hidden_states=False,
        apply_layernorm=True,
    )
    return DepthAnythingConfig(
        backbone_config=backbone,
        patch_size=patch,
        reassemble_hidden_size=tokens,
        neck_hidden_sizes=[outputs(f"depth_head.projects.{i}.weight") for i in range(4)],
        fusion_hidden_size=outputs("depth_head.scratch.layer1_rn.weight"),
        head_hidden_size=outputs("depth_head.scratch.output_conv2.0.weight"),
    )


def _taps(blocks: int, variant: str) -> tuple[int, ...]:
    """Blocks that the decoder sees: the last four in V1, four of the whole depth in V2."""
    if variant == "depth_anything_v1":
        return tuple(range(blocks - 4, blocks))
    return (4, 11, 17, 23) if blocks == 24 else tuple(blocks * (i + 1) // 4 - 1 for i in range(4))
