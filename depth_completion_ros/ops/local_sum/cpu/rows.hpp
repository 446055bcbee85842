// Weighted sums of a row of pixels, and maps with a margin of zeros to the left and right, so that no tap leaves one.
#pragma once
#include <cstdint>
#include <cstring>
#include <parallel.hpp>

namespace local_sum {

using ops::parallel;

struct Bfloat {
  uint16_t bits;
  operator float() const {
    const uint32_t wide = uint32_t(bits) << 16;
    float value;
    std::memcpy(&value, &wide, sizeof value);
    return value;
  }
};

struct Shape {
  int images, height, width;
  size_t pixels() const { return size_t(height) * width; }
  int rows() const { return images * height; }
};

// Add to a row what K rows of x give it. rows: begin of their left margins of K / 2, or null outside the image.
// weights: of the row, for tap 0; the next tap is `plane` further.
template <int K, class T, class W>
void add_rows(int width, const T* const* rows, const W* weights, size_t plane, T* __restrict out) {
  for (int i = 0; i < K; ++i) {
    if (!rows[i]) continue;
    const T* row = rows[i];
    const W* w[K];
    for (int j = 0; j < K; ++j) w[j] = weights + (i * K + j) * plane;
    for (int x = 0; x < width; ++x) {
      T total = out[x];
#pragma GCC unroll 7
      for (int j = 0; j < K; ++j) total += T(w[j][x]) * row[x + j];
      out[x] = total;
    }
  }
}

// Images with margins.
template <int K, class T> class Padded {
 public:
  Padded(const Shape& s, const T* x) : shape_(s), stride_(s.width + K - 1), values_(size_t(s.rows()) * stride_, T(0)) {
    for (int y = 0; y < s.rows(); ++y)
      std::copy_n(x + size_t(y) * s.width, s.width, &values_[y * stride_ + K / 2]);
  }
  // Row y of an image, from its margin; null outside.
  const T* row(int image, int y) const {
    return y < 0 || y >= shape_.height ? nullptr : &values_[(size_t(image) * shape_.height + y) * stride_];
  }

 private:
  Shape shape_;
  size_t stride_;
  std::vector<T> values_;
};

}  // namespace local_sum
