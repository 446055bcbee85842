// Affinities from cosines of features, as functions that Python calls; see function.py for the formula.
//
// A thread sweeps down a band of rows. Of each it makes the features of norm 1 and, with those of the row before,
// the cosines in four directions, of which the other four are shifts. So the guide is read once, and only two
// rows of features of norm 1 are ever kept.
#include <cmath>
#include <parallel.hpp>
#include <utility>

namespace {

struct Shape {
  int images, channels, height, width;
  size_t pixels() const { return size_t(height) * width; }
  size_t stride() const { return size_t(width) + 2; }  // of a row with a margin of one 0 on either side
};

// What a band keeps. `current` and `below` are rows of features of norm 1, [channel][stride], and `above` the
// cosines of the row above with `current`, to the left below, straight below and to the right below.
template <class T> struct Band {
  std::vector<T> storage;
  T *current, *below, *above[3], *down[3], *east, *scale;

  explicit Band(const Shape& s) : storage(s.stride() * (2 * s.channels + 8), T(0)) {
    T* next = storage.data();
    const auto take = [&](size_t rows) { return std::exchange(next, next + rows * s.stride()); };
    current = take(s.channels), below = take(s.channels), east = take(1), scale = take(1);
    for (int i = 0; i < 3; ++i) above[i] = take(1), down[i] = take(1);
  }
};

// Features of norm 1 of row y; 0 outside the image.
template <class T> void normalise(const Shape& s, const T* guide, int y, T* scale, T* unit) {
  if (y < 0 || y >= s.height) {
    std::fill_n(unit, s.channels * s.stride(), T(0));
    return;
  }
  std::fill_n(scale, s.width, T(0));
  for (int c = 0; c < s.channels; ++c) {
    const T* row = guide + c * s.pixels() + size_t(y) * s.width;
    for (int x = 0; x < s.width; ++x) scale[x] += row[x] * row[x];
  }
  for (int x = 0; x < s.width; ++x) scale[x] = 1 / std::max(std::sqrt(scale[x]), T(1e-12));
  for (int c = 0; c < s.channels; ++c) {
    const T* row = guide + c * s.pixels() + size_t(y) * s.width;
    T* __restrict to = unit + c * s.stride() + 1;
    for (int x = 0; x < s.width; ++x) to[x] = row[x] * scale[x];
  }
}

// Cosines of a row with the one below, and, where asked for, with its neighbours to the right.
template <class T>
void multiply(const Shape& s, const T* upper, const T* lower, T* const* down, T* __restrict east) {
  T *__restrict left = down[0] + 1, *__restrict straight = down[1] + 1, *__restrict right = down[2] + 1;
  for (T* row : {left, straight, right, east + 1}) std::fill_n(row, s.width, T(0));
  for (int c = 0; c < s.channels; ++c) {
    const T *u = upper + c * s.stride() + 1, *l = lower + c * s.stride() + 1;
    for (int x = 0; x < s.width; ++x) {
      left[x] += u[x] * l[x - 1];
      straight[x] += u[x] * l[x];
      right[x] += u[x] * l[x + 1];
      east[x + 1] += u[x] * u[x + 1];
    }
  }
}

// The nine affinities of a row from its cosines with what surrounds it; `plane` lies between those of one pixel.
template <class T> void weigh(const Shape& s, const Band<T>& band, T* out) {
  const T* rows[] = {band.above[2], band.above[1] + 1, band.above[0] + 2, band.east,
                     band.east + 1, band.down[0] + 1,  band.down[1] + 1,  band.down[2] + 1};
  const size_t plane = s.pixels();
  for (int x = 0; x < s.width; ++x) {
    T total = 0, sum = 0;
    for (int k = 0; k < 8; ++k) total += std::abs(rows[k][x]);
    const T scale = total > 0 ? 1 / total : T(1);
    for (int k = 0; k < 8; ++k) {
      const T weight = rows[k][x] * scale;
      sum += weight;
      out[(k < 4 ? k : k + 1) * plane + x] = weight;
    }
    out[4 * plane + x] = 1 - sum;
  }
}

// Rows begin ... end - 1 of an image.
template <class T> void sweep(const Shape& s, int begin, int end, const T* guide, T* out, Band<T>& band) {
  normalise(s, guide, begin - 1, band.scale, band.current);
  normalise(s, guide, begin, band.scale, band.below);
  multiply(s, band.current, band.below, band.above, band.east);
  for (int y = begin; y < end; ++y) {
    std::swap(band.current, band.below);
    normalise(s, guide, y + 1, band.scale, band.below);
    multiply(s, band.current, band.below, band.down, band.east);
    weigh(s, band, out + size_t(y) * s.width);
    std::swap(band.above, band.down);
  }
}

template <class T> int affinity(const Shape& s, const T* guide, T* out, int threads) {
  return ops::guarded([=] {
    const int bands = std::clamp(4 * threads / s.images, 1, std::max(1, s.height / 8));
    std::vector<Band<T>> kept;
    for (int item = 0; item < s.images * bands; ++item) kept.emplace_back(s);
    ops::parallel(s.images * bands, threads, [&](int item) {
      const int image = item / bands, band = item % bands;
      sweep(s, s.height * band / bands, s.height * (band + 1) / bands, guide + image * s.channels * s.pixels(),
            out + image * 9 * s.pixels(), kept[item]);
    });
  });
}

}  // namespace

// guide: [image][channel][row][column]; out: [image][tap][row][column]. 0, or 1 where memory did not suffice.
extern "C" int affinity_float(int b, int c, int h, int w, const float* guide, float* out, int threads) {
  return affinity({b, c, h, w}, guide, out, threads);
}
extern "C" int affinity_double(int b, int c, int h, int w, const double* guide, double* out, int threads) {
  return affinity({b, c, h, w}, guide, out, threads);
}
