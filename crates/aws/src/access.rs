//! Who may not do what, and why: read out of the messages with which services refuse a call.
//!
//! IAM words them alike for most services (see "Troubleshoot access denied error messages",
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>); EC2 says
//! less, and appends an encoded text that only an administrator can decode.

use std::fmt;

/// A refused call: who asked for what, and what stands against it. What the message does not tell
/// is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The ARN of the caller.
    pub principal: Option<String>,
    /// The account of the caller.
    pub account: Option<String>,
    /// The action as a policy writes it, such as `ec2:RunInstances`.
    pub action: Option<String>,
    /// The resource as a policy writes it.
    pub resource: Option<String>,
    /// What stands against it.
    pub cause: Cause,
    /// The ARN of the policy that denies it.
    pub policy: Option<String>,
}

/// Why a call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// No statement of this kind of policy allows it.
    NotAllowed(Policy),
    /// A statement of this kind of policy denies it, whatever others allow.
    Denied(Policy),
    /// The service does not say.
    Unknown,
}

/// The kinds of policy that a call must pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Attached to the user, group or role.
    Identity,
    /// Attached to the resource.
    Resource,
    /// The upper limit of a user or role.
    Boundary,
    /// Given when the session of a role was opened.
    Session,
    /// The organization's, for its accounts.
    ServiceControl,
    /// The organization's, for its resources.
    ResourceControl,
    /// That of the VPC endpoint through which the call goes.
    Endpoint,
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identity => "identity-based policy",
            Self::Resource => "resource-based policy",
            Self::Boundary => "permissions boundary",
            Self::Session => "session policy",
            Self::ServiceControl => "service control policy",
            Self::ResourceControl => "resource control policy",
            Self::Endpoint => "VPC endpoint policy",
        })
    }
}

impl Denial {
    /// Reads what the service says when it refuses `call`.
    pub(crate) fn parse(call: &str, code: &str, message: &str) -> Self {
        // The encoded text is long and says nothing to the reader; nothing follows it.
        let text = message.split("Encoded authorization failure message").next().unwrap_or("");
        let principal = between(text, "User: ", " is not authorized");
        let mut action = after(text, "not authorized to perform: ");
        if action.is_none()
            && code.ends_with("UnauthorizedOperation")
            && text.starts_with("You are not authorized to perform this operation")
        {
            // Only EC2 says it so, and its actions are called as its calls are.
            action = Some(format!("ec2:{call}"));
        }
        Self {
            account: principal.as_deref().and_then(account).map(str::to_owned),
            resource: resource(text, principal.as_deref()),
            principal,
            action,
            cause: cause(text),
            // Newer messages name the policy behind its kind.
            policy: text.split_once("explicit deny").and_then(|(_, rest)| after(rest, ": ")),
        }
    }

