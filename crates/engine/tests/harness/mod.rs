//! A universe for one session: an agent and a link in virtual time.

pub(crate) mod agent;
pub(crate) mod link;
pub(crate) mod universe;

pub(crate) use agent::{Agent, Behaviour, Script};
pub(crate) use link::Weather;
pub(crate) use universe::Universe;

use std::time::{Duration, Instant};

pub(crate) fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Bytes that differ from place to place, so that a swapped or repeated piece shows.
pub(crate) fn pattern(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// The origin of virtual time.
#[expect(clippy::disallowed_methods, reason = "an Instant cannot be made in any other way")]
pub(crate) fn origin() -> Instant {
    Instant::now()
}
