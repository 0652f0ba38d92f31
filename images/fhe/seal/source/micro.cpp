// micro: single operations, each the mean of COUNT. Usage: micro simd|single [repetitions]
//
// simd: BFV with a number in each slot. single: a constant polynomial, which needs no encoder and cannot rotate.
#include "parameters.h"
#include "phases.h"
#include <string>
#include <vector>

using seal::Ciphertext;

constexpr int COUNT = 10;

int main(int argc, char **argv) {
    const std::string variant = argc > 1 ? argv[1] : "";
    if (variant != "simd" && variant != "single") {
        std::fprintf(stderr, "usage: micro simd|single [repetitions]\n");
        return 2;
    }
    const bool simd = variant == "simd";
    auto context = batched();
    seal::KeyGenerator keys(context);
    seal::PublicKey public_key;
    keys.create_public_key(public_key);
    seal::RelinKeys relin;
    keys.create_relin_keys(relin);
    seal::GaloisKeys galois;
    keys.create_galois_keys(std::vector<int>{4}, galois);
    seal::Encryptor encryptor(context, public_key, keys.secret_key());
    seal::Decryptor decryptor(context, keys.secret_key());
    seal::Evaluator evaluator(context);
    seal::BatchEncoder encoder(context);
    auto encode = [&](std::uint64_t value) {
        if (!simd) return seal::Plaintext(seal::util::uint_to_hex_string(&value, 1));
        seal::Plaintext plain;
        encoder.encode(std::vector<std::uint64_t>(encoder.slot_count(), value), plain);
        return plain;
    };
    auto mean_ns = [&](auto prepare, auto operation) {
        std::int64_t sum_ns = 0;
        for (int i = 0; i < COUNT; i++) {
            auto value = prepare();
            auto begin_ns = now_ns();
            operation(value);
            sum_ns += now_ns() - begin_ns;
        }
        return sum_ns / COUNT;
    };
    const auto a = encode(421), b = encode(28);
    Ciphertext ca, cb;
    encryptor.encrypt(a, ca);
    encryptor.encrypt(b, cb);
    Ciphertext product;
    evaluator.multiply(ca, cb, product);
    auto check = [&](const char *what, Ciphertext c, std::uint64_t expected) {
        seal::Plaintext plain;
        decryptor.decrypt(c, plain);
        std::vector<std::uint64_t> slots{plain.is_zero() ? 0 : plain[0]};
        if (simd) encoder.decode(plain, slots);
        if (slots[0] != expected) wrong(what, slots[0], expected);
    };
    Results results({"t_mul_ct_ct_ns", "t_mul_ct_pt_ns", "t_relin_ns", "t_add_ct_ct_ns", "t_add_ct_pt_ns",
                     "t_enc_sk_ns", "t_enc_pk_ns", "t_dec_ns", "t_rot_ns"});
    for (int r = 0; r < repetitions(argc, argv, 2); r++) {
        auto fresh = [&] { return ca; };
        auto nothing = [] { return Ciphertext(); };
        auto begin_ns = now_ns();
        auto mul = mean_ns(nothing, [&](Ciphertext &c) { evaluator.multiply(ca, cb, c); });
        auto mul_pt = mean_ns(fresh, [&](Ciphertext &c) { evaluator.multiply_plain_inplace(c, b); });
        auto relin_ns = mean_ns([&] { return product; },
                                [&](Ciphertext &c) { evaluator.relinearize_inplace(c, relin); });
        auto add = mean_ns(fresh, [&](Ciphertext &c) { evaluator.add_inplace(c, cb); });
        auto add_pt = mean_ns(fresh, [&](Ciphertext &c) { evaluator.add_plain_inplace(c, b); });
        auto enc_sk = mean_ns(nothing, [&](Ciphertext &c) { encryptor.encrypt_symmetric(a, c); });
        auto enc_pk = mean_ns(nothing, [&](Ciphertext &c) { encryptor.encrypt(a, c); });
        auto dec = mean_ns([] { return seal::Plaintext(); }, [&](seal::Plaintext &p) { decryptor.decrypt(ca, p); });
        auto rot = mean_ns(fresh, [&](Ciphertext &c) { evaluator.rotate_rows_inplace(c, 4, galois); });
        auto end_ns = now_ns();
        Ciphertext sum, relinearised;
        evaluator.add(ca, cb, sum);
        evaluator.relinearize(product, relin, relinearised);
        check("a sum", sum, 421 + 28);
        check("a product", relinearised, 421 * 28);
        results.write(begin_ns, end_ns, {mul, mul_pt, relin_ns, add, add_pt, enc_sk, enc_pk, dec, rot});
    }
}
