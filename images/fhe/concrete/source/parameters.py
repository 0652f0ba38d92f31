"""128 bits of security, the default; one table look-up in 2^40 may fail."""

import numpy
from concrete import fhe

CONFIGURATION = fhe.Configuration(p_error=2**-40, show_progress=False)


def compiled(function, largest: list[int], shapes: list[tuple[int, ...]]) -> fhe.Circuit:
    """The circuit of a function of encrypted tensors with whole numbers from 0 to `largest`."""
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    compiler = fhe.Compiler(function, {name: "encrypted" for name in names})
    source = numpy.random.default_rng(0)
    tensors = list(zip(largest, shapes, strict=True))
    ends = [
        tuple(numpy.full(shape, top) for top, shape in tensors),
        tuple(numpy.zeros(shape, int) for _, shape in tensors),
    ]
    inside = [tuple(source.integers(0, top + 1, shape) for top, shape in tensors) for _ in range(100)]
    return compiler.compile(ends + inside, CONFIGURATION)
