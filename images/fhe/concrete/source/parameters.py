"""128 bits of security, the default; one table look-up in 2^40 may fail."""

import numpy
from concrete import fhe

CONFIGURATION = fhe.Configuration(p_error=2**-40, show_progress=False)


def compiled(function, largest: list[int], length: int) -> fhe.Circuit:
    """The circuit of a function of encrypted vectors with whole numbers from 0 to `largest`."""
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    compiler = fhe.Compiler(function, {name: "encrypted" for name in names})
    source = numpy.random.default_rng(0)
    ends = [
        tuple(numpy.full(length, top) for top in largest),
        tuple(numpy.zeros(length, int) for _ in largest),
    ]
    inside = [tuple(source.integers(0, top + 1, length) for top in largest) for _ in range(100)]
    return compiler.compile(ends + inside, CONFIGURATION)
