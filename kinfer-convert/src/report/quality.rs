//! Float against integer: figures, confusion, flips.

use super::html::{count, escape, figure, percent};
use crate::convert::{QualityReport, RegressionReport, Report};
use crate::quality::Quality;

/// Matrices of more classes are told by their largest errors.
const MOST_CLASSES: usize = 16;

/// Rows of the table of flips.
const MOST_FLIPS: usize = 20;

/// Rows of the table of the largest errors.
const MOST_CONFUSED: usize = 20;

pub(super) fn section_body(report: &Report) -> String {
    let of_truth = match (&report.quality, &report.regression) {
        (Some(classes), _) => figures(classes, &report.outcomes) + &matrices(classes, &report.outcomes),
        (None, Some(regression)) => errors(regression),
        (None, None) => "<p>The data has no label: nothing is known of accuracy, recall or AUC.</p>\n".into(),
    };
    of_truth + &flips(report)
}

pub(super) fn section(report: &Report) -> String {
    let data = &report.evaluation;
    let about = format!("{} rows of {}", count(data.rows as u64), escape(&data.file));
    let outside = match report.out_of_range {
        0 => String::new(),
        rows => format!("; {} with a counter outside the calibrated range", count(rows as u64)),
    };
    super::page::section("Quality", &format!("{about}{outside}."), &section_body(report))
}

/// A row of float and integer, and their difference.
fn row(name: &str, float: Option<f64>, integer: Option<f64>, show: fn(f64) -> String) -> String {
    let cell = |value: Option<f64>| value.map_or("–".into(), show);
    let difference = match (float, integer) {
        (Some(float), Some(integer)) if float != integer => {
            let sign = if integer > float { "+" } else { "\u{2212}" };
            format!("{sign}{}", show((integer - float).abs()))
        }
        (Some(_), Some(_)) => "0".into(),
        _ => String::new(),
    };
    format!(
        "<tr><th scope=\"row\">{name}</th><td>{}</td><td>{}</td><td class=\"faint\">{difference}</td></tr>\n",
        cell(float),
        cell(integer)
    )
}

fn table(rows: &str) -> String {
    format!(
        "<div class=\"scroll\"><table class=\"figures\">\n<thead><tr><td></td><th scope=\"col\">float</th>\
         <th scope=\"col\">integer</th><th scope=\"col\">difference</th></tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n"
    )
}

fn figures(classes: &QualityReport, outcomes: &[String]) -> String {
    let QualityReport { float, integer, .. } = classes;
    let mut rows = row("accuracy", Some(float.accuracy), Some(integer.accuracy), four);
    rows += &row("balanced accuracy", Some(float.balanced_accuracy), Some(integer.balanced_accuracy), four);
    if float.auc.is_some() || integer.auc.is_some() {
        rows += &row("AUC", float.auc, integer.auc, four);
    }
    for (class, outcome) in outcomes.iter().enumerate().take(MOST_CLASSES) {
        let of = |figures: &[Option<f64>]| figures.get(class).copied().flatten();
        let name = escape(outcome);
        rows += &row(&format!("recall of {name}"), of(&float.recall), of(&integer.recall), four);
        rows += &row(&format!("precision of {name}"), of(&float.precision), of(&integer.precision), four);
    }
    let base = format!(
        "<p class=\"about\">Always saying <em>{}</em> is right in {} of the rows: what accuracy has to be held against.</p>\n",
        escape(&classes.commonest),
        percent(classes.base_rate)
    );
    table(&rows) + &base
}

fn four(value: f64) -> String {
    format!("{value:.4}")
}

fn errors(regression: &RegressionReport) -> String {
    let RegressionReport { float, integer, label } = regression;
    let mut rows = row("mean absolute error", Some(float.mae), Some(integer.mae), figure);
    rows += &row("root mean square error", Some(float.rmse), Some(integer.rmse), figure);
    rows += &row("R²", float.r2, integer.r2, four);
    rows += &row("largest error", Some(float.largest), Some(integer.largest), figure);
    table(&rows) + &format!("<p class=\"about\">Errors are in the unit of <em>{}</em>.</p>\n", escape(label))
}

fn matrices(classes: &QualityReport, outcomes: &[String]) -> String {
    let size = classes.float.confusion.len();
    if size == 0 {
        return String::new();
    }
    let body = if size <= MOST_CLASSES {
        let of = |title: &str, quality: &Quality| matrix(title, quality, outcomes);
        format!("<div class=\"pair\">\n{}{}</div>\n", of("float", &classes.float), of("integer", &classes.integer))
    } else {
        confused(classes, outcomes)
    };
    format!(
        "<h3>Confusion</h3>\n<p class=\"about\">Rows are the truth, columns the decision; shade is the share of the row.</p>\n{body}"
    )
}

fn matrix(title: &str, quality: &Quality, outcomes: &[String]) -> String {
    let name = |class: usize| outcomes.get(class).map_or_else(|| class.to_string(), |name| escape(name));
    let head: String =
        (0..quality.confusion.len()).map(|class| format!("<th scope=\"col\">{}</th>", name(class))).collect();
    let mut rows = String::new();
    for (class, line) in quality.confusion.iter().enumerate() {
        let sum = line.iter().sum::<u64>().max(1) as f64;
        let mut cells = String::new();
        for (decided, &cell) in line.iter().enumerate() {
            let share = cell as f64 / sum;
            let kind = if decided == class { "right" } else { "wrong" };
            let strong = if share > 0.55 { " strong" } else { "" };
            cells += &format!(
                "<td class=\"{kind}{strong}\" style=\"--share:{:.0}%\">{}<span>{}</span></td>",
                100.0 * share,
                count(cell),
                percent(share)
            );
        }
        rows += &format!("<tr><th scope=\"row\">{}</th>{cells}</tr>\n", name(class));
    }
    format!(
        "<figure><figcaption>{title}</figcaption><div class=\"scroll\"><table class=\"matrix\"><thead><tr><td></td>{head}</tr></thead>\n\
         <tbody>\n{rows}</tbody></table></div></figure>\n"
    )
}

