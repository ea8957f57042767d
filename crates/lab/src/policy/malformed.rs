//! Why a document is no policy.

use std::fmt;

use super::pattern::UnknownVariable;

/// What IAM says of most faults.
pub(super) const SYNTAX: &str = "Syntax errors in policy.";

/// Why a document is no policy, in the words of `MalformedPolicyDocument`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Malformed(pub(super) String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Malformed {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<UnknownVariable> for Malformed {
    fn from(UnknownVariable(text): UnknownVariable) -> Self {
        Self(format!("The policy variable {text} is not known to the lab."))
    }
}
