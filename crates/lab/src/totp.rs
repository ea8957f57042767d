//! Codes of MFA devices: TOTP with SHA-1, six digits and steps of half a minute.
//!
//! RFC 6238 over RFC 4226; checked against the vectors of the former.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// How long a code is the current one.
pub(crate) const STEP: Duration = Duration::from_secs(30);

/// The step that a time since the Unix epoch is in.
pub(crate) fn step(unix: Duration) -> u64 {
    unix.as_secs() / STEP.as_secs()
}

/// The code of a step.
pub(crate) fn code(seed: &[u8], step: u64) -> String {
    // HMAC takes keys of every length.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(seed) else { return String::new() };
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let at = usize::from(digest[digest.len() - 1] & 0xf);
    let word = digest[at..at + 4].iter().fold(0, |word, byte| word << 8 | u32::from(*byte));
    format!("{:06}", (word & 0x7fff_ffff) % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// <https://www.rfc-editor.org/rfc/rfc6238#appendix-B>, whose codes have eight digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        for (seconds, wanted) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            let now = code(b"12345678901234567890", step(Duration::from_secs(seconds)));
            assert_eq!(now, wanted[2..], "{seconds}");
        }
    }
}
