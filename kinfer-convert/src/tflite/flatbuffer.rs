//! FlatBuffers, read without trusting a byte: every access is checked, so that no file makes a reader panic, loop or copy
//! more than it holds. <https://flatbuffers.dev/internals/> is the layout.

use super::error::{Error, Result};

/// A table: fields by number, found through its vtable.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Offsets of the fields from `at`, two bytes each; 0 where a field is absent.
    fields: &'a [u8],
}

impl<'a> Table<'a> {
    /// The root table of a file whose identifier is `identifier`.
    pub(super) fn root(bytes: &'a [u8], identifier: [u8; 4]) -> Result<Self> {
        if bytes.get(4..8) != Some(&identifier[..]) {
            return Err(Error::Identifier { bytes: bytes.len() });
        }
        Self::new(bytes, follow(bytes, 0)?)
    }

    fn new(bytes: &'a [u8], at: usize) -> Result<Self> {
        let back = i32::from_le_bytes(array(bytes, at)?);
        let vtable = (at as i64).checked_sub(i64::from(back)).and_then(|vtable| usize::try_from(vtable).ok());
        let vtable = vtable.ok_or(damaged("a vtable lies outside the file", at))?;
        let length = usize::from(u16::from_le_bytes(array(bytes, vtable)?));
        let fields = length.checked_sub(4).and_then(|length| slice(bytes, vtable.checked_add(4)?, length));
        Ok(Self { bytes, at, fields: fields.ok_or(damaged("a vtable is cut off", vtable))? })
    }

    /// Where a field lies; nothing where the file leaves it at its default.
    fn field(&self, field: usize) -> Option<usize> {
        let offset = u16::from_le_bytes(self.fields.get(2 * field..2 * field + 2)?.try_into().ok()?);
        if offset == 0 { None } else { self.at.checked_add(offset.into()) }
    }

    fn scalar<const N: usize>(&self, field: usize) -> Result<Option<[u8; N]>> {
        self.field(field).map(|at| array(self.bytes, at)).transpose()
    }

    pub(super) fn u8(&self, field: usize) -> Result<u8> {
        Ok(self.scalar(field)?.map_or(0, u8::from_le_bytes))
    }

    pub(super) fn u32(&self, field: usize) -> Result<u32> {
        Ok(self.scalar(field)?.map_or(0, u32::from_le_bytes))
    }

    pub(super) fn i32(&self, field: usize, default: i32) -> Result<i32> {
        Ok(self.scalar(field)?.map_or(default, i32::from_le_bytes))
    }

    pub(super) fn u64(&self, field: usize) -> Result<u64> {
        Ok(self.scalar(field)?.map_or(0, u64::from_le_bytes))
    }

    pub(super) fn f32(&self, field: usize) -> Result<f32> {
        Ok(self.scalar(field)?.map_or(0.0, f32::from_le_bytes))
    }

    pub(super) fn table(&self, field: usize) -> Result<Option<Self>> {
        self.field(field).map(|at| Self::new(self.bytes, follow(self.bytes, at)?)).transpose()
    }

    /// A vector of scalars of `N` bytes; empty where there is none.
    pub(super) fn vector<const N: usize>(&self, field: usize) -> Result<Vector<'a, N>> {
        Ok(self.placed_vector(field)?.map_or(Vector(&[]), |(_, vector)| vector))
    }

    pub(super) fn tables(&self, field: usize) -> Result<Tables<'a>> {
        let (first, offsets) = self.placed_vector::<4>(field)?.unwrap_or((0, Vector(&[])));
        Ok(Tables { bytes: self.bytes, first, count: offsets.len() })
    }

    /// A vector, and where its first element lies.
    fn placed_vector<const N: usize>(&self, field: usize) -> Result<Option<(usize, Vector<'a, N>)>> {
        let Some(at) = self.field(field) else { return Ok(None) };
        let at = follow(self.bytes, at)?;
        let count = u32::from_le_bytes(array(self.bytes, at)?) as usize;
        let first = at.saturating_add(4);
        let elements = count.checked_mul(N).and_then(|length| slice(self.bytes, first, length));
        Ok(Some((first, Vector(elements.ok_or(damaged("a vector is cut off", at))?))))
    }
}

