// A loop over threads, and what becomes of a lack of memory.
#pragma once
#include <algorithm>
#include <atomic>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

namespace ops {

// work(item) for all items, in any order. Work that throws must not be given to more than one thread.
template <class Work> void parallel(int items, int threads, const Work& work) {
  std::atomic<int> next{0};
  auto run = [&] {
    for (int i; (i = next++) < items;) work(i);
  };
  std::vector<std::thread> others;
  try {
    for (int t = 1; t < std::min(threads, items); ++t) others.emplace_back(run);
  } catch (const std::system_error&) {  // no more threads to be had: those there are do all
  }
  run();
  for (auto& thread : others) thread.join();
}

// 0, or 1 where memory did not suffice.
template <class Work> int guarded(const Work& work) {
  try {
    work();
    return 0;
  } catch (const std::bad_alloc&) {
    return 1;
  }
}

}  // namespace ops
