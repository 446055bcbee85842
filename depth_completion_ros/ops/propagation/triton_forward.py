"""One step of the propagation as a Triton kernel, alone or with the update of depth and mask."""

from __future__ import annotations

import triton
import triton.language as tl

from .triton_kernels import LOG2E, REACH, any_mask, key_logits, key_span, load_channels, tile_pixels

LOWEST = tl.constexpr(-1e30)
"""Greatest logit before any was seen; finite, so that rescaling never subtracts infinities."""


@triton.jit
def filter_patch(
    k, a, g, rpb, depth, mask, occupied, query, rows, columns, height, width,
    CHANNELS: tl.constexpr, BLOCK: tl.constexpr, PATCH_ROWS: tl.constexpr, PATCH_COLUMNS: tl.constexpr,
):  # fmt: skip
    """Softmax over the keys of a patch as they come; arguments of `key_logits`.

    Returns:
        Greatest logit over log 2; relative to its exponential, the sums of all exponentials, and of
        those times depth and mask.
    """
    peak = tl.full(query[0].shape, LOWEST, tl.float32)
    total = tl.zeros(query[0].shape, tl.float32)
    depth_sum = tl.zeros(query[0].shape, tl.float32)
    mask_sum = tl.zeros(query[0].shape, tl.float32)
    for top in tl.range(rows[0], rows[1] + 1, PATCH_ROWS):
        logits, key_depth, key_mask, _, _ = key_logits(
            k, a, g, rpb, depth, mask, occupied, query, top, rows, columns, height, width,
            CHANNELS, BLOCK, PATCH_ROWS, PATCH_COLUMNS,
        )  # fmt: skip
        higher = tl.maximum(peak, tl.max(logits, axis=1))
        rescale = tl.exp2(peak - higher)
        weights = tl.exp2(logits - higher[:, None])
        total = total * rescale + tl.sum(weights, axis=1)
        depth_sum = depth_sum * rescale + tl.sum(weights * key_depth, axis=1)
        mask_sum = mask_sum * rescale + tl.sum(weights * key_mask, axis=1)
        peak = higher
    return peak, total, depth_sum, mask_sum


@triton.jit(do_not_specialize=["height", "width"])
def step_kernel(
    q, k, a, b, g, rpb, depth, mask, sparse, out_depth, out_mask, out_log_sum_exp, height, width,
    CHANNELS: tl.constexpr, BLOCK: tl.constexpr, TILE_ROWS: tl.constexpr, TILE_COLUMNS: tl.constexpr,
    PATCH_ROWS: tl.constexpr, PATCH_COLUMNS: tl.constexpr,
    UPDATE: tl.constexpr, BLEND: tl.constexpr, INJECT: tl.constexpr,
):  # fmt: skip
    """Filter depth and mask of one tile of queries.

    Args:
        q, k: H W x CHANNELS, float32 or bfloat16; the others float32: g one number, rpb 25 x 25 over
            log 2, maps H x W.
        UPDATE: write depth and mask after the update rule of BLEND and INJECT, which needs `sparse`;
            otherwise the filtered ones and the log-sum-exp of the logits.
    """
    tl.static_assert(PATCH_COLUMNS >= TILE_COLUMNS + REACH)
    query_row, query_column, exists = tile_pixels(height, width, TILE_ROWS, TILE_COLUMNS)
    query = query_row * width + query_column
    query_depth = tl.load(depth + query)
    rows = key_span(tl.program_id(1) * TILE_ROWS, height, TILE_ROWS)
    columns = key_span(tl.program_id(0) * TILE_COLUMNS, width, TILE_COLUMNS)
    occupied = any_mask(mask, rows, columns, width, TILE_ROWS, TILE_COLUMNS)
    if BLEND:  # which leaves the depth of a pixel without mask as it is, so that no row is needed
        rows = rows[0], tl.where(occupied > 0, rows[1], -1)
    vectors = load_channels(q, query, exists & (query_row < occupied * height), CHANNELS, BLOCK)
    peak, total, depth_sum, mask_sum = filter_patch(
        k, a, tl.load(g), rpb, depth, mask, occupied,
        (query_row, query_column, query_depth, tl.load(b + query), vectors),
        rows, columns, height, width, CHANNELS, BLOCK, PATCH_ROWS, PATCH_COLUMNS,
    )  # fmt: skip
    total = tl.maximum(total, 1.0)  # which the greatest logit alone adds, unless there was no row
    new_depth, new_mask = depth_sum / total, mask_sum / total
    if UPDATE:
        measured = tl.load(sparse + query)
        old_mask = tl.load(mask + query)
        if BLEND:
            new_depth = new_depth * old_mask + query_depth * (1 - old_mask)
        if INJECT:
            new_depth = tl.where(measured > 0, measured, new_depth)
        new_mask = tl.where(measured > 0, old_mask, new_mask)
    else:
        tl.store(out_log_sum_exp + query, (peak + tl.log2(total)) / LOG2E, mask=exists)
    tl.store(out_depth + query, new_depth, mask=exists)
    tl.store(out_mask + query, new_mask, mask=exists)
