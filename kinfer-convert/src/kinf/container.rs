//! Sections → file: header, table, padding, checksum.

use kinfer::format::{ENTRY_SIZE, HEADER_SIZE, LABEL, SectionKind, VERSION_MAJOR, VERSION_MINOR, file_checksum};

/// A section as it will be in the file. Fields are what the table says, true or not.
#[derive(Clone, Debug)]
pub struct Section {
    /// Code of the kind.
    pub kind: u16,
    /// Bit 0: skippable.
    pub flags: u16,
    /// Number of records.
    pub count: u32,
    /// The records.
    pub bytes: Vec<u8>,
}

impl Section {
    /// A critical section of these records.
    pub fn of(kind: SectionKind, records: Vec<Vec<u8>>) -> Self {
        Self { kind: kind as u16, flags: 0, count: records.len() as u32, bytes: records.concat() }
    }
}

/// Lays sections out in the order given, each at a multiple of 8.
pub fn to_bytes(sections: &[Section]) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(LABEL);
    file.extend(VERSION_MAJOR.to_le_bytes());
    file.extend(VERSION_MINOR.to_le_bytes());
    file.extend((sections.len() as u32).to_le_bytes());
    file.resize(HEADER_SIZE, 0); // length and checksum are `seal`'s

    let mut offset = HEADER_SIZE + ENTRY_SIZE * sections.len();
    for section in sections {
        offset = offset.next_multiple_of(8);
        file.extend(section.kind.to_le_bytes());
        file.extend(section.flags.to_le_bytes());
        file.extend(section.count.to_le_bytes());
        file.extend((offset as u32).to_le_bytes());
        file.extend((section.bytes.len() as u32).to_le_bytes());
        file.extend([0; 8]);
        offset += section.bytes.len();
    }
    for section in sections {
        file.resize(file.len().next_multiple_of(8), 0);
        file.extend(&section.bytes);
    }
    seal(&mut file);
    file
}

/// Puts the file's length and CRC-32C into its header. Tests that damage a file on purpose call it, so that the damage
/// is found and not the checksum. A file shorter than a header stays as it is.
pub fn seal(file: &mut [u8]) {
    let length = (file.len() as u64).to_le_bytes();
    if file.len() < HEADER_SIZE {
        return;
    }
    file[16..24].copy_from_slice(&length);
    let checksum = file_checksum(file).to_le_bytes();
    file[24..28].copy_from_slice(&checksum);
}
