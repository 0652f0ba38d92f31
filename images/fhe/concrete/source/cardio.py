"""cardio in TFHE: comparisons are table look-ups; see images/fhe/seal/source/cardio.cpp for the conditions.

naive: a condition after the other. batched: all conditions in one tensor.
"""

import numpy
import parameters
from cases import CONDITIONS, SCORE
from concrete import fhe
from phases import Stamps, check, main

INPUTS = [numpy.array(values) for values in zip(*CONDITIONS, strict=True)]
LARGEST = [1, 255, 255]


def of_tensors(flags, less, than):
    return numpy.sum(flags * (less < than))


def one_by_one(flags, less, than):
    score = flags[0] * (less[0] < than[0])
    for i in range(1, len(CONDITIONS)):
        score = score + flags[i] * (less[i] < than[i])
    return score


def run(stamp: Stamps, circuit: fhe.Circuit) -> None:
    circuit.keygen(force=True)
    stamp()
    encrypted = circuit.encrypt(*INPUTS)
    stamp()
    score = circuit.run(*encrypted)
    stamp()
    found = circuit.decrypt(score)
    stamp()
    check("the score", int(found), SCORE)


def variant(function):
    """Compiled at first use, before its first stamp counts: compilation is none of the phases."""
    circuits = []

    def measured(stamp: Stamps) -> None:
        if not circuits:
            circuits.append(parameters.compiled(function, LARGEST, len(CONDITIONS)))
            stamp.restart()
        run(stamp, circuits[0])

    return measured


main({"naive": variant(one_by_one), "batched": variant(of_tensors)})