/// Scalars of `N` bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Vector<'a, const N: usize>(&'a [u8]);

impl<'a, const N: usize> Vector<'a, N> {
    pub(super) fn len(&self) -> usize {
        self.0.len() / N
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = [u8; N]> + use<'a, N> {
        self.0.as_chunks().0.iter().copied()
    }

    pub(super) fn get(&self, index: usize) -> Option<[u8; N]> {
        self.0.as_chunks().0.get(index).copied()
    }

    pub(super) fn bytes(&self) -> &'a [u8] {
        self.0
    }
}

/// A vector of tables, each read when it is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tables<'a> {
    bytes: &'a [u8],
    first: usize,
    count: usize,
}

impl<'a> Tables<'a> {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Table `index`, if there is one.
    pub(super) fn get(&self, index: usize) -> Result<Option<Table<'a>>> {
        if index >= self.count {
            return Ok(None);
        }
        Table::new(self.bytes, follow(self.bytes, self.first + 4 * index)?).map(Some)
    }
}

/// What the offset at `at` points to.
fn follow(bytes: &[u8], at: usize) -> Result<usize> {
    let offset = u32::from_le_bytes(array(bytes, at)?) as usize;
    at.checked_add(offset).filter(|&to| to < bytes.len()).ok_or(damaged("an offset leaves the file", at))
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N]> {
    let found = slice(bytes, at, N).and_then(|found| found.try_into().ok());
    found.ok_or(damaged("a field lies outside the file", at))
}

fn slice(bytes: &[u8], at: usize, length: usize) -> Option<&[u8]> {
    bytes.get(at..at.checked_add(length)?)
}

fn damaged(what: &'static str, at: usize) -> Error {
    Error::Damaged { what, at }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A vtable at 8, the root table at 20, a vector at 32. Field 0 is absent, field 1 the number 7, field 2 the vector.
    #[rustfmt::skip]
    const FILE: [u8; 44] = [
        20, 0, 0, 0, b'T', b'E', b'S', b'T',
        10, 0, 12, 0, 0, 0, 4, 0, 8, 0, 0, 0,
        12, 0, 0, 0, 7, 0, 0, 0, 4, 0, 0, 0,
        2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0,
    ];

    fn damage(file: &[u8]) -> String {
        match Table::root(file, *b"TEST").and_then(|table| table.vector::<4>(2).map(|vector| vector.len())) {
            Ok(length) => format!("{length} elements"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn fields_are_found_through_the_vtable_and_default_where_they_are_absent() {
        let table = Table::root(&FILE, *b"TEST").unwrap();
        assert_eq!((table.i32(0, -1), table.i32(1, -1), table.i32(9, -1)), (Ok(-1), Ok(7), Ok(-1)));
        assert_eq!(table.vector::<4>(2).unwrap().iter().map(i32::from_le_bytes).collect::<Vec<_>>(), [1, 2]);
        assert_eq!((table.vector::<4>(0).unwrap().len(), table.tables(0).unwrap().len()), (0, 0));
    }

    #[test]
    fn what_lies_outside_the_file_is_said_and_nothing_panics() {
        for length in 0..FILE.len() {
            damage(&FILE[..length]);
        }
        for at in 0..FILE.len() {
            for value in 0..=255 {
                let mut file = FILE;
                file[at] = value;
                damage(&file);
            }
        }
    }

    #[test]
    fn another_identifier_is_another_format() {
        assert!(damage(b"\x08\0\0\0ONNX").starts_with("this is not a TensorFlow Lite file"));
    }
}
