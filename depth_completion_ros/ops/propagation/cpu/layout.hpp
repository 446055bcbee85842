// Where things lie in memory, and how a block of pixels finds the keys of its windows.
//
// A block is LANES neighbouring pixels of a row, worked on as one vector. The constant part of the logits is
// stored as [row][block][slot][lane], slot = row of the window * columns of the window + column of the window,
// so that an iteration reads it as one stream. Rows of all other arrays are padded to whole blocks, with a margin
// of one block on either side, so that a block may be read anywhere in its windows.
#pragma once
#include "vector.hpp"

namespace propagation {

constexpr int MARGIN = LANES, WINDOW = 13, RADIUS = 6, TABLE = 25;

struct Shape {
  int channels, height, width;
  int rows, columns, blocks, stride;
  Shape(int c, int h, int w)
      : channels(c), height(h), width(w), rows(std::min(WINDOW, h)), columns(std::min(WINDOW, w)),
        blocks((w + LANES - 1) / LANES), stride(blocks * LANES + 2 * MARGIN) {}
  int slots() const { return rows * columns; }
  int top(int y) const { return std::clamp(y - RADIUS, 0, height - rows); }
  int left(int x) const { return std::clamp(x - RADIUS, 0, width - columns); }
  size_t row(int y) const { return size_t(y) * stride + MARGIN; }
  size_t pixels() const { return size_t(height) * stride; }
  // Blocks side by side whose keys, all channels of a window's rows, stay in a megabyte of cache.
  int strip() const { return std::max(1, (1 << 20) / (WINDOW * channels * LANES * int(sizeof(float)))); }
  size_t logits(int y, int block) const { return (size_t(y) * blocks + block) * slots() * LANES; }
};

// How the lanes of a block find their keys: side by side, or, where the window is shifted, all in the same place.
template <class T> struct Block {
  int x, last, bias[LANES];
  int border = 0;  // number among the blocks near borders, from 1; 0 inside
  bool inside;
  Vec<T> at_left{}, at_right{}, between{};  // 1 for the lanes of a kind, else 0
  std::vector<Vec<T>> biases;               // [row of the table][column of the window], near borders only

  Block(const Shape& s, int index) : x(index * LANES), last(s.width - s.columns) {
    inside = true;
    for (int l = 0; l < LANES; ++l) {
      const int at = std::min(x + l, s.width - 1), origin = s.left(at);
      bias[l] = origin - at + WINDOW - 1;
      const bool here = x + l < s.width, left = origin == 0, right = !left && origin == last;
      at_left[l] = here && left;
      at_right[l] = here && right;
      between[l] = here && !left && !right;
      inside = inside && between[l] > 0;
    }
  }
};

template <class T> std::vector<Block<T>> blocks_of(const Shape& s, const T* rpb = nullptr) {
  std::vector<Block<T>> blocks;
  int borders = 0;
  for (int n = 0; n < s.blocks; ++n) {
    blocks.emplace_back(s, n);
    if (!blocks[n].inside) blocks[n].border = ++borders;
    if (blocks[n].inside || !rpb) continue;
    blocks[n].biases.resize(TABLE * WINDOW);
    for (int r = 0; r < TABLE; ++r)
      for (int j = 0; j < s.columns; ++j)
        for (int l = 0; l < LANES; ++l) blocks[n].biases[r * WINDOW + j][l] = rpb[r * TABLE + blocks[n].bias[l] + j];
  }
  return blocks;
}

template <class T, bool inside> inline Vec<T> keys(const T* row, const Block<T>& block, int column) {
  const Vec<T> beside = load(row + block.x - RADIUS + column);
  if (inside) return beside;
  const Vec<T> left = Vec<T>{} + row[column], right = Vec<T>{} + row[block.last + column];
  return block.between > 0 ? beside : block.at_right > 0 ? right : left;
}

template <class T, bool inside> inline void add_to_keys(T* row, const Block<T>& block, int column, const Vec<T>& v) {
  T* beside = row + block.x - RADIUS + column;
  if (inside) {
    store(beside, Vec<T>(load(beside) + v));
  } else {
    store(beside, Vec<T>(load(beside) + v * block.between));
    row[column] += sum<T>(v * block.at_left);
    row[block.last + column] += sum<T>(v * block.at_right);
  }
}

template <class T, bool inside>
inline Vec<T> bias_of(const T* rpb, const Block<T>& block, int table_row, int column) {
  if (inside) return Vec<T>{} + rpb[table_row * TABLE + RADIUS + column];
  return block.biases[table_row * WINDOW + column];
}

// Maps of one iteration, padded, each height x stride.
template <class T> struct Maps {
  std::vector<T> depth, mask, slope, masked_depth, raw_slope, b;
  Maps(const Shape& s, const T* d, const T* m, const T* a, const T* b_, T g) {
    for (auto* map : {&depth, &mask, &slope, &masked_depth, &raw_slope, &b})
      map->assign(s.pixels(), T(0));
    for (int y = 0; y < s.height; ++y)
      for (int x = 0; x < s.width; ++x) {
        const size_t to = s.row(y) + x, from = size_t(y) * s.width + x;
        depth[to] = d[from];
        mask[to] = m[from];
        raw_slope[to] = a[from] + g * d[from];
        slope[to] = m[from] * raw_slope[to];
        masked_depth[to] = m[from] * d[from];
        b[to] = b_[from];
      }
  }
};

template <class T> std::vector<T> padded(const Shape& s, const T* map) {
  std::vector<T> out(s.pixels(), T(0));
  for (int y = 0; y < s.height; ++y) std::copy_n(map + size_t(y) * s.width, s.width, &out[s.row(y)]);
  return out;
}

}  // namespace propagation
