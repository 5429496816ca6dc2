//! One array of NumPy's NPY format, versions 1 to 3: a line of text that describes it, then its elements.
//!
//! Format: numpy.lib.format. The text is the literal of a Python dictionary with three known keys, and is searched for
//! them; arrays of records and of Python objects are refused by their type.

use std::io::{self, Read};

use super::{Cells, DataError, LabelCells};

/// Longest description that is read.
const LONGEST: usize = 1 << 16;

/// What an array says of itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Description {
    kind: String,
    fortran: bool,
    shape: Vec<usize>,
}

/// Size and meaning of an element.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Element {
    kind: u8,
    size: usize,
    big_endian: bool,
}

impl Description {
    pub(super) fn read(from: &mut dyn Read) -> Result<Self, DataError> {
        let mut start = [0; 8];
        from.read_exact(&mut start).map_err(cut_short)?;
        let [0x93, b'N', b'U', b'M', b'P', b'Y', major, _] = start else {
            return Err(malformed("it does not begin like an array"));
        };
        let mut length = [0; 4];
        let used = if major == 1 { 2 } else { 4 };
        from.read_exact(&mut length[..used]).map_err(cut_short)?;
        let length = u32::from_le_bytes(length) as usize;
        if !(1..=3).contains(&major) || length > LONGEST {
            return Err(malformed("its version or the length of its header is unknown"));
        }
        let mut text = vec![0; length];
        from.read_exact(&mut text).map_err(cut_short)?;
        Self::parse(&String::from_utf8_lossy(&text))
            .ok_or_else(|| malformed("its header has no descr, order and shape"))
    }

    fn parse(text: &str) -> Option<Self> {
        let value = |key: &str| {
            let (_, rest) = text.split_once(&format!("'{key}'")).or_else(|| text.split_once(&format!("\"{key}\"")))?;
            Some(rest.trim_start().strip_prefix(':')?.trim_start())
        };
        let descr = value("descr")?;
        let kind = match descr.chars().next()? {
            quote @ ('\'' | '"') => descr[1..].split(quote).next()?.to_owned(),
            _ => "of records".into(),
        };
        let fortran = match value("fortran_order")? {
            rest if rest.starts_with("True") => true,
            rest if rest.starts_with("False") => false,
            _ => return None,
        };
        let (shape, _) = value("shape")?.strip_prefix('(')?.split_once(')')?;
        let sizes = shape.split(',').map(str::trim).filter(|size| !size.is_empty());
        let shape = sizes.map(|size| size.trim_end_matches('L').parse().ok()).collect::<Option<Vec<usize>>>()?;
        Some(Self { kind, fortran, shape })
    }

    /// Rows and columns: the first dimension, and all the others in the order of C.
    pub(super) fn rows_and_columns(&self) -> Result<(usize, usize), DataError> {
        let (rows, rest) = self.shape.split_first().ok_or_else(|| malformed("it is a single number"))?;
        if self.fortran && rest.len() > 1 {
            return Err(malformed(
                "it has three dimensions or more in Fortran order; write it with numpy.ascontiguousarray",
            ));
        }
        let columns = rest.iter().try_fold(1usize, |columns, &size| columns.checked_mul(size));
        let all = columns.and_then(|columns| columns.checked_mul(*rows)).and_then(|all| all.checked_mul(8));
        match (columns, all) {
            (Some(columns), Some(_)) => Ok((*rows, columns)),
            _ => Err(malformed("its shape is beyond any memory")),
        }
    }

    fn element(&self, name: &str) -> Result<Element, DataError> {
        let unusable = || DataError::Type { column: name.into(), kind: self.kind.clone() };
        let &[order, kind, ref size @ ..] = self.kind.as_bytes() else { return Err(unusable()) };
        let size: usize = std::str::from_utf8(size).ok().and_then(|size| size.parse().ok()).ok_or_else(unusable)?;
        match (kind, size) {
            (b'i' | b'u', 1 | 2 | 4 | 8) | (b'f', 4 | 8) | (b'b', 1) => {}
            (b'U', 1..=1024) | (b'S', 1..=4096) => {}
            _ => return Err(unusable()),
        }
        Ok(Element { kind, size: if kind == b'U' { 4 * size } else { size }, big_endian: order == b'>' })
    }

