use std::fmt;

/// Session encryption, injected. Port sessions never have it, whatever the account's preferences
/// say; the layout is that of [`adit_wire::encryption`].
pub trait Cipher: Send {
    /// Encrypts in place: `buffer` is 12 bytes for the nonce, the plaintext, 16 bytes for the tag.
    fn seal(&mut self, buffer: &mut [u8]) -> Result<(), CipherError>;

    /// Decrypts in place: afterwards the plaintext stands between the nonce and the tag.
    fn open(&mut self, buffer: &mut [u8]) -> Result<(), CipherError>;
}

/// A payload that could not be sealed or opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("payload cannot be encrypted or decrypted with the session's key")]
pub struct CipherError;

/// The answer to [`Event::KeyRequest`](crate::Event::KeyRequest).
pub struct DataKey {
    /// The key's ciphertext as KMS returned it, standard base64.
    pub cipher_text: String,
    /// Whether the request's challenge went into the encryption context.
    pub challenge_acknowledged: bool,
    /// What seals and opens with the plaintext key.
    pub cipher: Box<dyn Cipher>,
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(..)")
    }
}
