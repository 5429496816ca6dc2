//! What the virtual machine leaves: the recorded devices, the ring buffer's statistics, and the trace itself, one tracepoint a line.
//!
//! An I/O begins with `block_bio_queue`, when the bio is handed to the block layer: before a request is allocated, before the
//! scheduler, before throttling and requeues. It ends with `block_rq_complete` on a device that takes requests. A device
//! that takes bios (device-mapper) has no requests, there it ends with `block_bio_complete`. Which of the two ends an I/O
//! is a property of the device, because the block layer clears a bio's completion trace once its request was traced.

use anyhow::{Context, Result, bail, ensure};

/// A recorded device: a line `major:minor name completion-event parameters` of `devices.txt`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// `major,minor`, as tracepoints print it.
    pub number: String,
    pub name: String,
    pub completion_event: String,
    pub parameters: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Submit,
    Complete,
}

/// A read or write that begins or ends. What names it on its device are its sectors: the recording switches merging off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    pub time_us: i64,
    pub kind: Kind,
    /// Index into the list of devices.
    pub device: usize,
    pub is_write: bool,
    pub sector: u64,
    pub sectors: u32,
}

pub fn parse_devices(text: &str) -> Result<Vec<Device>> {
    let devices: Vec<Device> = text
        .lines()
        .map(|line| {
            let mut words = line.splitn(4, ' ');
            let mut word = || words.next().with_context(|| format!("device line `{line}` has under four words"));
            Ok(Device {
                number: word()?.replace(':', ","),
                name: word()?.into(),
                completion_event: word()?.into(),
                parameters: word()?.into(),
            })
        })
        .collect::<Result<_>>()?;
    ensure!(!devices.is_empty(), "no device was recorded");
    Ok(devices)
}

/// Fails when the kernel's ring buffer overflowed: a lost event would pair a submission with another I/O's completion.
pub fn refuse_lost_events(statistics: &str) -> Result<()> {
    for counter in ["overrun", "commit overrun", "dropped events"] {
        let value = statistics
            .lines()
            .find_map(|line| line.strip_prefix(counter)?.strip_prefix(": "))
            .with_context(|| format!("the ring buffer's statistics lack `{counter}`"))?;
        ensure!(value.trim() == "0", "the ring buffer lost events ({counter}: {value})");
    }
    Ok(())
}

/// The reads and writes on the listed devices, in the order of the trace.
pub fn parse_events(text: &str, devices: &[Device]) -> Result<Vec<Event>> {
    let mut events = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let event = parse_line(line, devices).with_context(|| format!("trace line {}: `{line}`", index + 1))?;
        events.extend(event);
    }
    ensure!(events.is_sorted_by_key(|event| event.time_us), "the trace is not in the order of time");
    Ok(events)
}

/// `task-pid [cpu] flags seconds.micros: event: major,minor rwbs (command) sector + sectors …`, the command only for requests.
fn parse_line(line: &str, devices: &[Device]) -> Result<Option<Event>> {
    let (prefix, rest) = line.split_once(": block_").context("no block event")?;
    let time_us = parse_time(prefix.split_whitespace().next_back().context("no time stamp")?)?;
    let (name, fields) = rest.split_once(": ").context("no fields")?;
    let (number, fields) = fields.split_once(' ').context("no operation")?;
    let (rwbs, fields) = fields.split_once(' ').context("no sectors")?;

    let Some(device) = devices.iter().position(|device| device.number == number) else {
        return Ok(None);
    };
    let kind = match name {
        "bio_queue" => Kind::Submit,
        _ if devices[device].completion_event.strip_prefix("block_") == Some(name) => Kind::Complete,
        _ => return Ok(None),
    };
    // A leading F is a cache flush before the data.
    let is_write = match rwbs.trim_start_matches('F').chars().next() {
        Some('R') => false,
        Some('W') => true,
        _ => return Ok(None),
    };

    let extent = fields.rsplit_once(") ").map_or(fields, |(_, extent)| extent);
    let mut words = extent.split_whitespace();
    let sector = words.next().context("no sector")?.parse().context("sector")?;
    if words.next() != Some("+") {
        bail!("no `+` between sector and length");
    }
    let sectors = words.next().context("no length")?.parse().context("length")?;
    Ok((sectors > 0).then_some(Event { time_us, kind, device, is_write, sector, sectors }))
}

