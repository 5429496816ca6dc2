//! Pictures: inline SVG whose colours are the page's.

use super::html::{count, escape, figure};
use crate::convert::{LayerReport, StepReport};

const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 64.0;
const BRACKET: f64 = 18.0;

/// How often values were seen, and below it the range that integers have. Bars are square roots of counts, so that rare
/// values can be seen; those outside the range have another colour.
pub(super) fn histogram(layer: &LayerReport) -> String {
    let ((seen_lo, seen_hi), (lo, hi)) = (layer.seen, layer.chosen);
    let (left, right) = (seen_lo.min(lo), seen_hi.max(hi));
    let place = |value: f64| if right > left { WIDTH * (value - left) / (right - left) } else { WIDTH / 2.0 };
    let most = layer.histogram.iter().copied().max().unwrap_or(0).max(1) as f64;
    let bin = (seen_hi - seen_lo) / layer.histogram.len().max(1) as f64;
    let mut bars = String::new();
    for (index, &seen) in layer.histogram.iter().enumerate().filter(|(_, seen)| **seen > 0) {
        let (from, to) = (seen_lo + bin * index as f64, seen_lo + bin * (index + 1) as f64);
        let (x, width) = (place(from), (place(to) - place(from)).max(1.5));
        let height = (HEIGHT * (seen as f64 / most).sqrt()).max(1.0);
        // A bin counts as outside when its middle is.
        let middle = (from + to) / 2.0;
        let class = if middle < lo || middle > hi { "out" } else { "bar" };
        let gap = if width > 3.0 { 0.6 } else { 0.0 };
        bars += &format!(
            "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\"><title>{} to {}: {} values</title></rect>",
            x,
            HEIGHT - height,
            width - gap,
            figure(from),
            figure(to),
            count(seen)
        );
    }
    let (a, b) = (place(lo).clamp(0.0, WIDTH), place(hi).clamp(0.0, WIDTH));
    let y = HEIGHT + 9.0;
    let says = format!(
        "Values of {} from {} to {}; integers reach from {} to {}",
        escape(&layer.name),
        figure(seen_lo),
        figure(seen_hi),
        figure(lo),
        figure(hi)
    );
    format!(
        "<svg class=\"histogram\" viewBox=\"-1 0 {:.0} {:.0}\" role=\"img\" aria-label=\"{says}\">{bars}\
         <line class=\"base\" x1=\"0\" x2=\"{WIDTH}\" y1=\"{HEIGHT}\" y2=\"{HEIGHT}\"/>\
         <path class=\"range\" d=\"M{a:.1} {:.1}v10M{a:.1} {y:.1}H{b:.1}M{b:.1} {:.1}v10\"/></svg>",
        WIDTH + 2.0,
        HEIGHT + BRACKET,
        y - 5.0,
        y - 5.0,
    )
}

/// What was tried: operations to the right, agreement upwards, the steps that were taken joined.
pub(super) fn steps(steps: &[StepReport]) -> String {
    const LEFT: f64 = 8.0;
    const TOP: f64 = 12.0;
    const W: f64 = 640.0;
    const H: f64 = 180.0;
    let told: Vec<(f64, f64, &StepReport)> =
        steps.iter().filter_map(|step| Some((step.operations as f64, step.agreement?, step))).collect();
    let range = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), value| (lo.min(value), hi.max(value)))
    };
    let (x_lo, x_hi) = range(&mut told.iter().map(|point| point.0));
    let (y_lo, y_hi) = range(&mut told.iter().map(|point| point.1));
    if told.len() < 2 || (x_lo == x_hi && y_lo == y_hi) {
        return String::new();
    }
    let share = |value: f64, lo: f64, hi: f64| if hi > lo { (value - lo) / (hi - lo) } else { 0.5 };
    let at = |x: f64, y: f64| (LEFT + W * share(x, x_lo, x_hi), TOP + H * (1.0 - share(y, y_lo, y_hi)));
    let taken: Vec<_> = told.iter().filter(|(.., step)| step.taken).map(|&(x, y, _)| at(x, y)).collect();
    let path: String = taken
        .iter()
        .enumerate()
        .map(|(index, (x, y))| format!("{}{x:.1} {y:.1}", if index == 0 { "M" } else { "L" }))
        .collect();
    let mut points = String::new();
    for &(operations, agreement, step) in &told {
        let (x, y) = at(operations, agreement);
        let class = if step.taken { "taken" } else { "tried" };
        points += &format!(
            "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\"><title>{}: {} %, {} operations</title></circle>",
            escape(&step.what),
            figure(100.0 * agreement),
            count(step.operations)
        );
    }
    format!(
        "<figure><svg class=\"steps\" viewBox=\"0 0 {:.0} {:.0}\" role=\"img\" aria-label=\"Agreement against operations of what was tried\">\
         <path class=\"way\" d=\"{path}\"/>{points}</svg>\
         <figcaption>Agreement from {} to {} %, upwards; operations from {} to {}, to the right. Filled: taken.</figcaption></figure>",
        W + 2.0 * LEFT,
        H + 2.0 * TOP,
        figure(100.0 * y_lo),
        figure(100.0 * y_hi),
        count(x_lo as u64),
        count(x_hi as u64)
    )
}

/// A number with a bar of its share of `most` behind it.
pub(super) fn bar(text: &str, value: f64, most: f64) -> String {
    let share = if most > 0.0 { (100.0 * value / most).clamp(0.0, 100.0) } else { 0.0 };
    format!(
        "<span class=\"track\"><span class=\"fill\" style=\"width:{share:.1}%\"></span></span><span class=\"number\">{text}</span>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(chosen: (f64, f64)) -> LayerReport {
        LayerReport {
            name: "a<b".into(),
            operator: "dense",
            precision: "w8a8",
            element: "int8",
            seen: (0.0, 4.0),
            chosen,
            histogram: vec![9, 0, 4, 1],
            signal_to_noise: None,
        }
    }

    #[test]
    fn a_bin_that_integers_do_not_reach_has_another_colour() {
        let all = histogram(&layer((0.0, 4.0)));
        assert_eq!((all.matches("class=\"bar\"").count(), all.matches("class=\"out\"").count()), (3, 0));
        let cut = histogram(&layer((0.0, 3.0)));
        assert_eq!((cut.matches("class=\"bar\"").count(), cut.matches("class=\"out\"").count()), (2, 1));
        assert!(cut.contains("a&lt;b") && cut.contains("3 to 4: 1 values"), "{cut}");
    }

    #[test]
    fn values_that_are_all_the_same_draw_without_a_number_that_is_none() {
        let same = LayerReport { seen: (2.0, 2.0), chosen: (2.0, 2.0), histogram: vec![5], ..layer((0.0, 0.0)) };
        assert!(!histogram(&same).contains("NaN") && !histogram(&same).contains("inf"));
    }

    #[test]
    fn one_step_is_no_chart() {
        let step = StepReport { what: "int8".into(), agreement: Some(0.9), operations: 5, bytes: 1, taken: true };
        assert_eq!(steps(std::slice::from_ref(&step)), "");
        let two = steps(&[step.clone(), StepReport { agreement: Some(1.0), operations: 9, ..step.clone() }]);
        assert_eq!(two.matches("<circle").count(), 2);
        assert_eq!(steps(&[step.clone(), StepReport { agreement: None, ..step }]), "");
    }
}
