//! `io-latency-recorder TRACE_DIR OUT_DIR`: reads `devices.txt`, `buffer.txt` and `trace.txt` as `record.sh` leaves them
//! and writes `train.parquet`, `validation.parquet` and `test.parquet`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use io_latency_recorder::{dataset, features, table, trace};

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [trace_dir, out_dir] = arguments.as_slice() else {
        bail!("usage: io-latency-recorder TRACE_DIR OUT_DIR");
    };
    let read = |name: &str| {
        let path = Path::new(trace_dir).join(name);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };

    trace::refuse_lost_events(&read("buffer.txt")?)?;
    let devices = trace::parse_devices(&read("devices.txt")?)?;
    let events = trace::parse_events(&read("trace.txt")?, &devices)?;
    let replay = features::replay(&events, devices.len())?;
    println!("{} events, {} I/Os, {} still in flight at the end", events.len(), replay.ios.len(), replay.unfinished);

    let dataset = dataset::build(replay.ios, devices.len())?;
    for (device, threshold) in devices.iter().zip(&dataset.thresholds_us) {
        println!("{:<10} slow above {threshold} us ({})", device.name, device.parameters);
    }
    fs::create_dir_all(out_dir)?;
    for (name, rows) in dataset.parts() {
        let path = Path::new(out_dir).join(format!("{name}.parquet"));
        table::write(&path, rows, &devices, &dataset.thresholds_us)?;
        let slow = rows.iter().filter(|io| dataset.is_slow(io)).count();
        let share = 100.0 * slow as f64 / rows.len() as f64;
        let bytes = fs::metadata(&path)?.len();
        println!("{name:<10} {:>6} rows, {share:.1} % slow, {bytes} bytes", rows.len());
    }
    Ok(())
}
