//! Pseudo-random bytes and their digests.

use sha2::{Digest, Sha256};

/// A stream of bytes that depends on its seed alone (`SplitMix64`).
pub(crate) struct Noise {
    state: u64,
}

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Fills a buffer; its length must be a multiple of eight unless it is the last one.
    pub(crate) fn fill(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let word = self.next().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }

    /// The next `len` bytes.
    pub(crate) fn take(&mut self, len: usize) -> Vec<u8> {
        let mut buffer = vec![0; len];
        self.fill(&mut buffer);
        buffer
    }
}

/// The SHA-256 of the first `len` bytes that a seed gives, cut as [`for_each_block`] cuts them.
pub(crate) fn digest_of_noise(seed: u64, len: u64) -> [u8; 32] {
    let mut hash = Sha256::new();
    for_each_block(seed, len, |block| hash.update(block));
    hash.finalize().into()
}

/// Hands out the first `len` bytes that a seed gives, 16 KiB at a time.
pub(crate) fn for_each_block(seed: u64, len: u64, mut each: impl FnMut(&[u8])) {
    let mut noise = Noise::new(seed);
    let mut block = vec![0; 16 * 1024];
    let mut left = len;
    while left > 0 {
        let size = left.min(block.len() as u64) as usize;
        noise.fill(&mut block[..size]);
        each(&block[..size]);
        left -= size as u64;
    }
}
