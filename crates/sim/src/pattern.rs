//! The bytes that streams carry: each is known from the stream's key and its place, so that
//! whoever receives one can tell whether it is the right one without anybody keeping a copy.

/// Eight bytes of the pattern.
const fn block(key: u64, index: u64) -> [u8; 8] {
    let mut z = key ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)).to_le_bytes()
}

/// Fills `out` with the bytes from `offset` on.
pub fn fill(key: u64, offset: u64, out: &mut [u8]) {
    let mut at = offset;
    let mut rest = out;
    while !rest.is_empty() {
        let bytes = block(key, at / 8);
        let from = (at % 8) as usize;
        let len = rest.len().min(8 - from);
        let (now, later) = rest.split_at_mut(len);
        now.copy_from_slice(&bytes[from..from + len]);
        rest = later;
        at += len as u64;
    }
}

/// The place of the first byte that is not the pattern's.
pub fn first_wrong(key: u64, offset: u64, bytes: &[u8]) -> Option<u64> {
    let mut at = offset;
    let mut rest = bytes;
    while !rest.is_empty() {
        let expected = block(key, at / 8);
        let from = (at % 8) as usize;
        let len = rest.len().min(8 - from);
        let (now, later) = rest.split_at(len);
        if now != &expected[from..from + len] {
            let wrong = now.iter().zip(&expected[from..]).take_while(|(a, b)| a == b).count();
            return Some(at + wrong as u64);
        }
        rest = later;
        at += len as u64;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cut_gives_the_same_bytes_and_one_wrong_byte_is_found() {
        let mut whole = vec![0; 100];
        fill(7, 3, &mut whole);
        for cut in 0..=whole.len() {
            let mut parts = vec![0; 100];
            fill(7, 3, &mut parts[..cut]);
            fill(7, 3 + cut as u64, &mut parts[cut..]);
            assert_eq!(parts, whole);
            assert_eq!(first_wrong(7, 3 + cut as u64, &whole[cut..]), None);
        }
        whole[50] ^= 1;
        assert_eq!(first_wrong(7, 3, &whole), Some(53));
        assert!(first_wrong(8, 3, &whole).is_some(), "another stream's bytes");
    }
}
