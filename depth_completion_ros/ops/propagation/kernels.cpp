// One iteration of masked spatial propagation on the CPU, forward and backward; see function.py for the formulas.
//
// A block is LANES neighbouring pixels of a row, worked on as one vector. The constant part of the logits is
// stored as [row][block][slot][lane], slot = row of the window * columns of the window + column of the window,
// so that an iteration reads it as one stream. Maps are padded to whole blocks: row stride = blocks * LANES.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace {

constexpr int LANES = 16, WINDOW = 13, RADIUS = 6, TABLE = 25;
// Two rows of queries so far apart share no key, so that every second band may run at once without locks.
constexpr int BAND = 24;

template <class T> struct Vector;
template <> struct Vector<float> { typedef float type __attribute__((vector_size(LANES * 4))); };
template <> struct Vector<double> { typedef double type __attribute__((vector_size(LANES * 8))); };
template <class T> using Vec = typename Vector<T>::type;

template <class T> inline Vec<T> load(const T* p) { Vec<T> v; std::memcpy(&v, p, sizeof v); return v; }
template <class T> inline void store(T* p, const Vec<T>& v) { std::memcpy(p, &v, sizeof v); }
template <class T> inline T sum(const Vec<T>& v) { T s = 0; for (int l = 0; l < LANES; ++l) s += v[l]; return s; }

inline Vec<double> exponential(Vec<double> x) {
  for (int l = 0; l < LANES; ++l) x[l] = std::exp(x[l]);
  return x;
}

// exp by range reduction to |r| <= ln 2 / 2 and a Taylor polynomial; within 2 ulp of exp from -87 to 88.
inline Vec<float> exponential(Vec<float> x) {
  typedef int32_t Ints __attribute__((vector_size(LANES * 4)));
  const Vec<float> low = x * 0 - 87.0f, magic = x * 0 + 12582912.0f;  // 1.5 * 2^23 rounds to an integer
  x = x < low ? low : x;
  const Vec<float> shifted = x * 1.44269504f + magic;
  const Vec<float> n = shifted - magic;
  const Vec<float> r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  Vec<float> p = r * 1.9841270e-4f + 1.3888889e-3f;
  p = p * r + 8.3333333e-3f;
  p = p * r + 4.1666667e-2f;
  p = p * r + 1.6666667e-1f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  Ints bits, power;
  std::memcpy(&bits, &p, sizeof p);
  std::memcpy(&power, &shifted, sizeof shifted);
  bits += power << 23;
  std::memcpy(&p, &bits, sizeof p);
  return p;
}

// Masks fade to denormal numbers at their front, which are slow and worth nothing.
struct FlushToZero {
#if defined(__SSE2__)
  unsigned before = _mm_getcsr();
  FlushToZero() { _mm_setcsr(before | 0x8040); }
  ~FlushToZero() { _mm_setcsr(before); }
#else
  ~FlushToZero() {}
#endif
};

template <class Work> void parallel(int items, int threads, const Work& work) {
  std::atomic<int> next{0};
  auto run = [&] {
    FlushToZero flush;
    for (int i; (i = next++) < items;) work(i);
  };
  std::vector<std::thread> others;
  for (int t = 1; t < std::min(threads, items); ++t) others.emplace_back(run);
  run();
  for (auto& thread : others) thread.join();
}

struct Shape {
  int channels, height, width;
  int rows, columns, blocks, stride;
  Shape(int c, int h, int w)
      : channels(c), height(h), width(w), rows(std::min(WINDOW, h)), columns(std::min(WINDOW, w)),
        blocks((w + LANES - 1) / LANES), stride(blocks * LANES) {}
  int slots() const { return rows * columns; }
  int top(int y) const { return std::clamp(y - RADIUS, 0, height - rows); }
  int left(int x) const { return std::clamp(x - RADIUS, 0, width - columns); }
};

