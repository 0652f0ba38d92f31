"""cardio in TFHE: a bit of a comparison is a table look-up; images/fhe/seal/source/cardio.cpp has conditions.

naive: a condition after the other. batched: all conditions in one tensor.
"""

import numpy
import parameters
from cases import CONDITIONS, SCORE
from concrete import fhe
from phases import Stamps, check, main

WIDTH = 8
FLAGS, LESS, THAN = (numpy.array(values) for values in zip(*CONDITIONS, strict=True))
# The lowest bits first; small numbers need small keys.
INPUTS = [FLAGS, *(numpy.array([v >> bit & 1 for bit in range(WIDTH)]) for v in (LESS, THAN))]


def of_tensors(flags, less, than):
    is_less = less[0] < than[0]
    for bit in range(1, WIDTH):
        is_less = 2 * (than[bit] - less[bit]) + is_less > 0
    return numpy.sum(flags + is_less > 1)


def one_by_one(flags, less, than):
    score = of_tensors(flags[0:1], less[:, 0:1], than[:, 0:1])
    for i in range(1, len(CONDITIONS)):
        score = score + of_tensors(flags[i : i + 1], less[:, i : i + 1], than[:, i : i + 1])
    return score


def run(stamp: Stamps, circuit: fhe.Circuit) -> None:
    circuit.keygen(force=True)
    stamp()
    encrypted = circuit.encrypt(*INPUTS)
    stamp()
    score = circuit.run(*encrypted)
    stamp()
    plain = circuit.decrypt(score)
    stamp()
    check("the score", int(plain), SCORE)


def variant(function):
    """Compiled at first use, before its first stamp counts: compilation is none of the phases."""
    circuits = []

    def measured(stamp: Stamps) -> None:
        if not circuits:
            shapes = [values.shape for values in INPUTS]
            circuits.append(parameters.compiled(function, [1] * len(shapes), shapes))
            stamp.restart()
        run(stamp, circuits[0])

    return measured


main({"naive": variant(one_by_one), "batched": variant(of_tensors)})
