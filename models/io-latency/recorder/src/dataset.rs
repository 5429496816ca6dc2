//! The split by time and the label.
//!
//! The first 60 % of the I/Os are for training, the next 20 % for validation, the last 20 % for the test: never shuffled, as a
//! model in a kernel is trained on the past and decides about the future. An I/O is slow when its latency lies above the
//! 85th percentile of the latencies of its device *in the training part*.

use anyhow::{Result, ensure};

use crate::features::Io;

const TRAIN_PERCENT: usize = 60;
const VALIDATION_PERCENT: usize = 20;
pub const SLOW_PERCENTILE: usize = 85;

pub struct Dataset {
    ios: Vec<Io>,
    train_end: usize,
    validation_end: usize,
    /// A threshold a device: slower than this is slow.
    pub thresholds_us: Vec<i64>,
}

/// `ios` in the order of time.
pub fn build(ios: Vec<Io>, devices: usize) -> Result<Dataset> {
    let train_end = ios.len() * TRAIN_PERCENT / 100;
    let validation_end = ios.len() * (TRAIN_PERCENT + VALIDATION_PERCENT) / 100;
    let thresholds_us = (0..devices)
        .map(|device| {
            let mut latencies: Vec<_> =
                ios[..train_end].iter().filter(|io| io.device == device).map(|io| io.latency_us).collect();
            ensure!(latencies.len() >= 100, "device {device} has only {} training I/Os", latencies.len());
            latencies.sort_unstable();
            Ok(latencies[(latencies.len() - 1) * SLOW_PERCENTILE / 100])
        })
        .collect::<Result<_>>()?;
    Ok(Dataset { ios, train_end, validation_end, thresholds_us })
}

impl Dataset {
    pub fn parts(&self) -> [(&'static str, &[Io]); 3] {
        [
            ("train", &self.ios[..self.train_end]),
            ("validation", &self.ios[self.train_end..self.validation_end]),
            ("test", &self.ios[self.validation_end..]),
        ]
    }

    pub fn is_slow(&self, io: &Io) -> bool {
        is_slow(io, &self.thresholds_us)
    }
}

pub fn is_slow(io: &Io, thresholds_us: &[i64]) -> bool {
    io.latency_us > thresholds_us[io.device]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::FEATURE_COUNT;

    fn ios(latency_us: impl Fn(i64) -> i64) -> Vec<Io> {
        let io =
            |n| Io { time_us: n, device: (n % 2) as usize, latency_us: latency_us(n), features: [0; FEATURE_COUNT] };
        (0..1000).map(io).collect()
    }

    #[test]
    fn the_parts_follow_one_another_in_time() {
        let dataset = build(ios(|n| n), 2).unwrap();
        let [train, validation, test] = dataset.parts().map(|(_, rows)| rows);
        assert_eq!([train.len(), validation.len(), test.len()], [600, 200, 200]);
        assert!(train.last().unwrap().time_us < validation[0].time_us);
        assert!(validation.last().unwrap().time_us < test[0].time_us);
    }

    #[test]
    fn a_share_of_fifteen_percent_of_each_device_is_slow_in_training() {
        let dataset = build(ios(|n| if n % 2 == 0 { n * 7 % 300 } else { 10_000 + n * 7 % 300 }), 2).unwrap();
        let (_, train) = dataset.parts()[0];
        for device in 0..2 {
            let slow = train.iter().filter(|io| io.device == device && dataset.is_slow(io)).count();
            assert!((40..=45).contains(&slow), "{slow} of 300");
        }
    }

    #[test]
    fn thresholds_do_not_look_at_validation_or_test() {
        let honest = build(ios(|n| n % 300), 2).unwrap();
        let later = build(ios(|n| if n < 600 { n % 300 } else { 1_000_000 }), 2).unwrap();
        assert_eq!(honest.thresholds_us, later.thresholds_us);
    }

    #[test]
    fn a_device_without_training_data_is_refused() {
        assert!(build(ios(|n| n), 3).is_err());
    }
}
