// All iterations of three propagations, each in one sweep down the image.
//
// An iteration needs K / 2 rows of the one before beyond its own. So all iterations sweep down together, each K / 2
// rows behind the one before, and of every iteration only the last K rows are kept: weights are read again while
// they are in the cache. An image is cut into bands only where there are threads for more; a band computes once
// more what it needs of its neighbours.
#pragma once
#include "rows.hpp"

namespace local_sum {

constexpr int KERNELS = 3;

// What is given of one image, and its states halfway through and at the end.
template <class T, class W> struct Propagation {
  int height, width, iterations;
  const T *depth, *sparse, *gate;
  const W* weights;
  T *half, *whole;
};

// Rows begin ... end - 1. rings: zeros, [iteration][row modulo K][width with margins].
template <int K, class T, class W> void sweep(const Propagation<T, W>& p, int begin, int end, T* rings) {
  constexpr int R = K / 2;
  const size_t stride = p.width + 2 * R, plane = size_t(p.height) * p.width;
  const auto ring = [&](int t, int y) { return rings + (size_t(t) * K + y % K) * stride; };
  for (int step = std::max(0, begin - R * p.iterations); step < end + R * p.iterations; ++step) {
    for (int t = 0; t <= p.iterations; ++t) {
      const int y = step - R * t, reach = R * (p.iterations - t);
      if (y < std::max(0, begin - reach) || y >= std::min(p.height, end + reach)) continue;
      const size_t at = size_t(y) * p.width;
      if (t == 0) {
        std::copy_n(p.depth + at, p.width, ring(0, y) + R);
        continue;
      }
      const T* rows[K];
      for (int i = 0; i < K; ++i) {
        const int from = y + i - R;
        rows[i] = from < 0 || from >= p.height ? nullptr : ring(t - 1, from);
      }
      T* __restrict out = t == p.iterations ? p.whole + at : ring(t, y) + R;
      std::fill_n(out, p.width, T(0));
      add_rows<K>(p.width, rows, p.weights + at, plane, out);
      for (int x = 0; x < p.width; ++x) out[x] = (1 - p.gate[at + x]) * out[x] + p.gate[at + x] * p.sparse[at + x];
      if (2 * t == p.iterations && y >= begin && y < end) std::copy_n(out, p.width, p.half + at);
    }
  }
}

// A sweep that a thread takes.
struct Item { int kernel, image, begin, end; size_t rings; };

// The sweeps, longest first: of each image as many for a kernel as is its share of the threads.
inline std::vector<Item> items_of(const Shape& s, int iterations, int threads, size_t* rings) {
  constexpr int TAPS = 9 + 25 + 49;
  std::vector<Item> items;
  *rings = 0;
  for (int kernel = KERNELS - 1; kernel >= 0; --kernel) {
    const int size = 2 * kernel + 3, share = (threads * size * size + TAPS * s.images / 2) / (TAPS * s.images);
    const int bands = std::clamp(share, 1, std::max(1, s.height / (size / 2 * iterations)));
    for (int image = 0; image < s.images; ++image)
      for (int band = 0; band < bands; ++band) {
        items.push_back({kernel, image, s.height * band / bands, s.height * (band + 1) / bands, *rings});
        *rings += size_t(iterations) * size * (s.width + size - 1);
      }
  }
  return items;
}

template <class T, class W>
void propagate(const Shape& s, int iterations, const T* depth, const T* sparse, const T* gates, const T* mixing,
               const W* const* weights, T* half, T* whole, int threads) {
  const size_t pixels = s.pixels();
  size_t size;
  const auto items = items_of(s, iterations, threads, &size);
  std::vector<T> rings(size, T(0)), halves(s.images * KERNELS * pixels), wholes(halves.size());
  parallel(int(items.size()), threads, [&](int n) {
    const Item& item = items[n];
    const size_t image = item.image * pixels, kernel = (item.image * KERNELS + item.kernel) * pixels;
    const int taps = (2 * item.kernel + 3) * (2 * item.kernel + 3);
    const Propagation<T, W> p{s.height, s.width, iterations, depth + image, sparse + image, gates + kernel,
                              weights[item.kernel] + image * taps, &halves[kernel], &wholes[kernel]};
    (item.kernel == 0 ? sweep<3, T, W> : item.kernel == 1 ? sweep<5, T, W> : sweep<7, T, W>)(
        p, item.begin, item.end, &rings[item.rings]);
  });
  parallel(s.rows(), threads, [&](int row) {
    const size_t image = row / s.height, at = size_t(row % s.height) * s.width;
    for (int x = 0; x < s.width; ++x) {
      T first = 0, second = 0;
      for (int kernel = 0; kernel < KERNELS; ++kernel) {
        const size_t from = (image * KERNELS + kernel) * pixels + at + x;
        first += mixing[from] * halves[from];
        second += mixing[from] * wholes[from];
      }
      half[image * pixels + at + x] = first;
      whole[image * pixels + at + x] = second;
    }
  });
}

}  // namespace local_sum
