"""What the Triton kernels of the propagation share: windows, tiles, logits, and their sizes.

One program serves a tile of TILE_ROWS x TILE_COLUMNS pixels and walks over the patch of pixels that
their windows span, in chunks of a few rows of PATCH_COLUMNS slots, so that no map of 169 values a pixel
is ever stored. Products of q and k run on tensor cores; maps, sums and logits are float32. Logits are
kept in units of log 2, which is what the hardware's exponential takes.

Cost of a step, per pixel, for C channels of s bytes and tiles of 8 x 4, whose patch is 20 x 16:
- 320 slots for 169 useful ones: 320 exponentials and 640 C flops; a backward step has twice the
  exponentials and four times the flops. (Tiles of 16 x 4 have 448 slots; of 8 x 8, padded to 32, 640.)
- L2 reads: 10 C s bytes of keys, C s of the query and 120 of maps; 1.5 kB for C = 64 in bfloat16.
  (Tiles of 16 x 4 read 30 % less.) DRAM: 2 C s + 28 bytes.
- Backward adds reads and writes of float32 gradients: 16 C bytes for q and k, 156 for the position bias.
- Instructions of 32 lanes, counted in what the compiler makes for 9.0 and C = 64: 280 a pixel in
  bfloat16 and 680 in float32; backward 1220 and 2780.
Instructions are the bound: one a clock on each of 528 schedulers at 1.7 GHz gives 21 us for a step of
304 x 228 in bfloat16, as long as its L2 reads take at 5 TB/s; the products alone would take 5 us.

Warps and rows of a chunk are those that have few instructions, hardly spill registers for C = 64, and
fit shared memory of 99 KiB up to C = 192. Two stages fetch the next keys while the present ones are used.
Nothing of this has been timed yet.
"""

from __future__ import annotations

import math

import torch
import triton
import triton.language as tl

from . import window

TILE_ROWS = 8
TILE_COLUMNS = 4
PATCH_COLUMNS = 16
"""At least TILE_COLUMNS + 12, so that a chunk spans the windows of a tile's columns."""
STAGES = 2
MOST_CHANNELS = 64
PATCH_ROWS_AND_WARPS = {
    "step_kernel": {torch.bfloat16: (4, 2), torch.float32: (2, 2)},
    "query_gradient_kernel": {torch.bfloat16: (2, 2), torch.float32: (2, 4)},
    "key_gradient_kernel": {torch.bfloat16: (2, 2), torch.float32: (2, 4)},
}

WINDOW = tl.constexpr(window.WINDOW)
RADIUS = tl.constexpr(window.RADIUS)
REACH = tl.constexpr(window.WINDOW - 1)
"""Farthest that a pixel sees along an axis: from one border pixel over the window shifted inwards."""
BIAS_SPAN = tl.constexpr(2 * window.WINDOW - 1)
LOG2E = tl.constexpr(math.log2(math.e))
PRECISION = tl.constexpr("tf32x3")
"""Of products of float32, each split into three of TF32, as exact as float32 but for the last bits."""


def channel_block(channels: int) -> int:
    """Channels of one tensor-core product: a power of two from 16 to MOST_CHANNELS."""
    return min(MOST_CHANNELS, max(16, triton.next_power_of_2(channels)))


def settings(kernel: str, channels: int, dtype: torch.dtype) -> dict[str, int]:
    """How to compile and launch a kernel for q and k of so many channels of float32 or bfloat16."""
    block = channel_block(channels)
    patch_rows, warps = PATCH_ROWS_AND_WARPS[kernel][dtype]
    return {
        "CHANNELS": triton.cdiv(channels, block) * block,
        "BLOCK": block,
        "TILE_ROWS": TILE_ROWS,
        "TILE_COLUMNS": TILE_COLUMNS,
        "PATCH_ROWS": patch_rows,
        "PATCH_COLUMNS": PATCH_COLUMNS,
        "num_warps": warps,
        "num_stages": STAGES,
    }


@triton.jit
def window_origin(position, size):
    """First key that a query sees along an axis."""
    return tl.minimum(tl.maximum(position - RADIUS, 0), tl.maximum(size - WINDOW, 0))


