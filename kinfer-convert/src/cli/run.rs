//! `kinfer run`.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use fixed::types::I32F32;
use kinfer::format::HeadKind;
use kinfer::{Decision, Flags, Model, Ranked};
use kinfer_convert::data::{Column, Data};
use kinfer_convert::engine::{Engine, UNBOUNDED};
use kinfer_convert::progress::Progress;
use kinfer_convert::{Error, Result};

use super::{Console, EXIT_STATUS, console, file, watch};

const COLUMNS: &str = "\
Columns written: the features as raw counters, in the order of the schema; class, outcome, value, margin and flags \
(out-of-range, low-margin, anomaly, joined by |) of the decision; value_bits and margin_bits, the same numbers as integers \
(I32F32). Value and margin are exact, in the units of the scores; for a regression the value is the answer. A top-k head adds \
ranked: the k best classes, best first, as outcome=value joined by |.";

/// Share of a column's range that rounding may cost before a note says so.
const COARSE: f64 = 1.0 / 256.0;

/// Decide every row of a data file with the integer engine.
///
/// A column of a feature with a resolution (a unit like `1e-3 cm`) holds values in the unit; they are divided by the
/// resolution and rounded. A model that keeps state does so from row to row. The kernel's budget is not asked: see `kinfer
/// check`.
#[derive(Args, Debug)]
#[command(after_help = format!(
    "{COLUMNS}\n\nExample: kinfer run io-latency.kinf --input test.parquet -o decisions.csv\n\n{EXIT_STATUS}"
))]
pub(crate) struct Run {
    /// A .kinf file
    #[arg(value_name = "MODEL.kinf")]
    model: PathBuf,
    /// Rows, as CSV, Parquet, NPY or NPZ; columns are found by the schema's names, those of arrays are taken in order
    #[arg(long, value_name = "DATA")]
    input: PathBuf,
    /// CSV file to write; standard output without it
    #[arg(short, long, value_name = "OUT.csv")]
    output: Option<PathBuf>,
}

/// What is written of every row.
struct Rows {
    names: Vec<String>,
    outcomes: Vec<String>,
    data: Data,
    decisions: Vec<Decision>,
    /// For a head that ranks several classes, their numbers and values.
    ranked: Option<Vec<Vec<Ranked>>>,
}

impl Run {
    pub(crate) fn run(self, console: Console) -> Result<()> {
        let bytes = file::read(&self.model)?;
        let engine = Engine::load_within(&bytes, &UNBOUNDED)?;
        let model = Model::parse(&bytes).map_err(Error::Refused)?;
        let columns = schema(&model);
        let data = Data::read(&self.input, &columns, None)?;

        let bar = watch::Bar::new(console);
        bar.begin("integer engine", data.len());
        let rows = Rows::decide(&engine, &model, data, &bar);
        drop(bar);
        rows.tell(console, &columns);

        let table = |out: &mut dyn Write| rows.write(out);
        match &self.output {
            Some(path) => file::write_atomically(path, table),
            None => console::written(table(&mut io::BufWriter::new(io::stdout().lock()))),
        }
    }
}

/// The columns that a model's features are read from.
pub(super) fn schema(model: &Model<'_>) -> Vec<Column> {
    model.features().iter().map(|feature| Column::of_schema(feature.name.as_str(), feature.unit.as_str())).collect()
}

impl Rows {
    fn decide(engine: &Engine, model: &Model<'_>, data: Data, progress: &dyn Progress) -> Self {
        let k = match model.head().kind {
            HeadKind::TopK(k) => k as usize,
            _ => 0,
        };
        let (mut decisions, mut ranked) = (Vec::with_capacity(data.len()), Vec::new());
        let mut caller = engine.caller();
        for row in data.rows() {
            decisions.push(caller.decide(row));
            if k > 0 {
                let mut best = vec![Ranked::default(); k];
                let filled = caller.top(&mut best);
                best.truncate(filled);
                ranked.push(best);
            }
            progress.advance(1);
        }
        Self {
            names: model.features().iter().map(|feature| feature.name.to_string()).collect(),
            outcomes: model.outcomes().iter().map(|name| name.to_string()).collect(),
            data,
            decisions,
            ranked: (k > 0).then_some(ranked),
        }
    }

    /// What the data says about whether it fits the model.
    fn tell(&self, console: Console, columns: &[Column]) {
        for (column, &rounding) in columns.iter().zip(&self.data.rounding).filter(|(_, rounding)| **rounding > COARSE) {
            let resolution = column.resolution.unwrap_or(1.0);
            console.note(&format!(
                "note: column `{}` loses up to {:.2} % of its range by rounding to the schema's resolution of {resolution}; is \
                 it in the schema's unit?",
                column.name,
                100.0 * rounding
            ));
        }
        let outside = self.decisions.iter().filter(|decision| decision.flags.contains(Flags::OUT_OF_RANGE)).count();
        if outside > 0 {
            let all = self.decisions.len();
            console.note(&format!("note: {outside} of {all} rows have a counter outside the calibrated range"));
        }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut table = csv::Writer::from_writer(out);
        self.write_rows(&mut table).map_err(|error| match error.into_kind() {
            csv::ErrorKind::Io(error) => error, // keeps its kind: a closed pipe is no failure
            other => io::Error::other(format!("{other:?}")),
        })?;
        table.flush()
    }

    fn write_rows(&self, table: &mut csv::Writer<&mut dyn Write>) -> csv::Result<()> {
        let decided = ["class", "outcome", "value", "margin", "flags", "value_bits", "margin_bits"];
        let ranked = self.ranked.as_ref().map(|_| "ranked");
        table.write_record(self.names.iter().map(String::as_str).chain(decided).chain(ranked))?;
        for (index, (row, decision)) in self.data.rows().zip(&self.decisions).enumerate() {
            for counter in row {
                table.write_field(counter.to_string())?;
            }
            let Decision { class, value, margin, flags } = decision;
            table.write_field(class.to_string())?;
            table.write_field(self.outcome(*class))?;
            table.write_field(exact(*value))?;
            table.write_field(exact(*margin))?;
            table.write_field(flags.to_string())?;
            table.write_field(value.to_bits().to_string())?;
            table.write_field(margin.to_bits().to_string())?;
            if let Some(best) = self.ranked.as_ref().and_then(|ranked| ranked.get(index)) {
                let entry = |ranked: &Ranked| format!("{}={}", self.outcome(ranked.class), exact(ranked.value));
                table.write_field(best.iter().map(entry).collect::<Vec<_>>().join("|"))?;
            }
            table.write_record(None::<&[u8]>)?;
        }
        Ok(())
    }

    fn outcome(&self, class: u32) -> &str {
        self.outcomes.get(class as usize).map_or("", String::as_str)
    }
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
