//! Area under the ROC curve.

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

/// Mean over the classes of the area under the curve of one class against the rest, by its own score: `scores` row after
/// row, one a class. Classes that no row or every row has are left out.
pub fn auc_one_against_rest(scores: &[f64], classes: usize, truth: &[u32]) -> Option<f64> {
    let of_class = |class: usize| {
        let column: Vec<f64> = scores.chunks_exact(classes.max(1)).map(|row| row[class]).collect();
        let is: Vec<u32> = truth.iter().map(|&truth| u32::from(truth as usize == class)).collect();
        auc(&column, &is)
    };
    let areas: Vec<f64> = (0..classes).filter_map(of_class).collect();
    (!areas.is_empty()).then(|| areas.iter().sum::<f64>() / areas.len() as f64)
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
    fn several_classes_have_the_mean_of_one_against_the_rest() {
        let scores = [3.0, 0.0, 9.0, 1.0, 1.0, 9.0, 0.0, 2.0, 9.0, 0.5, 1.5, 9.0];
        let area = auc_one_against_rest(&scores, 3, &[0, 1, 0, 1]);
        let of_0 = auc(&[3.0, 1.0, 0.0, 0.5], &[1, 0, 1, 0]).unwrap();
        let of_1 = auc(&[0.0, 1.0, 2.0, 1.5], &[0, 1, 0, 1]).unwrap();
        assert_eq!((of_0, of_1), (0.5, 0.5));
        assert_eq!(area, Some(0.5));
        assert_eq!(auc_one_against_rest(&scores, 3, &[1, 1, 1, 1]), None);
    }
}
