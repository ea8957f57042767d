//! Documents: statements, and the verdict of all of them together.

use serde::Deserialize;
use serde_json::Value;

use super::condition::Condition;
use super::context::Context;
use super::json;
use super::malformed::{Malformed, SYNTAX};
use super::pattern::{Pattern, covers_action};
use super::principal::{Named, Principals, Trust, Who};

/// A document, read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Policy(Vec<Statement>);

#[derive(Clone, PartialEq, Eq, Debug)]
struct Statement {
    denies: bool,
    principals: Option<Principals>,
    actions: Covered<String>,
    /// Trust policies have none: theirs is the role.
    resources: Option<Covered<Pattern>>,
    conditions: Vec<Condition>,
}

/// What a statement is about.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Covered<T> {
    These(Vec<T>),
    /// `NotAction` and `NotResource`.
    AllBut(Vec<T>),
}

/// What a document says of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Allows,
    Denies,
    Silent,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RawDocument {
    #[serde(default)]
    version: Option<String>,
    #[serde(default, rename = "Id")]
    _id: Option<String>,
    statement: Many<RawStatement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RawStatement {
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
    fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one],
            Self::List(list) => list,
        }
    }
}

/// The statements of a document, and whether it has variables.
fn parse(text: &str) -> Result<(Vec<RawStatement>, bool), Malformed> {
    let value = json::read(text)?;
    let document: RawDocument = serde_json::from_value(value).map_err(|_| SYNTAX)?;
    let variables = match document.version.as_deref() {
        None | Some("2008-10-17") => false,
        Some("2012-10-17") => true,
        Some(_) => return Err("The policy must contain a valid version string".into()),
    };
    let statements = document.statement.into_vec();
    if statements.is_empty() { Err(SYNTAX.into()) } else { Ok((statements, variables)) }
}

impl Policy {
    /// Reads a role's trust policy: who may assume it.
    pub(crate) fn trust(text: &str) -> Result<Self, Malformed> {
        let (statements, variables) = parse(text)?;
        let read = |raw: RawStatement| {
            if raw.not_principal.is_some() {
                return Err("NotPrincipal is not known to the lab.".into());
            }
            let principal = raw.principal.as_ref().ok_or("Missing required field Principal")?;
            if raw.resource.is_some() || raw.not_resource.is_some() {
                return Err("Has prohibited field Resource".into());
            }
            if raw.not_action.is_some() {
                return Err("NotAction is not known to the lab in a trust policy.".into());
            }
            let actions = raw.action.ok_or("Missing required field Action")?.into_vec();
            if !actions.iter().all(|action| is_assume(action)) {
                return Err("AssumeRole policy may only specify STS AssumeRole actions.".into());
            }
            Ok(Statement {
                denies: raw.effect == Effect::Deny,
                principals: Some(Principals::parse(principal)?),
                actions: Covered::These(actions),
                resources: None,
                conditions: conditions(raw.condition.as_ref(), variables)?,
            })
        };
        statements.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Reads a policy that grants something to whom it is attached.
    pub(crate) fn identity(text: &str) -> Result<Self, Malformed> {
        let (statements, variables) = parse(text)?;
        let read = |raw: RawStatement| {
            if raw.principal.is_some() || raw.not_principal.is_some() {
                return Err("Policy document should not specify a principal.".into());
            }
            let actions = match (raw.action, raw.not_action) {
                (Some(list), None) => Covered::These(list.into_vec()),
                (None, Some(list)) => Covered::AllBut(list.into_vec()),
                (None, None) => return Err("Policy statement must contain actions.".into()),
                (Some(_), Some(_)) => return Err(SYNTAX.into()),
            };
            if !actions.list().iter().all(|action| action == "*" || action.contains(':')) {
                let text =
                    "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.";
                return Err(text.into());
            }
            let patterns = |list: Many<String>| -> Result<Vec<Pattern>, Malformed> {
                list.into_vec().iter().map(|text| resource(text, variables)).collect()
            };
            let resources = match (raw.resource, raw.not_resource) {
                (Some(list), None) => Covered::These(patterns(list)?),
                (None, Some(list)) => Covered::AllBut(patterns(list)?),
                (None, None) => return Err("Policy statement must contain resources.".into()),
                (Some(_), Some(_)) => return Err(SYNTAX.into()),
            };
            Ok(Statement {
                denies: raw.effect == Effect::Deny,
                principals: None,
                actions,
                resources: Some(resources),
                conditions: conditions(raw.condition.as_ref(), variables)?,
            })
        };
        statements.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// What it says of an action on a resource. Calls that are about no single resource ask for
    /// `*`, which only statements about everything cover.
    pub(crate) fn verdict(&self, action: &str, resource: &str, context: &Context) -> Verdict {
        let mut verdict = Verdict::Silent;
        for statement in &self.0 {
            if statement.is_about(action, resource, context) {
                if statement.denies {
                    return Verdict::Denies;
                }
                verdict = Verdict::Allows;
            }
        }
        verdict
    }

    /// What a trust policy says of somebody who would do `action`, such as `sts:AssumeRole`.
    pub(crate) fn trusts(&self, who: &Who<'_>, action: &str, context: &Context) -> Trust {
        let mut trust = Trust::Silent;
        for statement in &self.0 {
            let named = statement.principals.as_ref().and_then(|list| list.name(who));
            let Some(named) = named.filter(|_| statement.is_about(action, "", context)) else {
                continue;
            };
            match (statement.denies, named) {
                (true, _) => return Trust::Denied,
                (false, Named::Himself) => trust = Trust::Named,
                (false, Named::ByAccount) if trust == Trust::Silent => trust = Trust::Account,
                (false, Named::ByAccount) => {}
            }
        }
        trust
    }
}

impl Statement {
    fn is_about(&self, action: &str, resource: &str, context: &Context) -> bool {
        self.actions.covers(|pattern| covers_action(pattern, action))
            && self
                .resources
                .as_ref()
                .is_none_or(|list| list.covers(|pattern| pattern.covers(resource, context)))
            && self.conditions.iter().all(|condition| condition.holds(context))
    }
}

impl<T> Covered<T> {
    fn list(&self) -> &[T] {
        let (Self::These(list) | Self::AllBut(list)) = self;
        list
    }

    fn covers(&self, covers: impl Fn(&T) -> bool) -> bool {
        match self {
            Self::These(list) => list.iter().any(covers),
            Self::AllBut(list) => !list.iter().any(covers),
        }
    }
}

fn conditions(block: Option<&Value>, variables: bool) -> Result<Vec<Condition>, Malformed> {
    block.map_or_else(|| Ok(Vec::new()), |block| Condition::parse(block, variables))
}

fn resource(text: &str, variables: bool) -> Result<Pattern, Malformed> {
    if text != "*" && text.split(':').count() < 6 {
        let text = format!("Resource {text} must be in ARN format or \"*\".");
        return Err(Malformed(text));
    }
    Ok(Pattern::parse(text, variables)?)
}

fn is_assume(action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    action.starts_with("sts:assumerole")
        || matches!(
            action.as_str(),
            "sts:*" | "sts:tagsession" | "sts:setsourceidentity" | "sts:setcontext"
        )
}
