//! Text of a source file, line by line.
//!
//! Templates stand for the model's name by two marks, so that what is written reads like what comes out: `@scale` becomes
//! `io_latency_scale`, `$FEATURES` becomes `IO_LATENCY_FEATURES`.

use std::fmt::Write as _;

use super::names::comment;

/// Columns of a line, as far as tables and comments go.
const COLUMNS: usize = 100;
/// Columns of a tab.
const TAB: usize = 8;

/// A file being written.
#[derive(Debug, Default)]
pub(super) struct Code {
    text: String,
    depth: usize,
}

/// Stand for `@` and `$` in text that is no template.
const KEPT: [(char, char); 2] = [('@', '\u{1}'), ('$', '\u{2}')];

impl Code {
    /// Lines of a template, each at the present depth.
    pub(super) fn line(&mut self, template: impl AsRef<str>) {
        for line in template.as_ref().lines() {
            if !line.is_empty() {
                self.text.extend(std::iter::repeat_n('\t', self.depth));
                self.text.push_str(line);
            }
            self.text.push('\n');
        }
    }

    /// An empty line.
    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// A line with a brace behind it; what follows is in the block.
    pub(super) fn open(&mut self, template: impl AsRef<str>) {
        self.line(format!("{} {{", template.as_ref()));
        self.depth += 1;
    }

    /// The body of a function follows.
    pub(super) fn function(&mut self, template: impl AsRef<str>) {
        self.line(template);
        self.line("{");
        self.depth += 1;
    }

    /// What follows is a level deeper, without a brace.
    pub(super) fn indent(&mut self) {
        self.depth += 1;
    }

    /// Ends what [`Code::indent`] began.
    pub(super) fn outdent(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Ends a block, with `end` behind the brace.
    pub(super) fn close(&mut self, end: &str) {
        self.outdent();
        self.line(format!("}}{end}"));
    }

    /// A comment of C, one paragraph a string. Nothing of it is a template.
    pub(super) fn comment<S: AsRef<str>>(&mut self, paragraphs: &[S]) {
        let width = COLUMNS.saturating_sub(self.depth * TAB + 3);
        let lines: Vec<String> = paragraphs.iter().flat_map(|text| wrapped(&plain(text.as_ref()), width)).collect();
        match lines.as_slice() {
            [one] if one.len() + 3 <= width => self.line(format!("/* {one} */")),
            lines => {
                self.line("/*");
                lines.iter().for_each(|line| self.line(format!(" * {line}").trim_end()));
                self.line(" */");
            }
        }
    }

    /// A table in braces behind `declaration`, `row` numbers in braces of their own where that is not all of them.
    pub(super) fn table(&mut self, declaration: &str, row: usize, numbers: &[i64]) {
        self.line(format!("{declaration} = {{"));
        self.depth += 1;
        let nested = row < numbers.len();
        for numbers in numbers.chunks(row.max(1)) {
            if nested {
                self.line("{");
                self.depth += 1;
            }
            self.numbers(numbers.iter().map(|&number| literal(number)));
            if nested {
                self.close(",");
            }
        }
        self.close(";");
    }

    /// Numbers with commas, as many a line as fit.
    pub(super) fn numbers(&mut self, numbers: impl Iterator<Item = String>) {
        let width = COLUMNS.saturating_sub(self.depth * TAB);
        let mut line = String::new();
        for number in numbers {
            if !line.is_empty() && line.len() + number.len() + 2 > width {
                self.line(&line);
                line.clear();
            }
            let separator = if line.is_empty() { "" } else { " " };
            // Writing to a string cannot fail.
            let _ = write!(line, "{separator}{number},");
        }
        self.line(&line);
    }

    /// The templates so far.
    pub(super) fn template(&self) -> &str {
        &self.text
    }

    /// The text, for the model `name`, with long lines folded.
    pub(super) fn finish(&self, name: &str) -> String {
        let mut text = String::new();
        for line in resolve(&self.text, name).lines() {
            fold(line, &mut text);
        }
        text
    }
}

/// Appends a line of code, broken behind commas or operators where it is too long; what goes on is two tabs deeper.
fn fold(line: &str, text: &mut String) {
    let code = line.trim_start_matches('\t');
    let depth = line.len() - code.len();
    let is_code = !code.starts_with([' ', '#', '/']) && !code.contains("/*");
    let (mut rest, mut tabs) = (code, depth);
    while let Some((head, behind)) = broken(rest, COLUMNS.saturating_sub(TAB * tabs)).filter(|_| is_code) {
        text.extend(std::iter::repeat_n('\t', tabs));
        text.push_str(head);
        text.push('\n');
        (rest, tabs) = (behind, depth + 2);
    }
    text.extend(std::iter::repeat_n('\t', if rest.is_empty() { 0 } else { tabs }));
    text.push_str(rest);
    text.push('\n');
}

/// What of a line that is longer than `columns` fits, and what is behind it; `None` where it fits or has no place to break.
fn broken(line: &str, columns: usize) -> Option<(&str, &str)> {
    if line.len() <= columns {
        return None;
    }
    let fits = line.get(..columns)?;
    let last = |mark: &str| fits.rfind(mark).map(|at| at + mark.len());
    let assigned = last(" = ").filter(|at| line.len() - at <= columns.saturating_sub(2 * TAB));
    let at = last(", ").or(assigned).or_else(|| [" ? ", " + ", " * ", " = "].into_iter().find_map(last))?;
    Some((line.get(..at)?.trim_end(), line.get(at..)?))
}

/// A template's text for the model `name`.
fn resolve(template: &str, name: &str) -> String {
    let resolved = template.replace('@', &format!("{name}_")).replace('$', &format!("{}_", name.to_ascii_uppercase()));
    KEPT.iter().fold(resolved, |text, &(mark, kept)| text.replace(kept, &mark.to_string()))
}

/// Text of the file for a comment, without marks.
pub(super) fn plain(text: &str) -> String {
    KEPT.iter().fold(comment(text), |text, &(mark, kept)| text.replace(mark, &kept.to_string()))
}

/// An integer as a constant of C.
pub(super) fn literal(number: i64) -> String {
    match i32::try_from(number) {
        Ok(number) => number.to_string(),
        Err(_) if number == i64::MIN => format!("-{}LL - 1", i64::MAX),
        Err(_) => format!("{number}LL"),
    }
}

/// As [`literal`], for an expression.
pub(super) fn operand(number: i64) -> String {
    if number == i64::MIN { format!("({})", literal(number)) } else { literal(number) }
}

/// Lines of at most `width` columns, broken between words; a word that is longer has a line of its own.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{Code, operand};

