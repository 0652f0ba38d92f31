//! Stamps of a program's phases, a line for each repetition in results.csv (epoch nanoseconds).

use std::fs::File;
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// 128 bits of security and at most one failed look-up in 2^128, the crate's default parameters.
pub fn keys() -> (tfhe::ClientKey, tfhe::ServerKey) {
    tfhe::generate_keys(tfhe::ConfigBuilder::default().build())
}

#[derive(Default)]
pub struct Stamps(Vec<u128>);

impl Stamps {
    pub fn stamp(&mut self) {
        self.0.push(SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_nanos());
    }
}

/// PROGRAM VARIANT [REPETITIONS]; a variant stamps four phases and says what is wrong with its result.
pub fn repeat(variants: &[(&str, fn(&mut Stamps) -> Result<(), String>)]) {
    let arguments: Vec<String> = std::env::args().collect();
    let named = |name: &String| variants.iter().find(|(known, _)| known == name);
    let Some((_, variant)) = arguments.get(1).and_then(named) else {
        let names: Vec<&str> = variants.iter().map(|(name, _)| *name).collect();
        eprintln!("usage: {} {} [repetitions]", arguments[0], names.join("|"));
        std::process::exit(2);
    };
    let count = arguments.get(2).map_or(1, |text| text.parse().expect("a number of repetitions"));
    let mut file = File::create("results.csv").expect("results.csv can be written");
    writeln!(
        file,
        "iteration,start_ns,end_ns,t_keygen_ns,t_input_encryption_ns,t_computation_ns,t_decryption_ns"
    )
    .expect("results.csv can be written");
    for iteration in 0..count {
        let mut stamps = Stamps::default();
        stamps.stamp();
        if let Err(wrong) = variant(&mut stamps) {
            eprintln!("wrong result: {wrong}");
            std::process::exit(1);
        }
        let at = stamps.0;
        let phases: Vec<String> = at.windows(2).map(|ends| (ends[1] - ends[0]).to_string()).collect();
        writeln!(file, "{iteration},{},{},{}", at[0], at[4], phases.join(","))
            .expect("results.csv can be written");
    }
}

pub fn check<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), String> {
    (found == expected).then_some(()).ok_or(format!("{what} is {found:?}, not {expected:?}"))
}
