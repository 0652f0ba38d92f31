"""cardio: a vector for each bit of all conditions, compared at once; see fhe/seal/source/cardio.cpp."""

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

    def compare(low: int, n: int) -> tuple[tenseal.BFVVector, tenseal.BFVVector]:
        """Whether n bits from `low` of one are less than, and unlike, the other's."""
        if n == 1:
            difference = less[low] - than[low]
            return than[low] - less[low] * than[low], difference * difference
        (less_low, unlike_low), (less_high, unlike_high) = compare(low, n // 2), compare(low + n // 2, n // 2)
        return (
            less_high + less_low - unlike_high * less_low,
            unlike_high + unlike_low - unlike_high * unlike_low,
        )

    score = (flags * compare(0, WIDTH)[0]).sum()
    stamp()
    found = score.decrypt()[0]
    stamp()
    check("the score", found, SCORE)


main({"batched": batched})
