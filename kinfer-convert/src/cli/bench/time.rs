//! Time a decision.

use std::time::{Duration, Instant};

use kinfer_convert::engine::Caller;
use serde::Serialize;

use super::rows::decide;

/// Repetitions whose median is told.
const SAMPLES: usize = 101;

/// Long enough that the clock does not matter, short enough that most samples are not interrupted.
const SAMPLE: Duration = Duration::from_millis(4);

/// Nanoseconds a decision.
#[derive(Serialize)]
pub(super) struct Time {
    pub(super) median_ns: f64,
    pub(super) fastest_ns: f64,
    pub(super) slowest_ns: f64,
    pub(super) samples: usize,
    pub(super) decisions_a_sample: usize,
}

pub(super) fn measure(caller: &mut Caller<'_>, rows: &[Vec<i64>]) -> Time {
    let mut count = 16;
    loop {
        let began = Instant::now();
        decide(caller, rows, count);
        let took = began.elapsed();
        if took >= SAMPLE {
            break;
        }
        let factor = SAMPLE.as_secs_f64() / took.as_secs_f64().max(1e-9);
        count = (count as f64 * factor.clamp(1.1, 16.0)).ceil() as usize;
    }
    let mut sample = || {
        let began = Instant::now();
        decide(caller, rows, count);
        began.elapsed().as_nanos() as f64 / count as f64
    };
    let mut samples: Vec<f64> = (0..SAMPLES).map(|_| sample()).collect();
    samples.sort_by(f64::total_cmp);
    Time {
        median_ns: samples[SAMPLES / 2],
        fastest_ns: samples[0],
        slowest_ns: samples[SAMPLES - 1],
        samples: SAMPLES,
        decisions_a_sample: count,
    }
}
