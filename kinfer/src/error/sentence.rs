//! The sentences. A problem is a text and what is filled in: formatting each by itself would be most of the room that
//! errors take in the kernel.

use core::fmt;

use super::{Error, Place, Problem, What};
use crate::format::VERSION_MAJOR;
use crate::iter::numbered;

impl fmt::Display for Error {
    #[cfg_attr(kinfer_module, optimize(size))]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.place.fmt(f)?;
        f.write_str(": ")?;
        self.problem.fmt(f)
    }
}

impl fmt::Display for Place {
    #[cfg_attr(kinfer_module, optimize(size))]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, number) = match *self {
            Self::File => ("file", None),
            Self::Header => ("header", None),
            Self::Entry(i) => ("section table entry #", Some(i)),
            Self::Section(_) => ("section ", None),
            Self::Feature(i) => ("feature #", Some(i)),
            Self::Step(i) => ("feature program step #", Some(i)),
            Self::Tensor(i) => ("tensor #", Some(i)),
            Self::Operator(i, _) | Self::Record(i) => ("op #", Some(i)),
            Self::Head => ("head", None),
            Self::Caller => ("caller", None),
        };
        fill(text, &[u64::from(number.unwrap_or(0))], f)?;
        match *self {
            Self::Section(kind) => f.write_str(kind.name()),
            Self::Operator(_, kind) => {
                f.write_str(" (")?;
                f.write_str(kind.name())?;
                f.write_str(")")
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Problem {
    #[cfg_attr(kinfer_module, optimize(size))]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, numbers) = self.sentence();
        fill(text, &numbers, f)
    }
}

/// Writes `text` with the numbers filled in, in their order: `#` is one, `~` a signed one, `%` eight hexadecimal digits, `$`
/// the name of a [`What`].
#[inline(never)]
fn fill(text: &str, numbers: &[u64], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (mut rest, mut numbers) = (text, numbers.iter());
    loop {
        let found = numbered(rest.bytes()).find(|&(_, byte)| matches!(byte, b'#' | b'~' | b'%' | b'$'));
        let Some((at, mark)) = found else { return f.write_str(rest) };
        let at = at as usize;
        f.write_str(rest.get(..at).unwrap_or_default())?;
        let number = numbers.next().copied().unwrap_or(0);
        match mark {
            b'#' => write!(f, "{number}")?,
            b'~' => write!(f, "{}", number as i64)?,
            b'%' => write!(f, "{number:08x}")?,
            _ => f.write_str(What::name(number))?,
        }
        rest = rest.get(at.wrapping_add(1)..).unwrap_or_default();
    }
}

impl Problem {
    fn sentence(&self) -> (&'static str, [u64; 4]) {
        match *self {
            Self::NotAModel => ("is not a .kinf model (the label is wrong)", [0, 0, 0, 0]),
            Self::Version { major, minor } => (
                "format version #.# is not one this build reads (#.x)",
                [u64::from(major), u64::from(minor), u64::from(VERSION_MAJOR), 0],
            ),
            Self::Length { says, has } => ("says # bytes, the file has #", [says, has, 0, 0]),
            Self::Checksum { says, is } => ("says CRC-32C %, the file's is %", [u64::from(says), u64::from(is), 0, 0]),
            Self::Reserved { offset } => ("reserved bytes at # are not zero", [u64::from(offset), 0, 0, 0]),
            Self::Truncated { needs, has } => ("needs # bytes, the file has #", [needs, has, 0, 0]),
            Self::UnknownSection { kind } => {
                ("section kind # is critical and not known to this build", [u64::from(kind), 0, 0, 0])
            }
            Self::Overlap { offset, after } => ("starts at #, inside what ends at #", [u64::from(offset), after, 0, 0]),
            Self::Misaligned { offset } => ("starts at #, which is not a multiple of 8", [u64::from(offset), 0, 0, 0]),
            Self::Padding { offset } => ("padding before # is over 7 bytes or not zero", [offset, 0, 0, 0]),
            Self::Duplicate => ("is there twice", [0, 0, 0, 0]),
            Self::Missing => ("is missing", [0, 0, 0, 0]),
            Self::RecordSize { count, size, length } => {
                ("# records of # bytes do not make # bytes", [u64::from(count), u64::from(size), u64::from(length), 0])
            }
            Self::Count { is, max } => ("has # records, 1 to # are allowed", [is, max, 0, 0]),
            Self::Name => ("a name or unit is empty, not ASCII, or not padded with zero bytes", [0, 0, 0, 0]),
            Self::EmptyRange => ("the range seen in calibration is empty (lo is above hi)", [0, 0, 0, 0]),
            Self::UnknownKind { kind } => ("kind # is not known to this build", [u64::from(kind), 0, 0, 0]),
            Self::UnknownType { code } => ("element type # is not known to this build", [u64::from(code), 0, 0, 0]),
            Self::UnknownRounding { code } => ("rounding # is not known to this build", [u64::from(code), 0, 0, 0]),
            Self::UnknownLookup { code } => ("look-up # is not known to this build", [u64::from(code), 0, 0, 0]),
            Self::Shape => ("the rank is not 1 to 4, or a dimension is zero or too large", [0, 0, 0, 0]),
            Self::ZeroPoint { is } => ("zero point ~ is outside the element type", [is as u64, 0, 0, 0]),
            Self::Scale => ("the scale is zero", [0, 0, 0, 0]),
            Self::Elements { is, inputs } => ("makes # elements, the input tensor has #", [is, inputs, 0, 0]),
            Self::Source { is, values } => {
                ("reads value #, there are # before it", [u64::from(is), u64::from(values), 0, 0])
            }
            Self::Amount { what, is, max } => ("$ # is not 1 to #", [what as u64, is, max, 0]),
            Self::Unsorted { index } => ("threshold # is below the one before it", [u64::from(index), 0, 0, 0]),
            Self::EmptyClamp { lo, hi } => ("clamp range ~..~ is empty", [lo as u64, hi as u64, 0, 0]),
            Self::StateOverlap { at, end } => {
                ("state begins at word #, inside what ends at word #", [u64::from(at), end, 0, 0])
            }
            Self::Shift { is, max } => ("shift # is over #", [u64::from(is), u64::from(max), 0, 0]),
            Self::TooLarge { what } => ("the $ is too large for exact arithmetic", [what as u64, 0, 0, 0]),
            Self::NoTensor { is, tensors } => {
                ("names tensor #, the file has #", [u64::from(is), u64::from(tensors), 0, 0])
            }
            Self::NotYetProduced { tensor } => {
                ("reads tensor # before anything writes it", [u64::from(tensor), 0, 0, 0])
            }
            Self::WriteOrder { tensor, next } => {
                ("writes tensor #, the next one is #", [u64::from(tensor), u64::from(next), 0, 0])
            }
            Self::NeverWritten => ("nothing writes it", [0, 0, 0, 0]),
            Self::Shapes { input, output } => {
                ("input of # and output of # elements do not fit this operator", [input, output, 0, 0])
            }
            Self::Grids => ("its tensors differ in element type, scale or zero point", [0, 0, 0, 0]),
            Self::Rows { is, elements } => ("# elements do not make # rows", [elements, is, 0, 0]),
            Self::EmptySlice => ("takes no elements, or the same one again and again", [0, 0, 0, 0]),
            Self::Slice { last, width } => ("takes element # of rows of #, numbered from 0", [last, width, 0, 0]),
            Self::NotAnImage => ("its tensors are not both [height, width, channels]", [0, 0, 0, 0]),
            Self::ZeroWindow { what } => ("the $ is zero", [what as u64, 0, 0, 0]),
            Self::Positions { axis, makes, has } => (
                "the window has # positions along axis #, the output tensor #",
                [u64::from(makes), u64::from(axis), u64::from(has), 0],
            ),
            Self::InPadding { axis } => {
                ("a window along axis # could lie in the padding alone", [u64::from(axis), 0, 0, 0])
            }
            Self::Groups { groups, inputs, outputs } => (
                "# groups do not divide # input and # output channels",
                [u64::from(groups), u64::from(inputs), u64::from(outputs), 0],
            ),
            Self::Channels { input, output } => {
                ("makes # channels, the output tensor has #", [u64::from(input), u64::from(output), 0, 0])
            }
            Self::UnknownMode { code } => ("mode # is not known to this build", [u64::from(code), 0, 0, 0]),
            Self::DataEnd { what, end, length } => {
                ("$ end at byte #, section data has #", [what as u64, end, length, 0])
            }
            Self::NoTerms => ("it has no terms", [0, 0, 0, 0]),
            Self::TermElement { term, is, inputs } => {
                ("term # reads element #, the input has #", [u64::from(term), u64::from(is), inputs, 0])
            }
            Self::NoBins { term } => ("term # has no bins", [u64::from(term), 0, 0, 0]),
            Self::ScoreRange { score } => {
                ("score # could leave the output's element type", [u64::from(score), 0, 0, 0])
            }
            Self::NegativeWeight { channel } => ("a weight of channel # is negative", [u64::from(channel), 0, 0, 0]),
            Self::Scales => ("its two inputs differ in scale", [0, 0, 0, 0]),
            Self::Accumulator { channel } => {
                ("the accumulator of channel # could overflow", [u64::from(channel), 0, 0, 0])
            }
            Self::Multiplier { channel } => ("the multiplier of channel # is negative", [u64::from(channel), 0, 0, 0]),
            Self::NotAPowerOfTwo { channel } => (
                "the multiplier of channel # is not 1, which rounding by shift asks for",
                [u64::from(channel), 0, 0, 0],
            ),
            Self::NegativeFactor { what } => ("the $ is negative", [what as u64, 0, 0, 0]),
            Self::UnevenFactor { what } => {
                ("the $ is not a power of two, which rounding by shift asks for", [what as u64, 0, 0, 0])
            }
            Self::RoundsTwice => ("rounding tflite-double has no meaning for a sum", [0, 0, 0, 0]),
            Self::LookupInput { reads } => (
                "reads $: a direct look-up takes int8, an interpolated one int16",
                [What::element(reads) as u64, 0, 0, 0],
            ),
            Self::TableBits { what, is, max } => {
                ("the table's $ are ~, 0 to ~ are allowed", [what as u64, is as u64, max as u64, 0])
            }
            Self::Entry { index } => ("entry # of the table is outside its range", [u64::from(index), 0, 0, 0]),
            Self::Row { is, elements } => ("rows of ~ do not divide # elements", [is as u64, elements, 0, 0]),
            Self::Units { is } => ("one is ~ units of the output, 1 to 2147483647 are allowed", [is as u64, 0, 0, 0]),
            Self::Clip { lo, hi } => {
                ("clip range ~..~ is empty or outside the output's element type", [lo as u64, hi as u64, 0, 0])
            }
            Self::UnknownLeaves { code } => ("form of leaves # is not known to this build", [u64::from(code), 0, 0, 0]),
            Self::TreeNodes { tree, is, max } => {
                ("tree # has # nodes, at most # are allowed", [u64::from(tree), u64::from(is), u64::from(max), 0])
            }
            Self::TreeOrphan { tree, node } => {
                ("tree #: node # is no node's child", [u64::from(tree), u64::from(node), 0, 0])
            }
            Self::TreeChildren { tree, names, nodes } => (
                "tree #: the children lead to # nodes, it has #",
                [u64::from(tree), u64::from(names), u64::from(nodes), 0],
            ),
            Self::TreeFeature { tree, node, is, inputs } => (
                "tree #: node # reads element # of an input of #",
                [u64::from(tree), u64::from(node), u64::from(is), u64::from(inputs)],
            ),
            Self::TreeMissing { tree, node } => (
                "tree #: node # sends missing values right, where none are or nothing goes left",
                [u64::from(tree), u64::from(node), 0, 0],
            ),
            Self::TreeDepth { tree, max } => ("tree # is deeper than #", [u64::from(tree), u64::from(max), 0, 0]),
            Self::TreeClass { tree, is, from, classes } => (
                "tree # is of class #, from # on and below # it could be",
                [u64::from(tree), u64::from(is), u64::from(from), u64::from(classes)],
            ),
            Self::ReadsScores { tensor } => {
                ("reads tensor # of int32 scores, which this operator cannot", [u64::from(tensor), 0, 0, 0])
            }
            Self::OneScore { head, is } => ("$ takes one score, the tensor has #", [head as u64, is, 0, 0]),
            Self::Top { k, scores } => {
                ("top # of # scores: it takes at least 1, and fewer than all", [u64::from(k), scores, 0, 0])
            }
            Self::Outcomes { is, head } => {
                ("decides between # outcomes, the file names #", [head, u64::from(is), 0, 0])
            }
            Self::LowMargin => ("the low-margin bound is negative", [0, 0, 0, 0]),
            Self::Budget { what, is, max } => ("$ # over the budget of #", [what as u64, is, max, 0]),
            Self::Inputs { is, wants } => ("passes # features, the model takes #", [is, wants, 0, 0]),
            Self::Memory { is, needs } => ("gives # bytes of memory, the model needs #", [is, needs, 0, 0]),
        }
    }
}
