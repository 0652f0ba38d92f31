"""128 bits of security: SEAL's default modulus for the degree, which TenSEAL takes where none is given."""

import tenseal

DEGREE = 16384
PLAIN_MODULUS = 786433
"""A prime of 20 bits, 1 modulo twice the degree, so that every slot holds a number."""
SCALE = 2**40


def integers(rotations: bool = False) -> tenseal.Context:
    context = tenseal.context(
        tenseal.SCHEME_TYPE.BFV, poly_modulus_degree=DEGREE, plain_modulus=PLAIN_MODULUS
    )
    if rotations:
        context.generate_galois_keys()
    return context


def reals() -> tenseal.Context:
    sizes = [60, 40, 40, 40, 40, 60]
    context = tenseal.context(tenseal.SCHEME_TYPE.CKKS, poly_modulus_degree=DEGREE, coeff_mod_bit_sizes=sizes)
    context.global_scale = SCALE
    context.generate_galois_keys()
    return context
