//! Policy documents: what IAM refuses of them, and what they allow.

use serde::Deserialize;
use serde_json::Value;

/// Why a document is no policy, in the words of `MalformedPolicyDocument`.
pub(super) type Malformed = &'static str;

const SYNTAX: Malformed = "Syntax errors in policy.";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Document {
    #[serde(default)]
    version: Option<String>,
    #[serde(default, rename = "Id")]
    _id: Option<String>,
    statement: Many<Statement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Statement {
    #[serde(default, rename = "Sid")]
    _sid: Option<String>,
    effect: Effect,
    #[serde(default)]
    principal: Option<Value>,
    #[serde(default)]
    not_principal: Option<Value>,
    #[serde(default)]
    action: Option<Many<String>>,
    #[serde(default)]
    not_action: Option<Many<String>>,
    #[serde(default)]
    resource: Option<Many<String>>,
    #[serde(default)]
    not_resource: Option<Many<String>>,
    #[serde(default)]
    condition: Option<Value>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
enum Effect {
    Allow,
    Deny,
}

/// Where the language has a value, it takes a list of them as well.
#[derive(Deserialize)]
#[serde(untagged)]
enum Many<T> {
    One(T),
    List(Vec<T>),
}

impl<T> Many<T> {
    fn as_slice(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::List(list) => list,
        }
    }
}

fn parse(text: &str) -> Result<Document, Malformed> {
    let value: Value =
        serde_json::from_str(text).map_err(|_| "This policy contains invalid Json")?;
    let document: Document = serde_json::from_value(value).map_err(|_| SYNTAX)?;
    match document.version.as_deref() {
        None | Some("2012-10-17" | "2008-10-17") => {}
        Some(_) => return Err("The policy must contain a valid version string"),
    }
    if document.statement.as_slice().is_empty() { Err(SYNTAX) } else { Ok(document) }
}

/// Checks a role's trust policy: who may assume it.
pub(super) fn check_trust(text: &str) -> Result<(), Malformed> {
    for statement in parse(text)?.statement.as_slice() {
        if statement.principal.is_none() && statement.not_principal.is_none() {
            return Err("Missing required field Principal");
        }
        if statement.resource.is_some() || statement.not_resource.is_some() {
            return Err("Has prohibited field Resource");
        }
        let actions = statement.action.as_ref().ok_or("Missing required field Action")?;
        if !actions.as_slice().iter().all(|action| is_assume(action)) {
            return Err("AssumeRole policy may only specify STS AssumeRole actions.");
        }
    }
    Ok(())
}

fn is_assume(action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    action.starts_with("sts:assumerole")
        || matches!(action.as_str(), "sts:tagsession" | "sts:setsourceidentity" | "sts:setcontext")
}

/// Checks a policy that grants something to whom it is attached.
pub(super) fn check_identity(text: &str) -> Result<(), Malformed> {
    for statement in parse(text)?.statement.as_slice() {
        if statement.principal.is_some() || statement.not_principal.is_some() {
            return Err("Policy document should not specify a principal.");
        }
        let actions = statement.action.as_ref().or(statement.not_action.as_ref());
        let actions = actions.ok_or("Policy statement must contain actions.")?.as_slice();
        if !actions.iter().all(|action| action == "*" || action.contains(':')) {
            return Err(
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
            );
        }
        if statement.resource.is_none() && statement.not_resource.is_none() {
            return Err("Policy statement must contain resources.");
        }
    }
    Ok(())
}

/// What a document says of an action on every resource.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Allows,
    Denies,
    Silent,
}

/// Asks a document about an action that knows no single resources, as those of the agent's
/// channels are. A statement with a condition is not known to apply, so that it allows nothing.
pub(super) fn verdict(text: &str, action: &str) -> Verdict {
    let Ok(document) = parse(text) else { return Verdict::Silent };
    let mut verdict = Verdict::Silent;
    for statement in document.statement.as_slice() {
        let everywhere = statement
            .resource
            .as_ref()
            .is_some_and(|list| list.as_slice().iter().any(|resource| resource == "*"));
        let named = match (&statement.action, &statement.not_action) {
            (Some(list), _) => list.as_slice().iter().any(|pattern| matches(pattern, action)),
            (None, Some(list)) => !list.as_slice().iter().any(|pattern| matches(pattern, action)),
            (None, None) => false,
        };
        if everywhere && named && statement.condition.is_none() {
            if statement.effect == Effect::Deny {
                return Verdict::Denies;
            }
            verdict = Verdict::Allows;
        }
    }
    verdict
}

