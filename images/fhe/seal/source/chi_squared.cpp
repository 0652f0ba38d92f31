// chi-squared: the four terms of a test of Hardy-Weinberg equilibrium from three encrypted genotype counts.
// Usage: chi-squared naive|batched [repetitions]
//
// naive: constants are encrypted, no term is used twice, a genotype a ciphertext.
// batched: constants are plain, common terms computed once, DEGREE slots of counts at a time.
#include "parameters.h"
#include "phases.h"
#include <string>
#include <vector>

using seal::Ciphertext;
using Number = long long;

// Counts of slot i: small, so that all terms stay below the plain modulus of 20 bits.
Number n0(std::size_t i) { return 2 + Number(i) % 3; }
Number n1(std::size_t i) { return 7 + Number(i) % 2; }
Number n2(std::size_t i) { return 9 + Number(i) % 5; }

std::vector<Number> expected(std::size_t i) {
    auto square = [](Number x) { return x * x; };
    auto p = 2 * n0(i) + n1(i), q = 2 * n2(i) + n1(i);
    return {square(4 * n0(i) * n2(i) - square(n1(i))), 2 * square(p), p * q, 2 * square(q)};
}

int main(int argc, char **argv) {
    const std::string variant = argc > 1 ? argv[1] : "";
    if (variant != "naive" && variant != "batched") {
        std::fprintf(stderr, "usage: chi-squared naive|batched [repetitions]\n");
        return 2;
    }
    Results results(PHASES);
    for (int r = 0; r < repetitions(argc, argv, 2); r++) {
        std::int64_t at[5];
        at[0] = now_ns();
        auto context = batched();
        seal::KeyGenerator keys(context);
        seal::PublicKey public_key;
        keys.create_public_key(public_key);
        seal::RelinKeys relin;
        keys.create_relin_keys(relin);
        seal::Encryptor encryptor(context, public_key);
        seal::Decryptor decryptor(context, keys.secret_key());
        seal::Evaluator evaluator(context);
        seal::BatchEncoder encoder(context);
        at[1] = now_ns();
        const std::size_t used = variant == "naive" ? 1 : encoder.slot_count();
        auto encode = [&](auto value) {
            std::vector<std::uint64_t> slots(used);
            for (std::size_t i = 0; i < used; i++) slots[i] = value(i);
            seal::Plaintext plain;
            encoder.encode(slots, plain);
            return plain;
        };
        auto encrypt = [&](auto value) {
            Ciphertext encrypted;
            encryptor.encrypt(encode(value), encrypted);
            return encrypted;
        };
        auto multiply = [&](const Ciphertext &a, const Ciphertext &b) {
            Ciphertext product;
            evaluator.multiply(a, b, product);
            evaluator.relinearize_inplace(product, relin);
            return product;
        };
        auto add = [&](Ciphertext a, const Ciphertext &b) {
            evaluator.add_inplace(a, b);
            return a;
        };
        auto minus = [&](Ciphertext a, const Ciphertext &b) {
            evaluator.sub_inplace(a, b);
            return a;
        };
        auto c0 = encrypt(n0), c1 = encrypt(n1), c2 = encrypt(n2);
        at[2] = now_ns();
        std::vector<Ciphertext> terms;
        if (variant == "naive") {
            auto constant = [&](Number value) { return encrypt([=](std::size_t) { return value; }); };
            auto difference = minus(multiply(multiply(constant(4), c0), c2), multiply(c1, c1));
            auto p = [&] { return add(multiply(constant(2), c0), c1); };
            auto q = [&] { return add(multiply(constant(2), c2), c1); };
            terms = {multiply(difference, difference), multiply(constant(2), multiply(p(), p())),
                     multiply(p(), q()), multiply(constant(2), multiply(q(), q()))};
        } else {
            auto twice = [&](const Ciphertext &a) { return add(a, a); };
            auto difference = minus(twice(twice(multiply(c0, c2))), multiply(c1, c1));
            auto p = add(twice(c0), c1), q = add(twice(c2), c1);
            terms = {multiply(difference, difference), twice(multiply(p, p)), multiply(p, q),
                     twice(multiply(q, q))};
        }
        at[3] = now_ns();
        std::vector<std::vector<std::uint64_t>> found(terms.size());
        for (std::size_t t = 0; t < terms.size(); t++) {
            seal::Plaintext plain;
            decryptor.decrypt(terms[t], plain);
            encoder.decode(plain, found[t]);
        }
        at[4] = now_ns();
        for (std::size_t i = 0; i < used; i++)
            for (std::size_t t = 0; t < terms.size(); t++)
                if (Number(found[t][i]) != expected(i)[t]) wrong("a term", found[t][i], expected(i)[t]);
        results.phases(at);
    }
}
