//! What a device's queue knows when an I/O is about to be issued.
//!
//! A feature is an integer counter that a block driver could keep: sums, differences and shifts of event times and sizes. Nothing here
//! looks ahead: `History::submit` answers from the events that were given to it before.

use std::collections::{HashMap, VecDeque};

use anyhow::{Context, Result};

use crate::trace::{Event, Kind};

/// A column's name and unit; the order is the model's input order.
pub const FEATURES: [(&str, &str); FEATURE_COUNT] = [
    ("size_bytes", "B"),
    ("is_write", "1"),
    ("queue_ios", "1"),
    ("queue_bytes", "B"),
    ("queue_write_ios", "1"),
    ("oldest_us", "us"),
    ("since_completion_us", "us"),
    ("done_bytes", "B"),
    ("mean_latency_us", "us"),
    ("latency_us_1", "us"),
    ("latency_us_2", "us"),
    ("latency_us_3", "us"),
    ("latency_us_4", "us"),
    ("depth_1", "1"),
    ("depth_2", "1"),
    ("depth_3", "1"),
    ("depth_4", "1"),
];
pub const FEATURE_COUNT: usize = 17;

/// Durations stop here, so that a pause of the workload does not stretch their scale.
pub const LONGEST_US: i64 = 200_000;
/// `done_bytes` looks this far back.
pub const WINDOW_US: i64 = 20_000;

const COMPLETIONS: usize = 4;
/// The running mean moves by 1/2^4 of the difference at every completion.
const MEAN_SHIFT: u32 = 4;
const SECTOR_BYTES: i64 = 512;

/// A finished I/O with what was known when it was submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Io {
    pub time_us: i64,
    pub device: usize,
    pub latency_us: i64,
    pub features: [i64; FEATURE_COUNT],
}

pub struct Replay {
    /// In the order of submission.
    pub ios: Vec<Io>,
    pub unfinished: usize,
}

/// Pairs submissions with completions and collects every I/O that was submitted when its device had a full history.
///
/// I/Os on the same sectors that are in flight together are paired in the order of submission.
pub fn replay(events: &[Event], devices: usize) -> Result<Replay> {
    let mut histories: Vec<_> = (0..devices).map(|_| History::default()).collect();
    let mut ios = Vec::new();
    for event in events {
        let history = &mut histories[event.device];
        match event.kind {
            Kind::Submit => history.submit(event),
            Kind::Complete => ios.extend(history.complete(event).with_context(|| format!("{event:?}"))?),
        }
    }
    ios.sort_by_key(|io| io.time_us);
    let unfinished = histories.iter().map(|history| history.in_flight.len()).sum();
    Ok(Replay { ios, unfinished })
}

#[derive(Default)]
struct History {
    /// In the order of submission.
    in_flight: VecDeque<Pending>,
    next_id: u64,
    by_extent: HashMap<(u64, u32, bool), VecDeque<u64>>,
    queue_bytes: i64,
    queue_write_ios: i64,
    /// The newest first.
    recent: VecDeque<Completion>,
    /// Completions of the window, the newest last.
    window: VecDeque<(i64, i64)>,
    window_bytes: i64,
    /// The running mean, times 2^[`MEAN_SHIFT`].
    mean_scaled_us: i64,
}

struct Pending {
    id: u64,
    time_us: i64,
    bytes: i64,
    depth: i64,
    /// None while the device's history is short.
    features: Option<[i64; FEATURE_COUNT]>,
}

struct Completion {
    time_us: i64,
    latency_us: i64,
    depth: i64,
}

impl History {
    fn submit(&mut self, event: &Event) {
        let bytes = i64::from(event.sectors) * SECTOR_BYTES;
        let features = self.features(event.time_us, bytes, event.is_write);
        let id = self.next_id;
        self.next_id += 1;
        self.by_extent.entry((event.sector, event.sectors, event.is_write)).or_default().push_back(id);
        let depth = self.in_flight.len() as i64;
        self.in_flight.push_back(Pending { id, time_us: event.time_us, bytes, depth, features });
        self.queue_bytes += bytes;
        self.queue_write_ios += i64::from(event.is_write);
    }

