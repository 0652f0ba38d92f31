"""chi-squared: four terms of three encrypted genotype counts, many at a time in `batched`."""

import parameters
import tenseal
from cases import chi_squared, genotypes
from phases import Stamps, check, main


def naive(stamp: Stamps) -> None:
    compute(stamp, 1, reuse=False)


def batched(stamp: Stamps) -> None:
    compute(stamp, parameters.DEGREE, reuse=True)


def compute(stamp: Stamps, count: int, reuse: bool) -> None:
    context = parameters.integers()
    stamp()
    n0, n1, n2 = (
        tenseal.bfv_vector(context, list(counts))
        for counts in zip(*map(genotypes, range(count)), strict=True)
    )
    stamp()
    if reuse:

        def twice(x: tenseal.BFVVector) -> tenseal.BFVVector:
            return x + x

        p, q = twice(n0) + n1, twice(n2) + n1
        difference = twice(twice(n0 * n2)) - n1 * n1
        terms = [difference * difference, twice(p * p), p * q, twice(q * q)]
    else:

        def constant(value: int) -> tenseal.BFVVector:
            return tenseal.bfv_vector(context, [value])

        def sum_of(x: tenseal.BFVVector) -> tenseal.BFVVector:
            return constant(2) * x + n1

        difference = constant(4) * n0 * n2 - n1 * n1
        terms = [
            difference * difference,
            constant(2) * (sum_of(n0) * sum_of(n0)),
            sum_of(n0) * sum_of(n2),
            constant(2) * (sum_of(n2) * sum_of(n2)),
        ]
    stamp()
    found = list(zip(*(term.decrypt() for term in terms), strict=True))
    stamp()
    for i in range(count):
        check(f"the terms of {genotypes(i)}", found[i], chi_squared(i))


main({"naive": naive, "batched": batched})