@triton.jit
def key_span(start, size, EXTENT: tl.constexpr):
    """First and last key along an axis that any query from `start` to `start + EXTENT - 1` sees."""
    last_query = tl.minimum(start + EXTENT, size) - 1
    return window_origin(start, size), window_origin(last_query, size) + tl.minimum(size, WINDOW) - 1


@triton.jit
def query_span(start, size, EXTENT: tl.constexpr):
    """First and last query along an axis that sees any key from `start` to `start + EXTENT - 1`."""
    last_key = tl.minimum(start + EXTENT, size) - 1
    first = tl.where(start < WINDOW, 0, start - RADIUS)
    return first, tl.where(last_key >= size - WINDOW, size - 1, last_key + RADIUS)


@triton.jit
def tile_pixels(height, width, TILE_ROWS: tl.constexpr, TILE_COLUMNS: tl.constexpr):
    """Rows and columns of this program's pixels, and which of them exist.

    Those beyond the map stand for its last row or column, so that they compute what is finite.
    """
    slot = tl.arange(0, TILE_ROWS * TILE_COLUMNS)
    row = tl.program_id(1) * TILE_ROWS + slot // TILE_COLUMNS
    column = tl.program_id(0) * TILE_COLUMNS + slot % TILE_COLUMNS
    exists = (row < height) & (column < width)
    return tl.minimum(row, height - 1), tl.minimum(column, width - 1), exists


@triton.jit
def chunk_pixels(top, left, rows, columns, PATCH_ROWS: tl.constexpr, PATCH_COLUMNS: tl.constexpr):
    """Rows and columns of the pixels of a chunk, and which of them lie in the patch."""
    slot = tl.arange(0, PATCH_ROWS * PATCH_COLUMNS)
    row, column = top + slot // PATCH_COLUMNS, left + slot % PATCH_COLUMNS
    return row, column, (row <= rows[1]) & (column <= columns[1])


@triton.jit
def position_bias(rpb, query_row, query_column, key_row, key_column, height, width):
    """Position bias of pairs of query and key; -inf where the query does not see the key.

    Written so that little is left to do for each pair: all but a comparison along each axis and the
    look-up is done for queries and keys alone.
    """
    down = (key_row - window_origin(query_row, height)).to(tl.uint32)
    right = (key_column - window_origin(query_column, width)).to(tl.uint32)
    rows, columns = tl.minimum(height, WINDOW).to(tl.uint32), tl.minimum(width, WINDOW).to(tl.uint32)
    seen = (down < rows) & (right < columns)
    entry = (key_row * BIAS_SPAN + key_column) - ((query_row - REACH) * BIAS_SPAN + query_column - REACH)
    return tl.load(rpb + entry, mask=seen, other=float("-inf"))


@triton.jit
def load_channels(base, pixel, exists, CHANNELS: tl.constexpr, BLOCK: tl.constexpr):
    """Channel vectors of pixels, as a tuple of pixels x BLOCK; zero where a pixel does not exist."""
    blocks = ()
    for first in tl.static_range(0, CHANNELS, BLOCK):
        at = pixel[:, None] * CHANNELS + first + tl.arange(0, BLOCK)[None, :]
        blocks = blocks + (tl.load(base + at, mask=exists[:, None], other=0.0),)
    return blocks


@triton.jit
def channel_products(left, right):
    """Dot products over the channels of all pixels on the left with all on the right."""
    products = tl.zeros([left[0].shape[0], right[0].shape[0]], tl.float32)
    for block in tl.static_range(len(left)):
        products = tl.dot(left[block], tl.trans(right[block]), products, input_precision=PRECISION)
    return products


@triton.jit
def any_mask(mask, rows, columns, width, TILE_ROWS: tl.constexpr, TILE_COLUMNS: tl.constexpr):
    """1 if any key of a tile's patch has a mask other than zero, else 0; then logits are but biases."""
    row = rows[0] + tl.arange(0, triton.next_power_of_2(TILE_ROWS + REACH))[:, None]
    column = columns[0] + tl.arange(0, triton.next_power_of_2(TILE_COLUMNS + REACH))[None, :]
    exists = (row <= rows[1]) & (column <= columns[1])
    return tl.max((tl.load(mask + row * width + column, mask=exists, other=0.0) != 0).to(tl.int32))