// How the lanes of a block find their keys: side by side inside the image, one by one near its borders.
struct Block {
  int x, valid, origin[LANES], bias[LANES];
  bool inside;
  Block(const Shape& s, int index) : x(index * LANES), valid(std::min(LANES, s.width - x)) {
    inside = x >= RADIUS && x + LANES - 1 < s.width - RADIUS && s.width >= WINDOW;
    for (int l = 0; l < LANES; ++l) {
      const int at = std::min(x + l, s.width - 1);
      origin[l] = s.left(at);
      bias[l] = origin[l] - at + WINDOW - 1;
    }
  }
};

template <class T, bool inside> inline Vec<T> keys(const T* row, const Block& block, int column) {
  if (inside) return load(row + block.x - RADIUS + column);
  Vec<T> v;
  for (int l = 0; l < LANES; ++l) v[l] = row[block.origin[l] + column];
  return v;
}

template <class T, bool inside> inline Vec<T> biases(const T* table_row, const Block& block, int column) {
  if (inside) return Vec<T>{} + table_row[RADIUS + column];
  Vec<T> v;
  for (int l = 0; l < LANES; ++l) v[l] = table_row[block.bias[l] + column];
  return v;
}

template <class T, bool inside> inline void add_to_keys(T* row, const Block& block, int column, const Vec<T>& v) {
  if (inside) {
    T* p = row + block.x - RADIUS + column;
    store(p, Vec<T>(load(p) + v));
  } else {
    for (int l = 0; l < block.valid; ++l) row[block.origin[l] + column] += v[l];
  }
}

