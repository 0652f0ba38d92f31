//! chi-squared: four terms of three encrypted genotype counts; see images/fhe/seal/source/chi_squared.cpp.
//! Usage: chi-squared naive [repetitions]

use programs::{check, keys, repeat, Stamps};
use tfhe::prelude::*;
use tfhe::{set_server_key, FheInt16};

const COUNTS: [i16; 3] = [2, 7, 9];

fn naive(at: &mut Stamps) -> Result<(), String> {
    let (client, server) = keys();
    set_server_key(server);
    at.stamp();
    let [n0, n1, n2] = COUNTS.map(|count| FheInt16::encrypt(count, &client));
    at.stamp();
    let p = &n0 * 2i16 + &n1;
    let q = &n2 * 2i16 + &n1;
    let difference = &n0 * &n2 * 4i16 - &n1 * &n1;
    let terms = [&difference * &difference, &p * &p * 2i16, &p * &q, &q * &q * 2i16];
    at.stamp();
    let found = terms.map(|term| -> i16 { term.decrypt(&client) });
    at.stamp();
    let [n0, n1, n2] = COUNTS;
    let (p, q) = (2 * n0 + n1, 2 * n2 + n1);
    let difference = 4 * n0 * n2 - n1 * n1;
    check("the terms", found, [difference * difference, 2 * p * p, p * q, 2 * q * q])
}

fn main() {
    repeat(&[("naive", naive)]);
}
