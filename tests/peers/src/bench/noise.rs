//! The bytes that all transfers carry.

use std::sync::OnceLock;

/// After this many bytes they repeat: far more than any buffer on the way holds, so that lost,
/// doubled and exchanged bytes show.
const PERIOD: usize = 64 << 20;

/// Made once, so that neither making nor checking them takes the processor from those who are
/// measured: a comparison costs less than a hash, and tells where the first wrong byte is.
static NOISE: OnceLock<Vec<u8>> = OnceLock::new();

fn noise() -> &'static [u8] {
    NOISE.get_or_init(|| {
        let mut state = 0_u64;
        let mut bytes = Vec::with_capacity(PERIOD);
        while bytes.len() < PERIOD {
            // SplitMix64.
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            bytes.extend_from_slice(&(z ^ (z >> 31)).to_le_bytes());
        }
        bytes
    })
}

/// Makes them before anything is measured.
pub(crate) fn prepare() {
    noise();
}

/// Up to `len` bytes from a position on.
pub(crate) fn from(position: u64, len: usize) -> &'static [u8] {
    let start = (position % PERIOD as u64) as usize;
    &noise()[start..PERIOD.min(start + len)]
}

/// Whether bytes are those at a position.
pub(crate) fn is_at(mut position: u64, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        let expected = from(position, bytes.len());
        let (head, rest) = bytes.split_at(expected.len());
        if head != expected {
            return false;
        }
        position += head.len() as u64;
        bytes = rest;
    }
    true
}
