//! Names of the file as identifiers and in comments. A file's strings are printable ASCII, or in the provenance any bytes:
//! nothing in them may end a comment, a line or a string.

use std::collections::BTreeSet;

/// The identifier of a model: what `words` makes of it, `model` where that is nothing, and no keyword of Rust, whose module it
/// names.
pub(super) fn identifier(name: &str) -> String {
    let words = words(name);
    match words.as_str() {
        "" => "model".into(),
        keyword if KEYWORDS.contains(&keyword) => format!("{keyword}_model"),
        _ => words,
    }
}

/// Letters in lower case, digits, single underscores between them; a leading digit has a letter before it.
fn words(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_ascii_alphanumeric() {
            words.push(letter.to_ascii_lowercase());
        } else if !words.is_empty() && !words.ends_with('_') {
            words.push('_');
        }
    }
    let words = words.trim_end_matches('_');
    let digit = words.starts_with(|first: char| first.is_ascii_digit());
    if digit { format!("n{words}") } else { words.to_owned() }
}

/// Words that no identifier in lower case may be: the keywords of Rust's editions 2021 and 2024.
const KEYWORDS: [&str; 50] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
    "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true",
    "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while",
];

/// Identifiers that differ.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    /// The identifier of `name`, with a number behind it where another name has taken it.
    pub(super) fn unique(&mut self, name: &str) -> String {
        let first = match identifier(name) {
            keyword if keyword == "yield" => "yield_model".into(),
            other => other,
        };
        let mut unique = first.clone();
        for number in 2u32.. {
            if self.0.insert(unique.clone()) {
                break;
            }
            unique = format!("{first}_{number}");
        }
        unique
    }
}

/// Printable ASCII that is safe in a comment of C or Rust, wherever a line of it is broken.
pub(super) fn comment(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        let letter = match letter {
            '\\' => '|', // a line that ends with a backslash goes on
            letter if letter.is_ascii_graphic() || letter == ' ' => letter,
            _ => '?',
        };
        // Neither the end nor the start of a comment, nor a trigraph.
        if matches!((safe.chars().next_back(), letter), (Some('*'), '/') | (Some('/'), '*') | (Some('?'), '?')) {
            safe.push(' ');
        }
        safe.push(letter);
    }
    safe.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Names, comment, identifier};

    #[test]
    fn identifiers_are_words_in_lower_case() {
        let cases = [
            ("io-latency", "io_latency"),
            ("Queue Depth (ios)", "queue_depth_ios"),
            ("__x--y__", "x_y"),
            ("4k reads", "n4k_reads"),
            ("*/ int x;", "int_x"),
            ("...", "model"),
            ("", "model"),
            ("müll", "m_ll"),
            ("match", "match_model"),
        ];
        for (name, expected) in cases {
            assert_eq!(identifier(name), expected, "{name}");
        }
    }

    #[test]
    fn names_that_become_the_same_identifier_are_numbered() {
        let mut names = Names::default();
        let unique = ["a b", "a-b", "a_b_2", "A.B"].map(|name| names.unique(name));
        assert_eq!(unique, ["a_b", "a_b_2", "a_b_2_2", "a_b_3"]);
    }

    #[test]
    fn nothing_ends_a_comment() {
        assert_eq!(comment("a */ b /* c **/"), "a * / b / * c ** /");
        assert_eq!(comment("*/*"), "* / *");
        assert_eq!(comment("what???/\\"), "what? ? ?/|");
        assert_eq!(comment("*\\ /"), "*| /");
        assert_eq!(comment("line\nnext\r\u{202e}é\0"), "line?next? ? ? ?");
    }
}
