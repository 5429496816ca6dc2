//! Expressions of C without what a constant makes superfluous.

use crate::emit::code::operand;

/// `a + n`, in parentheses.
pub(super) fn plus(a: &str, n: i64) -> String {
    match n {
        0 => a.to_owned(),
        i64::MIN => format!("({a} + {})", operand(n)),
        n if n < 0 => format!("({a} - {})", operand(-n)),
        n => format!("({a} + {})", operand(n)),
    }
}

/// `a − n`, in parentheses; `n` has 32 bits.
pub(super) fn less(a: &str, n: i32) -> String {
    plus(a, -i64::from(n))
}

/// `a · n`.
pub(super) fn times(a: &str, n: i64) -> String {
    if n == 1 { a.to_owned() } else { format!("{a} * {}", operand(n)) }
}

/// Without parentheses around all of it.
pub(super) fn bare(expression: &str) -> &str {
    let inner = expression.strip_prefix('(').and_then(|inner| inner.strip_suffix(')'));
    inner.filter(|inner| is_balanced(inner)).unwrap_or(expression)
}

/// Whether every parenthesis is opened before it is closed.
fn is_balanced(expression: &str) -> bool {
    let depths = expression.chars().scan(0i32, |depth, letter| {
        *depth += i32::from(letter == '(') - i32::from(letter == ')');
        Some(*depth)
    });
    depths.min().unwrap_or(0) >= 0
}

#[cfg(test)]
mod tests {
    use super::{bare, less, plus, times};

    #[test]
    fn constants_that_do_nothing_are_left_out() {
        assert_eq!([plus("a", 0), plus("a", 3), plus("a", -3)], ["a", "(a + 3)", "(a - 3)"]);
        assert_eq!([less("a", -128), less("a", i32::MIN)], ["(a + 128)", "(a + 2147483648LL)"]);
        assert_eq!([times("a", 1), times("a", -2)], ["a", "a * -2"]);
        assert_eq!([bare("(a + 3)"), bare("a"), bare("(a)(b)"), bare("((a)b)")], ["a + 3", "a", "(a)(b)", "(a)b"]);
    }
}
