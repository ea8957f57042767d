//! Credentials: where they come from, how they are got, kept, renewed and judged.
//!
//! [`chain`] finds the way, [`make`] goes it, [`refresh`] keeps what it gives fresh.

pub(crate) mod base;
pub(crate) mod chain;
pub(crate) mod cli_cache;
mod identity;
pub(crate) mod keys;
pub(crate) mod make;
pub(crate) mod mfa;
pub(crate) mod origin;
pub(crate) mod policy;
pub(crate) mod profiles;
pub(crate) mod refresh;
pub(crate) mod role;
pub(crate) mod scope;
mod secret;
mod session_token;
pub(crate) mod source;
pub(crate) mod sso;
pub(crate) mod sso_login;
pub(crate) mod store;
pub(crate) mod sts;
pub(crate) mod time;

pub use chain::MfaSerial;
pub use identity::Whoami;
pub use make::Step;
pub use mfa::{Code, CodeError, CodeRequest, CodeSource, Device};
pub use origin::{Origin, Sourced};
pub(crate) use policy::in_words;
pub use policy::{CredentialKind, Demands, MfaState};
pub use refresh::{Held, Renewal};
pub use role::RoleWish;
pub use sso_login::{SignedIn, Verification};

/// A digest in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
