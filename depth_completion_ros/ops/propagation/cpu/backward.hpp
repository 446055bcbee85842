// Gradients of an iteration, and of the constant part of the logits, once a layer.
#pragma once
#include "layout.hpp"

namespace propagation {

// Two rows of queries so far apart share no key, so that every second band may run at once without locks.
constexpr int BAND = 24;

inline int bands(const Shape& s) { return (s.height + BAND - 1) / BAND; }

// Runs every second band of rows at once, then the others, so that sums over keys need no lock and
// come out the same for any number of threads. work(band, first row, one past its last row)
template <class Work> void by_bands(const Shape& s, int threads, const Work& work) {
  for (int odd = 0; odd < 2; ++odd)
    parallel((bands(s) - odd + 1) / 2, threads, [&](int i) {
      const int band = 2 * i + odd;
      work(band, band * BAND, std::min((band + 1) * BAND, s.height));
    });
}

// What arrives at queries, padded: gradients, their mean over the window, and log-sum-exp.
template <class T> struct Arriving { std::vector<T> depth, mask, mean, lse; };

// What is summed up: over keys and queries, padded; over pixels, for each band.
template <class T> struct Sums {
  std::vector<T> depth, mask, a, b;
  std::vector<T> g;                         // [band]
  std::vector<std::vector<Vec<T>>> biases;  // [band][border][row of the table][column of the window]
};

template <class T, bool inside>
void backward_block(const Shape& s, const T* logits, T* d_logits, const Maps<T>& maps, T g, const T* rpb,
                    const Arriving<T>& arriving, Sums<T>& sums, int y, const Block<T>& block, int band, Vec<T>* d_bias) {
  const size_t here = s.row(y) + block.x;
  const Vec<T> d = load(&maps.depth[here]), b = load(&maps.b[here]), lse = load(&arriving.lse[here]);
  const Vec<T> grad_depth = load(&arriving.depth[here]), grad_mask = load(&arriving.mask[here]);
  const Vec<T> mean = load(&arriving.mean[here]), key_slope = b + g * d;
  Vec<T> to_depth{}, to_b{};
  const int top = s.top(y);
  for (int i = 0; i < s.rows; ++i) {
    const size_t row = s.row(top + i);
    const int table_row = top + i - y + WINDOW - 1;
    for (int j = 0; j < s.columns; ++j) {
      const int slot = i * s.columns + j;
      const Vec<T> dk = keys<T, inside>(&maps.depth[row], block, j), mk = keys<T, inside>(&maps.mask[row], block, j);
      const Vec<T> slope = keys<T, inside>(&maps.raw_slope[row], block, j);
      const Vec<T> raw = load(logits + slot * LANES) + d * slope + b * dk;
      const Vec<T> weight = exponential(Vec<T>(mk * raw + bias_of<T, inside>(rpb, block, table_row, j) - lse));
      const Vec<T> dl = weight * (grad_depth * dk + grad_mask * mk - mean);
      const Vec<T> masked = mk * dl;
      store(d_logits + slot * LANES, Vec<T>(load(d_logits + slot * LANES) + masked));
      to_depth += masked * slope;
      to_b += masked * dk;
      d_bias[table_row * WINDOW + j] += dl;
      add_to_keys<T, inside>(&sums.depth[row], block, j, Vec<T>(weight * grad_depth + masked * key_slope));
      add_to_keys<T, inside>(&sums.mask[row], block, j, Vec<T>(weight * grad_mask + dl * raw));
      add_to_keys<T, inside>(&sums.a[row], block, j, Vec<T>(masked * d));
    }
  }
  store(&sums.depth[here], Vec<T>(load(&sums.depth[here]) + to_depth));
  store(&sums.b[here], to_b);
  sums.g[band] += sum<T>(d * to_b);
}

template <class T> void add_biases(const Shape& s, const std::vector<Block<T>>& blocks, const Sums<T>& sums, T* d_rpb) {
  const auto add = [&](int border, const int* columns) {
    for (const auto& band : sums.biases)
      for (int r = 0; r < TABLE; ++r)
        for (int j = 0; j < s.columns; ++j)
          for (int l = 0; l < LANES; ++l)
            d_rpb[r * TABLE + columns[l] + j] += band[(border * TABLE + r) * WINDOW + j][l];
  };
  int inside[LANES];
  std::fill_n(inside, LANES, RADIUS);
  add(0, inside);
  for (const auto& block : blocks)
    if (!block.inside) add(block.border, block.bias);
}

template <class T>
void step_backward(const Shape& s, const T* logits, const T* depth, const T* mask, const T* a, const T* b, T g,
                   const T* rpb, const T* lse, const T* filtered_depth, const T* filtered_mask, const T* grad_depth,
                   const T* grad_mask, T* d_logits, T* d_depth, T* d_mask, T* d_a, T* d_b, T* d_g, T* d_rpb,
                   int threads) {
  const Maps<T> maps(s, depth, mask, a, b, g);
  const auto blocks = blocks_of(s, rpb);
  Arriving<T> arriving{padded(s, grad_depth), padded(s, grad_mask), std::vector<T>(s.pixels(), T(0)), padded(s, lse)};
  for (int y = 0; y < s.height; ++y)
    for (int x = 0; x < s.width; ++x) {
      const size_t from = size_t(y) * s.width + x;
      arriving.mean[s.row(y) + x] = grad_depth[from] * filtered_depth[from] + grad_mask[from] * filtered_mask[from];
    }
  Sums<T> sums;
  for (auto* map : {&sums.depth, &sums.mask, &sums.a, &sums.b}) map->assign(s.pixels(), T(0));
  sums.g.assign(bands(s), T(0));
  const int borders = std::count_if(blocks.begin(), blocks.end(), [](const Block<T>& b) { return !b.inside; });
  sums.biases.assign(bands(s), std::vector<Vec<T>>((borders + 1) * TABLE * WINDOW, Vec<T>{}));
  by_bands(s, threads, [&](int band, int begin, int end) {
    for (int y = begin; y < end; ++y)
      for (int n = 0; n < s.blocks; ++n) {
        const bool inside = blocks[n].inside;
        Vec<T>* d_bias = &sums.biases[band][blocks[n].border * TABLE * WINDOW];
        (inside ? backward_block<T, true> : backward_block<T, false>)(
            s, logits + s.logits(y, n), d_logits + s.logits(y, n), maps, g, rpb, arriving, sums, y, blocks[n], band, d_bias);
      }
  });
  for (int y = 0; y < s.height; ++y)
    for (int x = 0; x < s.width; ++x) {
      const size_t to = size_t(y) * s.width + x, from = s.row(y) + x;
      d_depth[to] = sums.depth[from];
      d_mask[to] = sums.mask[from];
      d_a[to] += sums.a[from];
      d_b[to] += sums.b[from];
    }
  for (T share : sums.g) *d_g += share;
  add_biases(s, blocks, sums, d_rpb);
}

// d_q, d_k: [height][channels][stride], zero at first.
template <class T, bool inside>
void build_backward_block(const Shape& s, const T* q, const T* k, const T* d_logits, T* d_q, T* d_k, int y,
                          const Block<T>& block) {
  const size_t queries = y * s.channels * size_t(s.stride) + MARGIN + block.x;
  for (int i = 0; i < s.rows; ++i) {
    const size_t rows = (s.top(y) + i) * s.channels * size_t(s.stride) + MARGIN;
    Vec<T> share[WINDOW] = {};
    for (int j = 0; j < s.columns; ++j) share[j] = load(d_logits + (i * s.columns + j) * LANES);
    for (int c = 0; c < s.channels; ++c) {
      const T* row = k + rows + size_t(c) * s.stride;
      T* to = d_q + queries + size_t(c) * s.stride;
      Vec<T> total = load(to);
#pragma GCC unroll 13
      for (int j = 0; j < WINDOW; ++j)
        if (inside || j < s.columns) total += share[j] * keys<T, inside>(row, block, j);
      store(to, total);
    }
    // Channels innermost: two neighbouring slots write to overlapping keys, which stalls when done in a row.
    for (int j = 0; j < s.columns; ++j)
      for (int c = 0; c < s.channels; ++c)
        add_to_keys<T, inside>(d_k + rows + size_t(c) * s.stride, block, j,
                               Vec<T>(share[j] * load(q + queries + size_t(c) * s.stride)));
  }
}

template <class T>
void build_backward(const Shape& s, const T* q, const T* k, const T* d_logits, T* d_q, T* d_k, int threads) {
  const auto blocks = blocks_of<T>(s);
  by_bands(s, threads, [&](int, int begin, int end) {
    for (int strip = 0; strip < s.blocks; strip += s.strip())
      for (int y = begin; y < end; ++y)
        for (int n = strip; n < std::min(strip + s.strip(), s.blocks); ++n)
          (blocks[n].inside ? build_backward_block<T, true> : build_backward_block<T, false>)(
            s, q, k, d_logits + s.logits(y, n), d_q, d_k, y, blocks[n]);
  });
}

}  // namespace propagation
