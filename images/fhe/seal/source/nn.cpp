// nn: a small network's inference, INPUTS -> HIDDEN -> OUTPUTS with x^2 between, on an encrypted input (CKKS).
// Usage: nn batched [repetitions]
//
// A matrix times a vector is the sum of its diagonals times the rotated vector (Halevi and Shoup, CRYPTO 2014).
#include "parameters.h"
#include "phases.h"
#include <string>
#include <vector>

using seal::Ciphertext;

constexpr int INPUTS = 64, HIDDEN = 64, OUTPUTS = 10;  // both matrices are filled up to INPUTS x INPUTS

double weight(int layer, int row, int column) {
    return ((row * 31 + column * 17 + layer * 7) % 23 - 11) / 64.0;
}
double input(int i) { return (i * 13 % 29) / 29.0; }

std::vector<double> layer(int number, int rows, const std::vector<double> &values) {
    std::vector<double> out(INPUTS, 0.0);
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < INPUTS; c++) out[r] += weight(number, r, c) * values[c];
    return out;
}

std::vector<double> expected() {
    std::vector<double> values(INPUTS);
    for (int i = 0; i < INPUTS; i++) values[i] = input(i);
    values = layer(0, HIDDEN, values);
    for (auto &value : values) value *= value;
    return layer(1, OUTPUTS, values);
}

int main(int argc, char **argv) {
    if (argc < 2 || std::string(argv[1]) != "batched") {
        std::fprintf(stderr, "usage: nn batched [repetitions]\n");
        return 2;
    }
    Results results(PHASES);
    for (int r = 0; r < repetitions(argc, argv, 2); r++) {
        std::int64_t at[5];
        at[0] = now_ns();
        auto context = approximate();
        seal::KeyGenerator keys(context);
        seal::PublicKey public_key;
        keys.create_public_key(public_key);
        seal::RelinKeys relin;
        keys.create_relin_keys(relin);
        seal::GaloisKeys galois;
        keys.create_galois_keys(std::vector<int>{1, -INPUTS}, galois);
        seal::Encryptor encryptor(context, public_key);
        seal::Decryptor decryptor(context, keys.secret_key());
        seal::Evaluator evaluator(context);
        seal::CKKSEncoder encoder(context);
        at[1] = now_ns();
        std::vector<double> values(INPUTS);
        for (int i = 0; i < INPUTS; i++) values[i] = input(i);
        seal::Plaintext plain;
        encoder.encode(values, SCALE, plain);
        Ciphertext x;
        encryptor.encrypt(plain, x);
        at[2] = now_ns();
        auto multiply = [&](Ciphertext vector, int number, int rows) {
            Ciphertext copy, sum;  // a second copy behind the first, so that rotations go round
            evaluator.rotate_vector(vector, -INPUTS, galois, copy);
            evaluator.add_inplace(vector, copy);
            for (int d = 0; d < INPUTS; d++) {
                if (d) evaluator.rotate_vector_inplace(vector, 1, galois);
                std::vector<double> diagonal(INPUTS, 0.0);
                for (int row = 0; row < rows; row++) diagonal[row] = weight(number, row, (row + d) % INPUTS);
                seal::Plaintext weights;
                encoder.encode(diagonal, vector.parms_id(), SCALE, weights);
                Ciphertext product;
                evaluator.multiply_plain(vector, weights, product);
                if (d)
                    evaluator.add_inplace(sum, product);
                else
                    sum = product;
            }
            evaluator.rescale_to_next_inplace(sum);
            return sum;
        };
        auto hidden = multiply(x, 0, HIDDEN);
        evaluator.square_inplace(hidden);
        evaluator.relinearize_inplace(hidden, relin);
        evaluator.rescale_to_next_inplace(hidden);
        auto out = multiply(hidden, 1, OUTPUTS);
        at[3] = now_ns();
        decryptor.decrypt(out, plain);
        std::vector<double> found;
        encoder.decode(plain, found);
        at[4] = now_ns();
        auto right = expected();
        for (int i = 0; i < OUTPUTS; i++)
            if (!(std::abs(found[i] - right[i]) < 1e-3)) {
                std::fprintf(stderr, "wrong result: output %d is %g, not %g\n", i, found[i], right[i]);
                return 1;
            }
        results.phases(at);
    }
}
