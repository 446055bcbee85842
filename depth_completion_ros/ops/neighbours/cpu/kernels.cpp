// The measured cells nearest to every pixel, as a function that Python calls; see rule.py for the order of cells.
//
// From its own row a pixel looks at rows ever farther, above and below, and in each from its own column outwards,
// until nothing farther can come before the fourth that it has.
#include <cstdint>
#include <limits>
#include <parallel.hpp>

namespace {

constexpr int NEIGHBOURS = 4, SHIFT = 32;
constexpr int64_t FARTHEST = std::numeric_limits<int64_t>::max();

// The measured cells of an image, row by row.
struct Cells {
  int height, width;
  std::vector<int> columns;       // of the cells
  std::vector<int> begin;         // [row], and the end: where its cells begin in `columns`
  std::vector<int> above, below;  // [row]: the nearest row with cells before and after it; -1 and height for none

  Cells(int h, int w, const bool* measured) : height(h), width(w), begin(h + 1, 0), above(h, -1), below(h, h) {
    for (int y = 0; y < h; ++y) {
      for (int x = 0; x < w; ++x)
        if (measured[size_t(y) * w + x]) columns.push_back(x);
      begin[y + 1] = int(columns.size());
    }
    for (int y = 1; y < h; ++y) above[y] = filled(y - 1) ? y - 1 : above[y - 1];
    for (int y = h - 2; y >= 0; --y) below[y] = filled(y + 1) ? y + 1 : below[y + 1];
  }
  bool filled(int y) const { return begin[y + 1] > begin[y]; }
};

struct Nearest {
  int64_t key[NEIGHBOURS] = {FARTHEST, FARTHEST, FARTHEST, FARTHEST};

  // Whether nothing so far away, or farther, can enter.
  bool closed(int64_t squared) const { return squared << SHIFT > key[NEIGHBOURS - 1]; }
  void offer(int64_t k) {
    if (k >= key[NEIGHBOURS - 1]) return;
    int slot = NEIGHBOURS - 1;
    for (; slot > 0 && key[slot - 1] > k; --slot) key[slot] = key[slot - 1];
    key[slot] = k;
  }
};

// Offer the cells of row y to the pixel of column x, `down` rows away; `from` is the first cell not left of it.
void offer_row(const Cells& cells, int y, int x, int64_t down, int from, Nearest& nearest) {
  const int64_t last = int64_t(cells.height) * cells.width - 1 - int64_t(y) * cells.width;
  const auto offer = [&](int cell) {
    const int64_t right = cells.columns[cell] - x, squared = down * down + right * right;
    if (nearest.closed(squared)) return false;
    nearest.offer((squared << SHIFT) + last - cells.columns[cell]);
    return true;
  };
  for (int cell = from; cell < cells.begin[y + 1] && offer(cell);) ++cell;
  for (int cell = from - 1; cell >= cells.begin[y] && offer(cell);) --cell;
}

// The first cell of row y that is not left of column x, from where it was for the column before.
int advance(const Cells& cells, int y, int x, int& from) {
  while (from < cells.begin[y + 1] && cells.columns[from] < x) ++from;
  return from;
}

void search_row(const Cells& cells, int y, int* from, int64_t* found) {
  const size_t size = size_t(cells.height) * cells.width;
  std::copy_n(cells.begin.begin(), cells.height, from);
  for (int x = 0; x < cells.width; ++x) {
    Nearest nearest;
    if (cells.filled(y)) offer_row(cells, y, x, 0, advance(cells, y, x, from[y]), nearest);
    int up = cells.above[y], down = cells.below[y];
    while (up >= 0 || down < cells.height) {
      const bool upwards = down == cells.height || (up >= 0 && y - up <= down - y);
      const int row = upwards ? up : down;
      const int64_t away = row - y;
      if (nearest.closed(away * away)) break;
      offer_row(cells, row, x, away, advance(cells, row, x, from[row]), nearest);
      (upwards ? up : down) = upwards ? cells.above[row] : cells.below[row];
    }
    const size_t pixel = size_t(y) * cells.width + x;
    int64_t cell = pixel;
    for (int slot = 0; slot < NEIGHBOURS; ++slot) {
      if (nearest.key[slot] != FARTHEST) cell = size - 1 - (nearest.key[slot] & ((int64_t(1) << SHIFT) - 1));
      found[slot * size + pixel] = cell;
    }
  }
}

}  // namespace

// measured: [image][row][column]; found: [image][neighbour][row][column]. 0, or 1 where memory did not suffice.
extern "C" int search(int images, int height, int width, const bool* measured, int64_t* found, int threads) {
  return ops::guarded([=] {
    const size_t size = size_t(height) * width;
    for (int image = 0; image < images; ++image) {
      const Cells cells(height, width, measured + image * size);
      std::vector<int> from(height * size_t(height));  // of each row of pixels: where it is in every row of cells
      ops::parallel(height, threads, [&](int y) {
        search_row(cells, y, &from[y * size_t(height)], found + image * NEIGHBOURS * size);
      });
    }
  });
}
