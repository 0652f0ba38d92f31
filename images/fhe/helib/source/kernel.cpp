// kernel: an image sharpened by a 3 x 3 Laplacian (BGV), a pixel a slot; see images/fhe/seal/source/kernel.cpp.
// Usage: kernel batched [repetitions]. Not run by the authors.
#include "phases.h"
#include <helib/helib.h>
#include <string>
#include <vector>

constexpr int SIZE = 8, PIXELS = SIZE * SIZE;

bool inner(int i) {
    int x = i % SIZE, y = i / SIZE;
    return x > 0 && x < SIZE - 1 && y > 0 && y < SIZE - 1;
}

int main(int argc, char **argv) {
    if (argc < 2 || std::string(argv[1]) != "batched") {
        std::fprintf(stderr, "usage: kernel batched [repetitions]\n");
        return 2;
    }
    std::vector<long> image(PIXELS), right(PIXELS);
    for (int i = 0; i < PIXELS; i++) image[i] = (i * 37 + i / SIZE * 11) % 256;
    std::vector<int> around;
    for (int y = -1; y <= 1; y++)
        for (int x = -1; x <= 1; x++)
            if (x || y) around.push_back(y * SIZE + x);
    for (int i = 0; i < PIXELS; i++) {
        right[i] = inner(i) ? 10 * image[i] : image[i];
        if (inner(i))
            for (int step : around) right[i] -= image[i + step];
    }
    Results results(PHASES);
    for (int r = 0; r < repetitions(argc, argv, 2); r++) {
        std::int64_t at[5];
        at[0] = now_ns();
        // A power of two as m, p = 1 modulo m: every slot holds a number. 300 bits at degree 16384: over 128 bits
        // of security, which context.securityLevel() tells.
        auto context = helib::ContextBuilder<helib::BGV>().m(32768).p(786433).r(1).bits(300).c(2).build();
        if (context.securityLevel() < 128) wrong("the security level", context.securityLevel(), 128);
        helib::SecKey secret(context);
        secret.GenSecKey();
        helib::addSome1DMatrices(secret);
        const helib::PubKey &key = secret;
        const auto &array = context.getEA();
        at[1] = now_ns();
        auto slots = [&](auto value) {
            std::vector<long> values(array.size());
            for (int i = 0; i < PIXELS; i++) values[i] = value(i);
            return values;
        };
        helib::Ctxt encrypted(key);
        array.encrypt(encrypted, key, slots([&](int i) { return image[i]; }));
        at[2] = now_ns();
        helib::Ctxt sum(encrypted);
        sum.multByConstant(NTL::to_ZZX(10));
        for (int step : around) {
            helib::Ctxt moved(encrypted);
            array.rotate(moved, -step);
            sum -= moved;
        }
        helib::Ptxt<helib::BGV> inside(context, slots([](int i) { return long(inner(i)); }));
        helib::Ptxt<helib::BGV> border(context, slots([](int i) { return long(!inner(i)); }));
        sum.multByConstant(inside);
        encrypted.multByConstant(border);
        sum += encrypted;
        at[3] = now_ns();
        std::vector<long> found;
        array.decrypt(sum, secret, found);
        at[4] = now_ns();
        for (int i = 0; i < PIXELS; i++) {
            long value = found[i] > 786433 / 2 ? found[i] - 786433 : found[i];
            if (value != right[i]) wrong("a pixel", value, right[i]);
        }
        results.phases(at);
    }
}
