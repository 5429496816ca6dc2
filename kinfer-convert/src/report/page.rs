//! The page as a whole: verdict first, then quality, error, cost, and how it came about.

use super::html::{bytes, count, escape, figure, percent};
use super::{quality, work};
use crate::convert::{BudgetReport, Report};

const STYLE: &str = include_str!("style.css");

/// One HTML file: styles and pictures are in it, and it needs no script and no network.
pub fn page(report: &Report) -> String {
    let source = escape(&report.source);
    let sections = [
        verdict(report),
        warnings(report),
        quality::section(report),
        work::layers(report),
        work::operators(report),
        work::steps(report),
        provenance(report),
    ];
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{source}: integer conversion</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<p class=\"eyebrow\">kinfer, integer conversion</p>\n<h1>{source}</h1>\n\
         <p class=\"about\">{}</p>\n</header>\n<main>\n{}</main>\n</body>\n</html>\n",
        about(report),
        sections.concat()
    )
}

/// A section with a heading; nothing for nothing.
pub(super) fn section(heading: &str, about: &str, body: &str) -> String {
    if body.is_empty() {
        return String::new();
    }
    let about = if about.is_empty() { String::new() } else { format!("<p class=\"about\">{about}</p>\n") };
    format!("<section>\n<h2>{heading}</h2>\n{about}{body}\n</section>\n")
}

fn about(report: &Report) -> String {
    let parts = [
        escape(&report.precision),
        head(report),
        format!("{} in the file", bytes(report.bytes as u64)),
        format!("CRC-32C <code>{}</code>", escape(&report.crc32c)),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

fn head(report: &Report) -> String {
    let threshold = report.threshold.as_ref().map_or(String::new(), |threshold| {
        let probability = threshold.probability.map_or(String::new(), |p| format!(" (probability {})", figure(p)));
        format!(" at {}{probability}", threshold.score)
    });
    escape(&format!("{}{threshold}", report.head))
}

fn verdict(report: &Report) -> String {
    let (class, mark, says) = match &report.refused_by_kernel {
        Some(sentence) => {
            let sentence = escape(sentence);
            ("bad", "✕", format!("The kernel refuses it<span class=\"because\">{sentence}</span>"))
        }
        None => ("good", "✓", "The kernel accepts it".to_owned()),
    };
    let mut cards = String::new();
    let mut card = |name: &str, value: &str, below: &str, class: &str, extra: &str| {
        cards += &format!(
            "<div class=\"card {class}\"><p class=\"name\">{name}</p><p class=\"value\">{value}</p>{extra}<p class=\"below\">{below}</p></div>\n"
        );
    };
    let goal = |asked: Option<f64>, met: bool, show: fn(f64) -> String, which: &str| match asked {
        None => (String::new(), ""),
        Some(asked) if met => (format!("<br>✓ asked: {which} {}", show(asked)), "met"),
        Some(asked) => (format!("<br>✕ asked: {which} {}", show(asked)), "missed"),
    };

    let is_compared = !report.agreement.is_nan();
    let met = report.asked.is_none_or(|asked| report.agreement >= asked);
    let (asked, class_of) = goal(report.asked, met, percent, "at least");
    let rows = count(report.evaluation.rows as u64);
    let below = format!("{} of {rows} rows differ{asked}", count(report.differing as u64));
    if is_compared {
        card("Decisions as float", &percent(report.agreement), &below, class_of, "");
    }

    let error = report.largest_score_error;
    let met = report.asked_error.is_none_or(|asked| error <= asked);
    let (asked, class_of) = goal(report.asked_error, met, figure, "at most");
    let below = format!("{} on average{asked}", figure(report.mean_score_error));
    if is_compared {
        card("Scores off by at most", &figure(error), &below, class_of, "");
    }

    let cards_of = [("Operations", "operations"), ("Look-ups", "look-ups"), ("Packed memory", "packed bytes")];
    for (name, what) in cards_of {
        if let Some(of) = report.budget.iter().find(|of| of.what == what && (of.is > 0 || what == "operations")) {
            let show = |number: u64| if what.ends_with("bytes") { bytes(number) } else { count(number) };
            let class = if of.is > of.budget { "missed" } else { "" };
            card(name, &show(of.is), &format!("of {}", show(of.budget)), class, &meter(of));
        }
    }
    format!(
        "<section class=\"verdict {class}\">\n<p class=\"banner\"><span class=\"mark\" aria-hidden=\"true\">{mark}</span><span>{says}</span></p>\n\
         <div class=\"cards\">\n{cards}</div>\n</section>\n"
    )
}

fn meter(of: &BudgetReport) -> String {
    let share = if of.budget > 0 { (100.0 * of.is as f64 / of.budget as f64).min(100.0) } else { 100.0 };
    let class = if of.is > of.budget { " over" } else { "" };
    format!("<p class=\"meter{class}\"><span style=\"width:{:.2}%\"></span></p>", share.max(0.5))
}

fn warnings(report: &Report) -> String {
    let items: String = report.warnings.iter().map(|text| format!("<li>{}</li>\n", escape(text))).collect();
    let body = if items.is_empty() { String::new() } else { format!("<ul class=\"warnings\">\n{items}</ul>") };
    section("To look at", "", &body)
}

fn provenance(report: &Report) -> String {
    let row = |(key, value): &(String, String)| {
        format!("<tr><th scope=\"row\">{}</th><td class=\"wide\">{}</td></tr>\n", escape(key), escape(value))
    };
    let mut rows: String = report.provenance.iter().map(row).collect();
    let extra = [
        ("ranges from", format!("{}, {} rows", report.calibration.file, count(report.calibration.rows as u64))),
        ("compared on", format!("{}, {} rows", report.evaluation.file, count(report.evaluation.rows as u64))),
        ("float decisions by", report.reference.to_owned()),
        ("low margin below", report.low_margin.clone()),
    ];
    for (key, value) in extra.into_iter().filter(|(_, value)| !value.is_empty()) {
        rows += &row(&(key.to_owned(), value));
    }
    section("Where it is from", "", &format!("<div class=\"scroll\"><table class=\"facts\">\n{rows}</table></div>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report {
            source: "<model>.onnx".into(),
            agreement: 0.9989,
            differing: 8,
            budget: vec![BudgetReport { what: "operations", is: 1089, budget: 131_072 }],
            provenance: vec![("source".into(), "a & b".into())],
            ..Report::default()
        }
    }

    #[test]
    fn the_page_stands_alone() {
        let page = page(&report());
        for outside in ["http:", "https:", "<script", "<link", "src=", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(page.contains("&lt;model&gt;.onnx") && !page.contains("<model>"));
        assert!(page.contains("prefers-color-scheme: dark"));
        for tag in ["section", "table", "thead", "div", "main", "body", "ul", "p", "tr", "td", "th", "span"] {
            let count = |text: String| page.matches(&text).count();
            let open = count(format!("<{tag}>")) + count(format!("<{tag} "));
            assert_eq!(open, count(format!("</{tag}>")), "{tag}");
        }
    }

    #[test]
    fn the_verdict_is_said_in_words() {
        assert!(page(&report()).contains("The kernel accepts it<"));
        let asked = |share| page(&Report { asked: Some(share), ..report() });
        assert!(asked(0.99).contains("✓ asked: at least 99 %") && asked(0.999).contains("✕ asked: at least 99.9 %"));
        let refused = Some("file: operations 9 over the budget of 8".into());
        assert!(page(&Report { refused_by_kernel: refused, ..report() }).contains("over the budget of 8"));
    }
}