// Maps of one iteration, padded, each height x stride.
template <class T> struct Maps {
  std::vector<T> depth, mask, slope, masked_depth, raw_slope, b;
  Maps(const Shape& s, const T* d, const T* m, const T* a, const T* b_, T g) {
    for (auto* map : {&depth, &mask, &slope, &masked_depth, &raw_slope, &b})
      map->assign(size_t(s.height) * s.stride, T(0));
    for (int y = 0; y < s.height; ++y)
      for (int x = 0; x < s.width; ++x) {
        const size_t to = size_t(y) * s.stride + x, from = size_t(y) * s.width + x;
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
  std::vector<T> out(size_t(s.height) * s.stride, T(0));
  for (int y = 0; y < s.height; ++y) std::copy_n(map + size_t(y) * s.width, s.width, &out[size_t(y) * s.stride]);
  return out;
}

// q, k: [height][channels][stride].
template <class T, bool inside>
void build_block(const Shape& s, const T* q, const T* k, T* logits, int y, int index) {
  const Block block(s, index);
  const T* queries = q + size_t(y) * s.channels * s.stride + block.x;
  for (int i = 0; i < s.rows; ++i) {
    const T* rows = k + size_t(s.top(y) + i) * s.channels * s.stride;
    Vec<T> dot[WINDOW] = {};
    for (int c = 0; c < s.channels; ++c) {
      const Vec<T> query = load(queries + size_t(c) * s.stride);
      const T* row = rows + size_t(c) * s.stride;
      if (s.columns == WINDOW)
        for (int j = 0; j < WINDOW; ++j) dot[j] += query * keys<T, inside>(row, block, j);
      else
        for (int j = 0; j < s.columns; ++j) dot[j] += query * keys<T, inside>(row, block, j);
    }
    for (int j = 0; j < s.columns; ++j) store(logits + (i * s.columns + j) * LANES, dot[j]);
  }
}

template <class T> void build(const Shape& s, const T* q, const T* k, T* logits, int threads) {
  parallel(s.height, threads, [&](int y) {
    for (int n = 0; n < s.blocks; ++n) {
      T* to = logits + (size_t(y) * s.blocks + n) * s.slots() * LANES;
      if (Block(s, n).inside) build_block<T, true>(s, q, k, to, y, n);
      else build_block<T, false>(s, q, k, to, y, n);
    }
  });
}

template <class T, bool inside>
void step_block(const Shape& s, const T* logits, const Maps<T>& maps, const T* rpb, T* out_depth, T* out_mask,
                T* out_lse, int y, const Block& block) {
  Vec<T> scores[WINDOW * WINDOW];
  const size_t here = size_t(y) * s.stride + block.x;
  const Vec<T> d = load(&maps.depth[here]), b = load(&maps.b[here]);
  const int top = s.top(y);
  Vec<T> largest = Vec<T>{} - T(INFINITY);
  for (int i = 0; i < s.rows; ++i) {
    const size_t row = size_t(top + i) * s.stride;
    const T* table_row = rpb + (top + i - y + WINDOW - 1) * TABLE;
    for (int j = 0; j < s.columns; ++j) {
      const int slot = i * s.columns + j;
      const Vec<T> l = keys<T, inside>(&maps.mask[row], block, j) * load(logits + slot * LANES) +
                       d * keys<T, inside>(&maps.slope[row], block, j) +
                       b * keys<T, inside>(&maps.masked_depth[row], block, j) +
                       biases<T, inside>(table_row, block, j);
      largest = l > largest ? l : largest;
      scores[slot] = l;
    }
  }
  Vec<T> total{}, depth{}, mask{};
  for (int i = 0; i < s.rows; ++i) {
    const size_t row = size_t(top + i) * s.stride;
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
  for (int l = 0; l < block.valid; ++l) {
    out_depth[to + l] = depth[l];
    out_mask[to + l] = mask[l];
    out_lse[to + l] = largest[l] + std::log(total[l]);
  }
}

template <class T>
void step(const Shape& s, const T* logits, const T* depth, const T* mask, const T* a, const T* b, T g, const T* rpb,
          T* out_depth, T* out_mask, T* out_lse, int threads) {
  const Maps<T> maps(s, depth, mask, a, b, g);
  parallel(s.height, threads, [&](int y) {
    for (int n = 0; n < s.blocks; ++n) {
      const Block block(s, n);
      const T* from = logits + (size_t(y) * s.blocks + n) * s.slots() * LANES;
      if (block.inside) step_block<T, true>(s, from, maps, rpb, out_depth, out_mask, out_lse, y, block);
      else step_block<T, false>(s, from, maps, rpb, out_depth, out_mask, out_lse, y, block);
    }
  });
}

// Runs every second band of rows at once, then the others, so that sums over keys need no lock and
// come out the same for any number of threads. work(band, first row, one past its last row)
template <class Work> void by_bands(const Shape& s, int threads, const Work& work) {
  const int bands = (s.height + BAND - 1) / BAND;
  for (int odd = 0; odd < 2; ++odd)
    parallel((bands - odd + 1) / 2, threads, [&](int i) {
      const int band = 2 * i + odd;
      work(band, band * BAND, std::min((band + 1) * BAND, s.height));
    });
}

// Gradients that arrive at queries, padded.
template <class T> struct Arriving { std::vector<T> depth, mask, mean, lse; };
// Sums over keys, padded; and per band the sums over all pixels.
template <class T> struct Sums {
  std::vector<T> depth, mask, a, b;
  std::vector<std::vector<T>> rpb;
  std::vector<T> g;
};

template <class T, bool inside>
void backward_block(const Shape& s, const T* logits, T* d_logits, const Maps<T>& maps, T g, const T* rpb,
                    const Arriving<T>& arriving, Sums<T>& sums, int y, const Block& block, int band,
                    Vec<T>* d_bias) {
  const size_t here = size_t(y) * s.stride + block.x;
  const Vec<T> d = load(&maps.depth[here]), b = load(&maps.b[here]), lse = load(&arriving.lse[here]);
  const Vec<T> grad_depth = load(&arriving.depth[here]), grad_mask = load(&arriving.mask[here]);
  const Vec<T> mean = load(&arriving.mean[here]), key_slope = b + g * d;
  Vec<T> to_depth{}, to_b{};
  const int top = s.top(y);
  for (int i = 0; i < s.rows; ++i) {
    const size_t row = size_t(top + i) * s.stride;
    const int table_row = (top + i - y + WINDOW - 1) * TABLE;
    for (int j = 0; j < s.columns; ++j) {
      const int slot = i * s.columns + j;
      const Vec<T> dk = keys<T, inside>(&maps.depth[row], block, j), mk = keys<T, inside>(&maps.mask[row], block, j);
      const Vec<T> slope = keys<T, inside>(&maps.raw_slope[row], block, j);
      const Vec<T> raw = load(logits + slot * LANES) + d * slope + b * dk;
      const Vec<T> weight = exponential(Vec<T>(mk * raw + biases<T, inside>(rpb + table_row, block, j) - lse));
      const Vec<T> dl = weight * (grad_depth * dk + grad_mask * mk - mean);
      const Vec<T> masked = mk * dl;
      store(d_logits + slot * LANES, Vec<T>(load(d_logits + slot * LANES) + masked));
      to_depth += masked * slope;
      to_b += masked * dk;
      add_to_keys<T, inside>(&sums.depth[row], block, j, Vec<T>(weight * grad_depth + masked * key_slope));
      add_to_keys<T, inside>(&sums.mask[row], block, j, Vec<T>(weight * grad_mask + dl * raw));
      add_to_keys<T, inside>(&sums.a[row], block, j, Vec<T>(masked * d));
      if (inside) d_bias[slot] += dl;
      else for (int l = 0; l < block.valid; ++l) sums.rpb[band][table_row + block.bias[l] + j] += dl[l];
    }
  }
  store(&sums.depth[here], Vec<T>(load(&sums.depth[here]) + to_depth));
  store(&sums.b[here], to_b);
  sums.g[band] += sum<T>(d * to_b);
}

template <class T>
void backward_rows(const Shape& s, const T* logits, T* d_logits, const Maps<T>& maps, T g, const T* rpb,
                   const Arriving<T>& arriving, Sums<T>& sums, int band, int begin, int end) {
  for (int y = begin; y < end; ++y) {
    Vec<T> d_bias[WINDOW * WINDOW] = {};
    for (int n = 0; n < s.blocks; ++n) {
      const Block block(s, n);
      const size_t at = (size_t(y) * s.blocks + n) * s.slots() * LANES;
      if (block.inside)
        backward_block<T, true>(s, logits + at, d_logits + at, maps, g, rpb, arriving, sums, y, block, band, d_bias);
      else
        backward_block<T, false>(s, logits + at, d_logits + at, maps, g, rpb, arriving, sums, y, block, band, d_bias);
    }
    T* table = &sums.rpb[band][(s.top(y) - y + WINDOW - 1) * TABLE];
    for (int i = 0; s.columns == WINDOW && i < s.rows; ++i)
      for (int j = 0; j < WINDOW; ++j) table[i * TABLE + RADIUS + j] += sum<T>(d_bias[i * s.columns + j]);
  }
}

template <class T>
void step_backward(const Shape& s, const T* logits, const T* depth, const T* mask, const T* a, const T* b, T g,
                   const T* rpb, const T* lse, const T* filtered_depth, const T* filtered_mask, const T* grad_depth,
                   const T* grad_mask, T* d_logits, T* d_depth, T* d_mask, T* d_a, T* d_b, T* d_g, T* d_rpb,
                   int threads) {
  const Maps<T> maps(s, depth, mask, a, b, g);
  Arriving<T> arriving{padded(s, grad_depth), padded(s, grad_mask), padded(s, grad_depth), padded(s, lse)};
  for (int y = 0; y < s.height; ++y)
    for (int x = 0; x < s.width; ++x) {
      const size_t from = size_t(y) * s.width + x;
      arriving.mean[size_t(y) * s.stride + x] =
          grad_depth[from] * filtered_depth[from] + grad_mask[from] * filtered_mask[from];
    }
  const size_t bands = (s.height + BAND - 1) / BAND, pixels = size_t(s.height) * s.stride;
  Sums<T> sums;
  for (auto* map : {&sums.depth, &sums.mask, &sums.a, &sums.b}) map->assign(pixels, T(0));
  sums.rpb.assign(bands, std::vector<T>(TABLE * TABLE, T(0)));
  sums.g.assign(bands, T(0));
  by_bands(s, threads, [&](int band, int begin, int end) {
    backward_rows(s, logits, d_logits, maps, g, rpb, arriving, sums, band, begin, end);
  });
  for (int y = 0; y < s.height; ++y)
    for (int x = 0; x < s.width; ++x) {
      const size_t to = size_t(y) * s.width + x, from = size_t(y) * s.stride + x;
      d_depth[to] = sums.depth[from];
      d_mask[to] = sums.mask[from];
      d_a[to] += sums.a[from];
      d_b[to] += sums.b[from];
    }
  for (size_t band = 0; band < bands; ++band) {
    *d_g += sums.g[band];
    for (int i = 0; i < TABLE * TABLE; ++i) d_rpb[i] += sums.rpb[band][i];
  }
}

// d_q, d_k: [height][channels][stride], zero at first.
template <class T, bool inside>
void build_backward_block(const Shape& s, const T* q, const T* k, const T* d_logits, T* d_q, T* d_k, int y,
                          const Block& block) {
  const size_t queries = size_t(y) * s.channels * s.stride + block.x;
  for (int i = 0; i < s.rows; ++i) {
    const size_t rows = size_t(s.top(y) + i) * s.channels * s.stride;
    Vec<T> share[WINDOW] = {};
    for (int j = 0; j < s.columns; ++j) share[j] = load(d_logits + (i * s.columns + j) * LANES);
    for (int c = 0; c < s.channels; ++c) {
      const T* row = k + rows + size_t(c) * s.stride;
      T* to = d_q + queries + size_t(c) * s.stride;
      Vec<T> total = load(to);
      for (int j = 0; j < s.columns; ++j) total += share[j] * keys<T, inside>(row, block, j);
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
  by_bands(s, threads, [&](int, int begin, int end) {
    for (int y = begin; y < end; ++y)
      for (int n = 0; n < s.blocks; ++n) {
        const Block block(s, n);
        const T* from = d_logits + (size_t(y) * s.blocks + n) * s.slots() * LANES;
        if (block.inside) build_backward_block<T, true>(s, q, k, from, d_q, d_k, y, block);
        else build_backward_block<T, false>(s, q, k, from, d_q, d_k, y, block);
      }
  });
}

}  // namespace

#define EXPORT(T, suffix)                                                                                            \
  extern "C" void build_##suffix(int c, int h, int w, const T* q, const T* k, T* logits, int threads) {              \
    build(Shape(c, h, w), q, k, logits, threads);                                                                    \
  }                                                                                                                  \
  extern "C" void step_##suffix(int c, int h, int w, const T* logits, const T* depth, const T* mask, const T* a,     \
                                const T* b, const T* g, const T* rpb, T* out_depth, T* out_mask, T* out_lse,         \
                                int threads) {                                                                       \
    step(Shape(c, h, w), logits, depth, mask, a, b, *g, rpb, out_depth, out_mask, out_lse, threads);                 \
  }                                                                                                                  \
  extern "C" void step_backward_##suffix(                                                                            \
      int c, int h, int w, const T* logits, const T* depth, const T* mask, const T* a, const T* b, const T* g,       \
      const T* rpb, const T* lse, const T* filtered_depth, const T* filtered_mask, const T* grad_depth,              \
      const T* grad_mask, T* d_logits, T* d_depth, T* d_mask, T* d_a, T* d_b, T* d_g, T* d_rpb, int threads) {       \
    step_backward(Shape(c, h, w), logits, depth, mask, a, b, *g, rpb, lse, filtered_depth, filtered_mask, grad_depth,\
                  grad_mask, d_logits, d_depth, d_mask, d_a, d_b, d_g, d_rpb, threads);                              \
  }                                                                                                                  \
  extern "C" void build_backward_##suffix(int c, int h, int w, const T* q, const T* k, const T* d_logits, T* d_q,    \
                                          T* d_k, int threads) {                                                     \
    build_backward(Shape(c, h, w), q, k, d_logits, d_q, d_k, threads);                                               \
  }

EXPORT(float, float32)
EXPORT(double, float64)
