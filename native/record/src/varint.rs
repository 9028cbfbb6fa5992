//! Zigzag varints as records use them.

/// Reads a zigzag varint of at most 5 bytes and moves `at` behind it; `None` when it does not end.
pub fn read_varint(bytes: &[u8], at: &mut usize) -> Option<i32> {
    let mut end = *at;
    let raw = read_unsigned(bytes, &mut end, 5)?;
    // The fifth byte carries four bits; more would not fit an int32.
    let raw = u32::try_from(raw).ok()?;
    *at = end;
    Some((raw >> 1) as i32 ^ -((raw & 1) as i32))
}

/// Reads a zigzag varlong of at most 10 bytes and moves `at` behind it.
pub fn read_varlong(bytes: &[u8], at: &mut usize) -> Option<i64> {
    let raw = read_unsigned(bytes, at, 10)?;
    Some((raw >> 1) as i64 ^ -((raw & 1) as i64))
}

/// Appends a zigzag varint.
pub fn write_varint(into: &mut Vec<u8>, value: i32) {
    write_unsigned(into, u64::from((value << 1 ^ value >> 31) as u32));
}

/// Appends a zigzag varlong.
pub fn write_varlong(into: &mut Vec<u8>, value: i64) {
    write_unsigned(into, (value << 1 ^ value >> 63) as u64);
}

fn read_unsigned(bytes: &[u8], at: &mut usize, limit: usize) -> Option<u64> {
    let mut value = 0u64;
    for index in 0..limit {
        let byte = *bytes.get(*at + index)?;
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            *at += index + 1;
            return Some(value);
        }
    }
    None
}

fn write_unsigned(into: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        into.push(value as u8 | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(long: i64, int: i32) {
            let mut bytes = Vec::new();
            write_varlong(&mut bytes, long);
            write_varint(&mut bytes, int);
            let mut at = 0;
            prop_assert_eq!(read_varlong(&bytes, &mut at), Some(long));
            prop_assert_eq!(read_varint(&bytes, &mut at), Some(int));
            prop_assert_eq!(at, bytes.len());
        }
    }

    #[test]
    fn an_unfinished_or_overlong_varint_is_none() {
        let mut at = 0;
        assert_eq!(read_varint(&[0x80, 0x80], &mut at), None);
        assert_eq!(read_varint(&[0xff; 6], &mut at), None);
        assert_eq!(read_varint(&[0xff, 0xff, 0xff, 0xff, 0x7f], &mut at), None);
        assert_eq!(at, 0);
    }
}
