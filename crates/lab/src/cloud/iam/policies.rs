//! The policies of roles: those inside them, and AWS' own that are attached.

use super::checks::{self, encoded, name, required};
use super::store::State;
use super::{no_such_entity, policy, roles};
use crate::cloud::{Call, CloudError, Outcome, answer, el, node};

/// Letters of a policy's name.
const NAME: usize = 128;

/// Characters of all inline policies of a role together, blanks not counted.
const MOST_INLINE: usize = 10_240;

const MOST_ATTACHED: usize = 10;

pub(super) fn put(state: &mut State, call: &Call<'_>) -> Outcome {
    let role = roles::find(state, call)?;
    let policy = name(call.params, "PolicyName", NAME)?;
    let document = required(call.params, "PolicyDocument")?;
    policy::check_identity(document).map_err(super::malformed)?;
    let others = role.inline.iter().filter(|(other, _)| *other != policy);
    let documents = others.map(|(_, document)| document.as_str()).chain([document]);
    let sum: usize = documents.map(|d| d.chars().filter(|c| !c.is_whitespace()).count()).sum();
    if sum > MOST_INLINE {
        let message =
            format!("Maximum policy size of {MOST_INLINE} bytes exceeded for role {}", role.name);
        return Err(super::limit(message));
    }
    role.inline.insert(policy.to_owned(), document.to_owned());
    Ok(answer())
}

fn missing(name: &str) -> CloudError {
    no_such_entity(format!("The role policy with name {name} cannot be found."))
}

pub(super) fn get(state: &mut State, call: &Call<'_>) -> Outcome {
    let role = roles::find(state, call)?;
    let policy = name(call.params, "PolicyName", NAME)?;
    let document = role.inline.get(policy).ok_or_else(|| missing(policy))?;
    Ok(answer()
        .text("RoleName", &role.name)
        .text("PolicyName", policy)
        .text("PolicyDocument", encoded(document)))
}

pub(super) fn list_inline(state: &mut State, call: &Call<'_>) -> Outcome {
    let role = roles::find(state, call)?;
    let names = role.inline.keys().map(|name| el("member", name)).collect();
    checks::page(call, "PolicyNames", names)
}

pub(super) fn delete(state: &mut State, call: &Call<'_>) -> Outcome {
    let role = roles::find(state, call)?;
    let policy = name(call.params, "PolicyName", NAME)?;
    role.inline.remove(policy).ok_or_else(|| missing(policy))?;
    Ok(answer())
}

pub(super) fn attach(state: &mut State, call: &Call<'_>) -> Outcome {
    let role = roles::find(state, call)?;
    let arn = required(call.params, "PolicyArn")?;
    if policy::managed(arn).is_none() {
        let message = format!("Policy {arn} does not exist or is not attachable.");
        return Err(no_such_entity(message));
    }
    // What is attached already stays so.
    if role.attached.iter().any(|other| other == arn) {
        return Ok(answer());
    }
    if role.attached.len() >= MOST_ATTACHED {
        let message = format!("Cannot exceed quota for PoliciesPerRole: {MOST_ATTACHED}");
        return Err(super::limit(message));
    }
    role.attached.push(arn.to_owned());
    Ok(answer())
}

pub(super) fn detach(state: &mut State, call: &Call<'_>) -> Outcome {
    let role = roles::find(state, call)?;
    let arn = required(call.params, "PolicyArn")?;
    let index = role.attached.iter().position(|other| other == arn);
    let index = index.ok_or_else(|| no_such_entity(format!("Policy {arn} was not found.")))?;
    role.attached.remove(index);
    Ok(answer())
}

pub(super) fn list_attached(state: &mut State, call: &Call<'_>) -> Outcome {
    let role = roles::find(state, call)?;
    let policies = role.attached.iter().map(|arn| {
        let name = arn.rsplit('/').next().unwrap_or_default();
        node("member").text("PolicyName", name).text("PolicyArn", arn)
    });
    checks::page(call, "AttachedPolicies", policies.collect())
}
