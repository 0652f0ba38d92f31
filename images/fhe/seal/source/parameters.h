// Parameters of all programs in one place: 128 bits of security by the tables of homomorphicencryption.org,
// which SEAL enforces (sec_level_type::tc128) and of which BFVDefault takes the largest modulus.
#pragma once
#include <cmath>
#include <seal/seal.h>

constexpr std::size_t DEGREE = 16384;
constexpr double SCALE = 1099511627776.0;  // 2^40

inline seal::SEALContext checked(const seal::EncryptionParameters &parameters) {
    seal::SEALContext context(parameters, true, seal::sec_level_type::tc128);
    if (!context.parameters_set()) throw std::invalid_argument(context.parameter_error_message());
    return context;
}

// Numbers modulo a prime in DEGREE slots.
inline seal::SEALContext batched() {
    seal::EncryptionParameters parameters(seal::scheme_type::bfv);
    parameters.set_poly_modulus_degree(DEGREE);
    parameters.set_coeff_modulus(seal::CoeffModulus::BFVDefault(DEGREE));
    parameters.set_plain_modulus(seal::PlainModulus::Batching(DEGREE, 20));
    return checked(parameters);
}

// Single bits.
inline seal::SEALContext bitwise() {
    seal::EncryptionParameters parameters(seal::scheme_type::bfv);
    parameters.set_poly_modulus_degree(DEGREE);
    parameters.set_coeff_modulus(seal::CoeffModulus::BFVDefault(DEGREE));
    parameters.set_plain_modulus(2);
    return checked(parameters);
}

// Real numbers in DEGREE / 2 slots, four multiplications deep.
inline seal::SEALContext approximate() {
    seal::EncryptionParameters parameters(seal::scheme_type::ckks);
    parameters.set_poly_modulus_degree(DEGREE);
    parameters.set_coeff_modulus(seal::CoeffModulus::Create(DEGREE, {60, 40, 40, 40, 40, 60}));
    return checked(parameters);
}
