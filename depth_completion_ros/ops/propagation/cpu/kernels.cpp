// Masked spatial propagation on the CPU, as functions that Python calls; see function.py for the formulas.
#include "backward.hpp"
#include "forward.hpp"

using namespace propagation;
using ops::guarded;

#define EXPORT(T, suffix)                                                                                            \
  extern "C" int build_##suffix(int c, int h, int w, const T* q, const T* k, T* logits, int threads) {               \
    return guarded([=] { build(Shape(c, h, w), q, k, logits, threads); });                                           \
  }                                                                                                                  \
  extern "C" int step_##suffix(int c, int h, int w, const T* logits, const T* depth, const T* mask, const T* a,      \
                               const T* b, const T* g, const T* rpb, T* out_depth, T* out_mask, T* out_lse,          \
                               int threads) {                                                                        \
    return guarded([=] {                                                                                             \
      step(Shape(c, h, w), logits, depth, mask, a, b, *g, rpb, out_depth, out_mask, out_lse, threads);               \
    });                                                                                                              \
  }                                                                                                                  \
  extern "C" int step_backward_##suffix(                                                                             \
      int c, int h, int w, const T* logits, const T* depth, const T* mask, const T* a, const T* b, const T* g,       \
      const T* rpb, const T* lse, const T* filtered_depth, const T* filtered_mask, const T* grad_depth,              \
      const T* grad_mask, T* d_logits, T* d_depth, T* d_mask, T* d_a, T* d_b, T* d_g, T* d_rpb, int threads) {       \
    return guarded([=] {                                                                                             \
      step_backward(Shape(c, h, w), logits, depth, mask, a, b, *g, rpb, lse, filtered_depth, filtered_mask,          \
                    grad_depth, grad_mask, d_logits, d_depth, d_mask, d_a, d_b, d_g, d_rpb, threads);                \
    });                                                                                                              \
  }                                                                                                                  \
  extern "C" int build_backward_##suffix(int c, int h, int w, const T* q, const T* k, const T* d_logits, T* d_q,     \
                                         T* d_k, int threads) {                                                      \
    return guarded([=] { build_backward(Shape(c, h, w), q, k, d_logits, d_q, d_k, threads); });                      \
  }

EXPORT(float, float32)
EXPORT(double, float64)
