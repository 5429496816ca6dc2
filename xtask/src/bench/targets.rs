//! What issue 3 asks of each case.

use super::harness::Line;

/// A bound and what was reached.
pub(super) struct Verdict {
    pub(super) target: String,
    pub(super) reached: String,
    pub(super) met: bool,
}

enum Target {
    /// At least so many times faster than this peer.
    Faster(f64, &'static str),
    /// Faster than every peer.
    Fastest,
    /// At most so many nanoseconds.
    Below(f64),
    /// At most so many times the network alone.
    OfNetwork(f64),
}

fn targets(case: &str) -> &'static [Target] {
    use Target::{Below, Faster, Fastest, OfNetwork};
    match case {
        "linnos_31_256_2" => &[Faster(3.0, "gcc_scalar"), Fastest],
        "linnos_digits" => &[Faster(3.7, "gcc_scalar")],
        "linnos_sparse" => &[Faster(6.0, "gcc_scalar")],
        "linnos_w8a16" => &[Faster(2.0, "gcc_scalar")],
        "heimdall" => &[Fastest],
        "kml" => &[Fastest, Below(80.0)],
        "mllb" => &[Fastest, Below(45.0)],
        "forest_100x6" | "forest_16x8" => &[Faster(5.0, "tl2cgen"), Faster(2.5, "emlearn_int16")],
        "linnos_raw" => &[OfNetwork(1.25)],
        "load_10k" => &[Below(200e3)],
        _ => &[],
    }
}

/// The verdicts on a case; what cannot be told because a peer is absent is not met.
pub(super) fn verdicts(case: &str, kinfer: f64, others: &[&Line]) -> Vec<Verdict> {
    let ns = |name: &str| others.iter().find(|line| line.name == name).and_then(|line| line.ns);
    let verdict = |target: &Target| match *target {
        Target::Faster(times, peer) => {
            let ratio = ns(peer).map(|ns| ns / kinfer);
            let reached = ratio.map_or(format!("{peer} is absent"), |ratio| format!("{ratio:.2} times"));
            let target = format!("≥ {times} times faster than {peer}");
            Verdict { target, reached, met: ratio.is_some_and(|ratio| ratio >= times) }
        }
        Target::Fastest => {
            let fastest = others.iter().filter_map(|line| Some((line.ns?, line.name.as_str())));
            let Some((ns, name)) = fastest.min_by(|a, b| a.0.total_cmp(&b.0)) else {
                return Verdict { target: "faster than all peers".into(), reached: "no peers".into(), met: false };
            };
            let reached = format!("{:.2} times faster than {name}", ns / kinfer);
            Verdict { target: "faster than all peers".into(), reached, met: kinfer < ns }
        }
        Target::Below(bound) => {
            Verdict { target: format!("< {}", duration(bound)), reached: duration(kinfer), met: kinfer < bound }
        }
        Target::OfNetwork(times) => {
            let ratio = ns("network").map_or(f64::INFINITY, |ns| kinfer / ns);
            let target = format!("< {times} times the network alone");
            Verdict { target, reached: format!("{ratio:.2} times"), met: ratio < times }
        }
    };
    targets(case).iter().map(verdict).collect()
}

/// Nanoseconds as a person reads them.
pub(super) fn duration(ns: f64) -> String {
    match ns {
        ns if ns < 100.0 => format!("{ns:.1} ns"),
        ns if ns < 20_000.0 => format!("{ns:.0} ns"),
        ns => format!("{:.1} µs", ns / 1e3),
    }
}