    /// The policy statement that would allow the call, as JSON; none when the action is not known,
    /// or when no statement that allows it would help.
    pub fn statement(&self) -> Option<String> {
        let helps = match self.cause {
            Cause::Denied(_) => false,
            Cause::NotAllowed(policy) => {
                matches!(policy, Policy::Identity | Policy::Boundary | Policy::Session)
            }
            Cause::Unknown => true,
        };
        let action = self.action.as_ref().filter(|_| helps)?;
        let resource = self.resource.as_deref().unwrap_or("*");
        let resource = match (action.as_str(), start_of_ec2(resource, self.account.as_deref())) {
            ("ec2:RunInstances", Some((start, images))) => {
                format!(r#"["{start}*","{images}image/*"]"#)
            }
            (action, Some((start, _))) if NEEDS_SEVERAL.contains(&action) => {
                format!(r#""{start}*""#)
            }
            _ => format!(r#""{resource}""#),
        };
        Some(format!(r#"{{"Effect":"Allow","Action":"{action}","Resource":{resource}}}"#))
    }

    /// What is refused, as the end of a sentence that names the call; none when nothing is known.
    pub(crate) fn sentence(&self) -> Option<String> {
        let action = self.action.as_deref()?;
        let mut text = match &self.principal {
            Some(principal) => format!("{principal} may not {action}"),
            None => format!("the caller may not {action}"),
        };
        if let Some(resource) = self.resource.as_deref().filter(|resource| *resource != "*") {
            text.push_str(" on ");
            text.push_str(resource);
        }
        Some(match self.cause {
            Cause::NotAllowed(policy) => format!("{text}: no {policy} allows it"),
            Cause::Denied(policy) => format!("{text}: a {policy} denies it"),
            Cause::Unknown => text,
        })
    }

    /// What to do about it, each one line.
    pub(crate) fn hints(&self) -> Vec<String> {
        let who = self.who();
        let mut hints = Vec::new();
        match (self.cause, self.statement()) {
            (Cause::NotAllowed(Policy::Boundary), Some(statement)) => {
                hints.push(format!("the permissions boundary of {who} needs: {statement}"));
            }
            (Cause::NotAllowed(Policy::Session), Some(statement)) => hints.push(format!(
                "the policy with which the session of {who} was opened needs: {statement}"
            )),
            (_, Some(statement)) => hints.push(format!("a policy of {who} needs: {statement}")),
            (Cause::Denied(kind), None) => {
                let which = self.policy.as_ref().map(|arn| format!(" {arn}")).unwrap_or_default();
                hints.push(format!(
                    "no permission helps against a Deny: whoever keeps the {kind}{which} has to narrow it"
                ));
            }
            (Cause::NotAllowed(Policy::ServiceControl | Policy::ResourceControl), None) => hints
                .push(format!(
                    "the organization's policies have to allow it{}; nothing inside the account helps",
                    self.account.as_ref().map(|id| format!(" for account {id}")).unwrap_or_default()
                )),
            (Cause::NotAllowed(Policy::Endpoint), None) => hints.push(
                "the policy of the VPC endpoint that the call went through has to allow it".to_owned(),
            ),
            (Cause::NotAllowed(Policy::Resource), None) => {
                hints.push(format!("the resource's own policy has to allow it to {who}"));
            }
            (Cause::NotAllowed(_) | Cause::Unknown, None) => {}
        }
        hints
    }

    /// The caller in short: `the role dev (account 111122223333)`.
    fn who(&self) -> String {
        let name = self.principal.as_deref().and_then(|principal| {
            let mut path = principal.splitn(6, ':').nth(5)?.split('/');
            match path.next()? {
                // The last part is the session's name; a role's path is not told.
                "assumed-role" => path.next().map(|role| format!("the role {role}")),
                "user" => path.next_back().map(|user| format!("the user {user}")),
                _ => None,
            }
        });
        let name = name.unwrap_or_else(|| "the caller".to_owned());
        match &self.account {
            Some(account) => format!("{name} (account {account})"),
            None => name,
        }
    }
}

/// Calls that are allowed only when they are on each resource that they touch: a new rule is a
/// resource beside its group, a new group beside its VPC. The message names the first that is missing.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html>
const NEEDS_SEVERAL: [&str; 5] = [
    "ec2:CreateSecurityGroup",
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:AuthorizeSecurityGroupEgress",
    "ec2:CreateVpcEndpoint",
    "ec2:ModifyInstanceAttribute",
];

/// What ARNs of EC2 begin with in the region of `arn`: those of the account, and those of images, which
/// name no account.
fn start_of_ec2(arn: &str, account: Option<&str>) -> Option<(String, String)> {
    let mut parts = arn.splitn(6, ':');
    let (scheme, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
    let (region, owner) = (parts.next()?, parts.next()?);
    let owner = if owner.is_empty() { account.unwrap_or("*") } else { owner };
    let is_ec2 = (scheme, service) == ("arn", "ec2");
    is_ec2.then(|| {
        let start = format!("arn:{partition}:ec2:{region}:");
        (format!("{start}{owner}:"), format!("{start}:"))
    })
}

/// The resource that a message names, as a policy writes it.
///
/// IAM names what stands by its kind and name: `role NAME`. Its ARN has a path between the two, which
/// the message does not tell, and which what is only asked for does not have.
fn resource(text: &str, principal: Option<&str>) -> Option<String> {
    let (_, rest) = text.split_once(" on resource: ")?;
    let kinds = [
        ("role ", "role"),
        ("instance profile ", "instance-profile"),
        ("user ", "user"),
        ("group ", "group"),
        ("policy ", "policy"),
    ];
    let named = kinds.into_iter().find_map(|(words, kind)| {
        let name = after(rest, words).filter(|_| rest.starts_with(words))?;
        if name.starts_with("arn:") {
            return Some(name);
        }
        let principal = principal?;
        let partition = principal.split(':').nth(1)?;
        Some(format!("arn:{partition}:iam::{}:{kind}/*{name}", account(principal)?))
    });
    named.or_else(|| after(text, " on resource: "))
}

fn cause(text: &str) -> Cause {
    let text = text.to_lowercase();
    if let Some((_, policy)) = text.split_once("explicit deny in a") {
        return policy_of(policy).map_or(Cause::Unknown, Cause::Denied);
    }
    if let Some((_, policy)) = text.split_once("because no ") {
        let policy = policy.split(" allow").next().unwrap_or_default();
        return policy_of(policy).map_or(Cause::Unknown, Cause::NotAllowed);
    }
    Cause::Unknown
}

/// The policy that `text`, in lower case, names first.
fn policy_of(text: &str) -> Option<Policy> {
    [
        ("identity-based polic", Policy::Identity),
        ("resource-based polic", Policy::Resource),
        ("permissions boundar", Policy::Boundary),
        ("session polic", Policy::Session),
        ("service control polic", Policy::ServiceControl),
        ("resource control polic", Policy::ResourceControl),
        ("vpc endpoint polic", Policy::Endpoint),
    ]
    .into_iter()
    .filter_map(|(name, policy)| text.find(name).map(|at| (at, policy)))
    .min_by_key(|(at, _)| *at)
    .map(|(_, policy)| policy)
}

fn account(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|account| !account.is_empty())
}

fn between(text: &str, before: &str, behind: &str) -> Option<String> {
    let (_, rest) = text.split_once(before)?;
    let (found, _) = rest.split_once(behind)?;
    Some(found.to_owned()).filter(|found| !found.is_empty())
}

/// The word behind `before`. It may end up in JSON, so it ends where a quote begins, too.
fn after(text: &str, before: &str) -> Option<String> {
    let (_, rest) = text.split_once(before)?;
    let end = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\\');
    let word = rest.split(end).next()?.trim_end_matches(['.', ',', ';']);
    Some(word.to_owned()).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests;
