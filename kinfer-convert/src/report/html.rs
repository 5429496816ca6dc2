//! Text for HTML: escaping and numbers.

/// Text that may stand between tags and in attributes.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            '\n' | '\t' => out.push(' '),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// An integer with its thousands apart.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && place % 3 == first {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A share in per cent. What is not quite all or nothing never reads as all or nothing.
pub(super) fn percent(share: f64) -> String {
    let text = format!("{:.2}", 100.0 * share);
    match text.as_str() {
        "100.00" if share < 1.0 => "> 99.99 %".into(),
        "0.00" if share > 0.0 => "< 0.01 %".into(),
        _ => format!("{} %", text.trim_end_matches('0').trim_end_matches('.')),
    }
}

/// Four significant digits.
pub(super) fn figure(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let places = 3 - value.abs().log10().floor() as i32;
    match places {
        0..=7 => {
            let digits = format!("{value:.*}", places as usize);
            let trimmed = if places > 0 { digits.trim_end_matches('0').trim_end_matches('.') } else { &digits };
            trimmed.replacen('-', "\u{2212}", 1)
        }
        -3..0 => format!("{value:.0}").replacen('-', "\u{2212}", 1),
        _ => format!("{value:.2e}").replace('-', "\u{2212}"),
    }
}

/// Bytes in the largest unit that leaves at least one.
pub(super) fn bytes(number: u64) -> String {
    match number {
        0..10_240 => format!("{} B", count(number)),
        10_240..1_048_576 => format!("{} KiB", figure(number as f64 / 1024.0)),
        _ => format!("{} MiB", figure(number as f64 / 1_048_576.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_becomes_a_tag() {
        assert_eq!(escape("<b a=\"1\">&'\u{0}\n"), "&lt;b a=&quot;1&quot;&gt;&amp;&#39; ");
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!((count(0).as_str(), count(999).as_str(), count(1_234_567).as_str()), ("0", "999", "1,234,567"));
        assert_eq!(
            (percent(1.0).as_str(), percent(0.99999).as_str(), percent(0.5).as_str()),
            ("100 %", "> 99.99 %", "50 %")
        );
        assert_eq!((percent(0.0).as_str(), percent(1e-6).as_str()), ("0 %", "< 0.01 %"));
        assert_eq!((figure(0.001_234_5).as_str(), figure(-12.0).as_str()), ("0.001234", "\u{2212}12"));
        assert_eq!((figure(123_456.0).as_str(), figure(1e-9).as_str()), ("123456", "1.00e\u{2212}9"));
        assert_eq!((bytes(6984).as_str(), bytes(2 << 20).as_str()), ("6,984 B", "2 MiB"));
    }
}
