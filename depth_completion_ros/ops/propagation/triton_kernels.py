"""What the Triton kernels of the propagation share: windows, tiles, logits, and their sizes.

One program serves a tile of TILE_ROWS x TILE_COLUMNS pixels and walks over the patch of pixels that
their windows span, PATCH_ROWS x PATCH_COLUMNS slots at a time, so that no map of 169 values a pixel is
ever stored. Dot products run on tensor cores; maps, sums and logits are float32.

Cost of a step, per pixel, for C channels of s bytes and a tile of 4 x 16, whose patch is 16 x 28:
- slots: 16 rows x 32 = 512 for 169 useful ones, so 512 exponentials and 1024 C flops (8 x 8 tiles: 640
  slots; 8 x 16: 640, too). A backward step has four such products beside the exponentials of two.
- L2 reads: 7 C s bytes of keys (448 keys for 64 pixels) + C s of the query + 84 of maps: 1.1 kB for C = 64
  in bfloat16, 2.1 kB in float32. Tiles of 8 x 8 would read 10 % less, but compute 25 % more.
- DRAM: 2 C s + 28 bytes forward. Backward adds twice the read and write of a float32 gradient, 16 C bytes,
  and 80 for the histogram of the position bias.
So the L2 reads and the exponentials bound a forward step, not the products: 0.25 ms of exponentials at
16 a clock and multiprocessor would be 10 Mpixel on 132 multiprocessors.

Four warps give the 64 rows that one warp group's matrix instruction takes on compute capability 9.0, and
16 rows a warp before it. Two stages fetch the next keys while the present ones are used; more would cost
shared memory, of which many small programs in flight make better use. None of this is tuned yet.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl

from . import window

TILE_ROWS = 4
TILE_COLUMNS = 16
PATCH_ROWS = 1
PATCH_COLUMNS = 32
NUM_WARPS = 4
NUM_STAGES = 2

WINDOW = tl.constexpr(window.WINDOW)
RADIUS = tl.constexpr(window.RADIUS)
REACH = tl.constexpr(window.WINDOW - 1)
"""Farthest that a pixel sees along an axis: from one border pixel over the window shifted inwards."""
BIAS_SPAN = tl.constexpr(2 * window.WINDOW - 1)


def channel_block(channels: int) -> int:
    """Channels of one tensor-core product: a power of two from 16 to 64."""
    return min(64, max(16, triton.next_power_of_2(channels)))


def settings(channels: int, dtype: torch.dtype) -> dict[str, int | str]:
    """Compile-time constants that all kernels take, for padded channels of float32 or bfloat16."""
    return {
        "CHANNELS": channels,
        "BLOCK": channel_block(channels),
        "TILE_ROWS": TILE_ROWS,
        "TILE_COLUMNS": TILE_COLUMNS,
        "PATCH_ROWS": PATCH_ROWS,
        "PATCH_COLUMNS": PATCH_COLUMNS,
        "PRECISION": "tf32x3" if dtype == torch.float32 else "tf32",
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
def patch_chunks(rows, columns, PATCH_ROWS: tl.constexpr, PATCH_COLUMNS: tl.constexpr):
    """Number of chunks that cover a patch from first to last row and column."""
    return tl.cdiv(rows[1] - rows[0] + 1, PATCH_ROWS) * tl.cdiv(columns[1] - columns[0] + 1, PATCH_COLUMNS)


@triton.jit
def chunk_corner(chunk, rows, columns, PATCH_ROWS: tl.constexpr, PATCH_COLUMNS: tl.constexpr):
    """First row and column of a chunk; chunks run down the rows first."""
    down = tl.cdiv(rows[1] - rows[0] + 1, PATCH_ROWS)
    return rows[0] + chunk % down * PATCH_ROWS, columns[0] + chunk // down * PATCH_COLUMNS


@triton.jit
def chunk_pixels(corner, rows, columns, PATCH_ROWS: tl.constexpr, PATCH_COLUMNS: tl.constexpr):
    """Rows and columns of a chunk's pixels, and which of them lie in the patch."""
    slot = tl.arange(0, PATCH_ROWS * PATCH_COLUMNS)
    row = corner[0] + slot // PATCH_COLUMNS
    column = corner[1] + slot % PATCH_COLUMNS
    return row, column, (row <= rows[1]) & (column <= columns[1])