    #[test]
    fn marks_become_the_name_and_text_of_the_file_keeps_its_own() {
        let mut code = Code::default();
        code.comment(&["costs 5$ @home */"]);
        code.function("int @f(void)");
        code.line("return $F;");
        code.close("");
        assert_eq!(code.finish("m"), "/* costs 5$ @home * / */\nint m_f(void)\n{\n\treturn M_F;\n}\n");
    }

    #[test]
    fn tables_are_broken_between_numbers() {
        let mut code = Code::default();
        code.table("static const int8_t @w[2][2]", 2, &[1, -2, 3, 4]);
        assert_eq!(
            code.finish("m"),
            "static const int8_t m_w[2][2] = {\n\t{\n\t\t1, -2,\n\t},\n\t{\n\t\t3, 4,\n\t},\n};\n"
        );
        let mut code = Code::default();
        code.table("t", 60, &[-1_000_000; 60]);
        assert!(code.finish("m").lines().all(|line| line.len() <= 100));
    }

    #[test]
    fn long_lines_go_on_behind_a_comma() {
        let mut code = Code::default();
        code.indent();
        code.line(format!("y = f({}, {});", "a".repeat(50), "b".repeat(50)));
        assert_eq!(code.finish("m"), format!("\ty = f({},\n\t\t\t{});\n", "a".repeat(50), "b".repeat(50)));
    }

    #[test]
    fn the_smallest_integers_are_constants_of_their_type() {
        assert_eq!(
            [operand(-5), operand(1 << 31), operand(i64::MIN)],
            ["-5", "2147483648LL", "(-9223372036854775807LL - 1)"]
        );
    }
}
