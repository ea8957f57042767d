//! Whom a trust policy names.

use serde_json::Value;

use super::malformed::{Malformed, SYNTAX};

/// Who asks, as trust policies can name him.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Who<'a> {
    /// Somebody of an account: its number, and his ARNs, for a session those of the role too.
    Aws { account: &'a str, arns: &'a [String] },
    /// As in `ec2.amazonaws.com`.
    Service(&'a str),
    /// The ARN of a provider of web identities.
    Federated(&'a str),
}

/// What a trust policy says of somebody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Trust {
    /// It names him: his own policies need not allow it.
    Named,
    /// It names his account, which leaves the rest to his own policies.
    Account,
    Denied,
    Silent,
}

/// The member `Principal` of a statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Principals {
    Everybody,
    Some { aws: Vec<String>, services: Vec<String>, federated: Vec<String> },
}

/// How closely somebody is named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Named {
    Himself,
    ByAccount,
}

impl Principals {
    pub(super) fn parse(value: &Value) -> Result<Self, Malformed> {
        let syntax = || Malformed::from(SYNTAX);
        if value == "*" {
            return Ok(Self::Everybody);
        }
        let (mut aws, mut services, mut federated) = (Vec::new(), Vec::new(), Vec::new());
        for (kind, names) in value.as_object().ok_or_else(syntax)? {
            let names: Vec<String> = match names {
                Value::String(one) => vec![one.clone()],
                Value::Array(list) => {
                    let texts = list.iter().map(|one| one.as_str().map(str::to_owned));
                    texts.collect::<Option<_>>().ok_or_else(syntax)?
                }
                _ => return Err(syntax()),
            };
            match kind.as_str() {
                "AWS" => aws = names,
                "Service" => services = names,
                "Federated" => federated = names,
                other => return Err(Malformed(format!("Invalid principal in policy: {other}"))),
            }
        }
        if let Some(wrong) = aws.iter().find(|name| !is_principal(name)) {
            let text = format!("Invalid principal in policy: \"AWS\":\"{wrong}\"");
            return Err(Malformed(text));
        }
        Ok(Self::Some { aws, services, federated })
    }

    /// Whether somebody is among them.
    pub(super) fn name(&self, who: &Who<'_>) -> Option<Named> {
        let Self::Some { aws, services, federated } = self else { return Some(Named::Himself) };
        let himself = match who {
            Who::Service(service) => services.iter().any(|name| name == service),
            Who::Federated(provider) => federated.iter().any(|name| name == provider),
            Who::Aws { arns, .. } => aws.iter().any(|name| name == "*" || arns.contains(name)),
        };
        if himself {
            return Some(Named::Himself);
        }
        let Who::Aws { account, .. } = who else { return None };
        let root = format!("arn:aws:iam::{account}:root");
        aws.iter().any(|name| name == account || *name == root).then_some(Named::ByAccount)
    }
}

/// An account, its root, a user, a role or a session of one. Stars stand alone only.
fn is_principal(name: &str) -> bool {
    let is_account = |text: &str| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<_> = name.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", "aws", "iam", "", account, rest] => {
            is_account(account)
                && !rest.contains('*')
                && (*rest == "root" || rest.starts_with("user/") || rest.starts_with("role/"))
        }
        ["arn", "aws", "sts", "", account, rest] => {
            is_account(account) && !rest.contains('*') && rest.starts_with("assumed-role/")
        }
        _ => name == "*" || is_account(name),
    }
}