@triton.jit
def load_channels(base, pixel, exists, CHANNELS: tl.constexpr, BLOCK: tl.constexpr):
    """Channel vectors of pixels, as a tuple of pixels x BLOCK; zero where a pixel does not exist."""
    blocks = ()
    for first in tl.static_range(0, CHANNELS, BLOCK):
        at = pixel[:, None] * CHANNELS + first + tl.arange(0, BLOCK)[None, :]
        blocks = blocks + (tl.load(base + at, mask=exists[:, None], other=0.0),)
    return blocks


@triton.jit
def channel_products(left, right, PRECISION: tl.constexpr):
    """Dot products over the channels of all pixels on the left with all on the right."""
    products = tl.zeros([left[0].shape[0], right[0].shape[0]], tl.float32)
    for block in tl.static_range(len(left)):
        products = tl.dot(left[block], tl.trans(right[block]), products, input_precision=PRECISION)
    return products


@triton.jit
def add_weighted(sums, weights, vectors, PRECISION: tl.constexpr):
    """Sums of channel vectors, plus those on the right weighted for each pixel on the left."""
    added = ()
    for block in tl.static_range(len(sums)):
        weighted = tl.dot(
            weights.to(vectors[block].dtype), vectors[block], sums[block], input_precision=PRECISION
        )
        added = added + (weighted,)
    return added


@triton.jit
def add_to_channels(base, pixel, exists, sums, CHANNELS: tl.constexpr, BLOCK: tl.constexpr):
    """Add sums of channel vectors to the pixels' vectors in memory, which no other program touches."""
    for block in tl.static_range(len(sums)):
        at = base + pixel[:, None] * CHANNELS + block * BLOCK + tl.arange(0, BLOCK)[None, :]
        tl.store(at, tl.load(at, mask=exists[:, None], other=0.0) + sums[block], mask=exists[:, None])


@triton.jit
def position_bias(rpb, query_row, query_column, key_row, key_column, exists, height, width):
    """Position bias of pairs of query and key; -inf where the query does not see the key."""
    top = window_origin(query_row, height)
    left = window_origin(query_column, width)
    seen = (key_row >= top) & (key_row < top + WINDOW) & (key_column >= left) & (key_column < left + WINDOW)
    entry = (key_row - query_row + REACH) * BIAS_SPAN + key_column - query_column + REACH
    return tl.load(rpb + entry, mask=seen & exists, other=float("-inf"))


@triton.jit
def any_mask(mask, rows, columns, width, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """Whether any key of a patch, of at most ROWS x COLUMNS pixels, has a mask other than zero."""
    row = rows[0] + tl.arange(0, ROWS)[:, None]
    column = columns[0] + tl.arange(0, COLUMNS)[None, :]
    exists = (row <= rows[1]) & (column <= columns[1])
    return tl.max(tl.abs(tl.load(mask + row * width + column, mask=exists, other=0.0))) > 0


@triton.jit
def key_logits(
    k, a, g, rpb, depth, mask, query, corner, rows, columns, height, width,
    CHANNELS: tl.constexpr, BLOCK: tl.constexpr, PATCH_ROWS: tl.constexpr, PATCH_COLUMNS: tl.constexpr,
    PRECISION: tl.constexpr, WITH_PRODUCTS: tl.constexpr,
):  # fmt: skip
    """Logits of queries with the keys of a chunk.

    Args:
        query: row, column, depth, b and channel vectors of the queries.
        WITH_PRODUCTS: false leaves out the keys' vectors, which a mask of zero throughout cancels.

    Returns:
        Logits, queries x keys; of the keys depth, mask, slope m_j (a_j + g d_j) of the logit over the
        query's depth (1 x keys each), and channel vectors.
    """
    query_row, query_column, query_depth, query_b, query_vectors = query
    row, column, exists = chunk_pixels(corner, rows, columns, PATCH_ROWS, PATCH_COLUMNS)
    pixel = row * width + column
    key_depth = tl.load(depth + pixel, mask=exists, other=0.0)[None, :]
    key_mask = tl.load(mask + pixel, mask=exists, other=0.0)[None, :]
    logits = position_bias(
        rpb, query_row[:, None], query_column[:, None], row[None, :], column[None, :], exists[None, :],
        height, width,
    )  # fmt: skip
    slope = key_mask
    vectors = ()
    if WITH_PRODUCTS:
        vectors = load_channels(k, pixel, exists, CHANNELS, BLOCK)
        slope = key_mask * (tl.load(a + pixel, mask=exists, other=0.0)[None, :] + g * key_depth)
        products = channel_products(query_vectors, vectors, PRECISION)
        logits += key_mask * products + query_depth[:, None] * slope
        logits += query_b[:, None] * (key_mask * key_depth)
    return logits, key_depth, key_mask, slope, vectors
