//! Decisions between classes against the truth.

use serde::Serialize;

use super::auc;

/// Figures of one set of decisions against the truth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Quality {
    /// Share of rows decided right.
    pub accuracy: f64,
    /// Share of a class's rows that were decided so; nothing for a class without rows.
    pub recall: Vec<Option<f64>>,
    /// Share of the rows decided for a class that are of it; nothing for a class never decided for.
    pub precision: Vec<Option<f64>>,
    /// Mean recall over the classes that have rows.
    pub balanced_accuracy: f64,
    /// Area under the ROC curve, for two classes that both have rows.
    pub auc: Option<f64>,
    /// Rows by true class and decided class: `confusion[truth][decided]`.
    pub confusion: Vec<Vec<u64>>,
}

impl Quality {
    /// Figures of `decided` against `truth`, both indices of `classes` classes, row by row; `ranking` orders rows from class
    /// 0 to class 1. A row with another class is wrong, and in no cell of the confusion matrix.
    pub fn of<S: Copy + PartialOrd>(decided: &[u32], truth: &[u32], classes: usize, ranking: Option<&[S]>) -> Self {
        let mut confusion = vec![vec![0u64; classes]; classes];
        let mut rows = 0u64;
        for (&decided, &truth) in decided.iter().zip(truth) {
            rows += 1;
            if let Some(cell) = confusion.get_mut(truth as usize).and_then(|row| row.get_mut(decided as usize)) {
                *cell += 1;
            }
        }
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        let right = |class: usize| confusion[class][class];
        let of_truth = |class: usize| truth.iter().filter(|&&truth| truth as usize == class).count() as u64;
        let of_decided = |class: usize| decided.iter().filter(|&&decided| decided as usize == class).count() as u64;
        let recall: Vec<_> = (0..classes).map(|class| share(right(class), of_truth(class))).collect();
        let precision = (0..classes).map(|class| share(right(class), of_decided(class))).collect();
        let there: Vec<f64> = recall.iter().flatten().copied().collect();
        Self {
            accuracy: share((0..classes).map(right).sum(), rows).unwrap_or(0.0),
            balanced_accuracy: there.iter().sum::<f64>() / there.len().max(1) as f64,
            auc: ranking.filter(|_| classes == 2).and_then(|ranking| auc(ranking, truth)),
            recall,
            precision,
            confusion,
        }
    }
}

/// How common the classes are: what a model that looks at nothing reaches.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BaseRate {
    /// Share of the rows of each class.
    pub shares: Vec<f64>,
    /// The commonest class.
    pub commonest: usize,
    /// Accuracy of always deciding for it.
    pub rate: f64,
}

impl BaseRate {
    /// Of the true classes, indices of `classes` classes; the lowest index wins a tie.
    pub fn of(truth: &[u32], classes: usize) -> Self {
        let count = |class: usize| truth.iter().filter(|&&truth| truth as usize == class).count();
        let counts: Vec<_> = (0..classes).map(count).collect();
        let commonest = (0..classes).rev().max_by_key(|&class| counts[class]).unwrap_or(0);
        let shares: Vec<f64> = counts.iter().map(|&count| count as f64 / truth.len().max(1) as f64).collect();
        Self { rate: shares.get(commonest).copied().unwrap_or(0.0), shares, commonest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn the_confusion_matrix_has_the_truth_in_rows() {
        let quality = Quality::of::<f64>(&[0, 1, 1, 1, 2], &[0, 0, 1, 2, 2], 3, None);
        assert_eq!(quality.confusion, [[1, 1, 0], [0, 1, 0], [0, 1, 1]]);
        assert_eq!(quality.recall, [Some(0.5), Some(1.0), Some(0.5)]);
        assert_eq!(quality.precision, [Some(1.0), Some(1.0 / 3.0), Some(1.0)]);
        assert_eq!(quality.accuracy, 0.6);
    }

    #[test]
    fn the_base_rate_is_that_of_the_commonest_class() {
        let base = BaseRate::of(&[1, 0, 1, 1, 2, 0], 4);
        assert_eq!((base.commonest, base.rate), (1, 0.5));
        assert_eq!(base.shares, [2.0 / 6.0, 0.5, 1.0 / 6.0, 0.0]);
        assert_eq!(BaseRate::of(&[0, 1], 2).commonest, 0);
    }
}
