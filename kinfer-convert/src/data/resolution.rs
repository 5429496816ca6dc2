//! Resolutions: what one count of a feature's raw counter is worth in the feature's unit.
//!
//! A kernel counts integers. A float feature becomes one by its resolution: `counter = value / resolution`, rounded. The
//! schema's unit field holds both: `1e-3 cm` is a counter of thousandths of a centimetre (`docs/kinf-format.md`).

use super::cells::range;

/// Largest number of decimals that is looked for.
const DECIMALS: i32 = 9;

/// Steps over a column's range where no decimal fits it: as many as f32 tells apart in an octave.
const STEPS: f64 = 16_777_216.0;

/// Counters beyond this are not all told apart in `f64`.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A unit with its resolution.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// What one count is worth in the unit: above zero, finite.
    pub resolution: f64,
    /// Name of the unit; `1` for a plain number.
    pub name: String,
}

impl Unit {
    /// Reads a unit field: `NUMBER NAME` with a number above zero has that resolution, anything else is a name with
    /// resolution 1.
    pub fn parse(field: &str) -> Self {
        if let Some((number, name)) = field.split_once(' ')
            && let Some(resolution) = positive(number)
            && !name.trim().is_empty()
        {
            return Self { resolution, name: name.into() };
        }
        Self { resolution: 1.0, name: field.into() }
    }

    /// The unit field, which [`Unit::parse`] reads back. It may be longer than the schema's 16 characters.
    pub fn field(&self) -> String {
        let Self { resolution, name } = self;
        if *resolution == 1.0 && Self::parse(name).name == *name {
            return name.clone();
        }
        format!("{} {name}", number(*resolution))
    }
}

/// A number in the fewest characters that read back as the same `f64`.
pub fn number(value: f64) -> String {
    let (plain, scientific) = (value.to_string(), format!("{value:e}"));
    if scientific.len() < plain.len() { scientific } else { plain }
}

/// A decimal number above zero: digits, with a point and an exponent or without.
fn positive(text: &str) -> Option<f64> {
    let decimal = text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains(|c: char| c.is_ascii_uppercase());
    let value = text.parse::<f64>().ok().filter(|_| decimal)?;
    (value > 0.0 && value.is_finite()).then_some(value)
}

/// The resolution that fits a column of finite numbers: 1 for whole numbers, else the coarsest of 0.1, 0.01, … 1e-9 of which
/// every cell is a multiple, else the power of ten that gives the column's range at least 2^24 steps.
pub(super) fn choose(values: &[f64]) -> f64 {
    let (lo, hi) = range(values);
    let largest = lo.abs().max(hi.abs());
    let decimal = (0..=DECIMALS).take_while(|&k| largest / power(k) < EXACT).find(|&k| {
        let resolution = power(k);
        values.iter().all(|&value| same(value, (value / resolution).round() * resolution))
    });
    if let Some(k) = decimal {
        return power(k);
    }
    let spread = if hi > lo { hi - lo } else { largest };
    let wanted = (STEPS / spread).log10().ceil();
    let possible = (EXACT / largest).log10().floor();
    power(wanted.min(possible).clamp(0.0, 300.0) as i32)
}

/// Whether two numbers are one to a model: within 1e-9 of their size, or the same f32.
pub(super) fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs() || a as f32 == b as f32
}

/// The `f64` nearest to `10^-k`.
fn power(k: i32) -> f64 {
    format!("1e-{k}").parse().unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_before_the_unit_is_the_resolution() {
        for (field, resolution, name) in [
            ("1e-3 cm", 1e-3, "cm"),
            ("512 B", 512.0, "B"),
            ("0.25 1", 0.25, "1"),
            ("ns", 1.0, "ns"),
            ("1", 1.0, "1"),
            ("1e-3", 1.0, "1e-3"),
            ("0 cm", 1.0, "0 cm"),
            ("-1 cm", 1.0, "-1 cm"),
            ("inf cm", 1.0, "inf cm"),
            ("nan cm", 1.0, "nan cm"),
            ("1E3 cm", 1.0, "1E3 cm"),
            ("I/O s", 1.0, "I/O s"),
        ] {
            assert_eq!(Unit::parse(field), Unit { resolution, name: name.into() }, "{field}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for (resolution, name, field) in [
            (1.0, "ns", "ns"),
            (1e-3, "cm", "1e-3 cm"),
            (0.1, "cm", "0.1 cm"),
            (0.25, "V", "0.25 V"),
            (1e-9, "1", "1e-9 1"),
            (1.0, "512 B", "1 512 B"),
        ] {
            let unit = Unit { resolution, name: name.into() };
            assert_eq!(unit.field(), field);
            assert_eq!(Unit::parse(field), unit);
        }
    }

    #[test]
    fn the_coarsest_decimal_that_holds_every_cell_is_chosen() {
        assert_eq!(choose(&[1.0, -3.0, 1e12]), 1.0);
        assert_eq!(choose(&[5.1, 4.9, 3.0]), 0.1);
        assert_eq!(choose(&[5.1, 4.95]), 0.01);
        assert_eq!(choose(&[0.000_000_001, 2.0]), 1e-9);
        // as f32 has them
        assert_eq!(choose(&[f64::from(5.1f32), f64::from(0.2f32)]), 0.1);
    }

    #[test]
    fn a_column_without_decimals_has_2_to_the_24_steps_over_its_range() {
        let fine = [1e-8 / 3.0, 100.0 / 3.0];
        assert_eq!(choose(&fine), 1e-6); // 33 million steps
        assert_eq!(choose(&fine.map(|x| x * 1e-12)), 1e-18);
        // what f32 does not tell apart is not worth finer steps
        assert_eq!(choose(&[1.0 / 3.0, 100.0 / 3.0]), 1e-8);
        // 1 is the coarsest
        let large: Vec<f64> = (0..100).map(|i| 1e13 + f64::from(i) * 1e11 / 3.0 + 0.3).collect();
        assert_eq!(choose(&large), 1.0);
        // never so fine that counters are beyond what f64 tells apart
        assert!((1e9 + 1.0 / 3.0) / choose(&[1e9 + 1.0 / 3.0, 1e9]) < EXACT);
    }
}
