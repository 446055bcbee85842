// One local sum, forward and backward. Weights: [image][tap][row][column].
#pragma once
#include "rows.hpp"

namespace local_sum {

template <int K, class T, class W> void forward(const Shape& s, const T* x, const W* weights, T* out, int threads) {
  const Padded<K, T> padded(s, x);
  parallel(s.rows(), threads, [&](int item) {
    const int image = item / s.height, y = item % s.height;
    const T* rows[K];
    for (int i = 0; i < K; ++i) rows[i] = padded.row(image, y + i - K / 2);
    T* to = out + size_t(item) * s.width;
    std::fill_n(to, s.width, T(0));
    add_rows<K>(s.width, rows, weights + image * K * K * s.pixels() + size_t(y) * s.width, s.pixels(), to);
  });
}

// A row of the gradient of x, gathered from the rows that see it.
template <int K, class T, class W>
void backward_row(const Shape& s, int y, const T* grad, const W* weights, T* __restrict grad_x) {
  std::fill_n(grad_x, s.width, T(0));
  for (int tap = 0; tap < K * K; ++tap) {
    const int from = y - (tap / K - K / 2), right = tap % K - K / 2;
    if (from < 0 || from >= s.height) continue;
    const T* g = grad + size_t(from) * s.width - right;
    const W* w = weights + tap * s.pixels() + size_t(from) * s.width - right;
    for (int x = std::max(0, right); x < std::min(s.width, s.width + right); ++x) grad_x[x] += g[x] * T(w[x]);
  }
}

template <int K, class T, class W>
void backward(const Shape& s, const T* grad, const T* x, const W* weights, T* grad_x, T* grad_weights, int threads) {
  const Padded<K, T> padded(s, x);
  parallel(s.rows(), threads, [&](int item) {
    const int image = item / s.height, y = item % s.height;
    const size_t first = image * K * K * s.pixels();
    backward_row<K>(s, y, grad + image * s.pixels(), weights + first, grad_x + size_t(item) * s.width);
    for (int tap = 0; tap < K * K; ++tap) {
      T* to = grad_weights + first + tap * s.pixels() + size_t(y) * s.width;
      const T* row = padded.row(image, y + tap / K - K / 2);
      if (!row) {
        std::fill_n(to, s.width, T(0));
        continue;
      }
      for (int c = 0; c < s.width; ++c) to[c] = grad[size_t(item) * s.width + c] * row[c + tap % K];
    }
  });
}

}  // namespace local_sum