fn parse_time(stamp: &str) -> Result<i64> {
    let (seconds, micros) = stamp.split_once('.').context("time stamp without a fraction")?;
    ensure!(micros.len() == 6, "time stamp `{stamp}` is not in microseconds");
    Ok(seconds.parse::<i64>()? * 1_000_000 + micros.parse::<i64>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn devices() -> Vec<Device> {
        parse_devices(
            "254:0 nullslow block_rq_complete null_blk mbps=32\n\
             253:0 dm-0 block_bio_complete dm-delay 4 ms over null_blk\n",
        )
        .unwrap()
    }

    fn one(line: &str) -> Option<Event> {
        let events = parse_events(line, &devices()).unwrap();
        events.first().copied()
    }

    #[test]
    fn a_submission_names_device_operation_and_extent() {
        let line = "             fio-119     [000] .....     4.387431: block_bio_queue: 254,0 WS 33792 + 128 [fio]";
        let expected =
            Event { time_us: 4_387_431, kind: Kind::Submit, device: 0, is_write: true, sector: 33792, sectors: 128 };
        assert_eq!(one(line), Some(expected));
    }

    #[test]
    fn a_request_completes_with_its_command_field_skipped() {
        let line =
            "          <idle>-0       [000] d.h..    12.000499: block_rq_complete: 254,0 R () 64024 + 8 be,0,4 [0]";
        let expected =
            Event { time_us: 12_000_499, kind: Kind::Complete, device: 0, is_write: false, sector: 64024, sectors: 8 };
        assert_eq!(one(line), Some(expected));
    }

    #[test]
    fn the_completion_event_is_the_one_of_the_device() {
        let bio = "  kworker/0:1-9 [000] d.h.. 1.000001: block_bio_complete: 253,0 R 8 + 8 [0]";
        assert_eq!(one(bio).map(|event| (event.kind, event.device)), Some((Kind::Complete, 1)));
        assert_eq!(one(&bio.replace("253,0", "254,0")), None);
    }

    #[test]
    fn a_task_name_with_spaces_does_not_shift_the_fields() {
        let line = " fio job 1: x-7 [000] ..... 2.000003: block_bio_queue: 254,0 R 0 + 8 [fio job 1: x]";
        assert_eq!(one(line).map(|event| event.time_us), Some(2_000_003));
    }

    #[test]
    fn other_devices_flushes_and_discards_are_left_out() {
        let line = " fio-7 [000] ..... 2.000003: block_bio_queue: 254,0 R 0 + 8 [fio]";
        assert!(one(line).is_some());
        assert_eq!(one(&line.replace("254,0", "254,9")), None);
        assert_eq!(one(&line.replace(" R 0 + 8", " DS 0 + 8")), None);
        assert_eq!(one(&line.replace(" R 0 + 8", " FF 0 + 0")), None);
        assert_eq!(one(&line.replace(" R ", " FWFS ")).map(|event| event.is_write), Some(true));
    }

    #[test]
    fn a_line_that_is_no_event_is_named() {
        let error = parse_events("# tracer: nop\nCPU:0 [LOST 12 EVENTS]\n", &devices()).unwrap_err();
        assert!(error.to_string().starts_with("trace line 2: "), "{error}");
    }

    #[test]
    fn a_trace_with_lost_events_is_refused() {
        let clean = "entries: 4\noverrun: 0\ncommit overrun: 0\ndropped events: 0\n";
        assert!(refuse_lost_events(clean).is_ok());
        assert!(refuse_lost_events(&clean.replace("\noverrun: 0", "\noverrun: 3")).is_err());
        assert!(refuse_lost_events("entries: 4\n").is_err());
    }
}
