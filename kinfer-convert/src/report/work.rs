//! Ranges and error of the layers, cost of the operators, and what was tried.

use super::chart::{bar, histogram, steps as steps_chart};
use super::html::{bytes, count, escape, figure, percent};
use super::page::section;
use crate::convert::{LayerReport, OperatorReport, Report, StepReport};

/// Signal to noise that fills the bar: 16 bits have about so much.
const MOST_DB: f64 = 96.0;

pub(super) fn layers(report: &Report) -> String {
    let card = |layer: &LayerReport| {
        let ratio = match layer.signal_to_noise {
            Some(ratio) => bar(&format!("{ratio:.1} dB"), ratio.max(0.0), MOST_DB),
            None => bar("no error", MOST_DB, MOST_DB),
        };
        format!(
            "<article class=\"layer\"><h3>{}<small>{}, {}, {}</small></h3>{}<p class=\"ends\"><span>seen {} to {}</span>\
             <span>integers {} to {}</span></p><p class=\"ratio\"><span class=\"name\">signal to noise</span>{ratio}</p></article>\n",
            escape(&layer.name),
            escape(layer.operator),
            escape(layer.precision),
            escape(layer.element),
            histogram(layer),
            figure(layer.seen.0),
            figure(layer.seen.1),
            figure(layer.chosen.0),
            figure(layer.chosen.1)
        )
    };
    let cards: String = report.layers.iter().map(card).collect();
    let body = if cards.is_empty() { String::new() } else { format!("<div class=\"layers\">\n{cards}</div>") };
    let about = "How often each value was seen in calibration (heights are square roots of counts), and below it the range that its \
                 integers have. Signal to noise is of the integers against float; 6 dB are about one bit.";
    section("Ranges and error of each layer", about, &body)
}

pub(super) fn operators(report: &Report) -> String {
    let proved = &report.verifier;
    let most = |of: fn(&OperatorReport) -> u64| proved.operators.iter().map(of).max().unwrap_or(0) as f64;
    let (most_operations, most_look_ups) = (most(|operator| operator.operations), most(|operator| operator.look_ups));
    let mut rows = String::new();
    for (index, operator) in proved.operators.iter().enumerate() {
        let look_ups = if most_look_ups > 0.0 {
            format!(
                "<td class=\"bars\">{}</td>",
                bar(&count(operator.look_ups), operator.look_ups as f64, most_look_ups)
            )
        } else {
            String::new()
        };
        let lanes = match operator.lanes {
            0 => "–".to_owned(),
            lanes => lanes.to_string(),
        };
        rows += &format!(
            "<tr><th scope=\"row\">{index} {}</th><td class=\"bars\">{}</td>{look_ups}<td>{}</td><td class=\"name\">{}</td><td>{lanes}</td></tr>\n",
            escape(operator.kind),
            bar(&count(operator.operations), operator.operations as f64, most_operations),
            operator.accumulator_bits,
            escape(operator.backend)
        );
    }
    if rows.is_empty() {
        return String::new();
    }
    let look_ups = if most_look_ups > 0.0 { "<th scope=\"col\">look-ups</th>" } else { "" };
    let table = format!(
        "<div class=\"scroll\"><table class=\"figures cost\">\n<thead><tr><th scope=\"col\">operator</th><th scope=\"col\">operations</th>{look_ups}\
         <th scope=\"col\">accumulator bits</th><th scope=\"col\" class=\"name\">backend</th><th scope=\"col\">lanes</th></tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n"
    );
    let about = format!(
        "Proved by the verifier, at most: {} operations and {} look-ups a decision, {} packed, {} of scratch, {} of state, {} of stack.",
        count(proved.operations),
        count(proved.look_ups),
        bytes(proved.packed_bytes as u64),
        bytes(proved.scratch_bytes as u64),
        bytes(proved.state_bytes as u64),
        bytes(proved.stack_bytes as u64)
    );
    section("Cost of each operator", &about, &table)
}

pub(super) fn steps(report: &Report) -> String {
    if report.steps.is_empty() {
        return String::new();
    }
    let row = |step: &StepReport| {
        let class = if step.taken { " class=\"taken\"" } else { "" };
        format!(
            "<tr{class}><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td class=\"name\">{}</td></tr>\n",
            escape(&step.what),
            step.agreement.map_or("refused".into(), percent),
            step.agreement.map_or("–".into(), |_| count(step.operations)),
            step.agreement.map_or("–".into(), |_| bytes(step.bytes as u64)),
            if step.taken { "taken" } else { "" }
        )
    };
    let rows: String = report.steps.iter().map(row).collect();
    let table = format!(
        "<div class=\"scroll\"><table class=\"figures\">\n<thead><tr><th scope=\"col\">what</th><th scope=\"col\">agreement</th>\
         <th scope=\"col\">operations</th><th scope=\"col\">file</th><td></td></tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n"
    );
    section("What was tried", "", &(steps_chart(&report.steps) + &table))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::VerifierReport;

    #[test]
    fn nothing_is_shown_of_nothing() {
        let empty = Report::default();
        assert_eq!(layers(&empty) + &operators(&empty) + &steps(&empty), "");
    }

    #[test]
    fn look_ups_have_a_column_only_where_there_are_some() {
        let operator = |look_ups| OperatorReport {
            kind: "trees",
            operations: 12,
            look_ups,
            accumulator: (0, 9),
            accumulator_bits: 20,
            output: (0, 9),
            backend: "packed",
            lanes: 0,
        };
        let of = |look_ups| Report {
            verifier: VerifierReport { operators: vec![operator(look_ups)], ..VerifierReport::default() },
            ..Report::default()
        };
        assert!(operators(&of(7)).contains(">look-ups</th>"));
        assert!(!operators(&of(0)).contains(">look-ups</th>"));
    }
}