@triton.jit
def key_logits(
    k, a, g, rpb, depth, mask, occupied, query, top, rows, columns, height, width,
    CHANNELS: tl.constexpr, BLOCK: tl.constexpr, PATCH_ROWS: tl.constexpr, PATCH_COLUMNS: tl.constexpr,
):  # fmt: skip
    """Logits over log 2 of queries with the keys of a chunk, which spans all columns of the patch.

    Args:
        occupied: 1, or 0 where all keys have mask zero, so that their vectors need not be read.
        query: row, column, depth, b and channel vectors of the queries.

    Returns:
        Logits over log 2, queries x keys; of the keys depth, mask, slope m_j (a_j + g d_j) of the logit
        over the query's depth (1 x keys each), and channel vectors.
    """
    query_row, query_column, query_depth, query_b, query_vectors = query
    row, column, exists = chunk_pixels(top, columns[0], rows, columns, PATCH_ROWS, PATCH_COLUMNS)
    pixel = row * width + column
    key_depth = tl.load(depth + pixel, mask=exists, other=0.0)[None, :]
    key_mask = tl.load(mask + pixel, mask=exists, other=0.0)[None, :]
    slope = key_mask * (tl.load(a + pixel, mask=exists, other=0.0)[None, :] + g * key_depth)
    vectors = load_channels(k, pixel, exists & (row < occupied * height), CHANNELS, BLOCK)
    logits = position_bias(
        rpb, query_row[:, None], query_column[:, None], row[None, :], column[None, :], height, width
    )
    logits += (key_mask * LOG2E) * channel_products(query_vectors, vectors)
    logits += query_depth[:, None] * (slope * LOG2E)
    logits += query_b[:, None] * (key_mask * key_depth * LOG2E)
    return logits, key_depth, key_mask, slope, vectors


@triton.jit
def zero_channels(CHANNELS: tl.constexpr, BLOCK: tl.constexpr, PIXELS: tl.constexpr):
    """Sums of channel vectors to begin with."""
    sums = ()
    for _ in tl.static_range(0, CHANNELS, BLOCK):
        sums = sums + (tl.zeros([PIXELS, BLOCK], tl.float32),)
    return sums


@triton.jit
def add_weighted(sums, weights, vectors):
    """Sums of channel vectors, plus those on the right weighted for each pixel on the left."""
    added = ()
    for block in tl.static_range(len(sums)):
        right = vectors[block]
        added = added + (tl.dot(weights.to(right.dtype), right, sums[block], input_precision=PRECISION),)
    return added


@triton.jit
def add_to_channels(base, pixel, exists, sums, factor, CHANNELS: tl.constexpr, BLOCK: tl.constexpr):
    """Add sums of channel vectors times a factor to the pixels' vectors in memory."""
    for block in tl.static_range(len(sums)):
        at = base + pixel[:, None] * CHANNELS + block * BLOCK + tl.arange(0, BLOCK)[None, :]
        before = tl.load(at, mask=exists[:, None], other=0.0)
        tl.store(at, before + factor[:, None] * sums[block], mask=exists[:, None])


@triton.jit
def load_upstream(pixel, exists, log_sum_exp, filtered_depth, filtered_mask, grad_depth, grad_mask):
    """Log-sum-exp over log 2, r, s and r R + s N of queries.

    A query that does not exist has an infinite log-sum-exp, hence no attention, and zeros.
    """
    r = tl.load(grad_depth + pixel, mask=exists, other=0.0)
    s = tl.load(grad_mask + pixel, mask=exists, other=0.0)
    offset = r * tl.load(filtered_depth + pixel, mask=exists, other=0.0)
    offset += s * tl.load(filtered_mask + pixel, mask=exists, other=0.0)
    return tl.load(log_sum_exp + pixel, mask=exists, other=float("inf")) * LOG2E, r, s, offset
