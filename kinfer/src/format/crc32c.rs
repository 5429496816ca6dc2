//! CRC-32C (Castagnoli, reflected polynomial 0x82f63b78), as in iSCSI (RFC 3720) and the kernel's `lib/crc32.c`.

/// CRC-32C of `bytes`.
pub fn crc32c(bytes: &[u8]) -> u32 {
    !update(!0, bytes)
}

/// The checksum of a model file: CRC-32C of all its bytes with the four of the checksum field itself taken as zero.
pub fn file_checksum(file: &[u8]) -> u32 {
    let (head, rest) = file.split_at_checked(super::container::CHECKSUM_OFFSET).unwrap_or((file, &[]));
    let tail = rest.get(4..).unwrap_or(&[]);
    !update(update(update(!0, head), &[0; 4]), tail)
}

fn update(crc: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(crc, |crc, &byte| {
        let [low, ..] = crc.to_le_bytes();
        // A u8 cannot index past 256 entries; `get` keeps that free of a panic path without relying on the optimiser.
        let entry = TABLE.get(usize::from(low ^ byte)).copied().unwrap_or(0);
        (crc >> 8) ^ entry
    })
}

static TABLE: [u32; 256] = table();

#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)] // evaluated by the compiler
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut crc = i as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::crc32c;

    #[test]
    fn known_values_of_rfc_3720_appendix_b_4() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(b""), 0);
    }
}
