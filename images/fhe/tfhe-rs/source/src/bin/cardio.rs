//! cardio: see images/fhe/seal/source/cardio.cpp. Numbers are integers of 8 encrypted bits, conditions booleans.
//! Usage: cardio naive [repetitions]

use programs::{check, keys, repeat, Stamps};
use tfhe::prelude::*;
use tfhe::{set_server_key, FheBool, FheUint8};

const FEMALE: bool = false;
const ANTECEDENT: bool = true;
const SMOKER: bool = true;
const DIABETES: bool = true;
const PRESSURE: bool = false;
const AGE: u8 = 55;
const HDL: u8 = 50;
const HEIGHT: u8 = 180;
const WEIGHT: u8 = 80;
const ACTIVITY: u8 = 45;
const DRINKS: u8 = 4;

/// A flag that must hold, and what must be less than what.
const CONDITIONS: [(bool, u8, u8); 11] = [
    (!FEMALE, 50, AGE),
    (FEMALE, 60, AGE),
    (ANTECEDENT, 0, 1),
    (SMOKER, 0, 1),
    (DIABETES, 0, 1),
    (PRESSURE, 0, 1),
    (true, HDL, 40),
    (true, HEIGHT, WEIGHT + 90),
    (true, ACTIVITY, 30),
    (!FEMALE, 3, DRINKS),
    (FEMALE, 2, DRINKS),
];

fn naive(at: &mut Stamps) -> Result<(), String> {
    let (client, server) = keys();
    set_server_key(server);
    at.stamp();
    let encrypted: Vec<(FheBool, FheUint8, FheUint8)> = CONDITIONS
        .iter()
        .map(|&(flag, less, than)| {
            (
                FheBool::encrypt(flag, &client),
                FheUint8::encrypt(less, &client),
                FheUint8::encrypt(than, &client),
            )
        })
        .collect();
    at.stamp();
    let mut score = FheUint8::encrypt_trivial(0u8);
    for (flag, less, than) in &encrypted {
        let counts: FheUint8 = (flag & less.lt(than)).cast_into();
        score += counts;
    }
    at.stamp();
    let found: u8 = score.decrypt(&client);
    at.stamp();
    let expected = CONDITIONS.iter().filter(|(flag, less, than)| *flag && less < than).count();
    check("the score", usize::from(found), expected)
}

fn main() {
    repeat(&[("naive", naive)]);
}
