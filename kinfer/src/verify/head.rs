//! Proof of the head: it fits its scores and the named outcomes, and what it costs.

use super::{tensor, Report};
use crate::error::{Error, Place, Problem, Result, What};
use crate::format::{HeadKind, Model};

/// Adds the comparisons of a ranking to the report's operations; the other heads look at each score once, which is not
/// counted.
#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
pub(super) fn check(model: &Model<'_>, report: &mut Report) -> Result<()> {
    let refuse = |problem| Error::new(Place::Head, problem);
    let head = model.head();
    let scores = tensor(model, head.scores).map_err(refuse)?;
    report.range_of(head.scores).map_err(refuse)?;
    let (outcomes, elements) = (model.outcomes().len() as u32, scores.elements());
    let one = |name, outcomes| match elements {
        1 => Ok(outcomes),
        is => Err(refuse(Problem::OneScore { head: name, is })),
    };
    let (decides, least) = match head.kind {
        HeadKind::ArgMax | HeadKind::ArgMin | HeadKind::TopK(_) => (elements, 2),
        HeadKind::Threshold(_) => (one(What::Threshold, 2)?, 2),
        HeadKind::Anomaly(_) => (one(What::Anomaly, 2)?, 2),
        HeadKind::Value => (one(What::Value, 1)?, 1),
    };
    if u64::from(outcomes) != decides || decides < least {
        return Err(refuse(Problem::Outcomes { is: outcomes, head: decides }));
    }
    if let HeadKind::TopK(k) = head.kind {
        if k == 0 || u64::from(k) >= elements {
            return Err(refuse(Problem::Top { k, scores: elements }));
        }
        // A pass for each place, and one for the score behind the last.
        let passes = u64::from(k).saturating_add(1);
        report.operations = report.operations.saturating_add(passes.saturating_mul(elements));
    }
    Ok(())
}
