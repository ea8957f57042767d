//! What is known of a request beside its action and its resource.

use std::collections::BTreeMap;

/// Condition keys that the lab gives a value, by the name that they have in policies.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>,
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html>
/// and <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html>
const KEYS: [&str; 18] = [
    "aws:CurrentTime",
    "aws:EpochTime",
    "aws:MultiFactorAuthAge",
    "aws:MultiFactorAuthPresent",
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalType",
    "aws:RequestedRegion",
    "aws:SecureTransport",
    "aws:SourceIdentity",
    "aws:TokenIssueTime",
    "aws:userid",
    "aws:username",
    "ssm:SessionDocumentAccessCheck",
    "sts:DurationSeconds",
    "sts:ExternalId",
    "sts:RoleSessionName",
    "sts:SourceIdentity",
];

/// Families of keys whose last part is the user's own.
const FAMILIES: [&str; 4] =
    ["aws:ResourceTag/", "ec2:ResourceTag/", "iam:ResourceTag/", "ssm:resourceTag/"];

/// Claims of a web identity token, as in `token.example.com:sub`. What the lab's tokens do not
/// claim, `amr` among it, is not known.
const CLAIMS: [&str; 2] = [":aud", ":sub"];

/// Whether the lab knows a condition key, whose case means nothing.
pub(super) fn is_known(key: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    let family = |prefix: &&str| {
        lower.strip_prefix(&prefix.to_ascii_lowercase()).is_some_and(|tag| !tag.is_empty())
    };
    // A provider is named by its host, and has a dot; services have none.
    let claim = |suffix: &&str| lower.strip_suffix(*suffix).is_some_and(|host| host.contains('.'));
    KEYS.iter().any(|known| known.eq_ignore_ascii_case(key))
        || FAMILIES.iter().any(family)
        || CLAIMS.iter().any(claim)
}

/// The keys that have a value in one request.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Context(BTreeMap<String, String>);

impl Context {
    /// Gives a key its value.
    #[expect(clippy::needless_pass_by_value, reason = "values are mostly made for it")]
    pub(crate) fn set(&mut self, key: &str, value: impl ToString) -> &mut Self {
        self.0.insert(key.to_ascii_lowercase(), value.to_string());
        self
    }

    /// The same, when there is one.
    pub(crate) fn maybe(&mut self, key: &str, value: Option<impl ToString>) -> &mut Self {
        match value {
            Some(value) => self.set(key, value),
            None => self,
        }
    }

    /// The value of a key; `None` when it is not in this request.
    pub(super) fn one(&self, key: &str) -> Option<&str> {
        self.0.get(&key.to_ascii_lowercase()).map(String::as_str)
    }
}
