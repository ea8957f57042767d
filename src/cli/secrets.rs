//! Values that say how credentials are got, and what they must be.

use std::fmt;
use std::time::Duration;

use adit_aws::{AwsError, CredentialKind, MfaSerial};
use zeroize::Zeroizing;

use super::values::parse_span;

/// The digits of a code; every device that AWS knows shows as many.
const DIGITS: usize = 6;

/// A code of an MFA device.
#[derive(Clone)]
pub(crate) struct MfaCode(Zeroizing<String>);

impl MfaCode {
    pub(crate) fn into_inner(self) -> Zeroizing<String> {
        self.0
    }
}

impl fmt::Debug for MfaCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MfaCode").finish_non_exhaustive()
    }
}

/// Reads a code as people and programs write it: digits, perhaps with a gap and a line's end.
pub(crate) fn parse_mfa_code(text: &str) -> Result<MfaCode, String> {
    let digits: Zeroizing<String> =
        Zeroizing::new(text.chars().filter(|c| !c.is_whitespace()).collect());
    if digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(MfaCode(digits))
    } else {
        Err(format!("a code has {DIGITS} digits"))
    }
}

/// A program that prints a code, with its arguments; never empty.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct MfaCommand(pub(crate) Vec<String>);

impl fmt::Debug for MfaCommand {
    /// Its arguments may hold the seed of a device.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MfaCommand").finish_non_exhaustive()
    }
}

/// Splits a command into words as a shell does; nothing else of a shell is done.
pub(crate) fn parse_mfa_command(text: &str) -> Result<MfaCommand, String> {
    match shlex::split(text) {
        Some(words) if !words.is_empty() => Ok(MfaCommand(words)),
        Some(_) => Err("expected a command".to_owned()),
        None => Err("a quotation mark is not closed".to_owned()),
    }
}

/// Whether MFA is wanted at any age, or at most so old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MfaDemand(pub(crate) Option<Duration>);

/// Reads an age, or `true` for any.
pub(crate) fn parse_mfa_demand(text: &str) -> Result<MfaDemand, String> {
    if text == "true" {
        return Ok(MfaDemand(None));
    }
    let age = parse_span(text)
        .map_err(|_| "expected an age such as 30m or 1h, or true for any".to_owned())?;
    Ok(MfaDemand(Some(age)))
}

/// Reads the serial number of an MFA device, or `auto`.
pub(crate) fn parse_mfa_serial(text: &str) -> Result<MfaSerial, String> {
    text.parse().map_err(|error: AwsError| error.message)
}

/// Reads a kind of credentials.
pub(crate) fn parse_credential_kind(text: &str) -> Result<CredentialKind, String> {
    text.parse().map_err(|error: AwsError| match error.hints.first() {
        Some(known) => format!("{}; {known}", error.message),
        None => error.message,
    })
}

/// Reads the ARN of a role.
pub(crate) fn parse_role_arn(text: &str) -> Result<String, String> {
    let mut parts = text.splitn(6, ':');
    let is_role = parts.next() == Some("arn")
        && parts.nth(1) == Some("iam")
        && parts.next() == Some("")
        && parts.next().is_some_and(|account| account.len() == 12)
        && parts.next().is_some_and(|role| role.starts_with("role/"));
    if is_role {
        Ok(text.to_owned())
    } else {
        Err("expected the ARN of a role, as arn:aws:iam::111122223333:role/NAME".to_owned())
    }
}

/// Reads the number of an account, with the dashes of the console or without.
pub(crate) fn parse_account(text: &str) -> Result<String, String> {
    let digits = text.replace('-', "");
    if digits.len() == 12 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(digits)
    } else {
        Err("an account has 12 digits".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_six_digits_and_is_not_shown() {
        assert_eq!(parse_mfa_code("123 456\n").unwrap().into_inner().as_str(), "123456");
        assert!(!format!("{:?}", parse_mfa_code("123456")).contains("123"));
        for text in ["", "12345", "1234567", "12345a", "１２３４５６"] {
            let refusal = parse_mfa_code(text).unwrap_err();
            assert!(text.is_empty() || !refusal.contains(text), "{refusal}");
        }
    }

    #[test]
    fn a_command_is_split_and_nothing_is_expanded() {
        let words = |text: &str| parse_mfa_command(text).map(|command| command.0);
        assert_eq!(words("op item get 'AWS ann' --otp").unwrap().len(), 5);
        assert_eq!(words("echo $HOME;x").unwrap(), ["echo", "$HOME;x"]);
        assert!(words("").is_err());
        assert!(words("echo 'open").unwrap_err().contains("quotation"));
    }

    #[test]
    fn a_role_is_named_by_its_arn() {
        for arn in ["arn:aws:iam::111122223333:role/dev", "arn:aws-cn:iam::111122223333:role/a/b"] {
            assert_eq!(parse_role_arn(arn).as_deref(), Ok(arn));
        }
        for text in ["dev", "arn:aws:iam::111122223333:user/ann", "arn:aws:iam::1:role/dev"] {
            assert!(parse_role_arn(text).unwrap_err().contains("role/NAME"), "{text}");
        }
    }

    #[test]
    fn mfa_is_wanted_at_any_age_or_up_to_one() {
        assert_eq!(parse_mfa_demand("true"), Ok(MfaDemand(None)));
        assert_eq!(parse_mfa_demand("1h"), Ok(MfaDemand(Some(Duration::from_hours(1)))));
        assert!(parse_mfa_demand("soon").is_err());
    }

    #[test]
    fn an_account_has_twelve_digits() {
        assert_eq!(parse_account("1111-2222-3333").as_deref(), Ok("111122223333"));
        for text in ["", "11112222333", "11112222333x"] {
            assert!(parse_account(text).is_err(), "{text}");
        }
    }
}
