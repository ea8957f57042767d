use std::sync::{Mutex, PoisonError};

use adit_wire::MessageId;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// The lab's one source of randomness, made from its seed.
#[derive(Debug)]
pub(crate) struct Entropy(Mutex<StdRng>);

impl Entropy {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }

    fn with<T>(&self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        draw(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A seed for something with a generator of its own.
    pub(crate) fn seed(&self) -> u64 {
        self.with(RngExt::random)
    }

    /// A version 4 UUID.
    pub(crate) fn uuid(&self) -> MessageId {
        MessageId::from_random(self.with(RngExt::random))
    }

    /// Bytes of a seed or a key.
    pub(crate) fn bytes(&self, len: usize) -> Vec<u8> {
        self.with(|rng| (0..len).map(|_| rng.random()).collect())
    }

    /// A text of lower-case hexadecimal digits.
    pub(crate) fn hex(&self, len: usize) -> String {
        self.text(b"0123456789abcdef", len)
    }

    /// A text of letters and digits, as tokens and secret keys are.
    pub(crate) fn secret(&self, len: usize) -> String {
        self.text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", len)
    }

    /// The part of an access key id behind `AKIA` or `ASIA`.
    pub(crate) fn key_id(&self) -> String {
        self.text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)
    }

    fn text(&self, alphabet: &[u8], len: usize) -> String {
        self.with(|rng| {
            (0..len).map(|_| char::from(alphabet[rng.random_range(0..alphabet.len())])).collect()
        })
    }
}
