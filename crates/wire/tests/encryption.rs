//! Session encryption against vectors that the official agent decrypted or made.

use adit_wire::encryption::{self, KEY_LEN, Keys, OVERHEAD, Sealed};
use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};

use crate::fixtures::bytes;

/// The client's `hello`, which the official agent decrypted.
const FROM_CLIENT: &str = "
    d08ece1dc4794109fc2f7f47  # nonce
    e1883d1caa                # ciphertext
    bbc5adaeb9d4acf4e2d3793aa451e56e";

/// The official agent's `hello`.
const FROM_AGENT: &str = "
    1bf0958cb975bf47878c5da8  # nonce
    bd56dd6ada                # ciphertext
    b2cf44758d9adf06871bba650591f294";

fn data_key() -> [u8; KEY_LEN] {
    std::array::from_fn(|i| i as u8)
}

fn open(key: &[u8; 32], payload: &[u8]) -> Option<Vec<u8>> {
    let sealed = Sealed::parse(payload)?;
    let mut text = sealed.ciphertext.to_vec();
    text.extend_from_slice(sealed.tag);
    let cipher = Aes256Gcm::new(key.into());
    cipher.decrypt(&Nonce::from(*sealed.nonce), &text[..]).ok()
}

/// P-KMS-3, P-KMS-4: each direction has its half of the key.
#[test]
fn both_directions_open_with_their_own_half() {
    let key = data_key();
    let keys = Keys::split(&key);
    let (from_client, from_agent) = (bytes(FROM_CLIENT), bytes(FROM_AGENT));
    assert_eq!(open(keys.client_to_agent, &from_client).as_deref(), Some(&b"hello"[..]));
    assert_eq!(open(keys.agent_to_client, &from_agent).as_deref(), Some(&b"hello"[..]));
    assert_eq!(open(keys.agent_to_client, &from_client), None);
    assert_eq!(open(keys.client_to_agent, &from_agent), None);
}

/// P-KMS-4.
#[test]
fn a_sealed_payload_has_a_nonce_and_a_tag() {
    let payload = bytes(FROM_CLIENT);
    assert_eq!(payload.len(), b"hello".len() + OVERHEAD);
    for len in 0..OVERHEAD {
        assert_eq!(Sealed::parse(&payload[..len]), None, "{len} bytes");
    }
    let empty = Sealed::parse(&payload[..OVERHEAD]).expect("nonce and tag");
    assert!(empty.ciphertext.is_empty());
}

/// P-KMS-1, P-KMS-2: the challenge takes part only when it is acknowledged.
#[test]
fn the_encryption_context_names_session_and_target() {
    let plain = [("aws:ssm:SessionId", "s"), ("aws:ssm:TargetId", "i-1")];
    assert!(encryption::context("s", "i-1", None).eq(plain));
    let challenged = [plain[0], plain[1], ("aws:ssm:RandomChallenge", "c")];
    assert!(encryption::context("s", "i-1", Some("c")).eq(challenged));
}

/// Keys are never shown.
#[test]
fn debug_shows_no_key() {
    assert_eq!(format!("{:?}", Keys::split(&data_key())), "Keys(..)");
}
