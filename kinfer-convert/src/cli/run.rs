//! `kinfer run`.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use fixed::types::I32F32;
use kinfer::{Decision, Model};
use kinfer_convert::data::Data;
use kinfer_convert::engine::Engine;
use kinfer_convert::progress::Progress;
use kinfer_convert::{Error, Result};

use super::{EXIT_STATUS, file, watch};

const COLUMNS: &str = "\
Columns written: the features, in the order of the schema; class, outcome, value, margin and flags (out-of-range, low-margin, \
joined by |) of the decision; value_bits and margin_bits, the same numbers as integers (I32F32). Value and margin are exact.";

/// Decide every row of a data file with the integer engine.
#[derive(Args, Debug)]
#[command(after_help = format!(
    "{COLUMNS}\n\nExample: kinfer run io-latency.kinf --input test.parquet -o decisions.csv\n\n{EXIT_STATUS}"
))]
pub(crate) struct Run {
    /// A .kinf file
    #[arg(value_name = "MODEL.kinf")]
    model: PathBuf,
    /// Rows of raw counters, CSV or Parquet; columns are found by the schema's names
    #[arg(long, value_name = "DATA")]
    input: PathBuf,
    /// CSV file to write; standard output without it
    #[arg(short, long, value_name = "OUT.csv")]
    output: Option<PathBuf>,
}

impl Run {
    pub(crate) fn run(self) -> Result<()> {
        let bytes = file::read(&self.model)?;
        let engine = Engine::load(&bytes)?;
        let model = Model::parse(&bytes).map_err(Error::Refused)?;
        let names: Vec<_> = model.features().iter().map(|feature| feature.name.to_string()).collect();
        let outcomes: Vec<_> = model.outcomes().iter().map(|name| name.to_string()).collect();

        let data = Data::read(&self.input, &names, None)?;
        let bar = watch::Bar::default();
        bar.begin("integer engine", data.len());
        let decisions = engine.decide(&data, &bar)?;
        drop(bar);

        let table = |out: &mut dyn Write| write(out, &names, &outcomes, &data, &decisions);
        match &self.output {
            Some(path) => file::write_atomically(path, table),
            None => match table(&mut io::BufWriter::new(io::stdout().lock())) {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                    Err(Error::Write { path: "standard output".into(), source: error })
                }
                _ => Ok(()),
            },
        }
    }
}

fn write(
    out: &mut dyn Write,
    names: &[String],
    outcomes: &[String],
    data: &Data,
    decisions: &[Decision],
) -> io::Result<()> {
    let mut table = csv::Writer::from_writer(out);
    write_rows(&mut table, names, outcomes, data, decisions).map_err(|error| match error.into_kind() {
        csv::ErrorKind::Io(error) => error, // keeps its kind: a closed pipe is no failure
        other => io::Error::other(format!("{other:?}")),
    })?;
    table.flush()
}

fn write_rows(
    table: &mut csv::Writer<&mut dyn Write>,
    names: &[String],
    outcomes: &[String],
    data: &Data,
    decisions: &[Decision],
) -> csv::Result<()> {
    let decided = ["class", "outcome", "value", "margin", "flags", "value_bits", "margin_bits"];
    table.write_record(names.iter().map(String::as_str).chain(decided))?;
    for (row, decision) in data.rows().zip(decisions) {
        for counter in row {
            table.write_field(counter.to_string())?;
        }
        let Decision { class, value, margin, flags } = decision;
        table.write_field(class.to_string())?;
        table.write_field(outcomes.get(*class as usize).map_or("", String::as_str))?;
        table.write_field(exact(*value))?;
        table.write_field(exact(*margin))?;
        table.write_field(flags.to_string())?;
        table.write_field(value.to_bits().to_string())?;
        table.write_field(margin.to_bits().to_string())?;
        table.write_record(None::<&[u8]>)?;
    }
    Ok(())
}

/// All digits of a fixed-point number: 2^-32 has 32 of them after the point.
fn exact(number: I32F32) -> String {
    let digits = format!("{number:.32}");
    digits.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_point_numbers_are_written_with_all_their_digits() {
        assert_eq!(exact(I32F32::from_bits(1)), "0.00000000023283064365386962890625");
        assert_eq!(exact(I32F32::from_bits(-1)), "-0.00000000023283064365386962890625");
        assert_eq!(exact(I32F32::from_num(-12.5)), "-12.5");
        assert_eq!(exact(I32F32::from_num(100)), "100");
    }
}
