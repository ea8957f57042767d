//! Bytes that look random and are the same each time, so that both ends know them.

use sha2::{Digest, Sha256};

/// The length of a block.
const BLOCK: usize = 4096;

/// Blocks of bytes, as many as are asked for.
#[derive(Debug, Default)]
pub(crate) struct Noise {
    state: u64,
}

impl Noise {
    /// The next block, cut to `len` bytes if it would be longer (`SplitMix64`).
    pub(crate) fn block(&mut self, len: usize) -> Vec<u8> {
        let mut block = Vec::with_capacity(BLOCK);
        while block.len() < len.min(BLOCK) {
            self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = self.state;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            block.extend_from_slice(&(word ^ (word >> 31)).to_le_bytes());
        }
        block.truncate(len);
        block
    }
}

/// The SHA-256 of the first `len` bytes.
pub(crate) fn digest(len: usize) -> [u8; 32] {
    let mut noise = Noise::default();
    let mut hash = Sha256::new();
    let mut left = len;
    while left > 0 {
        let block = noise.block(left);
        hash.update(&block);
        left -= block.len();
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_differ_and_repeat_with_the_generator() {
        let mut noise = Noise::default();
        let (first, second) = (noise.block(BLOCK), noise.block(10));
        assert_eq!((first.len(), second.len()), (BLOCK, 10));
        assert_ne!(first[..10], second[..]);
        assert_eq!(Noise::default().block(usize::MAX), first);
    }

    #[test]
    fn a_longer_stream_has_another_digest() {
        assert_ne!(digest(BLOCK), digest(BLOCK + 1));
        assert_eq!(digest(BLOCK + 1), digest(BLOCK + 1));
    }
}
