//! Session encryption (shells and commands; never port sessions): layout only.
//!
//! The ciphers themselves are injected where they are used. AES-256-GCM without associated data;
//! on the wire a 12-byte nonce, the ciphertext, a 16-byte tag (rules P-KMS-1 to P-KMS-6).

use serde::{Deserialize, Serialize};

/// Bytes of the nonce in front.
pub const NONCE_LEN: usize = 12;
/// Bytes of the tag behind.
pub const TAG_LEN: usize = 16;
/// Bytes that encryption adds to a payload.
pub const OVERHEAD: usize = NONCE_LEN + TAG_LEN;
/// Bytes of plaintext key asked of KMS (`NumberOfBytes`).
pub const KEY_LEN: usize = 64;

/// The body of payload types 8 and 9, the encryption challenge and its answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EncChallenge {
    /// Base64 of the encrypted challenge.
    pub challenge: String,
}

/// The two keys in the 64 bytes that KMS made.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    /// The agent encrypts with it, the client decrypts: bytes 0 to 31.
    pub agent_to_client: &'a [u8; 32],
    /// The client encrypts with it, the agent decrypts: bytes 32 to 63.
    pub client_to_agent: &'a [u8; 32],
}

impl<'a> Keys<'a> {
    /// Splits the plaintext data key.
    pub fn split(key: &'a [u8; KEY_LEN]) -> Self {
        let ([agent_to_client, client_to_agent], []) = key.as_chunks() else {
            unreachable!("64 bytes are two chunks of 32")
        };
        Self { agent_to_client, client_to_agent }
    }
}

impl std::fmt::Debug for Keys<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(..)")
    }
}

/// An encrypted payload, taken apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sealed<'a> {
    /// The nonce.
    pub nonce: &'a [u8; NONCE_LEN],
    /// As long as the plaintext.
    pub ciphertext: &'a [u8],
    /// The authentication tag.
    pub tag: &'a [u8; TAG_LEN],
}

impl<'a> Sealed<'a> {
    /// Takes an encrypted payload apart; `None` when it is shorter than nonce and tag.
    pub fn parse(payload: &'a [u8]) -> Option<Self> {
        let (nonce, rest) = payload.split_first_chunk()?;
        let (ciphertext, tag) = rest.split_last_chunk()?;
        Some(Self { nonce, ciphertext, tag })
    }
}

/// The encryption context of the data key, as (name, value) pairs in a fixed order.
pub fn context<'a>(
    session_id: &'a str,
    target_id: &'a str,
    challenge: Option<&'a str>,
) -> impl Iterator<Item = (&'static str, &'a str)> {
    [("aws:ssm:SessionId", session_id), ("aws:ssm:TargetId", target_id)]
        .into_iter()
        .chain(challenge.map(|challenge| ("aws:ssm:RandomChallenge", challenge)))
}
