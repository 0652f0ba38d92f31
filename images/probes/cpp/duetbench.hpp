// Stamps Google Benchmark's repetitions: write BENCHMARK(f)->Apply(duetbench::stamp) for each benchmark, and
// DUETBENCH_MAIN() in place of BENCHMARK_MAIN(). C++17, Google Benchmark 1.7 and later.
//
// Each repetition is a line of CSV in DUET_RESULTS (results.csv in the working directory without it). In a
// synchronised run (DUET_BARRIER) both sides meet before each pass, also those by which Google Benchmark finds
// out how many iterations a repetition has, and the column `synchronised` says whether the other side came.
// Not for --benchmark_enable_random_interleaving, since passes are told apart by their order, nor for
// --benchmark_display_aggregates_only and --benchmark_report_aggregates_only, which leave repetitions untold.
#pragma once

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace duetbench {

struct Pass {
  long long number, start_ns, end_ns;
  bool together;
};

// What this process has passed through since the reporter was told of a benchmark.
class Passes {
 public:
  static Passes& all() {
    static Passes passes;
    return passes;
  }

  void begin() {
    bool together = barrier_ && meet();
    open_ = {next_++, now(), 0, together};
  }

  void end() {
    open_.end_ns = now();
    since_.push_back(open_);
  }

  // The last `count` passes are the repetitions of this benchmark, those before them calibrated it.
  void report(std::string name, const std::vector<long long>& operations) {
    for (char& c : name)
      if (c == ',' || c == '"' || c == '\n' || c == '\r') c = '_';
    size_t skip = since_.size() < operations.size() ? since_.size() : since_.size() - operations.size();
    for (size_t i = skip; i < since_.size(); i++) {
      const Pass& pass = since_[i];
      file_ << name << ',' << pass.number << ',' << pass.start_ns << ',' << pass.end_ns << ','
            << operations[i - skip];
      if (barrier_) file_ << (pass.together ? ",1" : ",0");
      file_ << '\n';
    }
    file_.flush();
    since_.clear();
  }

  void forget() { since_.clear(); }

 private:
  Passes() {
    using namespace std::chrono;
    offset_ns_ = duration_cast<nanoseconds>(system_clock::now().time_since_epoch()).count();
    offset_ns_ -= duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
    const char* path = std::getenv("DUET_RESULTS");
    path = path && *path ? path : "results.csv";
    std::ifstream before(path);
    bool begun = false;
    for (std::string line; std::getline(before, line); begun = true)  // of the processes before this one
      next_ = std::atoll(line.c_str() + line.find(',') + 1) + (begun ? 1 : 0);
    file_.open(path, std::ios::app);
    if (!file_) fail(path);
    const char* folder = std::getenv("DUET_BARRIER");
    if (folder && *folder) {
      const char* side = std::getenv("DUET_SIDE");
      bool a = side && std::string(side) == "A";
      own_ = join(folder, a ? "A" : "B");
      other_ = join(folder, a ? "B" : "A");
      barrier_ = true;
    }
    if (!begun) {
      file_ << "benchmark,iteration,start_ns,end_ns,operations" << (barrier_ ? ",synchronised" : "") << '\n';
      file_.flush();
    }
  }

  static int join(const std::string& folder, const std::string& side) {
    std::string path = folder + "/barrier." + side;
    int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);  // for both, so that opening waits for nobody
    if (fd < 0) fail(path);
    return fd;
  }

  bool meet() {
    char mark = 'g';
    if (!alone_ && (write(other_, &mark, 1) != 1 || read(own_, &mark, 1) != 1 || mark != 'g')) {
      alone_ = true;
      mark = 'x';  // for the next process of this side
      if (write(own_, &mark, 1) != 1) return false;
    }
    return !alone_;
  }

  long long now() const {
    using namespace std::chrono;
    return duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count() + offset_ns_;
  }

  [[noreturn]] static void fail(const std::string& what) {
    std::fprintf(stderr, "duetbench probe: %s cannot be opened\n", what.c_str());
    std::exit(1);
  }

  std::ofstream file_;
  std::vector<Pass> since_;
  Pass open_{};
  long long next_ = 0, offset_ns_ = 0;
  int own_ = -1, other_ = -1;
  bool barrier_ = false, alone_ = false;
};

// Whether a benchmark gave up: by its name before Google Benchmark 1.8, and since.
template <class Run>
auto gave_up(const Run& run, int) -> decltype(bool(run.error_occurred)) {
  return run.error_occurred;
}
template <class Run>
auto gave_up(const Run& run, long) -> decltype(bool(run.skipped)) {
  return bool(run.skipped);
}

inline void begin(const benchmark::State&) { Passes::all().begin(); }
inline void end(const benchmark::State&) { Passes::all().end(); }

inline void stamp(benchmark::internal::Benchmark* benchmark) { benchmark->Setup(begin)->Teardown(end); }

class Reporter : public benchmark::ConsoleReporter {
 public:
  using ConsoleReporter::ConsoleReporter;

  // Told of a benchmark when all its repetitions are done; aggregates come in calls of their own.
  void ReportRuns(const std::vector<Run>& runs) override {
    std::vector<long long> operations;
    for (const Run& run : runs)
      if (run.run_type == Run::RT_Iteration && run.iterations > 0 && !gave_up(run, 0)) operations.push_back(run.iterations);
    if (!operations.empty()) Passes::all().report(runs.front().run_name.str(), operations);
    ConsoleReporter::ReportRuns(runs);
  }
};

inline int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  Passes::all().forget();  // its clock and its barrier are there before the first benchmark
  Reporter reporter{benchmark::ConsoleReporter::OO_None};
  benchmark::RunSpecifiedBenchmarks(&reporter);
  benchmark::Shutdown();
  return 0;
}

}  // namespace duetbench

#define DUETBENCH_MAIN() \
  int main(int argc, char** argv) { return duetbench::main(argc, argv); }
