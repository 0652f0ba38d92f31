"""cardio: all conditions in one vector for each bit, compared at once; see images/fhe/seal/source/cardio.cpp."""

import parameters
import tenseal
from cases import CONDITIONS, SCORE
from phases import Stamps, check, main

WIDTH = 8


def batched(stamp: Stamps) -> None:
    context = parameters.integers(rotations=True)
    stamp()

    def encrypt(values: list[int]) -> tenseal.BFVVector:
        return tenseal.bfv_vector(context, values)

    flags = encrypt([flag for flag, _, _ in CONDITIONS])
    less = [encrypt([x >> bit & 1 for _, x, _ in CONDITIONS]) for bit in range(WIDTH)]
    than = [encrypt([x >> bit & 1 for _, _, x in CONDITIONS]) for bit in range(WIDTH)]
    stamp()
    ones = [1] * len(CONDITIONS)

    def compare(low: int, n: int) -> tuple[tenseal.BFVVector, tenseal.BFVVector]:
        """Whether n bits from `low` of one are less than, and equal to, the other's."""
        if n == 1:
            difference = less[low] - than[low]
            return (-less[low] + ones) * than[low], -(difference * difference) + ones
        (less_low, equal_low), (less_high, equal_high) = compare(low, n // 2), compare(low + n // 2, n // 2)
        return less_high + equal_high * less_low, equal_high * equal_low

    score = (flags * compare(0, WIDTH)[0]).sum()
    stamp()
    found = score.decrypt()[0]
    stamp()
    check("the score", found, SCORE)


main({"batched": batched})
