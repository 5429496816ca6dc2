//! The way down eight perfect trees at once, without a branch.
//!
//! The trees are the subtrees below the nodes 8 to 15 of one heap: behind node `q` come `2q` and `2q + 1`, whichever tree
//! it is in, so that the way down is `q = 2q + (x > threshold)`, and behind the last level come the leaves. The features
//! and the thresholds are an array each: three loads a step from arrays of small things beat one load of a packed node and
//! the shifts that take it apart. One way waits for each of its loads; eight of them fill the machine's registers and keep
//! it busy.
//!
//! A step is five instructions: feature, threshold, `2p`, the comparison, and an addition that takes the comparison as its
//! carry. For the last, numbers are compared without a sign, and a way is kept as `p = q + 1`, which becomes
//! `2p - (x <= threshold)`. The levels are written out, so that the compiler sees how far each can lead and checks nothing.

use super::groups::MAX_DEPTH;

/// Trees that go down together.
pub(super) const TOGETHER: usize = 8;

/// The inputs as [`unsigned`] has them, in room for whatever a byte can name, so that looking one up needs no check.
pub(super) type Inputs = [u16; 256];

/// Nodes of as many trees of the greatest depth.
const MOST_NODES: usize = TOGETHER << MAX_DEPTH;
/// Words that the way down may look at from the features on.
pub(super) const FEATURES_WORDS: usize = MOST_NODES / 8;
/// Words that the way down may look at from the thresholds on: leaves of 16 bits lie behind them.
pub(super) const NODES_WORDS: usize = 2 * MOST_NODES / 4;

/// What features may be seen.
type Features = [u8; MOST_NODES];
/// What thresholds and leaves may be seen.
type Nodes = [u16; 2 * MOST_NODES];

/// Trees that go down together, in packed memory.
#[derive(Clone, Copy)]
pub(super) struct Heap<'a> {
    features: &'a Features,
    /// Thresholds as [`unsigned`] has them, and the leaves behind them.
    nodes: &'a Nodes,
}

impl<'a> Heap<'a> {
    /// Of trees with `leaves` in all, which begin with their features. `None` when there is less than may be looked at.
    #[inline(always)]
    pub(super) fn new(memory: &'a [i64], leaves: usize) -> Option<Self> {
        let features = memory.first_chunk::<FEATURES_WORDS>()?;
        let nodes = memory.get(leaves.wrapping_shr(3)..)?.first_chunk::<NODES_WORDS>()?;
        Some(Self { features: bytemuck::try_cast_ref(features).ok()?, nodes: bytemuck::try_cast_ref(nodes).ok()? })
    }

    /// The leaf at `at`, of 16 bits.
    #[inline(always)]
    pub(super) fn leaf(self, at: usize) -> u16 {
        element(self.nodes, at)
    }

    /// Where in the heap the leaves are that `inputs` reach in trees of `depth`.
    #[inline(always)]
    pub(super) fn descend(self, inputs: &Inputs, depth: u8) -> [usize; TOGETHER] {
        self.down(inputs, depth).map(|place| place.wrapping_sub(1))
    }

    #[inline(always)]
    fn down(self, inputs: &Inputs, depth: u8) -> [usize; TOGETHER] {
        macro_rules! levels {
            ($places:expr, $($above:literal)*) => {{
                let mut places: [usize; TOGETHER] = $places;
                $(
                    places = self.level(inputs, places);
                    if depth == $above {
                        return places;
                    }
                )*
                self.level(inputs, places)
            }};
        }
        levels!([9, 10, 11, 12, 13, 14, 15, 16], 1 2 3 4 5 6 7)
    }

    /// One level down. An array of eight written out: as a loop or a `map` it is not unrolled in time to be seen through.
    #[inline(always)]
    fn level(self, inputs: &Inputs, [a, b, c, d, e, f, g, h]: [usize; TOGETHER]) -> [usize; TOGETHER] {
        let step = |place: usize| {
            let node = place.wrapping_sub(1);
            let input = element(inputs, usize::from(element(self.features, node)));
            place.wrapping_add(place).wrapping_sub(usize::from(input <= element(self.nodes, node)))
        };
        [step(a), step(b), step(c), step(d), step(e), step(f), step(g), step(h)]
    }
}

/// An int16 moved up by 2^15, so that the order of signed numbers is that of unsigned ones.
#[inline]
pub(super) const fn unsigned(value: i32) -> u16 {
    (value as u16) ^ 0x8000
}

/// Where node `node` of a tree by itself, in heap order from 1, lies in the heap of eight, of which it is the `tree`-th.
pub(super) fn place(tree: usize, node: usize) -> usize {
    let level = node.checked_ilog2().unwrap_or(0);
    node.wrapping_add(tree.wrapping_add(TOGETHER.wrapping_sub(1)).wrapping_shl(level))
}

/// Element `at`, which is in bounds.
#[inline(always)]
fn element<T: Copy + Default, const M: usize>(array: &[T; M], at: usize) -> T {
    match array.get(at) {
        Some(&element) => element,
        None => T::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::{place, unsigned, Heap, Nodes, MOST_NODES};

    #[test]
    fn trees_lie_side_by_side_in_every_level() {
        assert_eq!([place(0, 1), place(7, 1)], [8, 15]);
        assert_eq!([place(0, 2), place(0, 3), place(1, 2), place(7, 3)], [16, 17, 18, 31]);
        assert_eq!([place(2, 4), place(2, 7)], [40, 43]);
    }

    #[test]
    fn a_large_input_goes_right() {
        let (mut features, mut nodes): (_, Nodes) = ([0; MOST_NODES], [unsigned(0); 2 * MOST_NODES]);
        (features[9], nodes[9], nodes[10]) = (1, unsigned(-7), unsigned(5));
        let mut inputs = [unsigned(0); 256];
        (inputs[0], inputs[1]) = (unsigned(5), unsigned(-7));
        let heap = Heap { features: &features, nodes: &nodes };
        assert_eq!(heap.descend(&inputs, 1), [17, 18, 20, 23, 25, 27, 29, 31]);
        // From the second level on, all go right.
        assert_eq!(heap.descend(&inputs, 3), [71, 75, 83, 95, 103, 111, 119, 127]);
        assert_eq!(heap.descend(&inputs, 8)[7], 4095);
    }

    #[test]
    fn order_is_kept_without_a_sign() {
        assert_eq!([-32_768, -1, 0, 32_767].map(unsigned), [0, 0x7fff, 0x8000, 0xffff]);
    }
}
