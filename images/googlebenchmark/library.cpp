// Benchmarks of the C++ library; one of them can be made to fail (BROKEN=1).
#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "duetbench.hpp"

static std::vector<int> numbers(size_t n) {
  std::vector<int> v(n);
  unsigned x = 1;
  for (int& i : v) i = x = x * 1664525u + 1013904223u;
  return v;
}

static void sort(benchmark::State& state) {
  const auto v = numbers(state.range(0));
  for (auto _ : state) {
    auto copy = v;
    std::sort(copy.begin(), copy.end());
    benchmark::DoNotOptimize(copy.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(sort)->Arg(100)->Arg(10000)->Apply(duetbench::stamp);

template <class Map>
static void insert(benchmark::State& state) {
  const auto v = numbers(1000);
  for (auto _ : state) {
    Map map;
    for (int i : v) map[i]++;
    benchmark::DoNotOptimize(map.size());
  }
}
BENCHMARK_TEMPLATE(insert, std::map<int, int>)->Apply(duetbench::stamp);
BENCHMARK_TEMPLATE(insert, std::unordered_map<int, int>)->Apply(duetbench::stamp);

static void append(benchmark::State& state) {
  if (std::getenv("BROKEN")) state.SkipWithError("made to fail");
  for (auto _ : state) {
    std::string text;
    for (int i = 0; i < 1000; i++) text += "word ";
    benchmark::DoNotOptimize(text.data());
  }
}
BENCHMARK(append)->Apply(duetbench::stamp);

DUETBENCH_MAIN()
