"""Gradients of one step of the propagation as two Triton kernels, without atomics.

With gradients r_i and s_i of the filtered depth R_i and mask N_i, and attention A_ij = exp(l_ij - lse_i),
the gradient of a logit is e_ij = A_ij (r_i (d_j - R_i) + s_i (m_j - N_i)). The kernel here sums it over
the keys of a query, that of triton_key_gradient.py over the queries of a key. Both recompute the
attention. Sums are added to buffers of which each program owns its part, so results are the same in
every run.
"""

from __future__ import annotations

import triton
import triton.language as tl

from .triton_kernels import (
    BIAS_SPAN,
    PRECISION,
    REACH,
    add_to_channels,
    add_weighted,
    any_mask,
    key_logits,
    key_span,
    load_channels,
    load_upstream,
    tile_pixels,
    zero_channels,
)

BIAS_SLOTS = tl.constexpr(triton.next_power_of_2(BIAS_SPAN.value))
"""Slots for the displacements along an axis."""


@triton.jit
def add_by_row_displacement(
    sums, values, top,
    TILE_ROWS: tl.constexpr, TILE_COLUMNS: tl.constexpr,
    PATCH_ROWS: tl.constexpr, PATCH_COLUMNS: tl.constexpr,
):  # fmt: skip
    """Add values of queries x keys of a chunk to sums for each row displacement and pair of columns.

    A product with zeros and ones takes each pair of rows to its displacement.
    """
    pairs = tl.reshape(values, [TILE_ROWS, TILE_COLUMNS, PATCH_ROWS, PATCH_COLUMNS])
    pairs = tl.permute(pairs, (0, 2, 1, 3))
    pairs = tl.reshape(pairs, [TILE_ROWS * PATCH_ROWS, TILE_COLUMNS * PATCH_COLUMNS])
    rows = tl.arange(0, TILE_ROWS * PATCH_ROWS)
    query_row = tl.program_id(1) * TILE_ROWS + rows // PATCH_ROWS
    displacement = top + rows % PATCH_ROWS - query_row + REACH
    same = tl.arange(0, BIAS_SLOTS)[:, None] == displacement[None, :]
    return tl.dot(same.to(tl.float32), pairs, sums, input_precision=PRECISION)


@triton.jit
def add_by_displacement(drpb, sums, first_column, TILE_COLUMNS: tl.constexpr, PATCH_COLUMNS: tl.constexpr):
    """Add sums for each row displacement and pair of columns to this program's 25 x 25 sums in memory."""
    down = tl.arange(0, BIAS_SLOTS)[:, None]
    right = tl.arange(0, BIAS_SLOTS)[None, :]
    used = (down < BIAS_SPAN) & (right < BIAS_SPAN)
    tile = tl.program_id(1) * tl.num_programs(0) + tl.program_id(0)
    at = drpb + (tile * BIAS_SPAN + down) * BIAS_SPAN + right
    total = tl.load(at, mask=used, other=0.0)
    for query in tl.static_range(TILE_COLUMNS):
        key = right - REACH + tl.program_id(0) * TILE_COLUMNS + query - first_column
        entry = query * PATCH_COLUMNS + tl.minimum(tl.maximum(key, 0), PATCH_COLUMNS - 1)
        values = tl.gather(sums, tl.broadcast_to(entry, [BIAS_SLOTS, BIAS_SLOTS]), axis=1)
        total += tl.where((key >= 0) & (key < PATCH_COLUMNS), values, 0.0)
    tl.store(at, total, mask=used)


