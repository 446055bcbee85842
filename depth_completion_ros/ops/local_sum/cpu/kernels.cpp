// Local sums on the CPU, as functions that Python calls; see function.py and propagation.py for the formulas.
#include "propagation.hpp"
#include "sum.hpp"

using namespace local_sum;
using ops::guarded;

// Each returns 0, or 1 where memory did not suffice.
#define EXPORT(T, W, suffix)                                                                                        \
  extern "C" int forward_##suffix(int k, int b, int h, int w, const T* x, const W* weights, T* out, int threads) {  \
    return guarded([=] {                                                                                            \
      (k == 3 ? forward<3, T, W> : k == 5 ? forward<5, T, W> : forward<7, T, W>)({b, h, w}, x, weights, out,        \
                                                                                 threads);                          \
    });                                                                                                             \
  }                                                                                                                 \
  extern "C" int backward_##suffix(int k, int b, int h, int w, const T* grad, const T* x, const W* weights,         \
                                   T* grad_x, T* grad_weights, int threads) {                                       \
    return guarded([=] {                                                                                            \
      (k == 3 ? backward<3, T, W> : k == 5 ? backward<5, T, W> : backward<7, T, W>)(                                \
          {b, h, w}, grad, x, weights, grad_x, grad_weights, threads);                                              \
    });                                                                                                             \
  }                                                                                                                 \
  extern "C" int propagate_##suffix(int b, int h, int w, int iterations, const T* depth, const T* sparse,           \
                                    const T* gates, const T* mixing, const W* weights3, const W* weights5,          \
                                    const W* weights7, T* half, T* whole, int threads) {                            \
    return guarded([=] {                                                                                            \
      const W* weights[] = {weights3, weights5, weights7};                                                          \
      propagate({b, h, w}, iterations, depth, sparse, gates, mixing, weights, half, whole, threads);                \
    });                                                                                                             \
  }

EXPORT(float, float, float)
EXPORT(double, double, double)
EXPORT(float, Bfloat, bfloat)
