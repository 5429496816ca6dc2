//! The page as a whole: verdict first, then quality, error, cost, and how it came about.

use super::html::{bytes, count, escape, figure, percent};
use super::summary::{Summary, Use};
use super::{quality, work};

const STYLE: &str = include_str!("style.css");

/// One HTML file: styles and pictures are in it, and it needs no script and no network.
pub fn page(summary: &Summary) -> String {
    let source = escape(&summary.source);
    let sections = [
        verdict(summary),
        warnings(summary),
        quality::section(summary),
        work::layers(summary),
        work::operators(summary),
        work::steps(summary),
        provenance(summary),
    ];
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{source}: integer conversion</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<p class=\"eyebrow\">kinfer, integer conversion</p>\n<h1>{source}</h1>\n\
         <p class=\"about\">{}</p>\n</header>\n<main>\n{}</main>\n</body>\n</html>\n",
        about(summary),
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

fn about(summary: &Summary) -> String {
    let parts = [
        escape(&summary.precision),
        escape(&summary.head),
        format!("{} in the file", bytes(summary.bytes as u64)),
        format!("CRC-32C <code>{}</code>", escape(&summary.crc32c)),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

fn verdict(summary: &Summary) -> String {
    let missed: Vec<_> = summary.goals.iter().filter(|goal| !goal.met).map(|goal| escape(&goal.what)).collect();
    let (class, mark, says) = match (&summary.verdict.sentence, summary.verdict.accepted, missed.is_empty()) {
        (sentence, false, _) => {
            let sentence = sentence.as_deref().map_or(String::new(), escape);
            ("bad", "✕", format!("The kernel refuses it<span class=\"because\">{sentence}</span>"))
        }
        (_, true, false) => {
            let missed = missed.join(", ");
            ("poor", "!", format!("The kernel accepts it; not reached<span class=\"because\">{missed}</span>"))
        }
        (_, true, true) => ("good", "✓", "The kernel accepts it".to_owned()),
    };
    let mut cards = String::new();
    let mut card = |name: &str, value: &str, below: &str, class: &str, extra: &str| {
        cards += &format!(
            "<div class=\"card {class}\"><p class=\"name\">{name}</p><p class=\"value\">{value}</p>{extra}<p class=\"below\">{below}</p></div>\n"
        );
    };
    let rows = summary.evaluation.rows as u64;
    let agreeing = format!("{} of {} rows differ", count(summary.differing as u64), count(rows));
    card("Decisions as float", &percent(summary.agreement), &agreeing, "", "");
    for goal in &summary.goals {
        let (class, mark) = if goal.met { ("met", "✓ ") } else { ("missed", "✕ ") };
        let asked = format!("{mark}asked: {}", escape(&goal.asked));
        card(&escape(&goal.what), &escape(&goal.reached), &asked, class, "");
    }
    for (name, what) in [("Operations", "operations"), ("Look-ups", "look-ups"), ("Packed memory", "packed bytes")] {
        if let Some(of) = summary.budget.iter().find(|of| of.what == what && (of.is > 0 || what == "operations")) {
            let show = |number: u64| if what.ends_with("bytes") { bytes(number) } else { count(number) };
            card(
                name,
                &show(of.is),
                &format!("of {}", show(of.budget)),
                if of.is > of.budget { "missed" } else { "" },
                &meter(of),
            );
        }
    }
    let errors = &summary.score_errors;
    let mean = format!("{} on average", figure(errors.mean));
    card("Scores off by at most", &figure(errors.largest), &mean, "", "");
    format!(
        "<section class=\"verdict {class}\">\n<p class=\"banner\"><span class=\"mark\" aria-hidden=\"true\">{mark}</span><span>{says}</span></p>\n\
         <div class=\"cards\">\n{cards}</div>\n</section>\n"
    )
}

fn meter(of: &Use) -> String {
    let share = if of.budget > 0 { (100.0 * of.is as f64 / of.budget as f64).min(100.0) } else { 100.0 };
    let class = if of.is > of.budget { " over" } else { "" };
    format!("<p class=\"meter{class}\"><span style=\"width:{:.2}%\"></span></p>", share.max(0.5))
}

fn warnings(summary: &Summary) -> String {
    let items: String = summary.warnings.iter().map(|text| format!("<li>{}</li>\n", escape(text))).collect();
    let body = if items.is_empty() { String::new() } else { format!("<ul class=\"warnings\">\n{items}</ul>") };
    section("To look at", "", &body)
}

fn provenance(summary: &Summary) -> String {
    let row = |(key, value): &(String, String)| {
        format!("<tr><th scope=\"row\">{}</th><td class=\"wide\">{}</td></tr>\n", escape(key), escape(value))
    };
    let mut rows: String = summary.provenance.iter().map(row).collect();
    let extra = [
        ("ranges from", format!("{}, {} rows", summary.calibration.file, count(summary.calibration.rows as u64))),
        ("compared on", format!("{}, {} rows", summary.evaluation.file, count(summary.evaluation.rows as u64))),
        ("float decisions by", summary.reference.clone()),
        ("low margin below", summary.low_margin.clone()),
    ];
    for (key, value) in extra.into_iter().filter(|(_, value)| !value.is_empty()) {
        rows += &row(&(key.to_owned(), value));
    }
    section("Where it is from", "", &format!("<div class=\"scroll\"><table class=\"facts\">\n{rows}</table></div>"))
}

#[cfg(test)]
mod tests {
    use super::super::summary::{Goal, Verdict};
    use super::*;

    fn summary() -> Summary {
        Summary {
            source: "<model>.onnx".into(),
            verdict: Verdict { accepted: true, sentence: None },
            agreement: 0.9989,
            differing: 8,
            budget: vec![Use { what: "operations".into(), is: 1089, budget: 131_072 }],
            provenance: vec![("source".into(), "a & b".into())],
            ..Summary::default()
        }
    }

    #[test]
    fn the_page_stands_alone() {
        let page = page(&summary());
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
        assert!(page(&summary()).contains("The kernel accepts it<"));
        let goal = Goal { what: "agreement".into(), asked: "99.9 %".into(), reached: "99.89 %".into(), met: false };
        let missed = page(&Summary { goals: vec![goal], ..summary() });
        assert!(missed.contains("not reached") && missed.contains("asked: 99.9 %"));
        let refused = Verdict { accepted: false, sentence: Some("file: operations 9 over the budget of 8".into()) };
        assert!(page(&Summary { verdict: refused, ..summary() }).contains("over the budget of 8"));
    }
}
