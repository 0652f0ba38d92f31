//! Stamps criterion's samples: in a bench target write
//!
//! ```ignore
//! criterion_group! {
//!     name = benches;
//!     config = Criterion::default().with_measurement(duetbench::Stamps::new());
//!     targets = bench_sort
//! }
//! ```
//!
//! and take `&mut Criterion<duetbench::Stamps>` where it had `&mut Criterion`. Each pass, those of the warm-up
//! too, is a line of CSV in DUET_RESULTS (results.csv in the working directory without it), written at once. In
//! a synchronised run (DUET_BARRIER) both sides meet before each pass, and the column `synchronised` says
//! whether the other side came.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use criterion::measurement::{Measurement, ValueFormatter, WallTime};

/// Wall-clock time as criterion's own, with every pass stamped.
pub struct Stamps {
    clock: WallTime,
    origin: (Instant, u128),
    state: Mutex<State>,
}

struct State {
    file: File,
    passes: usize,
    barrier: Option<Barrier>,
    together: bool,
}

struct Barrier {
    own: File,
    other: File,
    alone: bool,
}

impl Stamps {
    /// Panics where the file or the barrier cannot be opened.
    pub fn new() -> Self {
        let path = env::var("DUET_RESULTS").unwrap_or_default();
        let path = if path.is_empty() { "results.csv".to_string() } else { path };
        let before = fs::read_to_string(&path).unwrap_or_default();
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .unwrap_or_else(|error| panic!("duetbench probe: {}: {}", path, error));
        let folder = env::var("DUET_BARRIER").unwrap_or_default();
        let barrier = if folder.is_empty() { None } else { Some(Barrier::join(&folder)) };
        if before.is_empty() {
            let more = if barrier.is_some() { ",synchronised" } else { "" };
            writeln!(file, "iteration,start_ns,end_ns{}", more).expect("duetbench probe");
        }
        // Times are read off the monotonic clock, so that durations are exact.
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
        Stamps {
            clock: WallTime,
            origin: (Instant::now(), epoch.as_nanos()),
            state: Mutex::new(State {
                file,
                passes: before.lines().count().saturating_sub(1),
                barrier,
                together: false,
            }),
        }
    }
}

impl Default for Stamps {
    fn default() -> Self {
        Stamps::new()
    }
}

impl Measurement for Stamps {
    type Intermediate = Instant;
    type Value = Duration;

    fn start(&self) -> Instant {
        let mut state = self.state.lock().expect("one thread measures");
        if let Some(barrier) = &mut state.barrier {
            let together = barrier.meet();
            state.together = together;
        }
        Instant::now()
    }

    fn end(&self, start: Instant) -> Duration {
        let length = start.elapsed();
        let mut state = self.state.lock().expect("one thread measures");
        let begin = self.origin.1 + start.duration_since(self.origin.0).as_nanos();
        let end = begin + length.as_nanos();
        let more = match (&state.barrier, state.together) {
            (None, _) => "",
            (_, true) => ",1",
            (_, false) => ",0",
        };
        let line = format!("{},{},{}{}\n", state.passes, begin, end, more);
        state.passes += 1;
        state.file.write_all(line.as_bytes()).expect("duetbench probe");
        length
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::from_secs(0)
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        self.clock.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        self.clock.formatter()
    }
}

impl Barrier {
    fn join(folder: &str) -> Self {
        let side = env::var("DUET_SIDE").unwrap_or_default();
        let other = if side == "A" { "B" } else { "A" };
        let open = |name: &str| {
            let path = Path::new(folder).join(format!("barrier.{}", name));
            // For reading and writing, so that opening waits for nobody.
            OpenOptions::new()
                .read(true)
                .write(true)
                .open(&path)
                .unwrap_or_else(|error| panic!("duetbench probe: {}: {}", path.display(), error))
        };
        Barrier { own: open(&side), other: open(other), alone: false }
    }

    fn meet(&mut self) -> bool {
        let mut mark = [b'g'];
        if !self.alone {
            let came = self.other.write_all(&mark).and_then(|_| self.own.read_exact(&mut mark));
            if came.is_err() || mark[0] != b'g' {
                self.alone = true;
                let _ = self.own.write_all(b"x"); // for the next process of this side
            }
        }
        !self.alone
    }
}