    /// Reads all elements; of the columns, those at `wanted` are kept, in that order.
    pub(super) fn columns(&self, from: &mut dyn Read, name: &str, wanted: &[usize]) -> Result<Vec<Cells>, DataError> {
        let element = self.element(name)?;
        if element.is_text() {
            return Err(DataError::Type { column: name.into(), kind: self.kind.clone() });
        }
        let (rows, columns) = self.rows_and_columns()?;
        let mut places = vec![vec![]; columns.min(super::MOST_COLUMNS)];
        for (place, &column) in wanted.iter().enumerate() {
            places.get_mut(column).ok_or_else(|| malformed("it has too many columns"))?.push(place);
        }
        let mut cells = vec![Cells::default(); wanted.len()];
        let mut bytes = [0; 8];
        for index in 0..rows * columns {
            from.read_exact(&mut bytes[..element.size]).map_err(cut_short)?;
            let column = if self.fortran { index / rows } else { index % columns };
            for &place in places.get(column).into_iter().flatten() {
                element.push(bytes, &mut cells[place]);
            }
        }
        Ok(cells)
    }

    /// Reads a column of labels.
    pub(super) fn labels(&self, from: &mut dyn Read, name: &str) -> Result<LabelCells, DataError> {
        let element = self.element(name)?;
        let (rows, columns) = self.rows_and_columns()?;
        if columns != 1 {
            return Err(malformed(&format!("`{name}` has {columns} columns; a label has one")));
        }
        if !element.is_text() {
            let cells = self.columns(from, name, &[0])?;
            return Ok(LabelCells::Numbers(cells.into_iter().next().unwrap_or_default()));
        }
        let mut texts = Vec::new();
        let mut bytes = vec![0; element.size];
        for _ in 0..rows {
            from.read_exact(&mut bytes).map_err(cut_short)?;
            texts.push(element.text(&bytes));
        }
        Ok(LabelCells::Texts(texts))
    }
}

impl Element {
    fn is_text(self) -> bool {
        matches!(self.kind, b'U' | b'S')
    }

    /// Of eight bytes the first `size` are the element.
    fn push(self, mut bytes: [u8; 8], cells: &mut Cells) {
        if self.big_endian {
            bytes[..self.size].reverse();
        }
        let unused = 8 * (8 - self.size) as u32;
        let word = u64::from_le_bytes(bytes) << unused;
        match (self.kind, self.size) {
            (b'i', _) => cells.push_integer((word as i64) >> unused),
            (b'f', 4) => cells.push_float(f32::from_bits((word >> unused) as u32).into()),
            (b'f', _) => cells.push_float(f64::from_bits(word)),
            _ => cells.push_unsigned(word >> unused),
        }
    }

    fn text(self, bytes: &[u8]) -> String {
        if self.kind == b'S' {
            return String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned();
        }
        let point = |four: &[u8; 4]| {
            let point = if self.big_endian { u32::from_be_bytes(*four) } else { u32::from_le_bytes(*four) };
            char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER)
        };
        let text: String = bytes.as_chunks().0.iter().map(point).collect();
        text.trim_end_matches('\0').to_owned()
    }
}

pub(super) fn malformed(detail: &str) -> DataError {
    DataError::Format { format: "a NumPy array", detail: detail.into() }
}

fn cut_short(error: io::Error) -> DataError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => malformed("the file ends before the array does"),
        _ => malformed(&error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_is_read_as_numpy_writes_it() {
        let text = "{'descr': '<f8', 'fortran_order': False, 'shape': (150, 4), }   \n";
        let is = Description { kind: "<f8".into(), fortran: false, shape: vec![150, 4] };
        assert_eq!(Description::parse(text), Some(is.clone()));
        assert_eq!(is.rows_and_columns(), Ok((150, 4)));
        let vector = Description::parse("{'descr': '|u1', 'fortran_order': True, 'shape': (3,), }").unwrap();
        assert_eq!((vector.rows_and_columns(), vector.fortran), (Ok((3, 1)), true));
        let images = Description::parse("{'descr': '>i2', 'fortran_order': False, 'shape': (9, 8, 8, 3), }").unwrap();
        assert_eq!(images.rows_and_columns(), Ok((9, 192)));
    }

    #[test]
    fn a_shape_beyond_memory_is_refused() {
        for shape in ["(18446744073709551615, 2)", "(4294967296, 4294967296)", "(1, 4611686018427387904, 4)"] {
            let text = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}");
            assert!(Description::parse(&text).unwrap().rows_and_columns().is_err(), "{shape}");
        }
        assert_eq!(Description::parse("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 2), }"), None);
    }

    #[test]
    fn records_objects_and_halves_are_no_numbers() {
        for kind in ["'<f2'", "'|O'", "'<c8'", "'<M8[ns]'", "[('a', '<i4')]", "''"] {
            let text = format!("{{'descr': {kind}, 'fortran_order': False, 'shape': (1, 1), }}");
            let description = Description::parse(&text).unwrap();
            assert!(matches!(description.element("x"), Err(DataError::Type { .. })), "{kind}");
        }
    }
}
