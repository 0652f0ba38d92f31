//! Benchmarks of Rust's library; one of them can be made to fail (BROKEN=1).

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use criterion::{black_box, criterion_group, criterion_main, BenchmarkId, Criterion};
use duetbench::Stamps;

fn numbers(n: u32) -> Vec<u32> {
    let mut x = 1u32;
    let next = |_| {
        x = x.wrapping_mul(1664525).wrapping_add(1013904223);
        x
    };
    (0..n).map(next).collect()
}

fn sort(c: &mut Criterion<Stamps>) {
    let mut group = c.benchmark_group("sort");
    for n in [100, 10_000] {
        let v = numbers(n);
        group.bench_with_input(BenchmarkId::from_parameter(n), &v, |b, v| {
            b.iter(|| {
                let mut copy = v.clone();
                copy.sort_unstable();
                copy
            })
        });
    }
    group.finish();
}

fn maps(c: &mut Criterion<Stamps>) {
    let v = numbers(1000);
    c.bench_function("hash map", |b| b.iter(|| v.iter().map(|i| (*i, ())).collect::<HashMap<_, _>>()));
    c.bench_function("tree map", |b| b.iter(|| v.iter().map(|i| (*i, ())).collect::<BTreeMap<_, _>>()));
    c.bench_function("join", |b| {
        b.iter(|| {
            if std::env::var_os("BROKEN").is_some() {
                panic!("made to fail");
            }
            v.iter().map(|i| black_box(*i).to_string()).collect::<Vec<_>>().join(" ")
        })
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .with_measurement(Stamps::new())
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1000));
    targets = sort, maps
}
criterion_main!(benches);
