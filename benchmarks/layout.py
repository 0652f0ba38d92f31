#!/usr/bin/env python3
"""How often a program is told from itself by where its stack lies, and what drawing its place anew does.

    benchmarks/layout.py

Compiles a C program that fills an array on its stack, measures it with environments of 256 sizes (addresses
are not randomised meanwhile), and makes A/A campaigns of ten runs of these times: in `fixed` ones each side
has one size in all runs, as two commands of unequal length have; in `drawn` ones each side of each run has
its own.
Needs a C compiler, x86-64 with AVX, and setarch.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from duet.campaign.order import PADDING_BYTES
from duet.inference import guarded

SOURCE = r"""
#include <immintrin.h>
#include <stdio.h>
#include <time.h>
int main(void) {
    char __attribute__((aligned(16))) data[4096] = {1};
    __m256i value = _mm256_set1_epi8(1);
    struct timespec begin, end;
    long best = 1L << 60;
    for (int go = 0; go < 30; go++) {
        clock_gettime(CLOCK_MONOTONIC, &begin);
        for (int i = 0; i < 1000; i++)
            for (int at = 0; at < 4096; at += 32) {
                _mm256_storeu_si256((__m256i *)(data + at), value);
                __asm__ volatile("" : : : "memory");
            }
        clock_gettime(CLOCK_MONOTONIC, &end);
        long ns = (end.tv_sec - begin.tv_sec) * 1000000000L + end.tv_nsec - begin.tv_nsec;
        if (ns < best) best = ns;
    }
    __asm__ volatile("" : : "r"(data) : "memory");
    printf("%ld\n", best);
    return 0;
}
"""
STEP = 16
RUNS, CAMPAIGNS = 10, 2000


def times_ns() -> np.ndarray:
    """By size of the environment the program's time, the shortest of thirty in each of two runs."""
    with tempfile.TemporaryDirectory() as directory:
        source, program = Path(directory, "layout.c"), Path(directory, "layout")
        source.write_text(SOURCE)
        subprocess.run(["cc", "-O2", "-mavx2", "-o", program, source], check=True)
        out = []
        for padding in range(0, PADDING_BYTES, STEP):
            env = {"DUET_PADDING": "x" * padding}
            goes = [
                int(
                    subprocess.run(
                        ["setarch", "-R", program], env=env, capture_output=True, check=True
                    ).stdout
                )
                for _ in range(2)
            ]
            out.append(min(goes))
    return np.array(out, float)


def told_apart(log: np.ndarray) -> float:
    """Share of campaigns (campaigns, runs) of log ratios in which a difference is shown."""
    order = np.resize(["AB", "BA"], log.shape[1])
    found = guarded.guarded_t(log, 0.95, 0.02, order, None, np.zeros(len(log)), True)
    return float((found.p <= 0.05).mean())


def main() -> None:
    times, rng = times_ns(), np.random.default_rng(16)
    print(f"{len(times)} sizes of the environment: slowest {times.max() / times.min():.2f} times the fastest")
    shape = (CAMPAIGNS, RUNS)
    own = rng.normal(0, 0.002, (2, *shape))  # what runs differ by in any case
    fixed = [np.log(rng.choice(times, (CAMPAIGNS, 1))) + noise for noise in own]
    drawn = [np.log(rng.choice(times, shape)) + noise for noise in own]
    for name, (a, b) in (("fixed", fixed), ("drawn", drawn)):
        share = 100 * told_apart(b - a)
        print(f"{name}: A is told from A in {share:.1f} % of {CAMPAIGNS} campaigns (nominal 5 %)")


if __name__ == "__main__":
    main()