@triton.jit
def sum_over_keys(
    k, a, g, rpb, depth, mask, occupied, query, upstream, rows, columns, height, width,
    CHANNELS: tl.constexpr, BLOCK: tl.constexpr, TILE_ROWS: tl.constexpr, TILE_COLUMNS: tl.constexpr,
    PATCH_ROWS: tl.constexpr, PATCH_COLUMNS: tl.constexpr,
):  # fmt: skip
    """Gradients that the keys of a patch give to their queries; arguments of `key_logits`.

    Args:
        upstream: of the queries, as `load_upstream` gives them.

    Returns:
        Gradients of the queries' vectors, b and depth, and of the position bias.
    """
    log_sum_exp, r, s, offset = upstream
    PIXELS: tl.constexpr = TILE_ROWS * TILE_COLUMNS
    d_vectors = zero_channels(CHANNELS, BLOCK, PIXELS)
    d_b = tl.zeros([PIXELS], tl.float32)
    d_depth = tl.zeros([PIXELS], tl.float32)
    d_bias = tl.zeros([BIAS_SLOTS, TILE_COLUMNS * PATCH_COLUMNS], tl.float32)
    for top in tl.range(rows[0], rows[1] + 1, PATCH_ROWS):
        logits, key_depth, key_mask, slope, vectors = key_logits(
            k, a, g, rpb, depth, mask, occupied, query, top, rows, columns, height, width,
            CHANNELS, BLOCK, PATCH_ROWS, PATCH_COLUMNS,
        )  # fmt: skip
        d_logits = r[:, None] * key_depth + s[:, None] * key_mask - offset[:, None]
        d_logits *= tl.exp2(logits - log_sum_exp[:, None])
        d_b += tl.sum(d_logits * (key_mask * key_depth), axis=1)
        d_depth += tl.sum(d_logits * slope, axis=1)
        d_vectors = add_weighted(d_vectors, d_logits * key_mask, vectors)
        d_bias = add_by_row_displacement(
            d_bias, d_logits, top, TILE_ROWS, TILE_COLUMNS, PATCH_ROWS, PATCH_COLUMNS
        )
    return d_vectors, d_b, d_depth, d_bias


@triton.jit(do_not_specialize=["height", "width"])
def query_gradient_kernel(
    q, k, a, b, g, rpb, depth, mask, log_sum_exp, filtered_depth, filtered_mask, grad_depth, grad_mask,
    d_depth, dq, db, dg, drpb, height, width,
    CHANNELS: tl.constexpr, BLOCK: tl.constexpr, TILE_ROWS: tl.constexpr, TILE_COLUMNS: tl.constexpr,
    PATCH_ROWS: tl.constexpr, PATCH_COLUMNS: tl.constexpr,
):  # fmt: skip
    """Gradients of one tile of queries.

    Args:
        d_depth: H x W, written: the part of the depth's gradient that it has as depth of a query.
        dq, db, dg, drpb: added to; H W x CHANNELS, H x W, one number a tile, 25 x 25 a tile.
    """
    tl.static_assert(PATCH_COLUMNS >= TILE_COLUMNS + REACH)
    query_row, query_column, exists = tile_pixels(height, width, TILE_ROWS, TILE_COLUMNS)
    query = query_row * width + query_column
    query_depth = tl.load(depth + query)
    rows = key_span(tl.program_id(1) * TILE_ROWS, height, TILE_ROWS)
    columns = key_span(tl.program_id(0) * TILE_COLUMNS, width, TILE_COLUMNS)
    tile = tl.program_id(1) * tl.num_programs(0) + tl.program_id(0)
    upstream = load_upstream(query, exists, log_sum_exp, filtered_depth, filtered_mask, grad_depth, grad_mask)
    occupied = any_mask(mask, rows, columns, width, TILE_ROWS, TILE_COLUMNS)
    vectors = load_channels(q, query, exists & (query_row < occupied * height), CHANNELS, BLOCK)
    d_vectors, d_b, d_query_depth, d_bias = sum_over_keys(
        k, a, tl.load(g), rpb, depth, mask, occupied,
        (query_row, query_column, query_depth, tl.load(b + query), vectors), upstream,
        rows, columns, height, width,
        CHANNELS, BLOCK, TILE_ROWS, TILE_COLUMNS, PATCH_ROWS, PATCH_COLUMNS,
    )  # fmt: skip
    if occupied:
        add_to_channels(dq, query, exists, d_vectors, tl.full(query.shape, 1.0, tl.float32), CHANNELS, BLOCK)
        tl.store(db + query, tl.load(db + query) + d_b, mask=exists)
        tl.store(dg + tile, tl.load(dg + tile) + tl.sum(query_depth * d_b))
    tl.store(d_depth + query, d_query_depth, mask=exists)
    add_by_displacement(drpb, d_bias, columns[0], TILE_COLUMNS, PATCH_COLUMNS)
