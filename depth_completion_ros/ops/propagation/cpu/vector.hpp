// Vectors of sixteen numbers, by the compiler's vector extensions, and a loop over threads that takes denormal numbers for 0.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include "parallel.hpp"
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace propagation {

constexpr int LANES = 16;

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
  ops::parallel(items, threads, [&](int i) {
    FlushToZero flush;
    work(i);
  });
}

}  // namespace propagation
