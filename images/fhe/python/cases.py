"""Inputs and plain results of the programs, the same in every tool."""

# cardio: a condition counts if its flag holds and less < than; see images/fhe/seal/source/cardio.cpp.
FEMALE, ANTECEDENT, SMOKER, DIABETES, PRESSURE = 0, 1, 1, 1, 0
AGE, HDL, HEIGHT, WEIGHT, ACTIVITY, DRINKS = 55, 50, 180, 80, 45, 4
CONDITIONS = [
    (1 - FEMALE, 50, AGE),
    (FEMALE, 60, AGE),
    (ANTECEDENT, 0, 1),
    (SMOKER, 0, 1),
    (DIABETES, 0, 1),
    (PRESSURE, 0, 1),
    (1, HDL, 40),
    (1, HEIGHT, WEIGHT + 90),
    (1, ACTIVITY, 30),
    (1 - FEMALE, 3, DRINKS),
    (FEMALE, 2, DRINKS),
]
SCORE = sum(flag and less < than for flag, less, than in CONDITIONS)


def genotypes(i: int) -> tuple[int, int, int]:
    return 2 + i % 3, 7 + i % 2, 9 + i % 5


def chi_squared(i: int) -> tuple[int, int, int, int]:
    n0, n1, n2 = genotypes(i)
    p, q = 2 * n0 + n1, 2 * n2 + n1
    return (4 * n0 * n2 - n1 * n1) ** 2, 2 * p * p, p * q, 2 * q * q


SIZE = 8
IMAGE = [(i * 37 + i // SIZE * 11) % 256 for i in range(SIZE * SIZE)]
AROUND = [y * SIZE + x for y in (-1, 0, 1) for x in (-1, 0, 1) if x or y]
"""The neighbours' distance in the image. Their weights are 1; the pixel counts 2 - -8 = 10 times."""
INNER = [0 < i % SIZE < SIZE - 1 and 0 < i // SIZE < SIZE - 1 for i in range(SIZE * SIZE)]
SHARPENED = [
    10 * pixel - sum(IMAGE[i + step] for step in AROUND) if INNER[i] else pixel
    for i, pixel in enumerate(IMAGE)
]

INPUTS, HIDDEN, OUTPUTS = 64, 64, 10
VALUES = [i * 13 % 29 / 29 for i in range(INPUTS)]


def weights(layer: int, rows: int) -> list[list[float]]:
    return [[((r * 31 + c * 17 + layer * 7) % 23 - 11) / 64 for c in range(INPUTS)] for r in range(rows)]


def product(matrix: list[list[float]], vector: list[float]) -> list[float]:
    return [sum(w * x for w, x in zip(row, vector, strict=True)) for row in matrix]


INFERRED = product(weights(1, OUTPUTS), [x * x for x in product(weights(0, HIDDEN), VALUES)])
