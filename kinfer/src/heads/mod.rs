//! From scores to a [`Decision`]: argmax, argmin, top-k, threshold, anomaly, value.
//!
//! Scores are compared as integers, which their scale does not change; only what a decision tells, a value and a margin,
//! becomes a real number, so that a decision has two of those multiplications at most. The meaning of each head is in
//! `docs/operators/heads.md`.

mod rank;
mod scores;

pub use rank::Ranked;
pub use scores::Scores;

use fixed::types::I32F32;

use self::rank::{best_two, Ranking};
use crate::decision::{Decision, Flags};
use crate::format::{Head, HeadKind};

/// Decides from the quantised scores, `flags` telling what is known already.
pub fn decide(head: &Head, scores: Scores, quantised: &[i32], flags: Flags) -> Decision {
    // Best class, its score, how much better than the next.
    let (mut class, best, gap) = match head.kind {
        HeadKind::ArgMax => best_two(quantised, false),
        HeadKind::ArgMin => best_two(quantised, true),
        HeadKind::TopK(k) => Ranking::new(quantised).gap_behind(k),
        _ => (0, quantised.first().map_or(0, |&q| i64::from(q)), 0),
    };
    let value = scores.value(best);
    let (mut margin, mut flags) = (I32F32::ZERO, flags);
    match head.kind {
        HeadKind::Threshold(threshold) | HeadKind::Anomaly(threshold) => {
            // Strictly above.
            class = u32::from(value > threshold);
            margin = value.saturating_sub(threshold).saturating_abs();
        }
        HeadKind::Value => {}
        _ => margin = scores.real(gap),
    }
    if matches!(head.kind, HeadKind::Anomaly(_)) && class == 1 {
        flags = flags | Flags::ANOMALY;
    }
    if margin < head.low_margin {
        flags = flags | Flags::LOW_MARGIN;
    }
    Decision { class, value, margin, flags }
}

/// Fills `out` with the first classes in the head's order, and tells how many: [`HeadKind::ranks`] or as many as there is
/// room for.
#[inline] // not in the kernel's object
pub fn top(kind: HeadKind, scores: Scores, quantised: &[i32], out: &mut [Ranked]) -> usize {
    let mut ranking = Ranking::new(quantised);
    let mut count = 0usize;
    for to in out.iter_mut().take(kind.ranks() as usize) {
        let Some((mut class, mut q)) = ranking.next() else { break };
        if kind == HeadKind::ArgMin {
            (class, q, _) = best_two(quantised, true);
        }
        *to = Ranked { class, value: scores.value(q) };
        count = count.wrapping_add(1);
    }
    count
}

#[cfg(test)]
mod tests {
    use fixed::types::U32F96;

    use super::*;

    const SCORES: Scores = Scores { scale: U32F96::from_bits(1 << 95), zero_point: 2 }; // one half

    fn head(kind: HeadKind) -> Head {
        Head { kind, scores: 0, low_margin: I32F32::lit("0.75") }
    }

    #[test]
    fn argmax_takes_the_lowest_index_at_a_tie() {
        let decision = decide(&head(HeadKind::ArgMax), SCORES, &[4, 9, 9], Flags::NONE);
        assert_eq!((decision.class, decision.value, decision.margin), (1, I32F32::lit("3.5"), I32F32::ZERO));
        assert_eq!(decision.flags, Flags::LOW_MARGIN);
    }

    #[test]
    fn argmax_margin_is_the_distance_to_the_second() {
        let decision = decide(&head(HeadKind::ArgMax), SCORES, &[-6, 12, 4], Flags::OUT_OF_RANGE);
        assert_eq!((decision.class, decision.margin), (1, I32F32::lit("4")));
        assert_eq!(decision.flags, Flags::OUT_OF_RANGE);
    }

    #[test]
    fn argmin_takes_the_lowest_index_at_a_tie_and_its_margin_is_not_negative() {
        let decision = decide(&head(HeadKind::ArgMin), SCORES, &[9, 4, 4, 5], Flags::NONE);
        assert_eq!((decision.class, decision.value, decision.margin), (1, I32F32::lit("1"), I32F32::ZERO));
        let decision = decide(&head(HeadKind::ArgMin), SCORES, &[i32::MAX, i32::MIN, i32::MAX], Flags::NONE);
        assert_eq!((decision.class, decision.margin), (1, I32F32::lit("2147483647.5")));
    }

    #[test]
    fn top_k_decides_for_the_best_with_the_margin_behind_the_kth() {
        let decision = decide(&head(HeadKind::TopK(2)), SCORES, &[4, 12, 9, 3], Flags::NONE);
        assert_eq!((decision.class, decision.value, decision.margin), (1, I32F32::lit("5"), I32F32::lit("2.5")));
        let decision = decide(&head(HeadKind::TopK(2)), SCORES, &[9, 12, 9, 3], Flags::NONE);
        assert_eq!((decision.class, decision.margin, decision.flags), (1, I32F32::ZERO, Flags::LOW_MARGIN));
    }

    #[test]
    fn top_fills_what_the_head_ranks_and_no_more() {
        let mut out = [Ranked::default(); 4];
        let top_of = |kind, out: &mut [Ranked]| top(kind, SCORES, &[4, 12, 9, 12, 3], out);
        assert_eq!(top_of(HeadKind::TopK(3), &mut out), 3);
        assert_eq!(out.map(|ranked| ranked.class), [1, 3, 2, 0]);
        assert_eq!(out.map(|ranked| ranked.value), ["5", "5", "3.5", "0"].map(I32F32::lit));
        assert_eq!(top_of(HeadKind::TopK(3), &mut out[..2]), 2);
        assert_eq!((top_of(HeadKind::ArgMin, &mut out), out[0].class), (1, 4));
        assert_eq!((top_of(HeadKind::ArgMax, &mut out), out[0].class), (1, 1));
        assert_eq!((top_of(HeadKind::Value, &mut out), top_of(HeadKind::ArgMin, &mut [])), (0, 0));
    }

    #[test]
    fn threshold_is_strict() {
        let at = head(HeadKind::Threshold(I32F32::lit("1.5")));
        assert_eq!(decide(&at, SCORES, &[5], Flags::NONE).class, 0);
        assert_eq!(decide(&at, SCORES, &[6], Flags::NONE).class, 1);
    }

    #[test]
    fn an_anomaly_is_flagged_and_nothing_else_is() {
        let at = head(HeadKind::Anomaly(I32F32::lit("1.5")));
        let strange = decide(&at, SCORES, &[9], Flags::NONE);
        assert_eq!((strange.class, strange.margin, strange.flags), (1, I32F32::lit("2"), Flags::ANOMALY));
        assert_eq!(decide(&at, SCORES, &[5], Flags::NONE).flags, Flags::LOW_MARGIN);
        assert_eq!(decide(&head(HeadKind::Threshold(at.low_margin)), SCORES, &[9], Flags::NONE).flags, Flags::NONE);
    }

    #[test]
    fn a_value_is_the_score_in_real_units() {
        let head = Head { low_margin: I32F32::ZERO, ..head(HeadKind::Value) };
        let decision = decide(&head, SCORES, &[-5], Flags::OUT_OF_RANGE);
        let Decision { class, value, margin, flags } = decision;
        assert_eq!((class, value, margin, flags), (0, I32F32::lit("-3.5"), I32F32::ZERO, Flags::OUT_OF_RANGE));
    }
}
