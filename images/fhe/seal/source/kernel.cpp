// kernel: an image of SIZE x SIZE pixels sharpened by a 3 x 3 Laplacian, twice the pixel less the weighted sum
// of its neighbourhood; the border stays. Usage: kernel naive|batched [repetitions]
//
// naive: a pixel a ciphertext. batched: a pixel a slot, the neighbourhood by rotations.
#include "parameters.h"
#include "phases.h"
#include <array>
#include <string>
#include <vector>

using seal::Ciphertext;
using Number = long long;

constexpr int SIZE = 8, PIXELS = SIZE * SIZE;
constexpr Number WEIGHT[3][3] = {{1, 1, 1}, {1, -8, 1}, {1, 1, 1}};

std::vector<Number> image() {
    std::vector<Number> pixels(PIXELS);
    for (int i = 0; i < PIXELS; i++) pixels[i] = (i * 37 + i / SIZE * 11) % 256;
    return pixels;
}

bool inner(int i) {
    int x = i % SIZE, y = i / SIZE;
    return x > 0 && x < SIZE - 1 && y > 0 && y < SIZE - 1;
}

std::vector<Number> expected() {
    auto before = image(), after = before;
    for (int i = 0; i < PIXELS; i++) {
        if (!inner(i)) continue;
        Number sum = 0;
        for (int y = -1; y <= 1; y++)
            for (int x = -1; x <= 1; x++) sum += WEIGHT[y + 1][x + 1] * before[i + y * SIZE + x];
        after[i] = 2 * before[i] - sum;
    }
    return after;
}

int main(int argc, char **argv) {
    const std::string variant = argc > 1 ? argv[1] : "";
    if (variant != "naive" && variant != "batched") {
        std::fprintf(stderr, "usage: kernel naive|batched [repetitions]\n");
        return 2;
    }
    const bool naive = variant == "naive";
    Results results(PHASES);
    for (int r = 0; r < repetitions(argc, argv, 2); r++) {
        std::int64_t at[5];
        at[0] = now_ns();
        auto context = batched();
        seal::KeyGenerator keys(context);
        seal::PublicKey public_key;
        keys.create_public_key(public_key);
        seal::GaloisKeys galois;
        if (!naive) {
            std::vector<int> steps;
            for (int y = -1; y <= 1; y++)
                for (int x = -1; x <= 1; x++)
                    if (x || y) steps.push_back(y * SIZE + x);
            keys.create_galois_keys(steps, galois);
        }
        seal::Encryptor encryptor(context, public_key);
        seal::Decryptor decryptor(context, keys.secret_key());
        seal::Evaluator evaluator(context);
        seal::BatchEncoder encoder(context);
        at[1] = now_ns();
        auto encode = [&](const std::vector<std::int64_t> &slots) {
            seal::Plaintext plain;
            encoder.encode(slots, plain);
            return plain;
        };
        auto all = [&](Number value) {
            return encode(std::vector<std::int64_t>(encoder.slot_count(), value));
        };
        auto pixels = image();
        std::vector<Ciphertext> encrypted(naive ? PIXELS : 1);
        if (naive)
            for (int i = 0; i < PIXELS; i++) encryptor.encrypt(encode({pixels[i]}), encrypted[i]);
        else
            encryptor.encrypt(encode({pixels.begin(), pixels.end()}), encrypted[0]);
        at[2] = now_ns();
        // Twice the pixel and its own weight are one factor; the other eight weights are 1.
        const auto centre = all(2 - WEIGHT[1][1]);
        auto sharpened = encrypted;
        if (naive) {
            for (int i = 0; i < PIXELS; i++) {
                if (!inner(i)) continue;
                evaluator.multiply_plain(encrypted[i], centre, sharpened[i]);
                for (int y = -1; y <= 1; y++)
                    for (int x = -1; x <= 1; x++)
                        if (x || y) evaluator.sub_inplace(sharpened[i], encrypted[i + y * SIZE + x]);
            }
        } else {
            std::vector<std::int64_t> inside(PIXELS), border(PIXELS);
            for (int i = 0; i < PIXELS; i++) border[i] = !(inside[i] = inner(i));
            Ciphertext rest, moved;
            evaluator.multiply_plain(encrypted[0], centre, rest);
            for (int y = -1; y <= 1; y++)
                for (int x = -1; x <= 1; x++)
                    if (x || y) {
                        evaluator.rotate_rows(encrypted[0], y * SIZE + x, galois, moved);
                        evaluator.sub_inplace(rest, moved);
                    }
            evaluator.multiply_plain_inplace(rest, encode(inside));
            evaluator.multiply_plain(encrypted[0], encode(border), sharpened[0]);
            evaluator.add_inplace(sharpened[0], rest);
        }
        at[3] = now_ns();
        std::vector<Number> found;
        for (auto &c : sharpened) {
            seal::Plaintext plain;
            decryptor.decrypt(c, plain);
            std::vector<std::int64_t> slots;
            encoder.decode(plain, slots);
            found.insert(found.end(), slots.begin(), slots.begin() + (naive ? 1 : PIXELS));
        }
        at[4] = now_ns();
        auto right = expected();
        for (int i = 0; i < PIXELS; i++)
            if (found[i] != right[i]) wrong("a pixel", found[i], right[i]);
        results.phases(at);
    }
}
