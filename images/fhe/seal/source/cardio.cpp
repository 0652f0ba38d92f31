// cardio: a person's risk score, 0 to 11, from encrypted data: five flags, age, HDL, height, weight,
// activity and drinks a day. Usage: cardio naive|batched [repetitions]
//
// naive: every bit is a ciphertext modulo 2; conditions by comparators, their sum by ripple-carry adders.
// batched: bit i of all conditions is one ciphertext, a slot a condition; all are compared at once.
#include "parameters.h"
#include "phases.h"
#include <array>
#include <cstring>
#include <string>
#include <vector>

using seal::Ciphertext;
using Bits = std::vector<Ciphertext>;  // the lowest first

// Not female, and: antecedents, smoker, diabetes, high blood pressure.
constexpr bool FEMALE = false, ANTECEDENT = true, SMOKER = true, DIABETES = true, PRESSURE = false;
constexpr int AGE = 55, HDL = 50, HEIGHT = 180, WEIGHT = 80, ACTIVITY = 45, DRINKS = 4;
constexpr int WIDTH = 8, SCORE_WIDTH = 4;

struct Condition {
    bool flag;       // must hold …
    int less, than;  // … and less < than
};

const std::array<Condition, 11> CONDITIONS = {{
    {!FEMALE, 50, AGE}, {FEMALE, 60, AGE}, {ANTECEDENT, 0, 1}, {SMOKER, 0, 1}, {DIABETES, 0, 1},
    {PRESSURE, 0, 1}, {true, HDL, 40}, {true, HEIGHT, WEIGHT + 90}, {true, ACTIVITY, 30},
    {!FEMALE, 3, DRINKS}, {FEMALE, 2, DRINKS},
}};

int expected() {
    int score = 0;
    for (auto &c : CONDITIONS) score += c.flag && c.less < c.than;
    return score;
}

struct Machine {
    seal::SEALContext context;
    seal::KeyGenerator keys{context};
    seal::PublicKey public_key;
    seal::RelinKeys relin;
    seal::GaloisKeys galois;
    seal::Evaluator evaluator{context};
    explicit Machine(seal::SEALContext c, const std::vector<int> &steps) : context(std::move(c)) {
        keys.create_public_key(public_key);
        keys.create_relin_keys(relin);
        if (!steps.empty()) keys.create_galois_keys(steps, galois);
    }
    Ciphertext multiply(const Ciphertext &a, const Ciphertext &b) {
        Ciphertext product;
        evaluator.multiply(a, b, product);
        evaluator.relinearize_inplace(product, relin);
        return product;
    }
    Ciphertext add(const Ciphertext &a, const Ciphertext &b) {
        Ciphertext sum;
        evaluator.add(a, b, sum);
        return sum;
    }
    Ciphertext minus(const Ciphertext &a, const Ciphertext &b) {
        Ciphertext difference;
        evaluator.sub(a, b, difference);
        return difference;
    }
    Ciphertext one_minus(const Ciphertext &a, const seal::Plaintext &one) {
        Ciphertext rest;
        evaluator.negate(a, rest);
        evaluator.add_plain_inplace(rest, one);
        return rest;
    }
    // a < b, halves of the bits first: depth log2(bits) + 1.
    struct Order {
        Ciphertext less, equal;
    };
    Order compare(const Bits &a, const Bits &b, std::size_t low, std::size_t n, const seal::Plaintext &one) {
        if (n == 1) {
            auto difference = minus(a[low], b[low]);
            return {multiply(one_minus(a[low], one), b[low]), one_minus(multiply(difference, difference), one)};
        }
        auto lower = compare(a, b, low, n / 2, one), upper = compare(a, b, low + n / 2, n / 2, one);
        return {add(upper.less, multiply(upper.equal, lower.less)), multiply(upper.equal, lower.equal)};
    }
};

