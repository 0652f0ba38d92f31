// Stamps of a program's phases, a line for each repetition in results.csv (epoch nanoseconds).
#pragma once
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>

inline std::int64_t now_ns() {
    using namespace std::chrono;
    return duration_cast<nanoseconds>(system_clock::now().time_since_epoch()).count();
}

class Results {
public:
    explicit Results(std::initializer_list<const char *> columns) : file_(std::fopen("results.csv", "w")) {
        if (!file_) {
            std::perror("results.csv");
            std::exit(1);
        }
        std::fputs("iteration,start_ns,end_ns", file_);
        for (auto column : columns) std::fprintf(file_, ",%s", column);
        std::fputc('\n', file_);
    }
    void write(std::int64_t start_ns, std::int64_t end_ns, std::initializer_list<std::int64_t> times_ns) {
        std::fprintf(file_, "%d,%lld,%lld", iteration_++, (long long)start_ns, (long long)end_ns);
        for (auto time_ns : times_ns) std::fprintf(file_, ",%lld", (long long)time_ns);
        std::fputc('\n', file_);
        std::fflush(file_);
    }
    // The four phases of a program: stamps at the start, after keys, encryption, computation, decryption.
    void phases(const std::int64_t (&at)[5]) {
        write(at[0], at[4], {at[1] - at[0], at[2] - at[1], at[3] - at[2], at[4] - at[3]});
    }

private:
    std::FILE *file_;
    int iteration_ = 0;
};

#define PHASES {"t_keygen_ns", "t_input_encryption_ns", "t_computation_ns", "t_decryption_ns"}

[[noreturn]] inline void wrong(const char *what, long long found, long long expected) {
    std::fprintf(stderr, "wrong result: %s is %lld, not %lld\n", what, found, expected);
    std::exit(1);
}

inline int repetitions(int argc, char **argv, int place) { return argc > place ? std::atoi(argv[place]) : 1; }
