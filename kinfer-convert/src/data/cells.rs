//! Cells of a column as the file has them, and the counters they are.

use super::{DataError, Labels, resolution};

/// A column of numbers under construction. Integers stay exact as long as there is no fraction among them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cells {
    numbers: Numbers,
    bad: Option<Bad>,
}

#[derive(Clone, Debug, PartialEq)]
enum Numbers {
    Integers(Vec<i64>),
    Floats(Vec<f64>),
}

/// Cells that are no finite numbers: the first, and how many more there are.
#[derive(Clone, Debug, PartialEq)]
struct Bad {
    row: usize,
    text: String,
    others: usize,
}

/// A column as counters.
pub(super) struct Counters {
    pub(super) counters: Vec<i64>,
    pub(super) resolution: f64,
    pub(super) rounding: f64,
}

impl Default for Cells {
    fn default() -> Self {
        Self { numbers: Numbers::Integers(vec![]), bad: None }
    }
}

impl Cells {
    pub(super) fn push_integer(&mut self, value: i64) {
        match &mut self.numbers {
            Numbers::Integers(integers) => integers.push(value),
            Numbers::Floats(floats) => floats.push(value as f64),
        }
    }

    pub(super) fn push_unsigned(&mut self, value: u64) {
        self.push_integer(i64::try_from(value).unwrap_or(i64::MAX));
    }

    pub(super) fn push_float(&mut self, value: f64) {
        if !value.is_finite() {
            return self.push_bad(&format!("`{value}`"));
        }
        if let Numbers::Integers(integers) = &self.numbers {
            self.numbers = Numbers::Floats(integers.iter().map(|&value| value as f64).collect());
        }
        if let Numbers::Floats(floats) = &mut self.numbers {
            floats.push(value);
        }
    }

    /// A cell that is no number; the column cannot be used as a feature.
    pub(super) fn push_bad(&mut self, text: &str) {
        let row = self.len() + 1;
        match &mut self.bad {
            Some(bad) => bad.others += 1,
            bad => *bad = Some(Bad { row, text: text.into(), others: 0 }),
        }
        self.push_integer(0); // keeps the count of rows
    }

    pub(super) fn len(&self) -> usize {
        match &self.numbers {
            Numbers::Integers(integers) => integers.len(),
            Numbers::Floats(floats) => floats.len(),
        }
    }

    /// Counters of the resolution that is given, else of the one that fits the cells. Rounds to nearest, ties away from
    /// zero, and saturates.
    pub(super) fn into_counters(self, column: &str, given: Option<f64>) -> Result<Counters, DataError> {
        self.check(column)?;
        let resolution = match (&self.numbers, given) {
            (_, Some(resolution)) => resolution,
            (Numbers::Integers(_), None) => 1.0,
            (Numbers::Floats(floats), None) => resolution::choose(floats),
        };
        let values = match self.numbers {
            Numbers::Integers(counters) if resolution == 1.0 => {
                return Ok(Counters { counters, resolution, rounding: 0.0 });
            }
            Numbers::Integers(integers) => integers.into_iter().map(|value| value as f64).collect(),
            Numbers::Floats(floats) => floats,
        };
        let counters = values.iter().map(|value| (value / resolution).round() as i64).collect::<Vec<_>>();
        let rounding = rounding(&values, &counters, resolution);
        Ok(Counters { counters, resolution, rounding })
    }

    /// Whole numbers as integers, others as they are.
    pub(super) fn into_labels(self, column: &str) -> Result<Labels, DataError> {
        self.check(column)?;
        Ok(match self.numbers {
            Numbers::Integers(integers) => Labels::Integers(integers),
            Numbers::Floats(floats) if floats.iter().all(|value| integral(*value)) => {
                Labels::Integers(floats.into_iter().map(|value| value as i64).collect())
            }
            Numbers::Floats(floats) => Labels::Numbers(floats),
        })
    }

    fn check(&self, column: &str) -> Result<(), DataError> {
        match &self.bad {
            Some(Bad { row, text, others }) => {
                Err(DataError::Cell { column: column.into(), row: *row, text: text.clone(), others: *others })
            }
            None => Ok(()),
        }
    }
}

/// Largest error of the counters as a share of the column's range; 0 for cells that are multiples of the resolution.
fn rounding(values: &[f64], counters: &[i64], resolution: f64) -> f64 {
    let error = |(value, &counter): (&f64, &i64)| {
        let back = counter as f64 * resolution;
        if resolution::same(*value, back) { 0.0 } else { (value - back).abs() }
    };
    let largest = values.iter().zip(counters).map(error).fold(0.0, f64::max);
    let (lo, hi) = range(values);
    if largest == 0.0 { 0.0 } else { largest / (hi - lo).max(f64::MIN_POSITIVE) }
}

pub(super) fn range(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), &value| (lo.min(value), hi.max(value)))
}

fn integral(value: f64) -> bool {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    value.fract() == 0.0 && (-LIMIT..LIMIT).contains(&value)
}
