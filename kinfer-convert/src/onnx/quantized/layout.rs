//! Where the elements of a value lie in the engine's tensor.
//!
//! A value of the graph has dimensions without the batch; its elements are numbered row-major, as ONNX has them. An
//! [`Order`] gives for each place of the engine's tensor the number of the element that lies there. Reshapes and
//! transpositions so move nothing: an image `[channels, height, width]` lies channel-last, which the engine's windows
//! want, and a dense layer behind it has its columns in that order.

use std::rc::Rc;

/// For each place of a tensor the number of the element there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order(Rc<[usize]>);

impl Order {
    pub(super) fn identity(elements: usize) -> Self {
        Self((0..elements).collect())
    }

    /// `None` unless every number below its length is there once.
    pub(super) fn new(order: Vec<usize>) -> Option<Self> {
        let mut seen = vec![false; order.len()];
        let once = |&number: &usize| seen.get_mut(number).is_some_and(|seen| !std::mem::replace(seen, true));
        order.iter().all(once).then(|| Self(order.into()))
    }

    /// That of an image of these dimensions, `[channels, width]` or `[channels, height, width]`, channel-last. Of values
    /// with other numbers of dimensions it is the identity.
    pub(super) fn channel_last(dims: &[usize]) -> Self {
        let order: &[usize] = match dims.len() {
            2 => &[1, 0],
            3 => &[1, 2, 0],
            _ => return Self::identity(dims.iter().product()),
        };
        Self(transposition(dims, order).into())
    }

    pub(super) fn is_identity(&self) -> bool {
        self.0.iter().enumerate().all(|(place, &number)| place == number)
    }

    pub(super) fn numbers(&self) -> &[usize] {
        &self.0
    }

    /// For each element its place.
    pub(super) fn places(&self) -> Vec<usize> {
        let mut places = vec![0; self.0.len()];
        for (place, &number) in self.0.iter().enumerate() {
            if let Some(entry) = places.get_mut(number) {
                *entry = place;
            }
        }
        places
    }

    /// After the elements were numbered anew: element `i` of the new numbering is element `from[i]` of the old one.
    pub(super) fn renumbered(&self, from: &[usize]) -> Option<Self> {
        let inverse = Self::new(from.to_vec()).filter(|order| order.0.len() == self.0.len())?.places();
        Some(Self(self.0.iter().filter_map(|&number| inverse.get(number).copied()).collect()))
    }
}

/// Dimension `i` of the result is dimension `order[i]` of `dims`: for each element of the result, row-major, the number of
/// the one that it was. `order` names every dimension once.
pub(super) fn transposition(dims: &[usize], order: &[usize]) -> Vec<usize> {
    let stride = |axis: usize| dims.iter().skip(axis + 1).product::<usize>();
    let mut numbers = vec![0];
    for &axis in order {
        let size = dims.get(axis).copied().unwrap_or(1);
        numbers = numbers.iter().flat_map(|&base| (0..size).map(move |step| base + step * stride(axis))).collect();
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_lie_side_by_side() {
        // Two channels of 1 × 3: element numbers 0 1 2 and 3 4 5.
        assert_eq!(Order::channel_last(&[2, 1, 3]).numbers(), [0, 3, 1, 4, 2, 5]);
        assert_eq!(Order::channel_last(&[2, 3]).numbers(), [0, 3, 1, 4, 2, 5]);
        assert!(Order::channel_last(&[1, 2, 2]).is_identity() && Order::channel_last(&[6]).is_identity());
        assert_eq!(Order::channel_last(&[2, 3]).places(), [0, 2, 4, 1, 3, 5]);
    }

    #[test]
    fn a_transposition_renumbers_and_moves_nothing() {
        // [2, 3] to [3, 2]: new element 1 is the old element 3.
        let from = transposition(&[2, 3], &[1, 0]);
        assert_eq!(from, [0, 3, 1, 4, 2, 5]);
        let order = Order::identity(6).renumbered(&from).unwrap();
        assert_eq!(order.numbers(), [0, 2, 4, 1, 3, 5], "old element 1 is the new element 2");
        assert_eq!(Order::channel_last(&[2, 3]).renumbered(&from).unwrap(), Order::identity(6));
    }

    #[test]
    fn an_order_names_every_element_once() {
        assert!(Order::new(vec![0, 0]).is_none() && Order::new(vec![0, 2]).is_none());
        assert!(Order::identity(2).renumbered(&[0, 1, 2]).is_none());
    }
}
