// kernel: an image sharpened by a 3 x 3 Laplacian (BFV), a pixel a slot; see images/fhe/seal/source/kernel.cpp.
// Usage: kernel batched [repetitions]. Not run by the authors.
#include "palisade.h"
#include "phases.h"
#include <string>
#include <vector>

using namespace lbcrypto;

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
    std::vector<int64_t> image(PIXELS), right(PIXELS), inside(PIXELS), border(PIXELS);
    std::vector<int32_t> around;
    for (int y = -1; y <= 1; y++)
        for (int x = -1; x <= 1; x++)
            if (x || y) around.push_back(y * SIZE + x);
    for (int i = 0; i < PIXELS; i++) image[i] = (i * 37 + i / SIZE * 11) % 256;
    for (int i = 0; i < PIXELS; i++) {
        border[i] = !(inside[i] = inner(i));
        right[i] = inside[i] ? 10 * image[i] : image[i];
        if (inside[i])
            for (int step : around) right[i] -= image[i + step];
    }
    Results results(PHASES);
    for (int r = 0; r < repetitions(argc, argv, 2); r++) {
        std::int64_t at[5];
        at[0] = now_ns();
        auto context = CryptoContextFactory<DCRTPoly>::genCryptoContextBFVrns(
            786433, HEStd_128_classic, 3.2, 0, 2, 0, OPTIMIZED);
        context->Enable(ENCRYPTION);
        context->Enable(SHE);
        auto keys = context->KeyGen();
        context->EvalMultKeyGen(keys.secretKey);
        context->EvalAtIndexKeyGen(keys.secretKey, around);
        at[1] = now_ns();
        auto encrypted = context->Encrypt(keys.publicKey, context->MakePackedPlaintext(image));
        at[2] = now_ns();
        auto ten = context->MakePackedPlaintext(std::vector<int64_t>(PIXELS, 10));
        auto sum = context->EvalMult(encrypted, ten);
        for (int step : around) sum = context->EvalSub(sum, context->EvalAtIndex(encrypted, step));
        sum = context->EvalAdd(context->EvalMult(sum, context->MakePackedPlaintext(inside)),
                               context->EvalMult(encrypted, context->MakePackedPlaintext(border)));
        at[3] = now_ns();
        Plaintext plain;
        context->Decrypt(keys.secretKey, sum, &plain);
        plain->SetLength(PIXELS);
        auto found = plain->GetPackedValue();
        at[4] = now_ns();
        for (int i = 0; i < PIXELS; i++)
            if (found[i] != right[i]) wrong("a pixel", found[i], right[i]);
        results.phases(at);
    }
}