void naive(Results &results) {
    std::int64_t at[5];
    at[0] = now_ns();
    Machine m(bitwise(), {});
    seal::Encryptor encryptor(m.context, m.public_key);
    seal::Decryptor decryptor(m.context, m.keys.secret_key());
    at[1] = now_ns();
    const seal::Plaintext zero("0"), one("1");
    auto encrypt = [&](int value, int width) {
        Bits bits(width);
        for (int i = 0; i < width; i++) encryptor.encrypt(value >> i & 1 ? one : zero, bits[i]);
        return bits;
    };
    std::vector<Bits> flags, less, than;
    for (auto &c : CONDITIONS) {
        flags.push_back(encrypt(c.flag, 1));
        less.push_back(encrypt(c.less, WIDTH));
        than.push_back(encrypt(c.than, WIDTH));
    }
    Bits score = encrypt(0, SCORE_WIDTH);
    at[2] = now_ns();
    for (std::size_t i = 0; i < CONDITIONS.size(); i++) {
        auto carry = m.multiply(flags[i][0], m.compare(less[i], than[i], 0, WIDTH, one).less);
        for (auto &bit : score) {  // half adders: what is added is one bit
            auto next = m.multiply(bit, carry);
            m.evaluator.add_inplace(bit, carry);
            carry = next;
        }
    }
    at[3] = now_ns();
    int found = 0;
    for (int i = 0; i < SCORE_WIDTH; i++) {
        seal::Plaintext bit;
        decryptor.decrypt(score[i], bit);
        found |= (bit.to_string() != "0") << i;
    }
    at[4] = now_ns();
    if (found != expected()) wrong("the score", found, expected());
    results.phases(at);
}

void all_at_once(Results &results) {
    std::int64_t at[5];
    at[0] = now_ns();
    Machine m(batched(), {1, 2, 4, 8});
    seal::Encryptor encryptor(m.context, m.public_key);
    seal::Decryptor decryptor(m.context, m.keys.secret_key());
    seal::BatchEncoder encoder(m.context);
    at[1] = now_ns();
    auto encrypt = [&](auto value) {
        std::vector<std::uint64_t> slots(CONDITIONS.size());
        for (std::size_t i = 0; i < slots.size(); i++) slots[i] = value(CONDITIONS[i]);
        seal::Plaintext plain;
        encoder.encode(slots, plain);
        Ciphertext encrypted;
        encryptor.encrypt(plain, encrypted);
        return encrypted;
    };
    Bits less, than;
    for (int bit = 0; bit < WIDTH; bit++) {
        less.push_back(encrypt([&](const Condition &c) { return c.less >> bit & 1; }));
        than.push_back(encrypt([&](const Condition &c) { return c.than >> bit & 1; }));
    }
    auto flags = encrypt([](const Condition &c) { return int(c.flag); });
    at[2] = now_ns();
    seal::Plaintext one;
    encoder.encode(std::vector<std::uint64_t>(encoder.slot_count(), 1), one);
    auto score = m.multiply(flags, m.compare(less, than, 0, WIDTH, one).less);
    for (int step : {8, 4, 2, 1}) {  // slots behind the last condition are 0
        Ciphertext moved;
        m.evaluator.rotate_rows(score, step, m.galois, moved);
        m.evaluator.add_inplace(score, moved);
    }
    at[3] = now_ns();
    seal::Plaintext plain;
    decryptor.decrypt(score, plain);
    std::vector<std::uint64_t> slots;
    encoder.decode(plain, slots);
    at[4] = now_ns();
    if (slots[0] != std::uint64_t(expected())) wrong("the score", slots[0], expected());
    results.phases(at);
}

int main(int argc, char **argv) {
    const std::string variant = argc > 1 ? argv[1] : "";
    if (variant != "naive" && variant != "batched") {
        std::fprintf(stderr, "usage: cardio naive|batched [repetitions]\n");
        return 2;
    }
    Results results(PHASES);
    for (int i = 0; i < repetitions(argc, argv, 2); i++) variant == "naive" ? naive(results) : all_at_once(results);
}
