"""micro: single operations on vectors with a number in each slot, each the mean of COUNT."""

import time
from collections.abc import Callable

import parameters
import tenseal
from phases import Stamps, check, main

COUNT = 10
OPERATIONS = ("t_mul_ct_ct", "t_mul_ct_pt", "t_add_ct_ct", "t_add_ct_pt", "t_enc_pk", "t_dec")
context = parameters.integers()
numbers = [421] * parameters.DEGREE
others = [28] * parameters.DEGREE
a, b = tenseal.bfv_vector(context, numbers), tenseal.bfv_vector(context, others)


def simd(stamp: Stamps) -> list[int]:
    """Products are relinearised, plain operands encoded, within the time: TenSEAL does not part the two."""
    times_ns = [
        mean_ns(lambda: a * b),
        mean_ns(lambda: a * others),
        mean_ns(lambda: a + b),
        mean_ns(lambda: a + others),
        mean_ns(lambda: tenseal.bfv_vector(context, numbers)),
        mean_ns(a.decrypt),
    ]
    stamp()
    check("a product", (a * b).decrypt()[0], 421 * 28)
    check("a sum", (a + b).decrypt()[0], 421 + 28)
    return times_ns


def mean_ns(operation: Callable[[], object]) -> int:
    begin_ns = time.perf_counter_ns()
    for _ in range(COUNT):
        operation()
    return (time.perf_counter_ns() - begin_ns) // COUNT


main({"simd": simd}, OPERATIONS)