/// Whether a pattern with `*` and `?` covers an action, whose case means nothing.
fn matches(pattern: &str, action: &str) -> bool {
    let pattern = pattern.to_ascii_lowercase().into_bytes();
    let action = action.to_ascii_lowercase().into_bytes();
    // Where the last star stood, and how much of the action it covers so far.
    let (mut at, mut from, mut star) = (0, 0, None);
    while from < action.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(byte) if *byte == b'?' || *byte == action[from] => {
                at += 1;
                from += 1;
            }
            _ => {
                let Some((back, covered)) = star else { return false };
                star = Some((back, covered + 1));
                (at, from) = (back + 1, covered + 1);
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

/// AWS' own policies that can be attached.
///
/// <https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSSMManagedInstanceCore.html>
pub(super) fn managed(arn: &str) -> Option<&'static str> {
    Some(match arn.strip_prefix("arn:aws:iam::aws:policy/")? {
        "AdministratorAccess" => ADMINISTRATOR,
        "AmazonSSMManagedInstanceCore" => SSM_CORE,
        _ => return None,
    })
}

const ADMINISTRATOR: &str = r#"{
    "Version": "2012-10-17",
    "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }]
}"#;

const SSM_CORE: &str = r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "ssm:DescribeAssociation",
                "ssm:GetDeployablePatchSnapshotForInstance",
                "ssm:GetDocument",
                "ssm:DescribeDocument",
                "ssm:GetManifest",
                "ssm:GetParameter",
                "ssm:GetParameters",
                "ssm:ListAssociations",
                "ssm:ListInstanceAssociations",
                "ssm:PutInventory",
                "ssm:PutComplianceItems",
                "ssm:PutConfigurePackageResult",
                "ssm:UpdateAssociationStatus",
                "ssm:UpdateInstanceAssociationStatus",
                "ssm:UpdateInstanceInformation"
            ],
            "Resource": "*"
        },
        {
            "Effect": "Allow",
            "Action": [
                "ssmmessages:CreateControlChannel",
                "ssmmessages:CreateDataChannel",
                "ssmmessages:OpenControlChannel",
                "ssmmessages:OpenDataChannel"
            ],
            "Resource": "*"
        },
        {
            "Effect": "Allow",
            "Action": [
                "ec2messages:AcknowledgeMessage",
                "ec2messages:DeleteMessage",
                "ec2messages:FailMessage",
                "ec2messages:GetEndpoint",
                "ec2messages:GetMessages",
                "ec2messages:SendReply"
            ],
            "Resource": "*"
        }
    ]
}"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_what_they_say() {
        for (pattern, action, covered) in [
            ("*", "ssm:GetParameter", true),
            ("ssm:*", "ssm:GetParameter", true),
            ("ssm:get*", "ssm:GetParameter", true),
            ("ssm:Get*ter", "ssm:GetParameter", true),
            ("ssm:Get?arameter", "ssm:GetParameter", true),
            ("ssm:Get?", "ssm:GetParameter", false),
            ("ssm:*x", "ssm:GetParameter", false),
            ("ssmmessages:*", "ssm:GetParameter", false),
            ("s*:*e*r", "ssm:GetParameter", true),
            ("", "ssm:GetParameter", false),
        ] {
            assert_eq!(matches(pattern, action), covered, "{pattern}");
        }
    }

    #[test]
    fn a_denial_beats_every_permission() {
        let allow = |effect: &str, rest: &str| {
            format!(r#"{{"Effect":"{effect}","Action":"ssm:*","Resource":"*"{rest}}}"#)
        };
        let document = |statements: &[String]| {
            format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","))
        };
        let (yes, no) = (allow("Allow", ""), allow("Deny", ""));
        let maybe = allow("Allow", r#","Condition":{"Bool":{"aws:SecureTransport":"true"}}"#);
        let ask = |statements: &[String]| verdict(&document(statements), "ssm:GetParameter");
        assert_eq!(ask(std::slice::from_ref(&yes)), Verdict::Allows);
        assert_eq!(ask(&[yes, no]), Verdict::Denies);
        assert_eq!(ask(&[maybe]), Verdict::Silent);
    }

    #[test]
    fn the_managed_policies_are_policies() {
        for name in ["AdministratorAccess", "AmazonSSMManagedInstanceCore"] {
            let arn = format!("arn:aws:iam::aws:policy/{name}");
            let document = managed(&arn).expect(name);
            assert_eq!(check_identity(document), Ok(()), "{name}");
        }
        assert_eq!(verdict(SSM_CORE, "ssmmessages:CreateControlChannel"), Verdict::Allows);
        assert_eq!(verdict(SSM_CORE, "ssm:StartSession"), Verdict::Silent);
    }
}
