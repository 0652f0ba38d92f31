"""nn: a small network's inference on an encrypted input, x^2 between its two layers (CKKS)."""

import parameters
import tenseal
from cases import HIDDEN, INFERRED, OUTPUTS, VALUES, weights
from phases import Stamps, main


def batched(stamp: Stamps) -> None:
    context = parameters.reals()
    stamp()
    values = tenseal.ckks_vector(context, VALUES)
    stamp()

    def transposed(layer: int, rows: int) -> list[list[float]]:
        return [list(column) for column in zip(*weights(layer, rows), strict=True)]

    hidden = values.mm(transposed(0, HIDDEN))
    hidden.square_()
    out = hidden.mm(transposed(1, OUTPUTS))
    stamp()
    found = out.decrypt()
    stamp()
    for i, (value, right) in enumerate(zip(found, INFERRED, strict=True)):
        if abs(value - right) > 1e-3:
            raise ValueError(f"output {i} is {value}, not {right}")


main({"batched": batched})
