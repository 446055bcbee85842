// The constant part of the logits, once a layer, and an iteration.
#pragma once
#include "layout.hpp"

namespace propagation {

// q, k: [height][channels][stride].
template <class T, bool inside>
void build_block(const Shape& s, const T* q, const T* k, T* logits, int y, const Block<T>& block) {
  const T* queries = q + y * s.channels * size_t(s.stride) + MARGIN + block.x;
  for (int i = 0; i < s.rows; ++i) {
    const T* rows = k + (s.top(y) + i) * s.channels * size_t(s.stride) + MARGIN;
    Vec<T> dot[WINDOW] = {};
    for (int c = 0; c < s.channels; ++c) {
      const Vec<T> query = load(queries + size_t(c) * s.stride);
      const T* row = rows + size_t(c) * s.stride;
      if (inside) {
#pragma GCC unroll 13
        for (int j = 0; j < WINDOW; ++j) dot[j] += query * keys<T, true>(row, block, j);
      } else {
        for (int j = 0; j < s.columns; ++j) dot[j] += query * keys<T, false>(row, block, j);
      }
    }
    for (int j = 0; j < s.columns; ++j) store(logits + (i * s.columns + j) * LANES, dot[j]);
  }
}

template <class T> void build(const Shape& s, const T* q, const T* k, T* logits, int threads) {
  const auto blocks = blocks_of<T>(s);
  const int strips = (s.blocks + s.strip() - 1) / s.strip();
  parallel(strips * s.height, threads, [&](int item) {
    const int y = item % s.height, begin = item / s.height * s.strip();
    for (int n = begin; n < std::min(begin + s.strip(), s.blocks); ++n)
      (blocks[n].inside ? build_block<T, true> : build_block<T, false>)(s, q, k, logits + s.logits(y, n), y, blocks[n]);
  });
}

template <class T, bool inside>
void step_block(const Shape& s, const T* logits, const Maps<T>& maps, const T* rpb, T* out_depth, T* out_mask,
                T* out_lse, int y, const Block<T>& block) {
  Vec<T> scores[WINDOW * WINDOW];
  const size_t here = s.row(y) + block.x;
  const Vec<T> d = load(&maps.depth[here]), b = load(&maps.b[here]);
  const int top = s.top(y);
  Vec<T> largest = Vec<T>{} - T(INFINITY);
  for (int i = 0; i < s.rows; ++i) {
    const size_t row = s.row(top + i);
    const int table_row = top + i - y + WINDOW - 1;
    for (int j = 0; j < s.columns; ++j) {
      const int slot = i * s.columns + j;
      const Vec<T> l = keys<T, inside>(&maps.mask[row], block, j) * load(logits + slot * LANES) +
                       d * keys<T, inside>(&maps.slope[row], block, j) +
                       b * keys<T, inside>(&maps.masked_depth[row], block, j) +
                       bias_of<T, inside>(rpb, block, table_row, j);
      largest = l > largest ? l : largest;
      scores[slot] = l;
    }
  }
  Vec<T> total{}, depth{}, mask{};
  for (int i = 0; i < s.rows; ++i) {
    const size_t row = s.row(top + i);
    for (int j = 0; j < s.columns; ++j) {
      const Vec<T> weight = exponential(Vec<T>(scores[i * s.columns + j] - largest));
      total += weight;
      depth += weight * keys<T, inside>(&maps.depth[row], block, j);
      mask += weight * keys<T, inside>(&maps.mask[row], block, j);
    }
  }
  depth /= total;
  mask /= total;
  const size_t to = size_t(y) * s.width + block.x;
  for (int l = 0; l < LANES && block.x + l < s.width; ++l) {
    out_depth[to + l] = depth[l];
    out_mask[to + l] = mask[l];
    out_lse[to + l] = largest[l] + std::log(total[l]);
  }
}

template <class T>
void step(const Shape& s, const T* logits, const T* depth, const T* mask, const T* a, const T* b, T g, const T* rpb,
          T* out_depth, T* out_mask, T* out_lse, int threads) {
  const Maps<T> maps(s, depth, mask, a, b, g);
  const auto blocks = blocks_of(s, rpb);
  parallel(s.height, threads, [&](int y) {
    for (int n = 0; n < s.blocks; ++n)
      (blocks[n].inside ? step_block<T, true> : step_block<T, false>)(s, logits + s.logits(y, n), maps, rpb, out_depth,
                                                                      out_mask, out_lse, y, blocks[n]);
  });
}

}  // namespace propagation