    fn complete(&mut self, event: &Event) -> Result<Option<Io>> {
        let extent = (event.sector, event.sectors, event.is_write);
        let id = self.by_extent.get_mut(&extent).and_then(VecDeque::pop_front).context("no such I/O is in flight")?;
        let index = self.in_flight.iter().position(|pending| pending.id == id).context("no such I/O is in flight")?;
        let pending = self.in_flight.remove(index).context("no such I/O is in flight")?;
        let latency_us = event.time_us - pending.time_us;

        self.queue_bytes -= pending.bytes;
        self.queue_write_ios -= i64::from(event.is_write);
        self.window.push_back((event.time_us, pending.bytes));
        self.window_bytes += pending.bytes;
        self.mean_scaled_us += if self.recent.is_empty() {
            latency_us << MEAN_SHIFT
        } else {
            latency_us - (self.mean_scaled_us >> MEAN_SHIFT)
        };
        self.recent.push_front(Completion { time_us: event.time_us, latency_us, depth: pending.depth });
        self.recent.truncate(COMPLETIONS);

        let io = |features| Io { time_us: pending.time_us, device: event.device, latency_us, features };
        Ok(pending.features.map(io))
    }

    /// The counters before the I/O itself is counted, in the order of [`FEATURES`].
    fn features(&mut self, now_us: i64, bytes: i64, is_write: bool) -> Option<[i64; FEATURE_COUNT]> {
        while let Some(&(time_us, bytes)) = self.window.front()
            && time_us < now_us - WINDOW_US
        {
            self.window.pop_front();
            self.window_bytes -= bytes;
        }
        if self.recent.len() < COMPLETIONS {
            return None;
        }
        let age = |time_us: i64| (now_us - time_us).min(LONGEST_US);
        let latency = |index: usize| self.recent[index].latency_us.min(LONGEST_US);
        let depth = |index: usize| self.recent[index].depth;
        Some([
            bytes,
            i64::from(is_write),
            self.in_flight.len() as i64,
            self.queue_bytes,
            self.queue_write_ios,
            self.in_flight.front().map_or(0, |oldest| age(oldest.time_us)),
            age(self.recent[0].time_us),
            self.window_bytes,
            (self.mean_scaled_us >> MEAN_SHIFT).min(LONGEST_US),
            latency(0),
            latency(1),
            latency(2),
            latency(3),
            depth(0),
            depth(1),
            depth(2),
            depth(3),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: Kind, time_us: i64, sector: u64, sectors: u32) -> Event {
        Event { time_us, kind, device: 0, is_write: sector >= 1000, sector, sectors }
    }

    fn submit(time_us: i64, sector: u64) -> Event {
        event(Kind::Submit, time_us, sector, 8)
    }

    fn complete(time_us: i64, sector: u64) -> Event {
        event(Kind::Complete, time_us, sector, 8)
    }

    fn feature(io: &Io, name: &str) -> i64 {
        io.features[FEATURES.iter().position(|(feature, _)| *feature == name).unwrap()]
    }

    /// Four I/Os one after another, with latencies of 100, 200, 300 and 400 µs, the last completion at 4,400 µs.
    fn warm_up() -> Vec<Event> {
        (1..=4).flat_map(|n| [submit(1000 * n, n as u64), complete(1100 * n, n as u64)]).collect()
    }

    #[test]
    fn a_row_says_what_was_in_flight_and_what_completed_last() {
        let mut events = warm_up();
        events.extend([submit(5000, 1008), submit(5100, 16), submit(5300, 24)]);
        events.extend([complete(6000, 1008), complete(6100, 16), complete(6200, 24)]);
        let replay = replay(&events, 1).unwrap();
        let io = &replay.ios[2];
        assert_eq!((io.time_us, io.latency_us), (5300, 900));
        let facts = [
            ("size_bytes", 4096),
            ("is_write", 0),
            ("queue_ios", 2),
            ("queue_bytes", 8192),
            ("queue_write_ios", 1),
            ("oldest_us", 300),
            ("since_completion_us", 900),
            ("done_bytes", 4 * 4096),
            ("latency_us_1", 400),
            ("latency_us_4", 100),
            ("depth_1", 0),
        ];
        for (name, value) in facts {
            assert_eq!(feature(io, name), value, "{name}");
        }
    }

    #[test]
    fn rows_begin_when_four_completions_are_known() {
        let mut events = warm_up();
        assert!(replay(&events, 1).unwrap().ios.is_empty());
        events.extend([submit(5000, 9), complete(5001, 9)]);
        assert_eq!(replay(&events, 1).unwrap().ios.len(), 1);
    }

    #[test]
    fn the_window_forgets_old_bytes_and_durations_stop_growing() {
        let mut events = warm_up();
        events.extend([submit(23_300, 9), complete(23_400, 9), submit(900_000, 9), complete(900_100, 9)]);
        let ios = replay(&events, 1).unwrap().ios;
        assert_eq!(feature(&ios[0], "done_bytes"), 2 * 4096);
        assert_eq!(feature(&ios[1], "done_bytes"), 0);
        assert_eq!(feature(&ios[1], "since_completion_us"), LONGEST_US);
    }

    #[test]
    fn the_running_mean_starts_at_the_first_latency() {
        let mut events = vec![submit(0, 1), complete(1600, 1)];
        for n in 1..4 {
            events.extend([submit(10_000 * n, 1), complete(10_000 * n + 1600, 1)]);
        }
        events.extend([submit(50_000, 1), complete(50_000, 1), submit(60_000, 1), complete(60_000, 1)]);
        let ios = replay(&events, 1).unwrap().ios;
        assert_eq!(feature(&ios[0], "mean_latency_us"), 1600);
        assert_eq!(feature(&ios[1], "mean_latency_us"), 1500);
    }

    #[test]
    fn the_same_sectors_in_flight_twice_are_paired_in_order() {
        let mut events = warm_up();
        events.extend([submit(5000, 9), submit(5010, 9), complete(5100, 9), complete(5200, 9)]);
        let latencies: Vec<_> = replay(&events, 1).unwrap().ios.iter().map(|io| io.latency_us).collect();
        assert_eq!(latencies, [100, 190]);
    }

    #[test]
    fn a_completion_without_a_submission_is_refused() {
        let error = replay(&[complete(5, 9)], 1).err().unwrap();
        assert_eq!(error.root_cause().to_string(), "no such I/O is in flight");
    }

    /// Cutting the trace right after any submission, and completing everything at once, must not change that I/O's features.
    #[test]
    fn features_do_not_depend_on_the_future() {
        let mut events = Vec::new();
        let mut state = 7u64;
        let mut in_flight: Vec<u64> = Vec::new();
        for step in 0..400 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let roll = state >> 33;
            let time_us = 50 * step + (roll % 50) as i64;
            if in_flight.is_empty() || (roll % 5 < 3 && in_flight.len() < 12) {
                in_flight.push(step as u64);
                events.push(submit(time_us, step as u64));
            } else {
                let sector = in_flight.remove(roll as usize % in_flight.len());
                events.push(complete(time_us, sector));
            }
        }
        let whole = replay(&events, 1).unwrap().ios;
        assert!(whole.len() > 100);
        for io in &whole {
            let at = events.iter().position(|event| event.kind == Kind::Submit && event.time_us == io.time_us).unwrap();
            let mut cut = events[..=at].to_vec();
            let open: Vec<_> = cut.iter().filter(|event| event.kind == Kind::Submit).copied().collect();
            let done: Vec<_> =
                cut.iter().filter(|event| event.kind == Kind::Complete).map(|event| event.sector).collect();
            let rest = open.into_iter().filter(|event| !done.contains(&event.sector));
            cut.extend(rest.map(|event| Event { time_us: 1_000_000, kind: Kind::Complete, ..event }));
            let ios = replay(&cut, 1).unwrap().ios;
            let same = ios.iter().find(|other| other.time_us == io.time_us).unwrap();
            assert_eq!(same.features, io.features);
        }
    }
}