/// The commonest errors, for models with too many classes for a matrix.
fn confused(classes: &QualityReport, outcomes: &[String]) -> String {
    let name = |class: usize| outcomes.get(class).map_or_else(|| class.to_string(), |name| escape(name));
    let of = |quality: &Quality, truth: usize, decided: usize| -> u64 {
        quality.confusion.get(truth).and_then(|row| row.get(decided)).copied().unwrap_or(0)
    };
    let size = classes.float.confusion.len();
    let mut pairs: Vec<_> = (0..size)
        .flat_map(|truth| (0..size).map(move |decided| (truth, decided)))
        .filter(|(truth, decided)| truth != decided)
        .map(|(truth, decided)| {
            (truth, decided, of(&classes.float, truth, decided), of(&classes.integer, truth, decided))
        })
        .filter(|(_, _, float, integer)| float + integer > 0)
        .collect();
    pairs.sort_by_key(|(_, _, float, integer)| std::cmp::Reverse(*float.max(integer)));
    let row = |&(truth, decided, float, integer): &(usize, usize, u64, u64)| {
        format!(
            "<tr><th scope=\"row\">{}</th><td class=\"name\">{}</td><td>{}</td><td>{}</td></tr>\n",
            name(truth),
            name(decided),
            count(float),
            count(integer)
        )
    };
    let rows: String = pairs.iter().take(MOST_CONFUSED).map(row).collect();
    format!(
        "<div class=\"scroll\"><table class=\"figures\">\n<thead><tr><th scope=\"col\">truth</th><th scope=\"col\">decided</th>\
         <th scope=\"col\">float</th><th scope=\"col\">integer</th></tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n\
         <p class=\"about\">The commonest errors of {size} classes.</p>\n"
    )
}

fn flips(report: &Report) -> String {
    if report.flips.is_empty() {
        return String::new();
    }
    let name = |class: u32| report.outcomes.get(class as usize).map_or_else(|| class.to_string(), |name| escape(name));
    let mut rows = String::new();
    for flip in report.flips.iter().take(MOST_FLIPS) {
        rows += &format!(
            "<tr><th scope=\"row\">{}</th><td class=\"name\">{}</td><td class=\"name\">{}</td><td class=\"name\">{}</td><td>{}</td><td>{}</td></tr>\n",
            count(flip.row as u64),
            name(flip.float),
            name(flip.integer),
            flip.truth.map_or("–".into(), name),
            figure(flip.float_margin),
            figure(flip.integer_margin)
        );
    }
    let shown = report.flips.len().min(MOST_FLIPS);
    let body = format!(
        "<div class=\"scroll\"><table class=\"figures\">\n<thead><tr><th scope=\"col\">row</th><th scope=\"col\">float</th>\
         <th scope=\"col\">integer</th><th scope=\"col\">truth</th><th scope=\"col\">float margin</th><th scope=\"col\">integer margin</th>\
         </tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n"
    );
    let of = if shown < report.differing {
        format!("The {shown} of {}", count(report.differing as u64))
    } else {
        format!("All {shown}")
    };
    let about =
        format!("{of} rows, the surest float decision first. A small margin means that both answers were near.");
    format!("<h3>Decided otherwise</h3>\n<p class=\"about\">{about}</p>\n{body}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quality::{Flip, Regression};

    fn classes(size: usize) -> QualityReport {
        let truth: Vec<u32> = (0..size as u32).collect();
        let decided: Vec<u32> = truth.iter().map(|class| if *class == 1 { 0 } else { *class }).collect();
        QualityReport {
            label: "kind".into(),
            shares: vec![1.0 / size as f64; size],
            base_rate: 1.0 / size as f64,
            commonest: "0".into(),
            float: Quality::of::<f64>(&truth, &truth, size, None),
            integer: Quality::of::<f64>(&decided, &truth, size, None),
        }
    }

    fn report(size: usize) -> Report {
        let outcomes = (0..size).map(|class| format!("class {class}")).collect();
        Report { quality: Some(classes(size)), outcomes, ..Report::default() }
    }

    #[test]
    fn matrices_stand_side_by_side_and_large_ones_become_a_list() {
        let small = section(&report(3));
        assert_eq!(small.matches("class=\"matrix\"").count(), 2);
        assert!(small.contains("recall of class 2") && small.contains("\u{2212}0.3333"), "{small}");
        let large = section(&report(40));
        assert_eq!(large.matches("class=\"matrix\"").count(), 0);
        assert!(
            large.contains("<th scope=\"row\">class 1</th><td class=\"name\">class 0</td><td>0</td><td>1</td>"),
            "{large}"
        );
    }

    #[test]
    fn flips_and_errors_of_values_are_told() {
        let flip = Flip { row: 1234, float: 0, integer: 1, truth: None, float_margin: 0.25, integer_margin: 0.5 };
        let told = section(&Report { flips: vec![flip], differing: 3, ..report(2) });
        assert!(told.contains("1,234") && told.contains("The 1 of 3 rows"), "{told}");
        let errors = Regression::of(&[1.0, 2.0], &[1.0, 4.0]);
        let regression = RegressionReport { label: "minutes".into(), float: errors.clone(), integer: errors };
        let told = section(&Report { regression: Some(regression), ..Report::default() });
        assert!(told.contains("mean absolute error") && told.contains("minutes"), "{told}");
        assert!(section(&Report::default()).contains("has no label"));
    }
}
