// The sources nearest to every query, by a k-d tree, as functions that Python calls; see function.py for the order.
//
// Distances must round as those of every other backend, so that a product and a sum are never made one. The bound
// of a node is made from its box just as a distance is from a point: rounding keeps the order of what it rounds,
// so that no source of the node can be nearer than the bound, and no tolerance is needed.
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#else
#pragma GCC optimize("fp-contract=off")
#endif
#include <cstdint>
#include <limits>
#include <numeric>
#include <parallel.hpp>

namespace {

constexpr int AXES = 3, LEAF = 16, CHUNK = 128;

// The k best so far, nearest first, of equals the lower index first.
template <class T> struct Nearest {
  int k;
  T* distances;
  int64_t* indices;

  Nearest(int k_, T* d, int64_t* i) : k(k_), distances(d), indices(i) {
    std::fill_n(distances, k, std::numeric_limits<T>::infinity());
    std::fill_n(indices, k, std::numeric_limits<int64_t>::max());
  }
  bool admits(T distance, int64_t index) const { return before(distance, index, k - 1); }
  void offer(T distance, int64_t index) {
    if (!admits(distance, index)) return;
    int slot = k - 1;
    for (; slot > 0 && before(distance, index, slot - 1); --slot) {
      distances[slot] = distances[slot - 1];
      indices[slot] = indices[slot - 1];
    }
    distances[slot] = distance;
    indices[slot] = index;
  }

 private:
  bool before(T distance, int64_t index, int slot) const {
    return distance < distances[slot] || (distance == distances[slot] && index < indices[slot]);
  }
};

// A node holds the sources begin ... end - 1 of the order of the tree; its left child follows it, a leaf has none.
template <class T> struct Node {
  T low[AXES], high[AXES];
  int begin, end, least, right = 0;  // least: index of its sources

  // Not above the distance of any of its sources.
  T bound(const T* query) const {
    T away[AXES];
    for (int a = 0; a < AXES; ++a) away[a] = std::max({T(0), low[a] - query[a], query[a] - high[a]});
    return away[0] * away[0] + away[1] * away[1] + away[2] * away[2];
  }
};

template <class T> class Tree {
 public:
  Tree(int count, const T* sources) : order_(count) {
    std::iota(order_.begin(), order_.end(), 0);
    build(sources, 0, count);
    for (int a = 0; a < AXES; ++a) {
      points_[a].resize(count);
      for (int at = 0; at < count; ++at) points_[a][at] = sources[size_t(order_[at]) * AXES + a];
    }
  }
  void search(const T* query, Nearest<T>& nearest) const { visit(0, nodes_[0].bound(query), query, nearest); }

 private:
  std::vector<int> order_;  // of the sources
  std::vector<T> points_[AXES];
  std::vector<Node<T>> nodes_;

  int build(const T* sources, int begin, int end) {
    Node<T> node{};
    node.begin = begin;
    node.end = end;
    node.least = *std::min_element(&order_[begin], &order_[begin] + (end - begin));
    int widest = 0;
    for (int a = 0; a < AXES; ++a) {
      node.low[a] = node.high[a] = sources[size_t(order_[begin]) * AXES + a];
      for (int at = begin + 1; at < end; ++at) {
        const T value = sources[size_t(order_[at]) * AXES + a];
        node.low[a] = std::min(node.low[a], value);
        node.high[a] = std::max(node.high[a], value);
      }
      if (node.high[a] - node.low[a] > node.high[widest] - node.low[widest]) widest = a;
    }
    const int here = int(nodes_.size());
    nodes_.push_back(node);
    if (end - begin <= LEAF) return here;
    const int middle = begin + (end - begin) / 2;
    // By index where coordinates are equal, so that of points in one place those of low index come first.
    std::nth_element(&order_[begin], &order_[middle], &order_[begin] + (end - begin), [=](int i, int j) {
      const T first = sources[size_t(i) * AXES + widest], second = sources[size_t(j) * AXES + widest];
      return first < second || (first == second && i < j);
    });
    build(sources, begin, middle);
    const int right = build(sources, middle, end);
    nodes_[here].right = right;
    return here;
  }

  void visit(int number, T bound, const T* query, Nearest<T>& nearest) const {
    const Node<T>& node = nodes_[number];
    if (!nearest.admits(bound, node.least)) return;
    if (!node.right) return offer(node, query, nearest);
    const T left = nodes_[number + 1].bound(query), right = nodes_[node.right].bound(query);
    if (left <= right) visit(number + 1, left, query, nearest);
    visit(node.right, right, query, nearest);
    if (left > right) visit(number + 1, left, query, nearest);
  }

  void offer(const Node<T>& leaf, const T* query, Nearest<T>& nearest) const {
    T distances[LEAF];
    const int count = leaf.end - leaf.begin;
    const T *x = &points_[0][leaf.begin], *y = &points_[1][leaf.begin], *z = &points_[2][leaf.begin];
    for (int n = 0; n < count; ++n) {
      const T dx = query[0] - x[n], dy = query[1] - y[n], dz = query[2] - z[n];
      distances[n] = dx * dx + dy * dy + dz * dz;
    }
    for (int n = 0; n < count; ++n) nearest.offer(distances[n], order_[leaf.begin + n]);
  }
};

template <class T>
int search(int n, int m, int k, const T* queries, const T* sources, int64_t* found, int threads) {
  return ops::guarded([=] {
    const Tree<T> tree(m, sources);
    const int chunks = (n + CHUNK - 1) / CHUNK;
    std::vector<T> distances(size_t(chunks) * k);
    ops::parallel(chunks, threads, [&](int chunk) {
      for (int query = chunk * CHUNK; query < std::min(n, (chunk + 1) * CHUNK); ++query) {
        Nearest<T> nearest(k, &distances[size_t(chunk) * k], found + size_t(query) * k);
        tree.search(queries + size_t(query) * AXES, nearest);
      }
    });
  });
}

}  // namespace

// queries: [n][axis]; sources: [m][axis]; found: [n][k]. 0, or 1 where memory did not suffice.
extern "C" int search_float(int n, int m, int k, const float* queries, const float* sources, int64_t* found,
                            int threads) {
  return search(n, m, k, queries, sources, found, threads);
}
extern "C" int search_double(int n, int m, int k, const double* queries, const double* sources, int64_t* found,
                             int threads) {
  return search(n, m, k, queries, sources, found, threads);
}
