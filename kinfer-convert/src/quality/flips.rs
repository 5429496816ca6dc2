//! Rows that integers decide otherwise than float.

use serde::Serialize;

/// A row with two decisions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flip {
    /// Row of the data, from 1.
    pub row: usize,
    /// Class that float decides for.
    pub float: u32,
    /// Class that integers decide for.
    pub integer: u32,
    /// The true class, where it is known.
    pub truth: Option<u32>,
    /// Margin of the float decision, in units of the scores: how sure float was.
    pub float_margin: f64,
    /// Margin of the integer decision.
    pub integer_margin: f64,
}

/// Rows with two decisions, the surest float decision first: those are the ones that rounding should not have turned. Rows
/// without margins have margin 0.
pub fn flips(
    float: &[u32],
    integer: &[u32],
    truth: Option<&[u32]>,
    float_margins: &[f64],
    integer_margins: &[f64],
) -> Vec<Flip> {
    let at = |margins: &[f64], row: usize| margins.get(row).copied().unwrap_or(0.0);
    let mut flips: Vec<_> = (float.iter().zip(integer).enumerate())
        .filter(|(_, (float, integer))| float != integer)
        .map(|(row, (&float, &integer))| Flip {
            row: row + 1,
            float,
            integer,
            truth: truth.and_then(|truth| truth.get(row)).copied(),
            float_margin: at(float_margins, row),
            integer_margin: at(integer_margins, row),
        })
        .collect();
    flips.sort_by(|a, b| b.float_margin.total_cmp(&a.float_margin));
    flips
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_surest_float_decision_comes_first() {
        let found = flips(&[0, 1, 2, 1], &[1, 1, 0, 0], Some(&[0, 1, 0, 1]), &[0.1, 9.0, 0.3, 0.2], &[0.2; 4]);
        let rows: Vec<_> = found.iter().map(|flip| (flip.row, flip.float, flip.integer, flip.truth)).collect();
        assert_eq!(rows, [(3, 2, 0, Some(0)), (4, 1, 0, Some(1)), (1, 0, 1, Some(0))]);
        assert_eq!(flips(&[1], &[1], None, &[], &[]), []);
    }
}
