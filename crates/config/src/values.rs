//! What values mean, once they are read.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which local port to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalPort {
    /// Any that is free.
    Auto,
    /// Exactly this one.
    Fixed(u16),
    /// The first that is free, from the first to the last.
    Range(u16, u16),
}

impl fmt::Display for LocalPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Fixed(port) => port.fmt(f),
            Self::Range(first, last) => write!(f, "{first}-{last}"),
        }
    }
}

/// Over how many sessions at most the streams of a connection are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lanes {
    /// As many as pay.
    Auto,
    /// So many, 1 to 8.
    Fixed(u8),
}

impl fmt::Display for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Fixed(count) => count.fmt(f),
        }
    }
}

/// Whether credentials need MFA behind them, and how old it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequireMfa {
    /// They do not.
    No,
    /// They do, of whatever age.
    AnyAge,
    /// They do, no older than this.
    MaxAge(Duration),
}

impl RequireMfa {
    /// How much it lets through; less is stricter.
    pub(crate) fn latitude(self) -> Duration {
        match self {
            Self::No => Duration::MAX,
            Self::AnyAge => Duration::MAX.saturating_sub(Duration::from_nanos(1)),
            Self::MaxAge(age) => age,
        }
    }
}

impl fmt::Display for RequireMfa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::No => f.write_str("false"),
            Self::AnyAge => f.write_str("true"),
            Self::MaxAge(age) => write!(f, "max-age {}", span(*age)),
        }
    }
}

/// The reason that is recorded with a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Whoever connects has to give one.
    Required,
    /// This one.
    Text(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Required => f.write_str("required"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// Whether a bastion gets a public address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicIp {
    /// Where there is no other way out.
    Auto,
    /// It does.
    Yes,
    /// It does not.
    No,
}

impl fmt::Display for PublicIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Yes => "true",
            Self::No => "false",
        })
    }
}

/// A kind of credentials, by where they come from.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialKind {
    /// IAM Identity Center.
    Sso,
    /// An assumed role.
    Role,
    /// Temporary keys of a session.
    Session,
    /// Keys that last.
    Keys,
    /// A program that gives them.
    Process,
    /// The role of an EC2 instance.
    Instance,
    /// The role of a container.
    Container,
    /// A token of another identity provider.
    WebIdentity,
    /// `aws login`.
    Login,
}

impl CredentialKind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Sso,
        Self::Role,
        Self::Session,
        Self::Keys,
        Self::Process,
        Self::Instance,
        Self::Container,
        Self::WebIdentity,
        Self::Login,
    ];

    /// Its name in files and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sso => "sso",
            Self::Role => "role",
            Self::Session => "session",
            Self::Keys => "keys",
            Self::Process => "process",
            Self::Instance => "instance",
            Self::Container => "container",
            Self::WebIdentity => "web-identity",
            Self::Login => "login",
        }
    }
}

impl fmt::Display for CredentialKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

pub(crate) fn kinds(kinds: &BTreeSet<CredentialKind>) -> String {
    kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ")
}

/// A span as files have it: `8h`, `1h30m`.
pub fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let mut text = String::new();
    for (count, unit) in parts {
        if count > 0 {
            text += &count.to_string();
            text += unit;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_written_as_they_are_read() {
        for text in ["8h", "1h30m", "90s", "1m30s", "36h1s", "0s"] {
            let parsed: jiff::SignedDuration = text.parse().unwrap();
            let again = span(parsed.unsigned_abs());
            assert_eq!(again.parse::<jiff::SignedDuration>().unwrap(), parsed, "{text}");
        }
        assert_eq!(span(Duration::from_mins(90)), "1h30m");
    }

    #[test]
    fn kinds_are_spelled_as_serde_does() {
        for kind in CredentialKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
