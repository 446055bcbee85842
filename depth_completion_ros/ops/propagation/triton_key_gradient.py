"""Gradients of one step of the propagation that are sums over the queries of a key.

The formulas are in triton_query_gradient.py.
"""

from __future__ import annotations

import triton
import triton.language as tl

from .triton_kernels import (
    LOG2E,
    add_to_channels,
    add_weighted,
    channel_products,
    chunk_pixels,
    load_channels,
    load_upstream,
    position_bias,
    query_span,
    tile_pixels,
    zero_channels,
)


@triton.jit
def sum_over_queries(
    q, b, rpb, depth, upstream_maps, key, rows, columns, height, width,
    CHANNELS: tl.constexpr, BLOCK: tl.constexpr, PATCH_ROWS: tl.constexpr, PATCH_COLUMNS: tl.constexpr,
):  # fmt: skip
    """What the queries of a patch give to the keys that they see.

    Args:
        key: row, column, depth, mask, slope m_j (a_j + g d_j) and channel vectors of the keys.

    Returns:
        Sums over the queries i, for each key j: of e_ij q_i, e_ij q_i.k_j, e_ij d_i, e_ij b_i, A_ij r_i
        and A_ij s_i.
    """
    key_row, key_column, key_depth, key_mask, slope, vectors = key
    PIXELS: tl.constexpr = key_row.shape[0]
    sum_q = zero_channels(CHANNELS, BLOCK, PIXELS)
    sum_products = tl.zeros([PIXELS], tl.float32)
    sum_depth = tl.zeros([PIXELS], tl.float32)
    sum_b = tl.zeros([PIXELS], tl.float32)
    sum_r = tl.zeros([PIXELS], tl.float32)
    sum_s = tl.zeros([PIXELS], tl.float32)
    for left in tl.range(columns[0], columns[1] + 1, PATCH_COLUMNS, num_stages=1):
        for top in tl.range(rows[0], rows[1] + 1, PATCH_ROWS):
            row, column, exists = chunk_pixels(top, left, rows, columns, PATCH_ROWS, PATCH_COLUMNS)
            # Beyond the patch there is no attention, but biases must be looked up within their table.
            row, column = tl.minimum(row, rows[1]), tl.minimum(column, columns[1])
            pixel = row * width + column
            query_depth = tl.load(depth + pixel, mask=exists, other=0.0)[None, :]
            query_b = tl.load(b + pixel, mask=exists, other=0.0)[None, :]
            log_sum_exp, r, s, offset = load_upstream(pixel, exists, *upstream_maps)
            query_vectors = load_channels(q, pixel, exists, CHANNELS, BLOCK)
            products = channel_products(vectors, query_vectors)
            logits = position_bias(
                rpb, row[None, :], column[None, :], key_row[:, None], key_column[:, None], height, width
            )
            logits += (key_mask * LOG2E)[:, None] * products + (slope * LOG2E)[:, None] * query_depth
            logits += (key_mask * key_depth * LOG2E)[:, None] * query_b
            attention = tl.exp2(logits - log_sum_exp[None, :])
            d_logits = r[None, :] * key_depth[:, None] + s[None, :] * key_mask[:, None] - offset[None, :]
            d_logits *= attention
            sum_q = add_weighted(sum_q, d_logits, query_vectors)
            sum_products += tl.sum(d_logits * products, axis=1)
            sum_depth += tl.sum(d_logits * query_depth, axis=1)
            sum_b += tl.sum(d_logits * query_b, axis=1)
            sum_r += tl.sum(attention * r[None, :], axis=1)
            sum_s += tl.sum(attention * s[None, :], axis=1)
    return sum_q, sum_products, sum_depth, sum_b, sum_r, sum_s


@triton.jit(do_not_specialize=["height", "width"])
def key_gradient_kernel(
    q, k, a, b, g, rpb, depth, mask, log_sum_exp, filtered_depth, filtered_mask, grad_depth, grad_mask,
    d_depth, d_mask, dk, da, height, width,
    CHANNELS: tl.constexpr, BLOCK: tl.constexpr, TILE_ROWS: tl.constexpr, TILE_COLUMNS: tl.constexpr,
    PATCH_ROWS: tl.constexpr, PATCH_COLUMNS: tl.constexpr,
):  # fmt: skip
    """Gradients of one tile of keys, gathered from all queries that see them.

    Keys of mask zero are not left out: the mask's own gradient needs their products.

    Args:
        d_depth: H x W, added to: the part of the depth's gradient that it has as depth of a key.
        d_mask: H x W, written.
        dk, da: H W x CHANNELS and H x W, added to.
    """
    key_row, key_column, exists = tile_pixels(height, width, TILE_ROWS, TILE_COLUMNS)
    key = key_row * width + key_column
    key_depth = tl.load(depth + key)
    key_mask = tl.load(mask + key)
    key_a = tl.load(a + key)
    both_slopes = tl.load(g)
    vectors = load_channels(k, key, exists, CHANNELS, BLOCK)
    sum_q, sum_products, sum_depth, sum_b, sum_r, sum_s = sum_over_queries(
        q, b, rpb, depth, (log_sum_exp, filtered_depth, filtered_mask, grad_depth, grad_mask),
        (key_row, key_column, key_depth, key_mask, key_mask * (key_a + both_slopes * key_depth), vectors),
        query_span(tl.program_id(1) * TILE_ROWS, height, TILE_ROWS),
        query_span(tl.program_id(0) * TILE_COLUMNS, width, TILE_COLUMNS),
        height, width, CHANNELS, BLOCK, PATCH_ROWS, PATCH_COLUMNS,
    )  # fmt: skip
    sum_slope = sum_b + both_slopes * sum_depth
    add_to_channels(dk, key, exists, sum_q, key_mask, CHANNELS, BLOCK)
    tl.store(da + key, tl.load(da + key) + key_mask * sum_depth, mask=exists)
    tl.store(d_depth + key, tl.load(d_depth + key) + sum_r + key_mask * sum_slope, mask=exists)
    tl.store(d_mask + key, sum_s + sum_products + key_a * sum_depth + key_depth * sum_slope, mask=exists)
