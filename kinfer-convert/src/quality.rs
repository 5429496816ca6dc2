//! How good decisions are. Accuracy alone means nothing where one class is rare, so everything else stands beside it.

use serde::Serialize;

/// Figures of one set of decisions against the truth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Quality {
    /// Share of rows decided right.
    pub accuracy: f64,
    /// Share of a class's rows that were decided so; nothing for a class without rows.
    pub recall: Vec<Option<f64>>,
    /// Mean recall over the classes that have rows.
    pub balanced_accuracy: f64,
    /// Area under the ROC curve, for two classes that both have rows.
    pub auc: Option<f64>,
}

impl Quality {
    /// Figures of `decided` against `truth`, both indices of `classes` classes; `ranking` orders rows from class 0 to
    /// class 1.
    pub fn of<S: Copy + PartialOrd>(decided: &[u32], truth: &[u32], classes: usize, ranking: Option<&[S]>) -> Self {
        let right = |class: Option<u32>| {
            let rows = decided.iter().zip(truth).filter(|(_, truth)| class.is_none_or(|class| **truth == class));
            let (mut right, mut all) = (0usize, 0usize);
            rows.for_each(|(decided, truth)| {
                right += usize::from(decided == truth);
                all += 1;
            });
            (all > 0).then(|| right as f64 / all as f64)
        };
        let recall: Vec<_> = (0..classes as u32).map(|class| right(Some(class))).collect();
        let there: Vec<f64> = recall.iter().flatten().copied().collect();
        Self {
            accuracy: right(None).unwrap_or(0.0),
            balanced_accuracy: there.iter().sum::<f64>() / there.len().max(1) as f64,
            auc: ranking.filter(|_| classes == 2).and_then(|ranking| auc(ranking, truth)),
            recall,
        }
    }
}

/// Share of equal decisions.
pub fn agreement(a: &[u32], b: &[u32]) -> f64 {
    let equal = a.iter().zip(b).filter(|(a, b)| a == b).count();
    equal as f64 / a.len().max(1) as f64
}

/// Area under the ROC curve from ranks (Mann–Whitney U); tied rows share their mean rank. Nothing where a class is absent.
pub fn auc<S: Copy + PartialOrd>(scores: &[S], truth: &[u32]) -> Option<f64> {
    let mut order: Vec<_> = scores.iter().copied().zip(truth.iter().map(|&class| class != 0)).collect();
    order.sort_by(|(a, _), (b, _)| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    let (mut rank, mut ranks_of_positives, mut positives) = (1.0, 0.0, 0.0);
    for tied in order.chunk_by(|(a, _), (b, _)| a == b) {
        let mean_rank = rank + (tied.len() as f64 - 1.0) / 2.0;
        let here = tied.iter().filter(|(_, positive)| *positive).count() as f64;
        ranks_of_positives += mean_rank * here;
        positives += here;
        rank += tied.len() as f64;
    }
    let negatives = order.len() as f64 - positives;
    let pairs = positives * negatives;
    (pairs > 0.0).then(|| (ranks_of_positives - positives * (positives + 1.0) / 2.0) / pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auc_counts_pairs_in_order_and_ties_as_half() {
        assert_eq!(auc(&[1.0, 2.0, 3.0, 4.0], &[0, 0, 1, 1]), Some(1.0));
        assert_eq!(auc(&[4, 3, 2, 1], &[0, 0, 1, 1]), Some(0.0));
        assert_eq!(auc(&[5, 5, 5], &[0, 1, 1]), Some(0.5));
        // pairs (0.1,0.35) (0.1,0.8) (0.4,0.8) in order, (0.4,0.35) not: scikit-learn's own example
        assert_eq!(auc(&[0.1, 0.4, 0.35, 0.8], &[0, 0, 1, 1]), Some(0.75));
        assert_eq!(auc(&[1.0, 2.0], &[1, 1]), None);
    }

    #[test]
    fn a_model_that_never_says_slow_has_accuracy_but_no_balanced_accuracy() {
        let truth = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        let quality = Quality::of::<f64>(&[0; 10], &truth, 2, None);
        assert_eq!((quality.accuracy, quality.balanced_accuracy), (0.9, 0.5));
        assert_eq!(quality.recall, [Some(1.0), Some(0.0)]);
    }

    #[test]
    fn a_class_without_rows_has_no_recall_and_does_not_lower_the_mean() {
        let quality = Quality::of::<f64>(&[0, 2], &[0, 0], 3, None);
        assert_eq!(quality.recall, [Some(0.5), None, None]);
        assert_eq!(quality.balanced_accuracy, 0.5);
    }
}
